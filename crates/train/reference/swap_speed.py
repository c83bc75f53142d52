"""Speed of a training step of the small face swap in PyTorch: the same layers, batch, losses (without the perceptual one) and optimiser as
crates/models/src/face_swap and crates/lab/src/train/swap, on drawn faces. Prints steps a second, the median.

usage: swap_speed.py THREADS STEPS
"""

import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

SIDE, BATCH = 64, 8


def lrelu(x, slope=0.1):
    return F.leaky_relu(x, slope)


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1), nn.Conv2d(channels, channels, 3, 1, 1)

    def forward(self, x):
        return lrelu(self.conv2(lrelu(self.conv1(x), 0.2)) + x, 0.2)


class Decoder(nn.Module):
    def __init__(self, given=128, widths=(128, 64, 32), mask=(32, 16, 16, 8)):
        super().__init__()
        steps = lambda ws: nn.ModuleList([nn.Conv2d(i, 4 * o, 3, 1, 1) for i, o in zip((given, *ws), ws)])
        self.ups, self.mask_ups = steps(widths), steps(mask)
        self.residuals = nn.ModuleList([Residual(c) for c in widths])
        self.picture, self.mask = nn.Conv2d(widths[-1], 12, 3, 1, 1), nn.Conv2d(mask[-1], 1, 1)

    def forward(self, code):
        x = code
        for up, residual in zip(self.ups, self.residuals):
            x = residual(F.pixel_shuffle(lrelu(up(x)), 2))
        m = code
        for up in self.mask_ups:
            m = F.pixel_shuffle(lrelu(up(m)), 2)
        return torch.sigmoid(F.pixel_shuffle(self.picture(x), 2)), torch.sigmoid(self.mask(m))


class FaceSwap(nn.Module):
    def __init__(self, widths=(64, 128, 256), code=256, inter=128):
        super().__init__()
        self.encoder = nn.ModuleList(
            [nn.Conv2d(i, o, 3, 1 if n == 0 else 2, 1) for n, (i, o) in enumerate(zip((48, *widths), widths))]
        )
        self.into, self.out_of = nn.Linear(widths[-1] * 16, code), nn.Linear(code, inter * 4)
        self.up = nn.Conv2d(inter, 4 * inter, 3, 1, 1)
        self.decoders = nn.ModuleList([Decoder(inter), Decoder(inter)])

    def encode(self, faces):
        x = F.pixel_unshuffle(faces, 4)
        for conv in self.encoder:
            x = lrelu(conv(x))
        x = x.flatten(1)
        return x / (x.square().mean(1, keepdim=True) + 1e-6).sqrt()

    def decode(self, latent, person):
        x = self.out_of(self.into(latent)).reshape(-1, 128, 2, 2)
        return self.decoders[person](F.pixel_shuffle(lrelu(self.up(x)), 2))


def window():
    size = int(SIDE / 11.6)
    at = torch.arange(size) - (size - 1) / 2
    w = torch.exp(-0.5 * (at / 1.5) ** 2)
    return (w[:, None] * w[None] / w.sum() ** 2).expand(3, 1, size, size).contiguous()


def dssim(a, b, kernel):
    reduced = lambda x: F.conv2d(x, kernel, groups=3)
    mean_a, mean_b = reduced(a), reduced(b)
    both, squares = mean_a * mean_b * 2, mean_a**2 + mean_b**2
    luminance = (both + 1e-4) / (squares + 1e-4)
    structure = (reduced(a * b) * 2 - both + 9e-4) / (reduced(a**2 + b**2) - squares + 9e-4)
    return ((1 - (luminance * structure).mean((2, 3))) / 2).mean()


def edges(a, b, weight):
    d = a - b
    across = ((d[..., 1:] - d[..., :-1]).abs() * weight[..., 1:]).mean()
    return across + ((d[..., 1:, :] - d[..., :-1, :]).abs() * weight[..., 1:, :]).mean()


def restored(made, made_mask, target, mask, parts, kernel):
    weight = mask * 0.85 + 0.15
    ours, theirs = made * weight, target * weight
    d = ours - theirs
    loss = dssim(ours, theirs, kernel) * 10 + d.abs().mean() * 2 + d.square().mean() * 5
    loss = loss + (d.abs() * parts).mean() * 60 + edges(made, target, weight + parts * 9) * 2
    return loss + (made_mask - mask).square().mean() * 10


def main():
    threads, steps = int(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    net = FaceSwap().to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-4, betas=(0.5, 0.999), weight_decay=0.0)
    kernel = window()
    times = []
    for step in range(steps + 3):
        faces, target = (torch.rand(2 * BATCH, 3, SIDE, SIDE) for _ in range(2))
        mask, parts = (torch.rand(2 * BATCH, 1, SIDE, SIDE) for _ in range(2))
        start = time.perf_counter()
        latent = net.encode(faces)
        loss = 0
        for person in (0, 1):
            of = slice(person * BATCH, (person + 1) * BATCH)
            made, made_mask = net.decode(latent[of], person)
            loss = loss + restored(made, made_mask, target[of], mask[of], parts[of], kernel)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        loss.item()
        if step >= 3:
            times.append(time.perf_counter() - start)
    print(f"{1 / statistics.median(times):.3f}")


main()
