"""Speed of a training step of the face-forgery network in PyTorch: the same layers, batch, loss and optimiser as
crates/models/src/face_forgery, on drawn planes. Prints images a second, the median of the rounds.

usage: forgery_speed.py THREADS STEPS
"""

import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


class ConvNorm(nn.Sequential):
    def __init__(self, ins, outs, stride=1):
        super().__init__(nn.Conv2d(ins, outs, 3, stride, 1, bias=False), nn.BatchNorm2d(outs))


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.first, self.second = ConvNorm(channels, channels), ConvNorm(channels, channels)

    def forward(self, x):
        return F.relu(self.second(F.relu(self.first(x))) + x)


class Stage(nn.Module):
    def __init__(self, ins, outs, stride, blocks):
        super().__init__()
        self.enter = ConvNorm(ins, outs, stride)
        self.blocks = nn.Sequential(*[Residual(outs) for _ in range(blocks)])

    def forward(self, x):
        return self.blocks(F.relu(self.enter(x)))


class FaceForgery(nn.Module):
    def __init__(self, widths=(32, 48, 96, 160), planes=32, layers=2):
        super().__init__()
        half, quarter, eighth, sixteenth = widths
        self.stages = nn.ModuleList(
            [Stage(planes, half, 1, 0), Stage(half, quarter, 2, 1), Stage(quarter, eighth, 2, 2), Stage(eighth, sixteenth, 2, 2)]
        )
        self.lateral, self.merge = Stage(sixteenth, eighth, 1, 0), Stage(eighth, quarter, 1, 0)
        self.map, self.head = nn.Conv2d(quarter, layers, 1), nn.Linear(sixteenth + quarter, 1)

    def forward(self, x):
        for i, stage in enumerate(self.stages):
            x = stage(x)
            if i == 2:
                at_eighth = x
        merged = self.merge(at_eighth + F.interpolate(self.lateral(x), scale_factor=2, mode="nearest"))
        pooled = torch.cat([x.mean((2, 3)), merged.mean((2, 3))], 1)
        return self.head(pooled), self.map(merged)


def main():
    threads, steps = int(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    batch, side = 32, 80
    net = FaceForgery().to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.05)
    planes = torch.randn(batch, 32, side, side).contiguous(memory_format=torch.channels_last)
    labels, maps = torch.randint(0, 2, (batch, 1)).float(), torch.rand(batch, 2, 20, 20)
    times = []
    for step in range(steps + 3):
        start = time.perf_counter()
        logit, map_ = net(planes)
        loss = F.binary_cross_entropy_with_logits(logit, labels) + F.binary_cross_entropy_with_logits(map_, maps)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if step >= 3:
            times.append(time.perf_counter() - start)
    print(f"{batch / statistics.median(times):.2f}")


main()
