"""The network of the 2020 paper's authors as its state dict describes it, restated in plain functions."""

from collections import OrderedDict
from dataclasses import replace

import torch
from torch.nn import functional as F

from models.importing import ORIGINAL

TINY = replace(ORIGINAL, width=2, shared_blocks=2, branch_blocks=2)
NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def convolutions(w, shared, branch):
    """The authors' convolutions: name, inputs, outputs, kernel, with bias, before a batch norm (the next number)."""
    yield from [("model_enc1.1", 3, w, 7, True, True), ("model_enc1.4", w, 2 * w, 3, True, True)]
    yield "model_enc2.0", 2 * w, 4 * w, 3, True, True
    for part, inputs in (("back", 3), ("seg", 1), ("multi", 4)):
        yield f"model_enc_{part}.1", inputs, w, 7, True, True
        yield f"model_enc_{part}.4", w, 2 * w, 3, True, True
        yield f"model_enc_{part}.7", 2 * w, 4 * w, 3, True, True
        yield f"comb_{part}.0", 8 * w, w, 1, False, True
    yield "model_res_dec.0", 7 * w, 4 * w, 1, False, True
    numbers = {
        "model_res_dec": range(3, 3 + shared),
        "model_res_dec_al": range(branch),
        "model_res_dec_fg": range(branch),
    }
    for part, blocks in numbers.items():
        for block in blocks:
            for conv in (1, 5):
                yield f"{part}.{block}.conv_block.{conv}", 4 * w, 4 * w, 3, True, True
    yield from [("model_al_out.1", 4 * w, 2 * w, 3, True, True), ("model_al_out.5", 2 * w, w, 3, True, True)]
    yield "model_al_out.9", w, 1, 7, True, False
    yield from [("model_dec_fg1.1", 4 * w, 2 * w, 3, True, True), ("model_fg_out.1", 4 * w, w, 3, True, True)]
    yield "model_fg_out.5", w, 3, 7, True, False


def following(conv):
    sequence, _, number = conv.rpartition(".")
    return f"{sequence}.{int(number) + 1}"


def empty_state(config=TINY):
    """The authors' state dict: convolutions of zeros, batch norms that change nothing (but for their eps)."""
    state = OrderedDict()
    sizes = config.width, config.shared_blocks, config.branch_blocks
    for conv, inputs, outputs, kernel, bias, norm in convolutions(*sizes):
        state[f"{conv}.weight"] = torch.zeros(outputs, inputs, kernel, kernel)
        if bias:
            state[f"{conv}.bias"] = torch.zeros(outputs)
        if norm:
            values = torch.ones(outputs), torch.zeros(outputs), torch.zeros(outputs), torch.full((outputs,), 1 - 1e-5)
            state |= {f"{following(conv)}.{part}": value for part, value in zip(NORM, values, strict=False)}
            state[f"{following(conv)}.num_batches_tracked"] = torch.tensor(0)
    return state


def random_state(seed=0):
    """The same with random numbers, the running statistics' too."""
    random = torch.Generator().manual_seed(seed)
    state = empty_state()
    for key, value in state.items():
        if value.ndim == 4:
            state[key] = torch.randn(value.shape, generator=random) / value[0].numel() ** 0.5
        elif value.ndim == 1:
            state[key] = torch.rand(value.shape, generator=random) + (0.5 if key.endswith("var") else 0)
        else:
            state[key] = torch.randint(1, 10_000, (), generator=random)
    return state


def inputs(height=24, width=32, seed=1):
    random = torch.Generator().manual_seed(seed)
    image, plate, mask, motion = (torch.rand(1, n, height, width, generator=random) for n in (3, 3, 1, 4))
    return image, plate, torch.ones_like(mask), mask, motion


class Restated:
    """The authors' network once more, in plain functions over their state dict; inputs in [-1, 1]."""

    def __init__(self, state):
        self.state = state

    def conv(self, x, name, stride=1, mode="constant"):
        weight = self.state[f"{name}.weight"]
        x = F.pad(x, (weight.shape[-1] // 2,) * 4, mode)
        return F.conv2d(x, weight, self.state.get(f"{name}.bias"), stride)

    def normed(self, x, name, stride=1, mode="constant"):
        norm = following(name)
        weight, bias, mean, var = (self.state[f"{norm}.{part}"] for part in NORM[:4])
        return F.batch_norm(self.conv(x, name, stride, mode), mean, var, weight, bias)

    def encoded(self, x, first, second, third):
        half = self.normed(self.normed(x, first, 1, "reflect").relu(), second, 2).relu()
        return half, self.normed(half, third, 2).relu()

    def blocks(self, x, part, numbers):
        for n in numbers:
            inner = self.normed(x, f"{part}.{n}.conv_block.1", 1, "reflect").relu()
            x = x + self.normed(inner, f"{part}.{n}.conv_block.5", 1, "reflect")
        return x

    def doubled(self, x, name):
        larger = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
        return self.normed(larger, name).relu()

    def __call__(self, image, plate, mask):
        half, image = self.encoded(image, "model_enc1.1", "model_enc1.4", "model_enc2.0")
        plate, mask = (
            self.encoded(x, *(f"model_enc_{part}.{n}" for n in (1, 4, 7)))[1]
            for x, part in ((plate, "back"), (mask, "seg"))
        )
        seen = {"back": plate, "seg": mask, "multi": plate}
        chosen = [self.normed(torch.cat((image, x), 1), f"comb_{part}.0").relu() for part, x in seen.items()]
        shared = self.blocks(
            self.normed(torch.cat((image, *chosen), 1), "model_res_dec.0").relu(), "model_res_dec", (3, 4)
        )
        alpha, colour = (self.blocks(shared, f"model_res_dec_{part}", (0, 1)) for part in ("al", "fg"))
        alpha = self.doubled(self.doubled(alpha, "model_al_out.1"), "model_al_out.5")
        colour = self.doubled(torch.cat((self.doubled(colour, "model_dec_fg1.1"), half), 1), "model_fg_out.1")
        return (
            self.conv(alpha, "model_al_out.9", mode="reflect").tanh(),
            self.conv(colour, "model_fg_out.5", mode="reflect"),
        )


class Watched(dict):
    """A state dict that remembers what was asked of it."""

    def __init__(self, state):
        super().__init__(state)
        self.read = set()

    def __getitem__(self, key):
        self.read.add(key)
        return super().__getitem__(key)

    def get(self, key, default=None):
        self.read.add(key)
        return super().get(key, default)
