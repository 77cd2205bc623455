"""The soft mask: finds what the plate does not show, and nothing else."""

import cv2
import numpy as np
import pytest
import torch

from pipeline.deeplab import PERSON, DeepLabSegmenter
from pipeline.frames import CleanplateError
from pipeline.segmentation import difference_mask, make_segmenter

EVERYWHERE = np.ones((288, 512), np.float32)


def place(seed=0):
    random = np.random.default_rng(seed)
    coarse = random.random((24, 43, 3), np.float32)
    fine = cv2.resize(coarse, (512, 288), interpolation=cv2.INTER_CUBIC)
    return np.clip(
        0.15 + 0.6 * fine + 0.06 * cv2.GaussianBlur(random.random((288, 512, 3), np.float32), (0, 0), 1), 0, 1
    )


def noisy(image, sigma, seed):
    return np.clip(image + sigma * np.random.default_rng(seed).standard_normal(image.shape), 0, 1).astype(np.float32)


def shifted(image, pixels):
    matrix = np.array([[1, 0, pixels], [0, 1, pixels / 2]])
    return cv2.warpAffine(image, matrix, (512, 288), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def subject():
    alpha = np.zeros((288, 512), np.float32)
    cv2.ellipse(alpha, (260, 170), (50, 110), 0, 0, 360, 1, -1, cv2.LINE_AA)
    return alpha


@pytest.mark.parametrize("sigma", [0.0, 0.01, 0.03, 0.08])
def test_an_empty_place_is_empty_in_spite_of_noise_and_misalignment(sigma):
    scene = place()
    mask = difference_mask(noisy(shifted(scene, 0.3), sigma, 1), noisy(scene, sigma, 2), EVERYWHERE)
    assert mask.mean() < 0.002


def test_a_soft_shadow_is_no_subject():
    scene = place()
    shadow = 1 - 0.3 * cv2.GaussianBlur(subject(), (0, 0), 15)[..., None]
    assert difference_mask(noisy(scene * shadow, 0.01, 1), noisy(scene, 0.01, 2), EVERYWHERE).mean() < 0.01


WALL = np.full((288, 512, 3), (0.74, 0.78, 0.86), np.float32)


def beside_a_shade(sigma, taken=(0.08, 0.14, 0.2), plate=WALL):
    """A dark subject before a bare wall, and the shade in which it puts the wall; what it takes of each channel."""
    shade = cv2.GaussianBlur(np.roll(subject(), -90, 1), (0, 0), sigma)[..., None]
    shaded = WALL * (1 - shade * np.float32(taken))
    alpha = subject()[..., None]
    return noisy(alpha * np.float32((0.2, 0.2, 0.25)) + (1 - alpha) * shaded, 0.004, 1), noisy(plate, 0.004, 2)


def test_a_coloured_shade_on_a_bare_wall_is_no_subject():
    mask = difference_mask(*beside_a_shade(15), EVERYWHERE)
    assert mask[120:220, 150:200].max() < 0.05
    assert mask[120:220, 250:270].min() > 0.95


def test_a_shade_may_reach_where_the_plate_ends():
    coverage = EVERYWHERE.copy()
    coverage[:, :150] = 0
    frame, plate = beside_a_shade(15, (0.08, 0.16, 0.24))
    mask = difference_mask(frame, plate * coverage[..., None], coverage)
    assert mask[120:220, :200].max() < 0.05
    assert mask[120:220, 250:270].min() > 0.95


@pytest.mark.parametrize("taken", [(0.75, 0.75, 0.75), (-0.15, -0.15, -0.15), (0.1, 0.1, 0.45)])
def test_what_takes_too_much_light_or_adds_some_or_is_too_colourful_is_no_shade(taken):
    wall = np.tile(WALL, (1, 3, 1))
    fades_in = np.clip((np.arange(1536, dtype=np.float32) - 1064) / 440, 0, 1)[:, None]
    frame = wall * (1 - fades_in * np.float32(taken))
    mask = difference_mask(noisy(frame, 0.004, 1), noisy(wall, 0.004, 2), np.ones((288, 1536), np.float32))
    assert mask[:, 1510:].min() > 0.95


def test_no_shade_begins_within_a_subject():
    """Clothes of the wall's colours in a shade, with a patch that fades to just the wall's."""
    alpha = subject()[..., None]
    patch = np.zeros((288, 512), np.float32)
    cv2.circle(patch, (260, 170), 22, 1, -1)
    patch = cv2.GaussianBlur(patch, (0, 0), 10)[..., None]
    patch /= patch.max()
    clothes = WALL * (np.float32((0.72, 0.8, 0.86)) * (1 - patch) + patch)
    mask = difference_mask(noisy(alpha * clothes + (1 - alpha) * WALL, 0.004, 1), noisy(WALL, 0.004, 2), EVERYWHERE)
    assert (mask * alpha[..., 0]).sum() > 0.85 * alpha.sum()


def test_what_has_an_outline_is_no_shade():
    mask = difference_mask(*beside_a_shade(0.6), EVERYWHERE)
    assert mask[120:220, 150:200].min() > 0.95


@pytest.mark.parametrize("colour", [(0.9, 0.1, 0.1), (0.02, 0.02, 0.03), (0.97, 0.97, 0.97)])
def test_a_subject_is_found_whole(colour):
    scene, alpha = place(), subject()[..., None]
    frame = noisy(alpha * np.float32(colour) + (1 - alpha) * shifted(scene, 0.3), 0.01, 1)
    mask = difference_mask(frame, noisy(scene, 0.01, 2), EVERYWHERE)
    overlap = np.minimum(mask, alpha[..., 0]).sum() / np.maximum(mask, alpha[..., 0]).sum()
    assert overlap > 0.88
    assert mask[120:220, 250:270].min() > 0.95


@pytest.mark.parametrize("sigma", [0.0, 0.03])
def test_a_subject_that_nearly_fills_the_frame_is_found_whole(sigma):
    scene = place()
    alpha = np.zeros((288, 512), np.float32)
    cv2.ellipse(alpha, (256, 144), (250, 130), 0, 0, 360, 1, -1, cv2.LINE_AA)
    frame = alpha[..., None] * np.float32((0.9, 0.2, 0.3)) + (1 - alpha[..., None]) * scene
    mask = difference_mask(noisy(frame, sigma, 1), noisy(scene, sigma, 2), EVERYWHERE)
    assert ((mask > 0.5) == (alpha > 0.5)).mean() > 0.98


def test_thin_hair_all_around_a_subject_that_fills_the_frame_is_no_noise():
    random = np.random.default_rng(3)
    alpha = np.zeros((288, 512), np.float32)
    cv2.ellipse(alpha, (256, 144), (240, 120), 0, 0, 360, 1, -1, cv2.LINE_AA)
    hair = (alpha == 0) & (random.random(alpha.shape) < 0.95)
    seen = np.maximum(alpha, np.where(hair, random.uniform(0.02, 0.35, alpha.shape), 0)).astype(np.float32)[..., None]
    frame = seen * np.float32((0.05, 0.05, 0.05)) + (1 - seen) * WALL
    mask = difference_mask(noisy(frame, 0.01, 1), noisy(WALL, 0.01, 2), EVERYWHERE)
    assert mask[alpha > 0.9].mean() > 0.95


@pytest.mark.parametrize("light", [0.6, 0.3, 0.2])
def test_a_fade_is_no_subject(light):
    scene = place()
    assert difference_mask(noisy(light * scene, 0.005, 1), noisy(scene, 0.005, 2), EVERYWHERE).mean() < 0.01


def test_specks_are_dropped_and_small_holes_closed():
    scene, alpha = np.tile(place().mean(axis=2, keepdims=True), 3), subject()  # grey: hues tell where it is seen
    cv2.circle(alpha, (255, 150), 6, 0, -1)
    cv2.circle(alpha, (60, 40), 3, 1, -1)
    frame = alpha[..., None] * np.float32((0.95, 0.05, 0.9)) + (1 - alpha[..., None]) * scene
    mask = difference_mask(frame.astype(np.float32), scene, EVERYWHERE)
    assert mask[35:46, 55:66].max() == 0
    assert mask[150, 255] > 0.9


def test_the_edge_is_soft():
    scene, alpha = place(), subject()[..., None]
    mask = difference_mask((alpha * np.float32((1, 0, 0)) + (1 - alpha) * scene).astype(np.float32), scene, EVERYWHERE)
    assert ((mask > 0.05) & (mask < 0.95)).sum() > 500
    assert mask.min() >= 0 and mask.max() <= 1


def test_where_the_plate_is_unknown_nothing_is_claimed():
    scene = place()
    coverage = EVERYWHERE.copy()
    coverage[:, :100] = 0
    mask = difference_mask(scene, scene * coverage[..., None], coverage)
    assert mask.max() == 0


def test_a_subject_goes_on_where_the_plate_ends():
    scene, alpha = place(), subject()
    coverage = EVERYWHERE.copy()
    coverage[240:] = 0
    frame = alpha[..., None] * np.float32((1, 0, 0)) + (1 - alpha[..., None]) * scene
    mask = difference_mask(frame.astype(np.float32), scene * coverage[..., None], coverage)
    assert mask[250, 240:280].min() > 0.9
    assert mask[250, :200].max() < 0.1 and mask[250, 330:].max() < 0.1


class Net(torch.nn.Module):
    """Says person on the left half, as torchvision's nets say it."""

    def forward(self, x):
        scores = torch.zeros(len(x), 21, *x.shape[2:])
        scores[:, PERSON, :, : x.shape[3] // 2] = 10
        return {"out": scores}


def test_deeplab_takes_the_class_of_people():
    mask = DeepLabSegmenter(torch.device("cpu"), Net())(place(), place(), EVERYWHERE)
    assert mask.shape == (288, 512)
    assert mask[:, :240].min() > 0.99 and mask[:, 272:].max() < 0.01


def test_deeplab_without_a_network_says_what_to_do(monkeypatch, tmp_path):
    def offline(*args, **kwargs):
        raise OSError("no route to host")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", offline)
    with pytest.raises(CleanplateError, match=r"could not be downloaded.*no route.*--segmenter difference"):
        make_segmenter("deeplab", torch.device("cpu"))


def test_an_unknown_segmenter_is_named():
    with pytest.raises(CleanplateError, match=r"--segmenter magic.*difference, deeplab"):
        make_segmenter("magic", torch.device("cpu"))


def test_a_mirror_image_in_a_floor_whose_grain_is_seen_is_no_subject():
    grain = cv2.GaussianBlur(np.random.default_rng(4).random((288, 512), np.float32), (0, 0), 1.5) - 0.5
    wood = (0.45 + grain)[..., None] * np.float32((1, 0.65, 0.35))
    mirrored = cv2.GaussianBlur(subject(), (0, 0), 2)[..., None]
    plate, frame = wood + 0.25, wood + 0.25 * (1 - mirrored)  # the light of white walls
    mask = difference_mask(noisy(frame, 0.01, 1), noisy(plate, 0.01, 2), EVERYWHERE)
    assert mask.mean() < 0.3 * subject().mean()


def test_a_subject_with_another_grain_is_no_mirror_image():
    scene, alpha = place(), subject()[..., None]
    frame = noisy(alpha * (place(5) * 0.8) + (1 - alpha) * scene, 0.01, 1)
    mask = difference_mask(frame, noisy(scene, 0.01, 2), EVERYWHERE)
    inside = cv2.erode(subject(), np.ones((9, 9))) > 0.5
    assert mask[inside].mean() > 0.8


WOOD = np.full((288, 512, 3), (0.6, 0.36, 0.18), np.float32)


def below_a_shoe(ground, there):
    """The soft mask of what adjoins a black shoe on ground without grain."""
    shoe, below = np.zeros((288, 512), np.float32), np.zeros((288, 512), np.float32)
    shoe[100:160, 230:290], below[160:200, 230:290] = 1, 1
    frame = ground + below[..., None] * (there - ground)
    frame = cv2.GaussianBlur(frame * (1 - shoe[..., None]) + 0.03 * shoe[..., None], (0, 0), 0.7)
    mask = difference_mask(noisy(frame, 0.004, 1), noisy(ground, 0.004, 2), EVERYWHERE)
    assert mask[105:155, 235:285].min() > 0.95
    return mask[170:195, 235:285]


@pytest.mark.parametrize("there", [WOOD - 0.1, 0.4 * WOOD, 0.75 * WOOD - 0.09], ids=["mirror", "shadow", "both"])
def test_colourful_ground_less_bright_but_of_its_own_hue_is_no_subject(there):
    assert below_a_shoe(WOOD, there).max() < 0.05


@pytest.mark.parametrize(
    ("ground", "there"),
    [(WOOD, np.float32((0.3, 0.26, 0.2))), (WOOD, np.float32((0.05, 0.05, 0.06))), (WALL, 0.4 * WALL)],
    ids=["grey on wood", "black on wood", "what is deep shadow on wood, on a wall"],
)
def test_less_bright_things_of_another_hue_or_before_grey_are_subjects(ground, there):
    assert below_a_shoe(ground, there).min() > 0.95


@pytest.mark.parametrize("ground", [(0.15, 0.09, 0.045), (0.08, 0.1, 0.24), (0.15, 0.25, 0.08), (0.24, 0.12, 0.06)])
def test_a_black_subject_is_found_before_a_dark_place_of_any_hue(ground):
    ground = np.full((288, 512, 3), ground, np.float32)
    frame = ground + subject()[..., None] * (np.float32(0.04) - ground)
    mask = difference_mask(noisy(frame, 0.004, 1), noisy(ground, 0.004, 2), EVERYWHERE)
    assert mask[cv2.erode(subject(), np.ones((9, 9))) > 0.5].min() > 0.95
