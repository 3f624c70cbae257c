"""The package's ResNet in plain PyTorch, fed with its weights, so that rivals do the same work.

PyTorch pads a stride of two on the other side than TensorFlow does. A net of mirrored kernels on mirrored slices has
the same answers with PyTorch's own padding, at no cost; so this one takes slices flipped in both axes.
"""

import numpy as np
import torch
from torch import nn


class Ramps(nn.Module):
    """HU (n, h, w, 1), any float -> one channel an interval, float32 (n, k, h, w), channels last, from -1 to 1."""

    def __init__(self, points):
        super().__init__()
        low, high = (torch.tensor(part, dtype=torch.float32) for part in (points[:-1], points[1:]))
        self.register_buffer("scale", 2 / (high - low))
        self.register_buffer("shift", -1 - 2 * low / (high - low))

    def forward(self, slices):
        return (slices.float() * self.scale + self.shift).clamp(-1, 1).permute(0, 3, 1, 2)


class Block(nn.Module):
    """conv-norm-relu-conv-norm, plus the shortcut, then relu."""

    def __init__(self, before, after, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(after, eps=1e-5)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(after, eps=1e-5)
        self.stride = stride
        changes = stride > 1 or before != after
        self.shortcut = nn.Conv2d(before, after, 1, bias=False) if changes else None
        self.shortcut_norm = nn.BatchNorm2d(after, eps=1e-5) if changes else None

    def forward(self, x):
        found = torch.relu(self.norm1(self.conv1(x)))
        found = self.norm2(self.conv2(found))
        if self.shortcut is not None:
            kept = x[:, :, 1::2, 1::2] if self.stride > 1 else x  # mirrored: every second one, from the far end
            x = self.shortcut_norm(self.shortcut(kept))
        return torch.relu(found + x)


class ResNet(nn.Module):
    """HU slices (n, h, w, 1), flipped in both axes -> logits (n, 2), float32.

    Args:
        blocks: of each stage.
        width: filters of the first stage.
        points: breakpoints of the ramps in HU.
    """

    def __init__(self, blocks, width, points):
        super().__init__()
        self.ramps = Ramps(points)
        self.stem_conv = nn.Conv2d(len(points) - 1, width, 7, 2, 3, bias=False)
        self.stem_norm = nn.BatchNorm2d(width, eps=1e-5)
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.names, before = [], width
        for stage, count in enumerate(blocks):
            for index in range(count):
                after, name = width * 2**stage, f"stage{stage + 1}_block{index + 1}"
                self.add_module(name, Block(before, after, 2 if stage and not index else 1))
                self.names.append(name)
                before = after
        self.logits = nn.Linear(before, 2)

    def forward(self, slices):
        x = self.pool(torch.relu(self.stem_norm(self.stem_conv(self.ramps(slices)))))
        for name in self.names:
            x = getattr(self, name)(x)
        with torch.autocast("cpu", enabled=False):
            return self.logits(x.float().mean((2, 3)))


BLOCKS = {"resnet10": (1, 1, 1, 1), "resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3)}


def load(folder, options):
    """The ResNet of a recipe's options with the weights of a folder of `benchmarks.material`, channels last, eval.

    Raises ValueError where the options ask for another network.
    """
    asked = {name: options[name] for name in ("stem", "norm", "scaling", "pool", "activation")}
    known = {"stem": "imagenet", "norm": "batch", "scaling": "ramps", "pool": "average", "activation": "relu"}
    if asked != known or options["backbone"] not in BLOCKS:
        raise ValueError(f"Expected a ResNet with {known}. Received: {options['backbone']} with {asked}")
    net = ResNet(BLOCKS[options["backbone"]], options["width"], options["hu_points"])
    with np.load(folder / "weights.npz") as weights, torch.no_grad():
        for name, module in net.named_modules():
            _fill(module, name.replace(".", "_"), weights)
    return net.to(memory_format=torch.channels_last).eval()


def _fill(module, name, weights):
    """Copies one layer's weights; kernels are mirrored and brought from (h, w, in, out) to (out, in, h, w)."""
    given = [weights[f"{name}/{i}"] for i in range(4) if f"{name}/{i}" in weights]
    if isinstance(module, nn.Conv2d):
        module.weight.copy_(torch.from_numpy(given[0][::-1, ::-1].transpose(3, 2, 0, 1).copy()))
    elif isinstance(module, nn.Linear):
        module.weight.copy_(torch.from_numpy(given[0].T.copy()))
        module.bias.copy_(torch.from_numpy(given[1]))
    elif isinstance(module, nn.BatchNorm2d):
        targets = (module.weight, module.bias, module.running_mean, module.running_var)
        for target, value in zip(targets, given, strict=True):
            target.copy_(torch.from_numpy(value))


def folded(net, dtype=torch.float32):
    """A copy of the net with each batch norm in the convolution before it, its convolutions in `dtype`."""
    import copy

    from torch.nn.utils.fusion import fuse_conv_bn_eval

    twin = copy.deepcopy(net)
    for owner in twin.modules():
        names = dict(owner.named_children())
        for name, convolution in names.items():
            norm = name.replace("conv", "norm") if "conv" in name else f"{name}_norm"
            if isinstance(convolution, nn.Conv2d) and isinstance(names.get(norm), nn.BatchNorm2d):
                setattr(owner, name, fuse_conv_bn_eval(convolution, names[norm]).to(dtype))
                setattr(owner, norm, nn.Identity())
    if dtype != torch.float32:
        twin.ramps.register_forward_hook(lambda module, given, found: found.to(dtype))
    return twin.to(memory_format=torch.channels_last)
