"""Pictures as phones and compositors make them: HEIC, OpenEXR, transparent ones."""

from __future__ import annotations

import struct
import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import OpenEXR
import pillow_heif
import pytest
from PIL import Image as PillowImage

from pipeline.background import open_background
from pipeline.decode import open_clip, read_still
from pipeline.encode import open_writer
from pipeline.exr import read_exr, write_exr
from pipeline.frames import CleanplateError, ClipInfo, Colour, Frame, FrameStatus, Matte
from pipeline.image_clips import NOT_LINEAR
from pipeline.light import differs, to_display, to_linear
from pipeline.orientation import Orientation, orientation_of_image
from pipeline.picture_tags import with_colour, with_kind_of_alpha
from pipeline.plates import read_plate
from tests.contract.made import deep, picture, ramp, video


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_heic_plate_is_upright(orientation: int, tmp_path: Path) -> None:
    """As a phone stores it: the sensor's picture, and which way up it was held."""
    pillow_heif.register_heif_opener()
    upright = PillowImage.fromarray(picture(3, 128, 96))
    turned = {
        1: upright,
        3: upright.transpose(PillowImage.Transpose.ROTATE_180),
        6: upright.transpose(PillowImage.Transpose.ROTATE_90),
        8: upright.transpose(PillowImage.Transpose.ROTATE_270),
    }[orientation]
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    turned.save(tmp_path / "plate.HEIC", format="HEIF", quality=95, chroma=444, exif=exif.tobytes())
    plate = read_plate(tmp_path / "plate.HEIC")
    assert plate.shape == (96, 128, 3) and plate.dtype == np.uint8
    assert np.abs(plate.astype(int) - picture(3, 128, 96)).mean() < 2


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_tga_is_read_with_its_alpha(mode: str, tmp_path: Path) -> None:
    made = PillowImage.fromarray(picture(3))
    made.putalpha(PillowImage.fromarray(ramp(3)))
    made.convert(mode).save(tmp_path / "plate.tga")
    still = read_still(tmp_path / "plate.tga")
    assert np.array_equal(still.image, picture(3))
    assert still.alpha is None if mode == "RGB" else np.array_equal(still.alpha, ramp(3))


def test_a_photograph_of_200_million_pixels_is_no_attack(tmp_path: Path) -> None:
    PillowImage.new("L", (16320, 12240)).save(tmp_path / "large.png", compress_level=1)
    assert orientation_of_image((tmp_path / "large.png").read_bytes()) == Orientation()


def test_a_heic_means_what_its_tags_say(tmp_path: Path) -> None:
    pixels = PillowImage.fromarray(np.full((32, 32, 3), 200, np.uint8))
    tagged = {"color_primaries": 12, "transfer_characteristics": 13, "matrix_coefficients": 6, "full_range_flag": 1}
    pixels.save(tmp_path / "p3.heic", format="HEIF", **tagged, save_nclx_profile=True)
    colour = read_still(tmp_path / "p3.heic").colour
    assert (colour.primaries, colour.transfer) == (12, 13)


def test_a_dpx_that_says_linear_is_not_believed(tmp_path: Path) -> None:
    """FFmpeg says so of whatever it writes into one."""
    cv2.imwrite(str(tmp_path / "a.png"), picture(3)[..., ::-1])
    words = ["ffmpeg", "-v", "error", "-i", str(tmp_path / "a.png"), str(tmp_path / "a.dpx")]
    subprocess.run(words, check=True)
    like = ClipInfo(Path("none.mov"), 64, 48, (0,), Fraction(1, 25), Fraction(25), 8, Colour(), 0, 1)
    with open_clip(tmp_path / "a.dpx") as clip:
        assert np.array_equal(next(clip.frames()).image, picture(3)) and not differs(clip.info.colour, like.colour)
        assert clip.notes == (f"{tmp_path / 'a.dpx'} {NOT_LINEAR}",)
    notes: list[str] = []
    assert np.array_equal(read_plate(tmp_path / "a.dpx", like.colour, notes), picture(3))
    assert tuple(notes) == open_background(str(tmp_path / "a.dpx"), like).notes == clip.notes


def test_an_avif_means_what_its_tags_say(tmp_path: Path) -> None:
    def prepare(stream: av.VideoStream) -> None:
        stream.codec_context.color_primaries, stream.codec_context.color_trc = 9, 16

    path = tmp_path / "hdr.avif"
    video(path, "libsvtav1", "yuv420p10le", [deep(picture(0, 128, 96))], times=[0], matrix=9, prepare=prepare)
    still = read_still(path)
    assert (still.colour.primaries, still.colour.transfer) == (9, 16)
    assert (still.bit_depth, still.image.dtype) == (10, np.uint16)


def test_an_avif_that_is_damaged_is_refused_if_it_cannot_be_read(tmp_path: Path) -> None:
    path, refused = tmp_path / "plate.avif", 0
    PillowImage.fromarray(picture(3)).save(path, format="AVIF")
    whole = path.read_bytes()
    for at in range(0, len(whole) - 8, len(whole) // 24):
        path.write_bytes(whole[:at] + b"\xff\0" * 4 + whole[at + 8 :])
        try:
            read_still(path)
        except CleanplateError:
            refused += 1
    assert refused > 5


@pytest.mark.parametrize("suffix", [".avif", ".HIF"])
def test_what_may_lie_in_tiles_is_read_whole_and_as_a_still(suffix: str, tmp_path: Path) -> None:
    """To FFmpeg, each tile is a film of its own."""
    path = tmp_path / f"plate{suffix}"
    PillowImage.fromarray(picture(3)).save(path, format="AVIF" if suffix == ".avif" else "HEIF", quality=95)
    assert read_still(path).image.shape == (48, 64, 3)
    with open_clip(path) as clip:
        assert clip.info.is_still


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("frame", [0, 1])
def test_a_jpeg_that_lost_its_end_is_refused(progressive: bool, frame: int, tmp_path: Path) -> None:
    for index in range(2):
        path = tmp_path / f"a_{index}.jpg"
        PillowImage.fromarray(picture(index, 256, 192)).save(path, quality=95, progressive=progressive)
    cut = tmp_path / f"a_{frame}.jpg"
    cut.write_bytes(cut.read_bytes()[:-800])
    with (
        pytest.raises(CleanplateError, match=rf"a_{frame}\.jpg is not an image that can be read, or it is damaged"),
        open_clip(tmp_path / "a_%d.jpg") as clip,
    ):
        list(clip.frames())


@pytest.mark.parametrize("mode", ["RGB", "YCbCr"])
@pytest.mark.parametrize("compression", ["jpeg", "raw"])
def test_a_tiff_of_jpeg_or_of_luma_shows_what_it_is_of(mode: str, compression: str, tmp_path: Path) -> None:
    whole = PillowImage.fromarray(picture(3)).convert(mode)
    whole.save(tmp_path / "plate.tif", compression=compression, quality=95)
    assert np.abs(read_still(tmp_path / "plate.tif").image.astype(int) - picture(3)).mean() < 2


@pytest.mark.parametrize("name", ["a.dng", "a.nef", "a.tif"])
def test_a_raw_is_to_be_developed(name: str, tmp_path: Path) -> None:
    """TIFF/EP: photometric interpretation 32803, and the mosaic's pattern."""
    mosaic = PillowImage.fromarray(deep(picture(0))[..., 1])
    mosaic.save(tmp_path / name, format="TIFF", tiffinfo={33421: (2, 2), 33422: b"\0\1\1\2"})
    data = (tmp_path / name).read_bytes()
    kind = struct.pack("<HHI", 262, 3, 1)
    (tmp_path / name).write_bytes(data.replace(kind + b"\1\0", kind + struct.pack("<H", 32803)))
    with pytest.raises(CleanplateError, match=r"is a camera's raw; develop it first"):
        open_clip(tmp_path / name)


@pytest.mark.parametrize("suffix", [".webp", ".avif"])
def test_a_picture_that_moves_is_to_be_converted(suffix: str, tmp_path: Path) -> None:
    first, *others = (PillowImage.fromarray(picture(index)) for index in range(3))
    first.save(tmp_path / f"a{suffix}", save_all=True, append_images=others)
    with pytest.raises(CleanplateError, match=r"is an animation; convert it to \.webm or \.apng"):
        open_clip(tmp_path / f"a{suffix}")


def test_a_tiff_of_lightness_is_refused(tmp_path: Path) -> None:
    PillowImage.new("LAB", (64, 48)).save(tmp_path / "print.tif")
    with pytest.raises(CleanplateError, match="has LAB colours; convert it to RGB"):
        read_still(tmp_path / "print.tif")


def test_a_damaged_heic_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plate.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    with pytest.raises(CleanplateError, match=r"plate\.heic is not an image"):
        read_plate(tmp_path / "plate.heic")


def test_an_exr_plate_is_taken_from_light_to_the_screen(tmp_path: Path) -> None:
    codes = picture(2).astype(np.float32) / 255
    write_exr(tmp_path / "plate.exr", codes, {}, Colour())
    plate = read_plate(tmp_path / "plate.exr")
    assert plate.dtype == np.uint16 and np.abs(plate / 65535 - codes).max() < 1 / 1000  # a half has 11 bits


def test_the_curve_is_that_of_srgb_and_turns_back() -> None:
    codes = np.linspace(0, 1, 1001, dtype=np.float32)
    assert to_linear(np.float32([0, 0.04045, 0.5, 1])) == pytest.approx([0, 0.0031308, 0.2140411, 1], abs=1e-6)
    assert np.abs(to_display(to_linear(codes)) - codes).max() < 1e-5


@pytest.mark.parametrize("content", [b"nothing", b""])
def test_a_damaged_exr_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "plate.exr").write_bytes(content)
    with pytest.raises(CleanplateError, match=r"plate\.exr is not an image"):
        read_exr(tmp_path / "plate.exr")


def test_an_exr_sequence_is_linear_and_premultiplied_to_an_independent_reader(tmp_path: Path) -> None:
    info = ClipInfo(
        Path("none.mov"), 64, 48, (0, 1, 2), Fraction(1, 25), Fraction(25), 8, Colour(), 0, 3, timecode="01:00:00:23"
    )  # fmt: skip
    with open_writer(tmp_path / "out_%04d.exr", info, channels=4) as writer:
        assert writer.bits == 16
        for index in range(3):
            writer.write(np.dstack([picture(index), ramp(index)]), index)
    words = ["ffmpeg", "-v", "error", "-i", str(tmp_path / "out_0001.exr"), "-f", "rawvideo", "-pix_fmt", "gbrapf32le"]
    raw = subprocess.run([*words, "-"], check=True, capture_output=True).stdout
    green, blue, red, alpha = np.frombuffer(raw, np.float32).reshape(4, 48, 64)
    assert np.abs(alpha - ramp(1) / 255).max() < 1 / 2048
    light = to_linear(picture(1).astype(np.float32) / 255) * (ramp(1) / 255)[..., None]
    assert np.abs(np.dstack([red, green, blue]) - light).max() < 1 / 1024
    with open_clip(tmp_path / "out_%04d.exr") as clip:
        frames = list(clip.frames())
    solid = ramp(1) > 128
    assert len(frames) == 3
    assert np.abs(frames[1].image / 65535 - picture(1) / 255)[solid].max() < 1 / 256


def hdr(transfer: int = 16, timecode: str | None = "01:00:59;28", primaries: int = 9) -> ClipInfo:
    rate = Fraction(30000, 1001)
    return ClipInfo(
        Path("none.mov"), 64, 48, (0, 1, 2), 1 / rate, rate, 10, Colour(9, primaries, transfer), 0, 3,
        timecode=timecode, pixel_aspect=Fraction(4, 3),
    )  # fmt: skip


def test_the_header_says_rate_primaries_timecode_pixels_and_white(tmp_path: Path) -> None:
    with open_writer(tmp_path / "out_%04d.exr", hdr(), channels=3) as writer:
        for index in range(3):
            writer.write(picture(index), index)
    header = OpenEXR.File(str(tmp_path / "out_0002.exr")).header()
    assert str(header["framesPerSecond"]) == "30000/1001"
    assert b"framesPerSecond\0rational\0" in (tmp_path / "out_0002.exr").read_bytes()
    assert header["chromaticities"] == pytest.approx((0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290))
    assert header["pixelAspectRatio"] == pytest.approx(4 / 3)
    assert header["whiteLuminance"] == pytest.approx(203)
    assert header["compression"] == OpenEXR.ZIP_COMPRESSION
    code = header["timeCode"]  # 01:00:59;28 and two frames: the minute drops its first two
    assert (code.hours, code.minutes, code.seconds, code.frame, bool(code.dropFrame)) == (1, 1, 0, 2, True)


def test_what_is_not_known_is_not_said(tmp_path: Path) -> None:
    with open_writer(tmp_path / "out.exr", hdr(1, None, 1), channels=3) as writer:
        writer.write(picture(0), 0)
    header = OpenEXR.File(str(tmp_path / "out.exr")).header()
    assert "timeCode" not in header and "whiteLuminance" not in header
    assert header["chromaticities"][:2] == pytest.approx((0.64, 0.33))


@pytest.mark.parametrize(("transfer", "code", "light"), [(16, 0.5807, 1.0), (18, 0.75, 1.0), (13, 0.5, 0.2140)])
def test_light_is_by_the_clip_s_own_curve(transfer: int, code: float, light: float, tmp_path: Path) -> None:
    """White of graphics is 58 % in PQ and 75 % in HLG."""
    with open_writer(tmp_path / "out.exr", hdr(transfer), channels=3) as writer:
        writer.write(np.full((48, 64, 3), round(code * 65535), np.uint16), 0)
    found = OpenEXR.File(str(tmp_path / "out.exr")).channels()["RGB"].pixels
    assert found == pytest.approx(np.full_like(found, light), rel=3e-3)


def test_codes_stay_as_they_are_where_that_is_asked_for(tmp_path: Path) -> None:
    image = np.dstack([picture(1), ramp(1)])
    with open_writer(tmp_path / "out.exr", hdr(), channels=4, exr_codes=True) as writer:
        writer.write(image, 0)
    found = OpenEXR.File(str(tmp_path / "out.exr")).channels()["RGBA"].pixels
    wanted = picture(1) / 255 * (ramp(1) / 255)[..., None]
    assert np.abs(found[..., :3] - wanted).max() < 1 / 1024


@pytest.mark.parametrize(("primaries", "found"), [(9, 9), (12, 12), (1, 1)])
def test_an_exr_s_primaries_are_read(primaries: int, found: int, tmp_path: Path) -> None:
    with open_writer(tmp_path / "out.exr", hdr(13, None, primaries), channels=3) as writer:
        writer.write(picture(0), 0)
    assert read_still(tmp_path / "out.exr").colour.primaries == found


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("premultiplied", [False, True])
def test_a_tiff_says_what_kind_of_alpha_it_has(bits: int, premultiplied: bool, tmp_path: Path) -> None:
    """TIFF 6.0, ExtraSamples: 1 is associated, 2 unassociated alpha. Pillow undoes the first, ffmpeg shows it."""
    path = tmp_path / "out.tif"
    image = np.dstack([picture(1), ramp(1)])
    if premultiplied:
        image[..., :3] = np.rint(image[..., :3] * (ramp(1) / 255)[..., None])
    with open_writer(path, hdr(), channels=4, bits=bits, premultiplied=premultiplied) as writer:
        writer.write(image, 0)
    assert struct.pack("<HHIH", 338, 3, 1, 1 if premultiplied else 2) in path.read_bytes()
    words = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgba", "-"]
    raw = subprocess.run(words, check=True, capture_output=True).stdout
    assert np.abs(np.frombuffer(raw, np.uint8).reshape(48, 64, 4) - image.astype(int)).max() <= 1
    still = read_still(path)
    shown = still.image / np.iinfo(still.image.dtype).max * 255
    assert np.abs(shown - picture(1))[ramp(1) > 128].max() <= (2 if premultiplied else 0.01)
    as_stored = read_still(path, is_matte=True).image
    assert np.abs(as_stored / np.iinfo(as_stored.dtype).max * 255 - image[..., :3]).max() < 0.01
    if bits == 8:  # it knows no other with alpha
        with PillowImage.open(path) as opened:
            shown = np.asarray(opened.convert("RGBA")).astype(int)
        assert np.abs(shown[..., :3] - picture(1))[ramp(1) > 128].max() <= (2 if premultiplied else 0)


@pytest.mark.parametrize("bits", [8, 16])
def test_a_png_in_hdr_says_so(bits: int, tmp_path: Path) -> None:
    with open_writer(tmp_path / "out.png", hdr(), channels=4, bits=bits) as writer:
        writer.write(np.dstack([picture(1), ramp(1)]), 0)
    assert b"\0\0\0\x04cICP\x09\x10\0\x01" in (tmp_path / "out.png").read_bytes()
    still = read_still(tmp_path / "out.png")
    assert (still.colour.primaries, still.colour.transfer) == (9, 16)
    with PillowImage.open(tmp_path / "out.png") as opened:  # an independent reader minds no such chunk
        opened.load()
    assert np.abs(still.image / np.iinfo(still.image.dtype).max - picture(1) / 255).max() < 1e-6


@pytest.mark.parametrize("colour", [Colour(), Colour(1, 1, 1), Colour(6, 2, 6)])
def test_a_usual_png_says_nothing(colour: Colour, tmp_path: Path) -> None:
    """As sRGB, which all take it for, it is shown as the clip is."""
    with open_writer(tmp_path / "out.png", replace(hdr(), colour=colour), channels=3) as writer:
        writer.write(picture(1), 0)
    assert b"cICP" not in (tmp_path / "out.png").read_bytes()


def test_what_is_another_format_is_not_touched() -> None:
    with pytest.raises(ValueError, match="no TIFF"):
        with_kind_of_alpha(b"\x89PNG\r\n\x1a\n", premultiplied=False)
    with pytest.raises(ValueError, match="no PNG"):
        with_colour(b"II*\0", Colour())


def test_alpha_as_exr_is_one_channel_as_it_is(tmp_path: Path) -> None:
    write_exr(tmp_path / "alpha.exr", ramp(4)[..., None].astype(np.float32) / 255, {}, Colour())
    words = ["ffprobe", "-v", "error", "-show_entries", "stream=pix_fmt", "-of", "csv=p=0", str(tmp_path / "alpha.exr")]
    assert subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip() == "grayf32le"


def test_a_transparent_plate_is_unknown_where_it_is_clear(tmp_path: Path) -> None:
    clear = np.dstack([picture(1)[..., ::-1], np.where(ramp(0) > 100, 255, 0).astype(np.uint8)])
    cv2.imwrite(str(tmp_path / "plate.png"), clear)
    plate = read_plate(tmp_path / "plate.png")
    assert plate.shape == (48, 64, 4)
    assert np.array_equal(plate[..., 3] > 127, ramp(0) > 100)


def test_a_transparent_background_is_shown_over_black(tmp_path: Path) -> None:
    """What lies hidden below clear pixels is whatever the painting program left there."""
    cv2.imwrite(str(tmp_path / "title.png"), np.dstack([np.full((48, 64, 3), 255, np.uint8), ramp(0)]))
    like = ClipInfo(Path("none.mov"), 64, 48, (0,), Fraction(1, 25), Fraction(25), 8, Colour(), 0, 1)
    background = open_background(str(tmp_path / "title.png"), like)
    frame = Frame(picture(0), 0, 0, Fraction(1, 25))
    nothing = np.zeros((48, 64), np.float32)
    shown = background.behind(frame, Matte(nothing, np.dstack([nothing] * 3), FrameStatus.OK, None))
    assert np.abs(shown - ramp(0)[..., None] / 255).max() < 1e-3


def test_an_exif_rotated_jpeg_is_upright(tmp_path: Path) -> None:
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    turned = PillowImage.fromarray(picture(3, 128, 96)).transpose(PillowImage.Transpose.ROTATE_90)
    turned.save(tmp_path / "plate.jpg", quality=95, subsampling=0, exif=exif)
    still = read_still(tmp_path / "plate.jpg")
    assert still.image.shape == (96, 128, 3)
    assert np.abs(still.image.astype(int) - picture(3, 128, 96)).mean() < 2
