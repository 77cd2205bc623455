"""The exported networks, run by ONNX Runtime, say what PyTorch says."""

import numpy as np
import onnxruntime
import pytest
import torch

from models.coarse import Coarse
from models.exporting import GENERATOR_INPUTS, export_onnx
from models.weights import load_weights


@pytest.fixture(scope="module")
def net():
    return load_weights("fast")


@pytest.fixture(scope="module")
def files(net, tmp_path_factory):
    return export_onnx(net, tmp_path_factory.mktemp("onnx"))


def run(path, inputs):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert [one.name for one in session.get_inputs()] == list(inputs)
    return session.run(None, {name: value.numpy() for name, value in inputs.items()})


@pytest.mark.parametrize("size", [(96, 128), (144, 256), (151, 203)])
def test_the_generator_agrees(net, files, size):
    random = torch.Generator().manual_seed(sum(size))
    inputs = {name: torch.rand(1, channels, *size, generator=random) for name, channels in GENERATOR_INPUTS.items()}
    with torch.inference_mode():
        wanted = net.generator(*inputs.values())
    for ours, theirs in zip(wanted, run(files[0], inputs), strict=True):
        assert np.abs(ours.numpy() - theirs).max() < 1e-3


@pytest.mark.parametrize("size", [(64, 64), (140, 212)])
def test_the_refiner_agrees(net, files, size):
    random = torch.Generator().manual_seed(sum(size))
    channels = {"image": 3, "plate": 3, "coverage": 1, "alpha": 1, "foreground": 3, "hidden": 5, "carried": 3}
    inputs = {name: torch.rand(1, count, *size, generator=random) for name, count in channels.items()}
    image, plate, coverage, *coarse = inputs.values()
    with torch.inference_mode():
        wanted = net.refiner(image, plate, coverage, Coarse(*coarse))
    for ours, theirs in zip(wanted, run(files[1], inputs), strict=True):
        assert ours.shape[2] == size[0] - 2 * net.refiner.margin
        assert np.abs(ours.numpy() - theirs).max() < 1e-3
