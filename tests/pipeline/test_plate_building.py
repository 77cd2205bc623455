"""`make_plate`: clips and photos in, a PNG out."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline import plate_building, plates
from pipeline.decode import open_clip, read_still
from pipeline.frames import CleanplateError
from pipeline.plate_building import PlateJob, PlateSummary, make_plate
from pipeline.plates import read_plate
from pipeline.ranges import parse_span

SIZE = (480, 270)
FRAMES = 14


def place(seed=5):
    random = np.random.default_rng(seed)
    total = np.zeros((SIZE[1], SIZE[0], 3), np.float32)
    for step in (5, 14, 40):
        cells = random.random((SIZE[1] // step + 1, SIZE[0] // step + 1, 3), np.float32)
        total += cv2.resize(cells, SIZE, interpolation=cv2.INTER_CUBIC) / 3
    return np.clip(40 + 170 * total, 0, 255).astype(np.uint8)


def with_somebody(image, x):
    shown = image.copy()
    shown[70:, x : x + 70] = (25, 30, 60)
    return shown


def save(path, image):
    order = [2, 1, 0, 3][: image.shape[2]]
    assert cv2.imwrite(str(path), np.ascontiguousarray(image[..., order]))
    return path


@pytest.fixture
def folder(tmp_path) -> Path:
    """Fourteen frames of a place in which somebody stands from frame 4 to 9."""
    (tmp_path / "frames").mkdir()
    for index in range(FRAMES):
        seen = with_somebody(place(), 210) if 4 <= index < 10 else place()
        save(tmp_path / "frames" / f"{index:03d}.png", seen)
    return tmp_path / "frames"


def job(clips, tmp_path, **options):
    clips = tuple(clips) if isinstance(clips, list) else (clips,)
    return PlateJob(clips, tmp_path / "plate.png", **options)


def refuses(message, *arguments, **options):
    with pytest.raises(CleanplateError, match=message):
        make_plate(job(*arguments, **options))


def test_a_clip_gives_the_place_behind_who_stands_in_it(folder, tmp_path):
    steps = []
    summary = make_plate(job(folder, tmp_path), lambda done, total: steps.append(done / total))
    plate = read_still(tmp_path / "plate.png")
    assert plate.alpha is None and plate.image.shape == place().shape
    assert (np.abs(plate.image.astype(int) - place()).max(axis=2) <= 8).mean() > 0.99
    assert summary.known == 1 and summary.filled == 0 and summary.used == FRAMES and summary.failed == []
    assert summary.advice == "" and (summary.width, summary.height) == SIZE
    assert steps[-1] == 1


def test_the_user_says_when_it_is_empty(folder, tmp_path):
    summary = make_plate(job(folder, tmp_path, empty="0-4"))
    assert summary.used == 4 and summary.known == 1
    assert np.abs(read_still(tmp_path / "plate.png").image.astype(int) - place()).max() <= 8
    # Believed even where it is wrong: nothing is taken out that the user says is the place.
    make_plate(job(folder, tmp_path, empty="5-9", overwrite=True))
    assert np.abs(read_still(tmp_path / "plate.png").image[150, 245].astype(int) - (25, 30, 60)).max() <= 3


def test_a_long_clip_is_looked_at_here_and_there(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(plate_building, "MOST_FRAMES", 5)
    monkeypatch.setattr(plates, "LONGEST_STEP", 2)
    save(folder / "003.png", place(9))  # another place: frame 3 is one of the five
    summary = make_plate(job(folder, tmp_path))
    assert summary.used == 4 and summary.failed == [3]


def test_a_hole_is_transparent_and_told(folder, tmp_path):
    random = np.random.default_rng(1)
    for index in range(FRAMES):
        seen = place()
        seen[70:, 210:280] = cv2.resize(random.integers(0, 255, (16, 6, 3), np.uint8), (70, SIZE[1] - 70))
        save(folder / f"{index:03d}.png", seen)
    summary = make_plate(job(folder, tmp_path, start="1", end="13"))
    assert summary.used == 12
    plate = read_still(tmp_path / "plate.png")
    assert plate.alpha is not None and set(np.unique(plate.alpha)) == {0, 255}
    assert plate.alpha[80:, 218:272].mean() < 0.1 * 255 and plate.alpha[:, :190].min() == 255
    assert summary.known == pytest.approx((plate.alpha > 0).mean())
    assert "transparent" in summary.advice and "--empty" in summary.advice
    assert summary.rim == 0  # the hole reaches the border, but the camera looked there all the time
    used = read_plate(tmp_path / "plate.png")
    assert used.shape == (SIZE[1], SIZE[0], 4) and np.array_equal(used[..., 3], plate.alpha)
    assert summary.to_dict()["advice"] == summary.advice


def test_a_rim_where_the_camera_seldom_looked_is_told_from_a_hole(tmp_path):
    wide = cv2.resize(place(), (SIZE[0] + 60, SIZE[1] + 40), interpolation=cv2.INTER_CUBIC)
    (tmp_path / "frames").mkdir()
    for index in range(FRAMES):
        left, top = (60, 40) if index >= FRAMES - 3 else (0, 0)
        save(tmp_path / "frames" / f"{index:03d}.png", wide[top : top + SIZE[1], left : left + SIZE[0]])
    summary = make_plate(job(tmp_path / "frames", tmp_path))
    clear = read_still(tmp_path / "plate.png").alpha == 0  # at two corners, which no frame shows
    assert summary.width > SIZE[0] and clear[:10, -10:].all() and clear[-10:, :10].all()
    assert summary.rim == pytest.approx(1 - summary.known) == pytest.approx(clear.mean())
    assert "at the rim" in summary.advice and "Take more" not in summary.advice
    both = replace(summary, known=0.9, rim=0.02)
    assert "8.0 % of the place was not seen" in both.advice and "Take more" in both.advice
    assert both.advice.endswith("2.0 % is transparent at the rim of the plate, where the camera seldom looked.")


def test_what_photos_do_not_show_needs_more_photos(tmp_path):
    random, photos = np.random.default_rng(1), []
    for index in range(4):
        seen = place()
        seen[70:, 210:280] = cv2.resize(random.integers(0, 255, (16, 6, 3), np.uint8), (70, SIZE[1] - 70))
        photos.append(save(tmp_path / f"{index}.png", seen))
    summary = make_plate(job(photos, tmp_path))
    assert summary.known < 1
    assert "more photos" in summary.advice and "--empty" not in summary.advice


def test_photos_may_differ_in_depth_and_size(tmp_path):
    photos = []
    for index, x in enumerate((20, 140, 260, 380)):
        image = with_somebody(place(), x).astype(np.uint16) * 257
        if index == 1:
            image = (image // 257).astype(np.uint8)
        if index == 2:
            image = cv2.resize(image, (560, 315), interpolation=cv2.INTER_AREA)
        photos.append(save(tmp_path / f"{index}.png", image))
    summary = make_plate(job(photos, tmp_path))
    plate = read_still(tmp_path / "plate.png")
    assert plate.image.dtype == np.uint16 and summary.used == 4
    assert summary.known > 0.95
    truth = cv2.resize(place(), plate.image.shape[1::-1], interpolation=cv2.INTER_AREA).astype(int)
    known = np.ones(truth.shape[:2], bool) if plate.alpha is None else plate.alpha > 0
    assert (np.abs(plate.image // 257 - truth).max(axis=2)[known] <= 14).mean() > 0.98


def test_a_photo_of_another_place_is_named(tmp_path):
    photos = [save(tmp_path / f"{index}.png", with_somebody(place(), 20 + 120 * index)) for index in range(3)]
    photos.insert(1, save(tmp_path / "beach.png", place(8)))
    summary = make_plate(job(photos, tmp_path))
    assert summary.failed == [1] and f"; 1 ({photos[1]}) could not be laid over the others" in summary.said


def test_one_photo_and_a_mask_are_filled_in_and_that_is_said(tmp_path):
    x = np.linspace(60, 200, SIZE[0])[None, :, None]
    empty = np.broadcast_to(x, (SIZE[1], SIZE[0], 3)).astype(np.uint8)
    photo, mask = with_somebody(empty, 210), np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    mask[70:, 210:280] = 255
    summary = make_plate(job(save(tmp_path / "photo.png", photo), tmp_path, mask=save(tmp_path / "mask.png", mask)))
    plate = read_still(tmp_path / "plate.png")
    assert plate.alpha is None
    assert np.abs(plate.image.astype(int) - empty).max() < 20
    untouched = cv2.dilate(mask, np.ones((7, 7))) == 0
    assert np.array_equal(plate.image[untouched], photo[untouched])
    assert 0.08 < summary.filled < 0.2 and "guess" in summary.advice


def test_what_is_clear_in_a_photo_is_no_place(tmp_path):
    photos, mask = [], np.zeros_like(place())
    for left in (40, 300):
        seen = np.dstack([place(), np.full(SIZE[::-1], 255, np.uint8)])
        seen[60:200, left : left + 90] = 0
        photos.append(save(tmp_path / f"{left}.png", seen))
    assert make_plate(job(photos, tmp_path)).known > 0.97
    made = read_still(tmp_path / "plate.png").image
    assert np.abs(made[70:190, 50:120].astype(int) - place()[70:190, 50:120]).mean() < 3
    mask[100:, 200:230] = 255
    summary = make_plate(job(photos[0], tmp_path, mask=save(tmp_path / "mask.png", mask), overwrite=True))
    alpha = read_still(tmp_path / "plate.png").alpha
    assert not alpha[60:200, 40:130].any() and alpha[:, 130:].all()
    assert summary.known + summary.filled == pytest.approx((alpha > 0).mean())


def test_what_is_missing_is_never_said_to_be_nothing():
    nearly = PlateSummary("plate.png", 4, 3, 0.99999, 0.0, 9, source="folder")
    assert "99.9 % known" in nearly.said and "0.1 % of the place" in nearly.advice and "0-2s" not in nearly.advice
    assert "100.0 % known" in replace(nearly, known=1.0).said and replace(nearly, known=1.0).advice == ""


def test_one_frame_is_too_few(folder, tmp_path):
    refuses("one frame does not tell .* say --empty 3-4", folder, tmp_path, start="3", end="4")
    assert make_plate(job(folder, tmp_path, empty="3-4")).known == 1


def test_what_cannot_be_meant_is_refused(folder, tmp_path):
    photo = save(tmp_path / "photo.png", place())
    other = save(tmp_path / "other.png", place(8))
    small = save(tmp_path / "small.png", place()[:50])
    dark = save(tmp_path / "dark.png", np.zeros_like(place()))
    refuses("is one photo: give several", photo, tmp_path)
    refuses("--mask goes with one photo", folder, tmp_path, mask=dark)
    refuses("--mask goes with one photo, but 2", [photo, other], tmp_path, mask=dark)
    refuses("a mask has the size of its photo", photo, tmp_path, mask=small)
    refuses("marks nothing", photo, tmp_path, mask=dark)
    refuses("photos have no times", [photo, other], tmp_path, empty="0-1")
    refuses("leave --start and --end out", folder, tmp_path, empty="0-5", start="2")
    refuses("is no photo", [photo, folder], tmp_path)
    refuses("no two could be laid over one another", [photo, other], tmp_path)
    refuses("does not exist", tmp_path / "none.mp4", tmp_path)
    assert not (tmp_path / "plate.png").exists()
    with pytest.raises(CleanplateError, match="a plate is one PNG"):
        make_plate(replace(job(folder, tmp_path), out=tmp_path / "plate.jpg"))
    with pytest.raises(CleanplateError, match="is the input"):
        make_plate(replace(job([photo, other], tmp_path), out=other, overwrite=True))
    save(tmp_path / "plate.png", place())
    refuses("--overwrite", folder, tmp_path)
    assert np.array_equal(read_still(tmp_path / "plate.png").image, place())


@pytest.mark.parametrize(
    ("text", "expected"),
    [("6-12", (6, 12)), ("0-0.4s", (0, 10)), ("0.2-0.4s", (5, 10)), ("0.2s-0.4s", (5, 10)), ("3-00:00:00:12", (3, 12))],
)
def test_a_span_is_read_as_people_write_it(folder, text, expected):
    with open_clip(folder) as clip:
        assert parse_span(text, clip.info, "--empty") == expected


@pytest.mark.parametrize("text", ["6", "6-", "-6", "8-8", "9-3", "0-99", "a-b", "1s-0.5s", "0-20s", "14-15"])
def test_a_span_that_is_none_is_refused(folder, text):
    with open_clip(folder) as clip, pytest.raises(CleanplateError, match="--empty"):
        parse_span(text, clip.info, "--empty")


def compare(data, tmp_path, **options):
    """Summary, and worst channel's and mean difference from the plate of the empty frames, of 255, where known."""
    summary = make_plate(job(data / "static" / "clip.mp4", tmp_path, **options))
    made, truth = read_still(tmp_path / "plate.png"), read_plate(data / "static" / "plate.png")
    assert made.image.shape == truth.shape
    difference = np.abs(made.image.astype(int) - truth)
    known = np.ones(truth.shape[:2], bool) if made.alpha is None else made.alpha > 0
    return summary, difference.max(axis=2)[known], difference[known].mean()


def test_static_where_the_user_knows_when_it_is_empty(data, tmp_path):
    summary, _, mean = compare(data, tmp_path, empty="206-226")
    assert summary.known == 1 and mean <= 3


def test_static_by_itself_from_a_few_frames(data, tmp_path, monkeypatch):
    monkeypatch.setattr(plate_building, "MOST_FRAMES", 30)
    summary, worst, _ = compare(data, tmp_path, start="60", end="450")
    assert summary.known >= 0.9
    assert (worst <= 14).mean() >= 0.98
    assert (worst <= 40).mean() >= 0.998


@pytest.mark.slow
def test_static_by_itself(data, tmp_path):
    summary, worst, _ = compare(data, tmp_path, start="60", end="450")
    assert summary.known >= 0.9
    assert (worst <= 8).mean() >= 0.98
    assert (worst <= 40).mean() >= 0.999
