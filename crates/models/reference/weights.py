"""Weights from integers, the same here and in tests/by_formula.rs, so that no file of weights is needed.

u(name, i) in [0, 1): FNV-1a of the name plus i times 2654435761, then the finaliser of a 32-bit integer hash.
"""
import math

import numpy as np
import torch

MASK = 0xFFFFFFFF


def uniform(name: str, count: int) -> np.ndarray:
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x01000193) & MASK
    x = (np.arange(count, dtype=np.uint64) * 2654435761 + seed) & MASK
    for _ in range(2):
        x = ((x ^ (x >> np.uint64(16))) * 0x45D9F3B) & MASK
    x = x ^ (x >> np.uint64(16))
    return x.astype(np.float64) / 2.0**32


def tensor(name: str, shape) -> torch.Tensor:
    """Running statistics and normalisation near 1 or 0; weights uniform with variance 2 / fan in (1 / fan in without ReLU behind)."""
    u = uniform(name, int(np.prod(shape)))
    last = name.rsplit(".", 1)[-1]
    if last == "running_var":
        v = 0.75 + 0.5 * u
    elif last == "running_mean" or last == "bias":
        v = 0.2 * (u - 0.5)
    elif len(shape) == 1:
        v = 0.75 + 0.5 * u
    else:
        v = (2 * u - 1) * math.sqrt(3.0 / np.prod(shape[1:]))
    return torch.from_numpy(v.astype(np.float32).reshape(shape))
