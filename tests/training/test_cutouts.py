"""Cut-outs: every public layout is read, and what is placed is what the files hold."""

import cv2
import numpy as np
import pytest
from PIL import Image

from pipeline.frames import CleanplateError
from training import composites
from training.canvas import reduce
from training.composites import make_sample
from training.cutouts import cut_out, find_cutouts
from training.material import Material
from training.neighbours import motion_input

RED = (220, 30, 40)


def write(path, picture):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture[..., ::-1] if picture.ndim == 3 else picture)


def pair(colour_path, alpha_path, left=20, place=RED):
    """A red square, 40 pixels wide, over `place`, with an edge column of half coverage."""
    alpha = np.zeros((80, 100), np.uint8)
    alpha[20:60, left : left + 40] = 255
    alpha[20:60, left - 1] = 128
    mix = alpha[..., None] / 255.0
    picture = (mix * np.array(RED) + (1 - mix) * np.array(place)).round().astype(np.uint8)
    write(colour_path, picture)
    write(alpha_path, alpha)


@pytest.fixture
def adobe(tmp_path):
    folder = tmp_path / "Combined_Dataset" / "Training_set" / "Other"
    for name in "ab":
        pair(folder / "fg" / f"{name}.png", folder / "alpha" / f"{name}.png")
    return tmp_path


def test_adobes_pairs(adobe):
    clips = find_cutouts(adobe)
    assert [c.colours[0].name for c in clips] == ["a.png", "b.png"]
    assert all(c.straight and len(c.colours) == 1 for c in clips)


def test_distinctions_pairs_with_other_suffixes(tmp_path):
    pair(tmp_path / "Train" / "FG" / "1.png", tmp_path / "Train" / "GT" / "1.jpg")
    (clip,) = find_cutouts(tmp_path)
    assert clip.alphas[0].name == "1.jpg" and clip.straight


def test_a_photographed_subject_loses_the_place_at_its_edge(tmp_path):
    pair(tmp_path / "image" / "1.png", tmp_path / "matte" / "1.png", place=(20, 220, 20))
    (clip,) = find_cutouts(tmp_path)
    assert not clip.straight
    seen = []
    for seed in range(20):
        subject = cut_out(np.random.default_rng(seed), 96, (clip,))
        edge = (subject.alpha > 0.3) & (subject.alpha < 0.7)
        hue = subject.colour[edge]
        seen.append(float(np.median(hue.max(axis=1) - np.sort(hue, axis=1)[:, 1])) if edge.any() else 1.0)
    assert np.median(seen) > 0.2  # one hue: no mixture of red and green


def test_what_is_see_through_has_the_colour_of_what_is_solid_however_far_that_is(tmp_path):
    alpha = np.full((80, 100), 128, np.uint8)
    alpha[:, :10] = 255
    write(tmp_path / "image" / "1.png", photographed(alpha))
    write(tmp_path / "matte" / "1.png", alpha)
    seen = placed(tmp_path)
    assert np.allclose(seen.colour[seen.alpha > 0.4] * 255, RED, atol=3)


def test_a_veil_with_nothing_solid_keeps_the_colour_of_the_photo(tmp_path):
    alpha = np.full((80, 100), 128, np.uint8)
    write(tmp_path / "image" / "1.png", photographed(alpha))
    write(tmp_path / "matte" / "1.png", alpha)
    seen = placed(tmp_path)
    assert np.allclose(seen.colour[seen.alpha > 0.4] * 255, photographed(alpha)[0, 0], atol=3)


def photographed(alpha):
    """A red subject before a green place."""
    mix = alpha[..., None] / 255
    return (mix * np.array(RED) + (1 - mix) * np.array((20, 220, 20))).round().astype(np.uint8)


def placed(folder, seed=1):
    """The only cut-out of a folder, in its own colours: some seeds change them."""
    return cut_out(np.random.default_rng(seed), 96, find_cutouts(folder))


def test_black_around_a_subject_darkens_no_edge(tmp_path):
    pair(tmp_path / "fg" / "a.png", tmp_path / "alpha" / "a.png")
    alpha = cv2.imread(str(tmp_path / "alpha" / "a.png"), cv2.IMREAD_GRAYSCALE)
    write(tmp_path / "fg" / "a.png", np.where(alpha[..., None] > 0, np.uint8(RED), np.uint8(0)))
    for seed in range(8):
        subject = placed(tmp_path, seed)
        for size in (96, 40):
            colour, cover = reduce(subject.colour, size), reduce(subject.alpha, size)
            assert np.ptp(colour[cover > 0.02], axis=0).max() < 0.01, (seed, size)


@pytest.mark.parametrize("orientation", [3, 6])
def test_a_tag_that_turns_the_colour_does_not_turn_it_away_from_its_alpha(tmp_path, orientation):
    pair(tmp_path / "fg" / "a.png", tmp_path / "alpha" / "a.png", left=5, place=(20, 30, 200))
    tags = Image.Exif()
    tags[0x0112] = orientation
    Image.open(tmp_path / "fg" / "a.png").save(tmp_path / "fg" / "a.jpg", quality=98, exif=tags)
    (tmp_path / "fg" / "a.png").unlink()
    seen = placed(tmp_path)
    assert np.allclose(seen.colour[cv2.erode(seen.alpha, np.ones((9, 9))) > 0.99] * 255, RED, atol=12)


@pytest.mark.parametrize(("mode", "holds"), [("LA", "alpha"), ("RGBA", "alpha"), ("RGBA", "grey"), ("RGB", "grey")])
def test_an_alpha_may_be_in_the_alpha_channel(tmp_path, mode, holds):
    pair(tmp_path / "fg" / "a.png", tmp_path / "alpha" / "a.png")
    plain = placed(tmp_path)
    grey, white = Image.open(tmp_path / "alpha" / "a.png"), Image.new("L", (100, 80), 255)
    colour, alpha = (white, grey) if holds == "alpha" else (grey, white)
    bands = [colour] * 3 if mode == "RGB" else [*[colour] * (len(mode) - 1), alpha]
    Image.merge(mode, bands).save(tmp_path / "alpha" / "a.png")
    assert np.array_equal(placed(tmp_path).alpha, plain.alpha)


def test_hidden_files_and_those_of_archives_are_no_cutouts(adobe):
    (next(adobe.rglob("fg")) / "._a.png").write_bytes(b"no picture")
    for path in (".old/fg/a.png", ".old/alpha/a.png", "__MACOSX/fg/a.png", "__MACOSX/alpha/a.png"):
        pair(adobe / path, adobe / path)
    assert [clip.colours[0].name for clip in find_cutouts(adobe)] == ["a.png", "b.png"]


def test_frames_of_a_clip_are_each_others_neighbours(tmp_path):
    for frame in range(6):
        name = f"{frame:05d}.png"
        pair(tmp_path / "fgr" / "0001" / name, tmp_path / "pha" / "0001" / name, left=20 + 4 * frame)
    (clip,) = find_cutouts(tmp_path)
    assert len(clip.colours) == 6 and [p.name for p in clip.alphas] == [p.name for p in clip.colours]
    moved = 0
    for seed in range(10):
        subject = cut_out(np.random.default_rng(seed), 96, (clip,))
        assert len(subject.neighbours) == 4
        moved += any(np.abs(n.alpha - subject.alpha).max() > 0.5 for n in subject.neighbours)
    assert moved >= 8


def test_a_moving_cutout_moves_in_the_motion_input(tmp_path, monkeypatch):
    for frame, left in enumerate((20, 35, 50)):
        pair(tmp_path / "fgr" / "walk" / f"{frame}.png", tmp_path / "pha" / "walk" / f"{frame}.png", left)
    shown = []
    monkeypatch.setattr(composites, "motion_input", lambda *given: shown.append(given[1]) or motion_input(*given))
    for seed in range(8):
        make_sample(np.random.default_rng(seed), 96, 64, Material(cutouts=find_cutouts(tmp_path)), 1.0, strands=False)
    known = [subject for subject in shown if subject.neighbours]
    assert len(known) > 4
    assert all(np.abs(subject.neighbours[0].alpha - subject.neighbours[3].alpha).max() > 0.5 for subject in known)


def test_a_cutout_is_in_the_sample(adobe):
    material = Material((), find_cutouts(adobe))
    shares = []
    for seed in range(12):
        sample = make_sample(np.random.default_rng(seed), 96, 64, material, 1.0)
        solid = sample.alpha > 0.99
        if solid.any():
            shares.append(float((sample.alpha[sample.alpha > 0] > 0.99).mean()))
    assert len(shares) >= 8 and np.mean(shares) > 0.6  # a square: hardly any edge


def test_what_is_wrong_is_named(tmp_path, adobe):
    with pytest.raises(CleanplateError, match=r"holds no cut-outs: looked for fg/ beside alpha/"):
        find_cutouts(tmp_path / "nowhere")
    next(adobe.rglob("alpha/b.png")).unlink()
    with pytest.raises(CleanplateError, match=r"b\.png has no alpha"):
        find_cutouts(adobe)


def test_pictures_of_two_sizes_are_no_pair(tmp_path):
    pair(tmp_path / "fg" / "a.png", tmp_path / "alpha" / "a.png")
    write(tmp_path / "alpha" / "a.png", np.zeros((10, 10), np.uint8))
    with pytest.raises(CleanplateError, match="not stored as pictures of one size"):
        cut_out(np.random.default_rng(0), 64, find_cutouts(tmp_path))
    (tmp_path / "alpha" / "a.png").write_bytes(b"no picture")
    with pytest.raises(CleanplateError, match=r"alpha/a\.png is not a picture"):
        cut_out(np.random.default_rng(0), 64, find_cutouts(tmp_path))
