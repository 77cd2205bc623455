"""Photographs of places: which are taken, and how much of one is kept."""

import cv2
import numpy as np
import pytest

from pipeline.frames import CleanplateError
from training.textures import KEPT_PX, find_photos, photo_texture


def write(path, picture):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture)


def whole(path, size):
    """A texture that spans all of a square photo but a fiftieth."""
    return photo_texture(np.random.default_rng(0), size, (path,), (100, 100))


def test_what_is_hidden_or_beside_files_in_an_archive_is_no_photo(tmp_path):
    for name in ("a.jpg", "more/b.png", ".hidden.jpg", ".trash/c.jpg", "__MACOSX/more/._b.png"):
        write(tmp_path / ".here" / name, np.zeros((4, 4, 3), np.uint8))
    assert [path.name for path in find_photos(tmp_path / ".here")] == ["a.jpg", "b.png"]


def test_a_damaged_photo_is_named(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(CleanplateError, match=r"^\S*a\.jpg is not a picture that can be read"):
        whole(tmp_path / "a.jpg", 16)


def test_a_photo_is_kept_no_larger_than_the_largest_sample_needs(tmp_path, monkeypatch):
    sizes = []
    warp = cv2.warpAffine
    monkeypatch.setattr(cv2, "warpAffine", lambda picture, *more, **named: sizes.append(picture.shape) or warp(
        picture, *more, **named
    ))  # fmt: skip
    for width, height in ((KEPT_PX + 100, KEPT_PX), (2 * KEPT_PX, 3 * KEPT_PX)):
        write(tmp_path / f"{width}.png", np.full((height, width, 3), (10, 20, 200), np.uint8))
        texture = whole(tmp_path / f"{width}.png", 48)
        assert np.allclose(texture * 255, (200, 20, 10), atol=1)
    assert sizes == [(KEPT_PX, KEPT_PX + 100, 3), (KEPT_PX * 3 // 2, KEPT_PX, 3)]
