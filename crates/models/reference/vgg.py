"""Expected maps of VGG-19's features (relu1_1 to relu5_1), written as torchvision lays its layers out.

    python3 vgg.py         writes vgg.safetensors
"""
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from weights import tensor, uniform

LAYERS = [64, 64, "M", 128, 128, "M", 256, 256, 256, 256, "M", 512, 512, 512, 512, "M", 512]
ASKED = (0, 5, 10, 19, 28)


def maps(x, dtype):
    mean, spread = (torch.tensor(v, dtype=dtype)[None, :, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    x, at, out = (x.to(dtype) - mean) / spread, 0, []
    for layer in LAYERS:
        if layer == "M":
            x, at = F.max_pool2d(x, 2), at + 1
            continue
        w, b = tensor(f"features.{at}.weight", (layer, x.shape[1], 3, 3)), tensor(f"features.{at}.bias", (layer,))
        x = F.relu(F.conv2d(x, w.to(dtype), b.to(dtype), padding=1))
        if at in ASKED:
            out.append(x)
        at += 2
    return out


if __name__ == "__main__":
    x = torch.from_numpy(uniform("input", 3 * 16 * 32).astype("float32")).reshape(1, 3, 16, 32)
    exact, single = maps(x, torch.float64), maps(x, torch.float32)
    print("single against double", [(a - b).abs().max().item() for a, b in zip(exact, single)], [a.std().item() for a in exact])
    save_file({f"map{i}": m.float().contiguous() for i, m in enumerate(exact)}, "vgg.safetensors")
