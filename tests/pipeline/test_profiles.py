"""ICC profiles of pictures: what is known is tagged, what is not becomes sRGB, and sRGB stays as it is."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageCms

from pipeline.decode import open_clip, read_still
from pipeline.encode import open_writer
from pipeline.frames import Colour
from pipeline.image_clips import read_image
from pipeline.light import to_d50
from pipeline.plates import read_plate
from tests.contract.made import picture

ADOBE_RGB = np.array(((0.60974, 0.20528, 0.14919), (0.31111, 0.62567, 0.06322), (0.01947, 0.06087, 0.74457)))
"""Colorants under D50, as the profile has them; its curve is a power of 2.2."""


def profile(colorants: NDArray[np.float64], curve: bytes) -> bytes:
    """A profile of three colorants, XYZ in columns, and one curve (ICC.1, a display of matrix and curves)."""

    def xyz(values: NDArray[np.float64]) -> bytes:
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(65536 * x) for x in values))

    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(78)
    tags = {b"desc": text, b"cprt": b"text\0\0\0\0none\0\0\0\0", b"wtpt": xyz(np.array((0.9642, 1, 0.8249)))}
    tags |= {key: xyz(colorants[:, i]) for i, key in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    at, table, body = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for key, content in tags.items():
        content += bytes(-len(content) % 4)
        table += key + struct.pack(">II", at + len(body), len(content))
        body += content
    head = (
        struct.pack(">I4s", at + len(body), b"test") + b"\2\x40\0\0" + b"mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(28)
    )
    head += struct.pack(">3i", *(round(65536 * x) for x in (0.9642, 1, 0.8249)))
    return head.ljust(128, b"\0") + table + body


def power(exponent: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(256 * exponent)) + bytes(2)


def srgb_curve() -> bytes:
    codes = np.linspace(0, 1, 1024)
    light = np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)
    return b"curv\0\0\0\0" + struct.pack(">I", 1024) + np.rint(65535 * light).astype(">u2").tobytes()


P3 = profile(to_d50(12), srgb_curve())
ADOBE = profile(ADOBE_RGB, power(2.19921875))


def plain(rgb: tuple[int, int, int]) -> PillowImage.Image:
    return PillowImage.new("RGB", (40, 30), rgb)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".heic"])
def test_a_phones_photograph_is_display_p3(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"plate{suffix}"
    plain((234, 51, 35)).save(path, icc_profile=P3, quality=100)
    still = read_still(path)
    assert still.colour.primaries == 12
    assert np.abs(still.image.astype(int) - (234, 51, 35)).max() <= 3
    assert np.abs(read_plate(path, Colour()).astype(int) - (255, 0, 0)).max() <= 6


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_colours_without_a_number_become_srgb(suffix: str, tmp_path: Path) -> None:
    plain((219, 0, 0)).save(tmp_path / f"plate{suffix}", icc_profile=ADOBE, quality=100)
    still = read_still(tmp_path / f"plate{suffix}")
    assert np.abs(still.image.astype(int) - (255, 0, 0)).max() <= 4 and still.colour.primaries != 12


def test_sixteen_bits_and_alpha_go_along(tmp_path: Path) -> None:
    codes = np.dstack([np.full((30, 40), value, np.uint16) for value in (0, 0, 219 * 257, 40000)])  # BGRA
    png = cv2.imencode(".png", codes)[1].tobytes()

    def with_profile(content: bytes) -> bytes:
        body = b"iCCPtest\0\0" + zlib.compress(content)
        return png[:33] + struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body)) + png[33:]

    for name, content, depth in (("p3", P3, 16), ("adobe", ADOBE, 8)):
        (tmp_path / f"{name}.png").write_bytes(with_profile(content))
        still = read_image(tmp_path / f"{name}.png")
        assert still.alpha is not None and still.bit_depth == depth
        assert still.image.dtype == still.alpha.dtype == f"uint{depth}"
        assert still.alpha.mean() / (2**depth - 1) == pytest.approx(40000 / 65535, abs=0.002)


@pytest.mark.parametrize("content", [ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(), b"damaged"])
def test_srgb_stays_as_it_is_and_so_does_what_a_profile_does_not_say(content: bytes, tmp_path: Path) -> None:
    PillowImage.fromarray(picture(3)).save(tmp_path / "plate.png", icc_profile=content)
    still = read_still(tmp_path / "plate.png")
    assert np.array_equal(still.image, picture(3)) and still.colour.primaries != 12


@pytest.mark.parametrize("first", ["p3", "srgb"])
def test_photographs_of_several_profiles_are_alike_in_one_folder(first: str, tmp_path: Path) -> None:
    names = {"p3": ("a", "b"), "srgb": ("b", "a")}[first]
    plain((234, 51, 35)).save(tmp_path / f"{names[0]}.png", icc_profile=P3)
    plain((255, 0, 0)).save(tmp_path / f"{names[1]}.png")
    with open_clip(tmp_path) as clip:
        one, other = (frame.image.astype(int) for frame in clip.frames())
    assert np.abs(one - other).max() <= 6


def test_that_a_picture_cannot_name_its_colours_is_said(tmp_path: Path) -> None:
    plain((234, 51, 35)).save(tmp_path / "clip.png", icc_profile=P3)
    with open_clip(tmp_path / "clip.png") as clip:
        for name, count in (("a.jpg", 1), ("a.tif", 1), ("a.png", 0), ("a.exr", 0)):
            notes = open_writer(tmp_path / name, clip.info, channels=3).notes
            assert ["cannot say that its colours are Display P3" in note for note in notes] == [True] * count
