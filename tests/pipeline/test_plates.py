"""Plates as users have them: a picture, or a clip, from the hand and with somebody who walks through."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from alignment.plate import PlateAligner
from pipeline.decode import open_clip
from pipeline.frames import CleanplateError
from pipeline.plates import read_plate
from tests.conftest import shot, textured, write_clip
from tests.contract.made import deep, picture, video


def test_a_picture(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "plate.png"), picture(4)[..., ::-1])
    assert np.array_equal(read_plate(tmp_path / "plate.png"), picture(4))


def test_a_clip_from_the_hand_in_which_somebody_is_about(tmp_path: Path) -> None:
    place = textured(5)
    path = write_clip(tmp_path / "walk.mkv", [shot(place, index, ball=8 <= index < 20) for index in range(40)])
    plate = read_plate(path)
    frame = shot(place, 11, ball=False)
    aligned = PlateAligner(plate, frame.shape[1::-1]).align(frame)
    known = aligned.coverage == 1
    assert known.mean() > 0.95
    difference = np.abs(aligned.image - frame / 255)[known].mean(axis=1)
    assert difference.mean() < 2.5 / 255  # the frame's noise alone has 1.2
    assert (difference > 20 / 255).mean() < 0.001  # the ball covers a twentieth and is 100 off


def test_a_folder_of_deep_photos(tmp_path: Path) -> None:
    place = textured(6)
    (tmp_path / "photos").mkdir()
    for index in range(4):
        photo = deep(shot(place, 3 * index, ball=False))
        cv2.imwrite(str(tmp_path / "photos" / f"{index}.png"), photo[..., ::-1])
    plate = read_plate(tmp_path / "photos")
    assert plate.dtype == np.uint16
    assert plate.max() > 255


def test_clear_parts_of_photos_are_no_place(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for index in range(3):
        seen = np.dstack([shot(textured(6), index, ball=False), np.full((360, 640), 255, np.uint8)])
        seen[100:200, 100:200] = 0
        cv2.imwrite(str(tmp_path / "photos" / f"{index}.png"), seen[..., [2, 1, 0, 3]])
    plate = read_plate(tmp_path / "photos")
    assert plate.shape[2] == 4 and not plate[110:190, 110:190, 3].any() and plate[:, 220:, 3].mean() > 0.97 * 255


def test_a_clip_of_two_places_is_refused(tmp_path: Path) -> None:
    images = [shot(textured(seed), 0, ball=False) for seed in range(3)]
    path = write_clip(tmp_path / "cuts.mkv", images)
    with pytest.raises(CleanplateError, match=r"cuts\.mkv will not do as a plate"):
        read_plate(path)


def test_a_clip_of_a_bare_wall_is_its_mean(tmp_path: Path) -> None:
    frames = [np.full((90, 160, 3), shade, np.uint8) for shade in (89, 90, 91)]
    path = video(tmp_path / "bare.mkv", "ffv1", "bgr0", frames, times=range(3))
    plate = read_plate(path)
    assert np.abs(plate[..., :3].astype(int) - 90).max() <= 1


def test_a_still_is_one_frame(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "one.mkv", [shot(textured(5), 0, ball=False)])
    with open_clip(path) as clip:
        assert np.array_equal(read_plate(path), next(clip.frames()).image)
