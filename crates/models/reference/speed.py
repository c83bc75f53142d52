"""Seconds a forward takes in PyTorch eager and ONNX Runtime, for the networks of examples/speed.rs, with random weights.

    python3 speed.py [--runs N] [--threads N] [--net NAME] [--onnx]

The networks are written here from their published structure; only layers and sizes matter for the time. Evaluation mode, float32, batch 1.
"""
import argparse
import io
import json
import time

import torch
import torch.nn as nn
import torch.nn.functional as F


def conv_norm(i, o, k, **kw):
    return nn.Sequential(nn.Conv2d(i, o, k, **kw), nn.BatchNorm2d(o), nn.ReLU())


class Hourglass(nn.Module):
    def __init__(self, channels, be, most, n):
        super().__init__()
        w = lambda i: min(most, be << i)
        self.down = nn.ModuleList(conv_norm(channels if i == 0 else w(i), w(i + 1), 3, padding=1) for i in range(n))
        self.up = nn.ModuleList(conv_norm((1 if i == n - 1 else 2) * w(i + 1), w(i), 3, padding=1) for i in reversed(range(n)))

    def forward(self, x):
        skips = [x]
        for block in self.down:
            skips.append(F.avg_pool2d(block(skips[-1]), 2))
        x = skips.pop()
        for block in self.up:
            x = torch.cat([block(F.interpolate(x, scale_factor=2.0)), skips.pop()], 1)
        return x


def grid(h, w):
    y, x = torch.meshgrid(torch.linspace(-1, 1, h), torch.linspace(-1, 1, w), indexing="ij")
    return torch.stack([x, y], -1)


def heat(points, h, w):
    return torch.exp(-0.5 * (grid(h, w)[None, None] - points[:, :, None, None]).square().sum(-1) / 0.01)


class KeyPoints(nn.Module):
    def __init__(self, w):
        super().__init__()
        be, most, n = w["key_points"]
        self.net, self.kp, self.jac = Hourglass(3, be, most, n), nn.Conv2d(be + 3, 10, 7), nn.Conv2d(be + 3, 40, 7)
        self.register_buffer("down", torch.rand(3, 1, 13, 13))

    def forward(self, x):
        f = self.net(F.conv2d(x, self.down, stride=4, padding=6, groups=3))
        k = self.kp(f)
        h, w = k.shape[2:]
        p = torch.softmax(k.flatten(2) / 0.1, 2)
        value = p @ grid(h, w).reshape(1, h * w, 2)
        jac = (self.jac(f).reshape(1, 10, 4, h * w) * p[:, :, None]).sum(-1).reshape(1, 10, 2, 2)
        return value, jac * 0.05 + torch.eye(2)


# The published network at 256 pixels, and the one that is part of the program at 128.
FULL = {"side": 256, "key_points": (32, 1024, 5), "motion": (64, 1024, 5), "width": 64, "blocks": 6, "keeps": False}
SMALL = {"side": 128, "key_points": (16, 64, 4), "motion": (16, 96, 4), "width": 16, "blocks": 4, "keeps": True}


class Generator(nn.Module):
    def __init__(self, w):
        super().__init__()
        be, most, n = w["motion"]
        f, c = be + 44, w["width"]
        self.net, self.mask, self.occ = Hourglass(44, be, most, n), nn.Conv2d(f, 11, 7, padding=3), nn.Conv2d(f, 1, 7, padding=3)
        self.register_buffer("down", torch.rand(3, 1, 13, 13))
        self.first, self.keeps = conv_norm(3, c, 7, padding=3), w["keeps"]
        self.d1, self.d2 = conv_norm(c, 2 * c, 3, padding=1), conv_norm(2 * c, 4 * c, 3, padding=1)
        self.u1, self.u2 = conv_norm(4 * c, 2 * c, 3, padding=1), conv_norm(2 * c, c, 3, padding=1)
        half = lambda: [nn.BatchNorm2d(4 * c), nn.ReLU(), nn.Conv2d(4 * c, 4 * c, 3, padding=1)]
        self.res = nn.ModuleList(nn.Sequential(*half(), *half()) for _ in range(w["blocks"]))
        self.final = nn.Conv2d(c, 3 + self.keeps, 7, padding=3)

    def encode(self, x):
        small = F.conv2d(x, self.down, stride=4, padding=6, groups=3)
        x = self.first(x)
        return small, F.avg_pool2d(self.d2(F.avg_pool2d(self.d1(x), 2)), 2)

    def animate(self, picture, small, features, sv, sj, dv, dj):
        h, w = small.shape[2:]
        bells = torch.cat([torch.zeros(1, 1, h, w), heat(dv, h, w) - heat(sv, h, w)], 1)[:, :, None]
        a, b, c, d = dj[..., 0, 0], dj[..., 0, 1], dj[..., 1, 0], dj[..., 1, 1]
        inverse = torch.stack([torch.stack([d, -b], -1), torch.stack([-c, a], -1)], -2) / (a * d - b * c)[..., None, None]
        z = (grid(h, w).reshape(1, 1, h * w, 2) - dv[:, :, None]) @ (sj @ inverse).transpose(2, 3) + sv[:, :, None]
        motions = torch.cat([grid(h, w).expand(1, 1, h, w, 2), z.reshape(1, 10, h, w, 2)], 1)
        warped = F.grid_sample(small.expand(11, 3, h, w), motions[0], align_corners=False)
        f = self.net(torch.cat([bells, warped[None]], 2).reshape(1, 44, h, w))
        deformation = (torch.softmax(self.mask(f), 1)[..., None] * motions).sum(1)
        x = F.grid_sample(features, deformation, align_corners=False) * torch.sigmoid(self.occ(f))
        for block in self.res:
            x = x + block(x)
        x = self.u1(F.interpolate(x, scale_factor=2.0))
        x = self.u2(F.interpolate(x, scale_factor=2.0))
        x = torch.sigmoid(self.final(x))
        if not self.keeps:
            return x
        moved = F.interpolate((deformation - grid(h, w)).permute(0, 3, 1, 2), x.shape[2:], mode="bilinear")
        grid_large = moved.permute(0, 2, 3, 1) + grid(*x.shape[2:])
        return x[:, :3] + (F.grid_sample(picture, grid_large, align_corners=False) - x[:, :3]) * x[:, 3:]


class Frame(nn.Module):
    """One driving frame with the source encoded before."""

    def __init__(self, again, widths):
        super().__init__()
        self.kp, self.gen, self.again = KeyPoints(widths), Generator(widths), again

    def forward(self, driving, source, small, features, sv, sj):
        if self.again:
            small, features = self.gen.encode(source)
        dv, dj = self.kp(driving)
        return self.gen.animate(source, small, features, sv, sj, dv, dj)


class MBConv(nn.Module):
    def __init__(self, i, o, k, s, e):
        super().__init__()
        m = i * e
        self.expand = nn.Sequential(nn.Conv2d(i, m, 1, bias=False), nn.BatchNorm2d(m), nn.SiLU()) if e > 1 else nn.Identity()
        self.dw = nn.Sequential(nn.Conv2d(m, m, k, s, k // 2, groups=m, bias=False), nn.BatchNorm2d(m), nn.SiLU())
        self.se = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(m, i // 4, 1), nn.SiLU(), nn.Conv2d(i // 4, m, 1), nn.Sigmoid())
        self.project = nn.Sequential(nn.Conv2d(m, o, 1, bias=False), nn.BatchNorm2d(o))
        self.skip = s == 1 and i == o

    def forward(self, x):
        y = self.dw(self.expand(x))
        y = self.project(y * self.se(y))
        return x + y if self.skip else y


def efficientnet():
    layers, c = [nn.Conv2d(3, 48, 3, 2, 1, bias=False), nn.BatchNorm2d(48), nn.SiLU()], 48
    for n, k, s, e, o in ((2, 3, 1, 1, 24), (4, 3, 2, 6, 32), (4, 5, 2, 6, 56), (6, 3, 2, 6, 112), (6, 5, 1, 6, 160), (8, 5, 2, 6, 272), (2, 3, 1, 6, 448)):
        for j in range(n):
            layers.append(MBConv(c, o, k, s if j == 0 else 1, e))
            c = o
    layers += [nn.Conv2d(448, 1792, 1, bias=False), nn.BatchNorm2d(1792), nn.SiLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1792, 1)]
    return nn.Sequential(*layers)


class BlazeBlock(nn.Module):
    def __init__(self, i, o, s):
        super().__init__()
        self.convs = nn.Sequential(nn.Conv2d(i, i, 3, s, 0 if s == 2 else 1, groups=i), nn.Conv2d(i, o, 1))
        self.s, self.more = s, o - i

    def forward(self, x):
        y = self.convs(F.pad(x, (0, 2, 0, 2)) if self.s == 2 else x)
        x = F.max_pool2d(x, 2) if self.s == 2 else x
        return F.relu(y + (F.pad(x, (0, 0, 0, 0, 0, self.more)) if self.more else x))


class BlazeFace(nn.Module):
    def __init__(self):
        super().__init__()
        c = (24, 24, 28, 32, 36, 42, 48, 56, 64, 72, 80, 88)
        self.first = nn.Conv2d(3, 24, 5, 2)
        self.near = nn.Sequential(*(BlazeBlock(c[i], c[i + 1], 2 if i in (2, 5) else 1) for i in range(11)))
        self.far = nn.Sequential(*(BlazeBlock(88 if i == 0 else 96, 96, 2 if i == 0 else 1) for i in range(5)))
        self.heads = nn.ModuleList((nn.Conv2d(88, 2, 1), nn.Conv2d(88, 32, 1), nn.Conv2d(96, 6, 1), nn.Conv2d(96, 96, 1)))

    def forward(self, x):
        near = self.near(F.relu(self.first(F.pad(x, (1, 2, 1, 2)))))
        far = self.far(near)
        return self.heads[0](near), self.heads[1](near), self.heads[2](far), self.heads[3](far)


def median(runs, work):
    """Seconds of a clock on the wall and on a processor."""
    work()
    wall, processor = [], []
    for _ in range(runs):
        start, busy = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - start)
        processor.append(time.process_time() - busy)
    return {"wall": sorted(wall)[runs // 2], "processor": sorted(processor)[runs // 2]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--net", default=None)
    parser.add_argument("--onnx", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    out = {}
    with torch.inference_mode():
        nets = []
        for net, widths in (("first_order", FULL), ("animator", SMALL)):
            for name, again in ((net, False), (f"{net}_source_again", True)):
                if options.net not in (None, net):
                    continue
                frame, side = Frame(again, widths).eval(), widths["side"]
                source, driving = torch.rand(1, 3, side, side), torch.rand(1, 3, side, side)
                sv, sj = frame.kp(source)
                small, features = frame.gen.encode(source)
                nets.append((name, frame, (driving, source, small, features, sv, sj)))
        if options.net in (None, "efficientnet_b4"):
            nets.append(("efficientnet_b4", efficientnet().eval(), (torch.rand(1, 3, 224, 224),)))
        if options.net in (None, "faces"):
            nets.append(("blazeface", BlazeFace().eval(), (torch.rand(1, 3, 128, 128),)))
        for name, net, inputs in nets:
            out[name] = {"torch": median(options.runs, lambda: net(*inputs))}
            if options.onnx:
                import onnxruntime

                buffer = io.BytesIO()
                names = [f"x{i}" for i in range(len(inputs))]
                torch.onnx.export(net, inputs, buffer, input_names=names, opset_version=16, dynamo=False)
                settings = onnxruntime.SessionOptions()
                settings.intra_op_num_threads = options.threads
                session = onnxruntime.InferenceSession(buffer.getvalue(), settings, providers=["CPUExecutionProvider"])
                taken = {i.name for i in session.get_inputs()}
                feed = {n: x.numpy() for n, x in zip(names, inputs) if n in taken}
                out[name]["onnxruntime"] = median(options.runs, lambda: session.run(None, feed))
    print(json.dumps(out))


if __name__ == "__main__":
    main()
