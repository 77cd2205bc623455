"""Checkpoints of the 2020 paper's authors (`ResnetConditionHR`), as weights of this program."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError
from torch import Tensor

from models.generator_config import PAPER, GeneratorConfig
from models.weights import MattingNet, WeightsError, save_weights

ORIGINAL = replace(PAPER, original=True)
"""The network that the authors' checkpoints belong to."""

SOURCE = "https://github.com/senguptaumd/Background-Matting"
LICENCE = "CC BY-NC-SA 4.0, the authors' own: not for commercial use"

NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
"""What a batch norm holds."""

LISTED = 8
"""Keys that an error names before it only counts the rest."""


class Layer(NamedTuple):
    """One convolution in both networks; a batch norm is always the next module after it.

    Attributes:
        theirs: Name in their state dict.
        ours: Name in a `MattingNet`.
        bias: Whether their convolution has a bias.
        norm: Whether a batch norm follows.
    """

    theirs: str
    ours: str
    bias: bool = True
    norm: bool = True


def import_checkpoint(checkpoint: Path, out: Path) -> None:
    """Convert a checkpoint file of the authors to a weights file, which `load_weights` reads.

    Args:
        checkpoint: A `.pth` that holds a state dict; nothing but tensors is unpickled from it.
        out: The safetensors file to write; replaced if it is there.

    Raises:
        WeightsError: The checkpoint is missing or is not what the authors' network saves, or `out` cannot be
            such a file.
        OSError: The file could not be written.
    """
    if out.suffix != ".safetensors" or out.is_dir():
        raise WeightsError(f"{out}: the weights file to write ends in .safetensors")
    if not out.parent.is_dir():
        raise WeightsError(f"{out}: the folder {out.parent} is not there; make it first")
    try:
        net = import_state(read_checkpoint(checkpoint))
    except WeightsError as error:
        raise WeightsError(f"{checkpoint}: {error}") from error
    card = {"data": f"imported from {checkpoint.name}, a checkpoint of {SOURCE}", "licence": LICENCE, "source": SOURCE}
    try:
        save_weights(net, out, card)
    except SafetensorError as error:
        raise OSError(str(error)) from error


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The state dict that a `.pth` holds, on the CPU.

    Raises:
        WeightsError: There is no such file, or it holds something else; the message leaves the path to the caller.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what PyTorch remarks on a file that is none of its own
            content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise WeightsError(f"the checkpoint cannot be read: {error.strerror or error}") from error
    except Exception as error:  # a damaged pickle can make its reader stumble in any way
        raise WeightsError(
            "damaged, not saved by PyTorch, or holding more than tensors, which might run code"
        ) from error
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise WeightsError("not the state dict of a network; the authors' are named netG_epoch_* or net_epoch_*")
    return {str(key): value for key, value in content.items()}


def import_state(state: Mapping[str, Tensor], config: GeneratorConfig = ORIGINAL) -> MattingNet:
    """The network with the authors' weights, in evaluation mode, float32; it computes what theirs does.

    Every key of theirs has its place. Two kinds change nothing of what the network says: `num_batches_tracked`, and
    the motion encoder (`model_enc_multi.*`), which their motion selector is not shown.

    Args:
        state: Their state dict, with or without the `module.` that `DataParallel` puts before every key.
        config: Of another size than theirs, with `original` set.

    Raises:
        WeightsError: Keys are missing or unexpected, or a tensor has another shape; they are named.
    """
    state = _without_prefix(state)
    layers = list(_layers(config))
    expected = {key for layer in layers for key in _their_keys(layer)}
    _complain("keys are missing", expected - state.keys())
    _complain("keys are unexpected", state.keys() - expected)
    with torch.device("meta"):
        net = MattingNet(config, None)
    shapes = {key: value.shape for key, value in net.state_dict().items()}
    tensors: dict[str, Tensor] = {}
    for layer in layers:
        tensors.update(_import_layer(layer, state, shapes))
    net.load_state_dict(tensors, assign=True)
    return net.eval()


def _without_prefix(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    if all(key.startswith("module.") for key in state):
        return {key.removeprefix("module."): value for key, value in state.items()}
    return dict(state)


def _complain(what: str, keys: Iterable[str]) -> None:
    """Raise an error that names the keys, if there are any."""
    names = sorted(keys)
    if names:
        more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
        raise WeightsError(f"not a checkpoint of ResnetConditionHR: {what}: {', '.join(names[:LISTED])}{more}")


def _layers(config: GeneratorConfig) -> Iterator[Layer]:
    """Every convolution, from the inputs to the outputs."""
    yield Layer("model_enc1.1", "generator.encode_image.first.0")
    yield Layer("model_enc1.4", "generator.encode_image.to_half.0")
    yield Layer("model_enc2.0", "generator.encode_image.to_quarter.0")
    for theirs, ours in (("back", "plate"), ("seg", "mask"), ("multi", "motion")):
        yield Layer(f"model_enc_{theirs}.1", f"generator.encode_{ours}.first.0")
        yield Layer(f"model_enc_{theirs}.4", f"generator.encode_{ours}.to_half.0")
        yield Layer(f"model_enc_{theirs}.7", f"generator.encode_{ours}.to_quarter.0")
        yield Layer(f"comb_{theirs}.0", f"generator.switch.select_{ours}.0", bias=False)
    yield Layer("model_res_dec.0", "generator.switch.combine.0", bias=False)
    yield from _blocks("model_res_dec", 3, "generator.trunk", config.shared_blocks)
    yield from _blocks("model_res_dec_al", 0, "generator.alpha_branch", config.branch_blocks)
    yield from _blocks("model_res_dec_fg", 0, "generator.foreground_branch", config.branch_blocks)
    yield Layer("model_al_out.1", "generator.alpha_branch.to_half.conv.0")
    yield Layer("model_al_out.5", "generator.alpha_branch.to_full.conv.0")
    yield Layer("model_al_out.9", "generator.alpha_branch.last", norm=False)
    yield Layer("model_dec_fg1.1", "generator.foreground_branch.to_half.conv.0")
    yield Layer("model_fg_out.1", "generator.foreground_branch.to_full.conv.0")
    yield Layer("model_fg_out.5", "generator.foreground_branch.last", norm=False)


def _blocks(theirs: str, first: int, ours: str, count: int) -> Iterator[Layer]:
    """Residual blocks, two convolutions each; theirs also number the paddings."""
    for index in range(count):
        yield Layer(f"{theirs}.{first + index}.conv_block.1", f"{ours}.blocks.{index}.body.0")
        yield Layer(f"{theirs}.{first + index}.conv_block.5", f"{ours}.blocks.{index}.body.3")


def _their_keys(layer: Layer) -> Iterator[str]:
    yield f"{layer.theirs}.weight"
    if layer.bias:
        yield f"{layer.theirs}.bias"
    if layer.norm:
        yield from (f"{_next(layer.theirs)}.{part}" for part in NORM)


def _import_layer(
    layer: Layer, state: Mapping[str, Tensor], shapes: Mapping[str, torch.Size]
) -> Iterator[tuple[str, Tensor]]:
    """Our tensors of one layer.

    A batch norm subtracts its running mean from the convolution, bias and all: ours, without the bias, subtracts
    that much less.
    """

    def take(theirs: str, ours: str) -> Tensor:
        tensor, shape = state[theirs], shapes[ours]
        if tensor.shape != shape:
            found, wanted = (" x ".join(map(str, size)) or "a number" for size in (tensor.shape, shape))
            raise WeightsError(f"not a checkpoint of ResnetConditionHR: {theirs} is {found}, and {wanted} is expected")
        return tensor.to(torch.float32 if tensor.is_floating_point() else tensor.dtype, copy=True)

    yield f"{layer.ours}.weight", take(f"{layer.theirs}.weight", f"{layer.ours}.weight")
    if not layer.norm:
        yield f"{layer.ours}.bias", take(f"{layer.theirs}.bias", f"{layer.ours}.bias")
        return
    theirs, ours = _next(layer.theirs), _next(layer.ours)
    norm = {part: take(f"{theirs}.{part}", f"{ours}.{part}") for part in NORM}
    if layer.bias:
        norm["running_mean"] -= take(f"{layer.theirs}.bias", f"{ours}.running_mean")
    for part, tensor in norm.items():
        yield f"{ours}.{part}", tensor


def _next(module: str) -> str:
    """`a.4` to `a.5`: the module after this one in its sequence."""
    sequence, _, index = module.rpartition(".")
    return f"{sequence}.{int(index) + 1}"
