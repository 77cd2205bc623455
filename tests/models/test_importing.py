"""Networks from the 2020 authors' checkpoints: every key finds its place, every difference of theirs is kept."""

import pytest
import torch

from models.importing import ORIGINAL, import_state
from tests.models.original import TINY, Restated, Watched, empty_state, inputs, random_state


def says(state, given):
    """What our generator says with an imported state."""
    with torch.no_grad():
        return import_state(state, TINY).generator(*given)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("size", [(24, 32), (64, 20)])
def test_alpha_and_foreground_are_theirs(seed, size):
    state, given = random_state(seed), inputs(*size, seed=seed)
    image, plate, _, mask, _ = given
    alpha, colour = Restated(state)(2 * image - 1, 2 * plate - 1, 2 * mask - 1)
    ours = says(state, given)
    assert alpha.std() > 0.02 and colour.std() > 0.02
    torch.testing.assert_close(ours.alpha, (alpha + 1) / 2, atol=1e-5, rtol=0)
    torch.testing.assert_close(ours.foreground, (colour.clamp(-1, 1) + 1) / 2, atol=1e-5, rtol=0)


def test_every_key_of_the_published_size_has_its_place():
    state = empty_state(ORIGINAL)
    assert len(state) == 322
    trained = sum(value.numel() for key, value in state.items() if key.endswith((".weight", ".bias")))
    paper, biases = 17_899_588, 4 * (64 + 128 + 256) + 26 * 256 + 2 * (128 + 64)
    assert trained == paper + biases
    net = import_state(state)
    assert not net.training and net.refiner is None and net.generator.config == ORIGINAL
    assert all(value.device.type == "cpu" for value in net.state_dict().values())


def test_only_the_motion_encoder_and_the_counters_have_no_part_in_the_comparison():
    state = Watched(random_state())
    image, plate, _, mask, _ = inputs(16, 16)
    Restated(state)(image, plate, mask)
    left_out = state.keys() - state.read
    assert left_out == {key for key in state if key.startswith("model_enc_multi.") or key.endswith("batches_tracked")}


def test_the_keys_that_change_nothing_are_kept_all_the_same():
    state = random_state()
    ours = import_state(state, TINY).state_dict()
    for theirs, layer in ((1, "first"), (4, "to_half"), (7, "to_quarter")):
        conv, norm = f"model_enc_multi.{theirs}", f"model_enc_multi.{theirs + 1}"
        start = f"generator.encode_motion.{layer}"
        assert torch.equal(ours[f"{start}.0.weight"], state[f"{conv}.weight"])
        for part in ("weight", "bias", "running_var", "num_batches_tracked"):
            assert torch.equal(ours[f"{start}.1.{part}"], state[f"{norm}.{part}"]), part
        mean = state[f"{norm}.running_mean"] - state[f"{conv}.bias"]
        assert torch.equal(ours[f"{start}.1.running_mean"], mean)
    counts = sorted(int(value) for key, value in state.items() if key.endswith("num_batches_tracked"))
    assert sorted(int(value) for key, value in ours.items() if key.endswith("num_batches_tracked")) == counts


def test_the_prefix_of_data_parallel_and_half_precision_are_understood():
    state, given = random_state(), inputs()
    prefixed = {f"module.{key}": value for key, value in state.items()}
    assert torch.equal(says(state, given).alpha, says(prefixed, given).alpha)
    halved = {key: value.half() if value.is_floating_point() else value for key, value in state.items()}
    net = import_state(halved, TINY)
    assert {x.dtype for x in net.state_dict().values()} == {torch.float32, torch.int64}


def test_the_state_dict_stays_as_it_was():
    state = random_state()
    copy = {key: value.clone() for key, value in state.items()}
    net = import_state(state, TINY)
    with torch.no_grad():
        for value in net.state_dict().values():
            value.zero_()
    assert all(torch.equal(state[key], copy[key]) for key in copy)


# The differences one by one, in numbers worked out by hand.


def part_of(state, name):
    return import_state(state, TINY).get_submodule(f"generator.{name}")


def row(*values):
    """A picture of eight equal rows, 1 x 1 x 8 x width."""
    return torch.tensor(values, dtype=torch.float32).expand(1, 1, 8, len(values))


def test_a_bias_before_a_batch_norm_is_not_lost():
    state = empty_state()
    state["model_enc1.1.bias"].fill_(5)
    state["model_enc1.2.running_mean"].fill_(2)
    state["model_enc1.2.running_var"].fill_(4 - 1e-5)
    state["model_enc1.2.weight"].fill_(3)
    state["model_enc1.2.bias"].fill_(1)
    first = part_of(state, "encode_image.first")(torch.zeros(1, 3, 8, 8))
    torch.testing.assert_close(first, torch.full_like(first, (5 - 2) / 2 * 3 + 1))


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("model_enc1.1", "encode_image.first"),
        ("model_enc_back.1", "encode_plate.first"),
        ("model_enc_seg.1", "encode_mask.first"),
        ("model_enc_multi.1", "encode_motion.first"),
        ("model_al_out.9", "alpha_branch.last"),
        ("model_fg_out.5", "foreground_branch.last"),
    ],
)
def test_end_kernels_reflect_at_the_border(theirs, ours):
    state = empty_state()
    state[f"{theirs}.weight"][:, 0, 3, 0] = 1  # the pixel three to the left
    layer = part_of(state, ours)
    x = row(0, 1, 2, 3, 4, 5).repeat(1, state[f"{theirs}.weight"].shape[1], 1, 1)
    torch.testing.assert_close(layer(x)[:, :1], row(3, 2, 1, 0, 1, 2))


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("model_res_dec.4", "trunk.blocks.1"),
        ("model_res_dec_al.0", "alpha_branch.blocks.0"),
        ("model_res_dec_fg.1", "foreground_branch.blocks.1"),
    ],
)
def test_residual_blocks_reflect_at_the_border_and_end_without_relu(theirs, ours):
    state = empty_state()
    state[f"{theirs}.conv_block.1.weight"][0, 0, 1, 0] = 1  # the pixel to the left
    state[f"{theirs}.conv_block.5.weight"][0, 0, 1, 2] = -2  # the pixel to the right
    x = torch.zeros(1, 8, 8, 4)
    x[:, :1] = row(1, 2, 5, 9)
    # To the left of it: 2, 1, 2, 5; to the right of that: 1, 2, 5, 2.
    result = part_of(state, ours)(x)
    torch.testing.assert_close(result[:, :1], row(1 - 2, 2 - 4, 5 - 10, 9 - 4))
    assert not result[:, 1:].any()


@pytest.mark.parametrize(("theirs", "ours"), [("model_enc1.4", "to_half"), ("model_enc2.0", "to_quarter")])
def test_the_strided_convolutions_see_zeros_beyond_the_border(theirs, ours):
    state = empty_state()
    state[f"{theirs}.weight"][0, 0, 1, 0] = 1  # the pixel to the left
    layer = part_of(state, f"encode_image.{ours}")
    x = row(7, 1, 2, 3).repeat(1, state[f"{theirs}.weight"].shape[1], 1, 1)
    torch.testing.assert_close(layer(x)[:, :1], row(0, 1)[:, :, :4])


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("model_al_out.1", "alpha_branch.to_half"),
        ("model_al_out.5", "alpha_branch.to_full"),
        ("model_dec_fg1.1", "foreground_branch.to_half"),
        ("model_fg_out.1", "foreground_branch.to_full"),
    ],
)
def test_upsampling_aligns_the_corners(theirs, ours):
    state = empty_state()
    state[f"{theirs}.weight"][0, 0, 1, 1] = 1
    x = row(0, 3).repeat(1, state[f"{theirs}.weight"].shape[1], 1, 1)
    torch.testing.assert_close(part_of(state, ours)(x, (16, 4))[:, :1], row(0, 1, 2, 3).repeat(1, 1, 2, 1))


def test_the_motion_selector_is_shown_the_plate():
    seen = {}
    generator = import_state(random_state(), TINY).generator
    generator.encode_plate.register_forward_hook(lambda module, given, result: seen.update(plate=result[1]))
    generator.switch.select_motion.register_forward_pre_hook(lambda module, given: seen.update(motion=given[0]))
    given = inputs()
    with torch.no_grad():
        generator(*given)
    assert torch.equal(seen["motion"][:, 8:], seen["plate"])
    other = (*given[:4], 1 - given[4])
    assert torch.equal(says(random_state(), given).alpha, says(random_state(), other).alpha)


def test_alpha_ends_in_tanh_and_the_foreground_does_not():
    state = empty_state()
    state["model_al_out.9.bias"].fill_(0.5)
    state["model_fg_out.5.bias"][:] = torch.tensor([-3, 0.5, 0.25])
    coarse = says(state, inputs())
    torch.testing.assert_close(coarse.alpha, torch.full_like(coarse.alpha, 0.7310586))  # (tanh 0.5 + 1) / 2
    colour = torch.tensor([0, 0.75, 0.625])[:, None, None].expand(1, 3, 24, 32)
    torch.testing.assert_close(coarse.foreground, colour)


def test_inputs_run_from_minus_one_to_one():
    generator, seen = import_state(random_state(), TINY).generator, {}
    for name in ("image", "plate", "mask"):
        hook = lambda module, given, name=name: seen.update({name: given[0].unique().tolist()})  # noqa: E731
        generator.get_submodule(f"encode_{name}").register_forward_pre_hook(hook)
    quarter = [torch.full_like(x, 0.25) for x in inputs()]
    quarter[2] = torch.ones_like(quarter[2])
    with torch.no_grad():
        generator(*quarter)
    assert seen == {"image": [-0.5], "plate": [-0.5], "mask": [-0.5]}
