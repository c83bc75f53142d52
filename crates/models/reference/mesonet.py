"""Expected values of MesoNet (Afchar et al. 2018), written as plain functions in the order of the published Keras code.

    python3 mesonet.py         writes mesonet.safetensors
"""
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from weights import tensor, uniform


class Net:
    def __init__(self, name, dtype):
        self.name, self.dtype = name, dtype

    def param(self, name, shape):
        return tensor(f"{self.name}.{name}", shape).to(self.dtype)

    def conv(self, name, x, outs, k, dilation=1):
        w, b = self.param(name + ".weight", (outs, x.shape[1], k, k)), self.param(name + ".bias", (outs,))
        return F.relu(F.conv2d(x, w, b, padding="same", dilation=dilation))

    def norm(self, name, x):
        p = [self.param(f"{name}.{part}", (x.shape[1],)) for part in ("running_mean", "running_var", "weight", "bias")]
        return F.batch_norm(x, *p, training=False, eps=1e-3)

    def linear(self, name, x, outs):
        return F.linear(x, self.param(name + ".weight", (outs, x.shape[1])), self.param(name + ".bias", (outs,)))

    def inception(self, name, x, a, b, c, d):
        ways = [self.conv(f"{name}.a", x, a, 1)]
        for way, width, dilation in (("b", b, 1), ("c", c, 2), ("d", d, 3)):
            y = self.conv(f"{name}.{way}.0", x, width, 1)
            ways.append(self.conv(f"{name}.{way}.1", y, width, 3, dilation))
        return torch.cat(ways, 1)

    def forward(self, x):
        if self.name == "meso4":
            x = F.max_pool2d(self.norm("bn1", self.conv("conv1", x, 8, 3)), 2)
            x = F.max_pool2d(self.norm("bn2", self.conv("conv2", x, 8, 5)), 2)
        else:
            x = F.max_pool2d(self.norm("bn1", self.inception("inception1", x, 1, 4, 4, 2)), 2)
            x = F.max_pool2d(self.norm("bn2", self.inception("inception2", x, 2, 4, 4, 2)), 2)
        x = F.max_pool2d(self.norm("bn3", self.conv("conv3", x, 16, 5)), 2)
        x = F.max_pool2d(self.norm("bn4", self.conv("conv4", x, 16, 5)), 4)
        x = x.permute(0, 2, 3, 1).flatten(1)
        x = F.leaky_relu(self.linear("fc1", x, 16), 0.1)
        return torch.sigmoid(self.linear("fc2", x, 1))


if __name__ == "__main__":
    x = torch.from_numpy(uniform("input", 2 * 3 * 256 * 256).astype("float32")).reshape(2, 3, 256, 256)
    out = {}
    for name in ("meso4", "mesoinception4"):
        exact = Net(name, torch.float64).forward(x.double())
        single = Net(name, torch.float32).forward(x)
        print(name, exact.flatten().tolist(), "single against double", (single - exact).abs().max().item())
        out[name] = exact.float()
    save_file(out, "mesonet.safetensors")
