"""Expected values of Xception (Chollet 2017, the structure of tstandley's PyTorch port), written as plain functions.

    python3 xception.py        writes xception.safetensors
"""
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from weights import tensor, uniform

OUTPUTS = 2


class Net:
    def __init__(self, prefix=""):
        self.prefix, self.shapes = prefix, {}

    def param(self, name, shape):
        self.shapes[self.prefix + name] = tuple(shape)
        return tensor(self.prefix + name, shape).to(self.dtype)

    def conv(self, name, x, outs, k, stride=1, padding=0, groups=1):
        return F.conv2d(x, self.param(name + ".weight", (outs, x.shape[1] // groups, k, k)), None, stride, padding, 1, groups)

    def norm(self, name, x):
        p = [self.param(f"{name}.{part}", (x.shape[1],)) for part in ("running_mean", "running_var", "weight", "bias")]
        return F.batch_norm(x, *p, training=False, eps=1e-5)

    def separable(self, name, x, outs):
        x = self.conv(name + ".conv1", x, x.shape[1], 3, 1, 1, x.shape[1])
        return self.conv(name + ".pointwise", x, outs, 1)

    def block(self, name, x, outs, reps, stride, relu_first=True, grow_first=True):
        skip = x
        if outs != x.shape[1] or stride != 1:
            skip = self.norm(name + ".skipbn", self.conv(name + ".skip", x, outs, 1, stride))
        widths = [outs] * reps if grow_first else [x.shape[1]] * (reps - 1) + [outs]
        at = 0
        for i, width in enumerate(widths):
            if i > 0 or relu_first:
                x = F.relu(x)
                at += 1
            x = self.norm(f"{name}.rep.{at + 1}", self.separable(f"{name}.rep.{at}", x, width))
            at += 2
        if stride != 1:
            x = F.max_pool2d(x, 3, stride, 1)
        return x + skip

    def features(self, x):
        x = F.relu(self.norm("bn1", self.conv("conv1", x, 32, 3, 2)))
        x = F.relu(self.norm("bn2", self.conv("conv2", x, 64, 3)))
        x = self.block("block1", x, 128, 2, 2, relu_first=False)
        x = self.block("block2", x, 256, 2, 2)
        x = self.block("block3", x, 728, 2, 2)
        for i in range(4, 12):
            x = self.block(f"block{i}", x, 728, 3, 1)
        x = self.block("block12", x, 1024, 2, 2, grow_first=False)
        x = F.relu(self.norm("bn3", self.separable("conv3", x, 1536)))
        x = F.relu(self.norm("bn4", self.separable("conv4", x, 2048)))
        return x.mean((2, 3))


def run(dtype):
    x = torch.from_numpy(uniform("input", 2 * 3 * 139 * 131).astype("float32")).reshape(2, 3, 139, 131).to(dtype) * 2 - 1
    net = Net()
    net.dtype = dtype
    features = net.features(x)
    logits = F.linear(features, net.param("last_linear.weight", (OUTPUTS, 2048)), net.param("last_linear.bias", (OUTPUTS,)))
    return features, logits, net


if __name__ == "__main__":
    torch.manual_seed(0)
    features, logits, net = run(torch.float64)
    single = run(torch.float32)
    print("tensors", len(net.shapes), "features up to", features.abs().max().item(), "logits", logits)
    print("single against double: features", (single[0] - features).abs().max().item(), "logits", (single[1] - logits).abs().max().item())
    save_file({"features": features.float(), "logits": logits.float()}, "xception.safetensors")
