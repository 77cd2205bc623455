"""What a user sees of a clip: times, colours, which way is up, and what is said of a file that is no good."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image as PillowImage

from pipeline.decode import open_clip, read_still
from pipeline.frames import CleanplateError
from tests.contract.films import film
from tests.contract.made import COUNT, deep, numbered, picture, ramp, video

TURNS = {0: (48, 64), 90: (64, 48), 180: (48, 64), -90: (64, 48)}


def refuses(path: Path, words: str) -> None:
    with pytest.raises(CleanplateError) as caught, open_clip(path) as clip:
        list(clip.frames())
    assert re.search(words, str(caught.value)), caught.value
    assert path.name in str(caught.value)


# Which way is up.


@pytest.mark.parametrize("degrees", TURNS)
@pytest.mark.parametrize("mirrored", [False, True])
def test_rotation_is_applied(degrees: int, mirrored: bool, tmp_path: Path) -> None:
    """The display matrix turns what is stored counter-clockwise; so what is upright was stored turned back."""
    stored = picture(3)

    def prepare(stream: av.VideoStream) -> None:
        stream.set_display_rotation(degrees, hflip=mirrored)

    path = video(tmp_path / "turned.mov", "prores_ks", "yuv444p10le", [deep(stored)], times=[0], prepare=prepare)
    with av.open(str(path)) as container:
        assert next(container.decode(video=0)).rotation % 360 == degrees % 360 or mirrored
    upright = np.rot90(stored, degrees // 90)
    if mirrored:  # FFmpeg mirrors the upright picture
        upright = upright[:, ::-1]
    with open_clip(path) as clip:
        frame = next(clip.frames())
        assert (clip.info.width, clip.info.height) == (upright.shape[1], upright.shape[0])
    assert np.abs(frame.image / 257 - upright).mean() < 1


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_obeyed(orientation: int, suffix: str, tmp_path: Path) -> None:
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"photo{suffix}"
    PillowImage.fromarray(picture(0)).save(path, exif=exif, quality=95)
    upright = picture(0)
    if orientation >= 5:
        upright = upright.swapaxes(0, 1)
    down = -1 if orientation in (3, 4, 7, 8) else 1
    across = -1 if orientation in (2, 3, 6, 7) else 1
    frame = read_still(path)
    wanted = upright[::down, ::across]
    assert frame.image.shape == wanted.shape
    assert np.abs(frame.image - wanted.astype(float)).mean() < 3


# Colours.


@pytest.mark.parametrize("matrix", [1, 6])
@pytest.mark.parametrize("full_range", [False, True])
def test_tagged_colours_come_out_right(matrix: int, full_range: bool, tmp_path: Path) -> None:
    path = tmp_path / "tagged.mkv"
    flat = np.full((48, 64, 3), (180, 60, 90), np.uint8)
    video(path, "ffv1", "yuv420p", [flat], times=[0], matrix=matrix, full_range=full_range)
    with open_clip(path) as clip:
        colour = clip.info.colour
        assert (colour.matrix, colour.full_range, colour.assumed) == (matrix, full_range, False)
        assert np.abs(next(clip.frames()).image.astype(int) - flat).max() <= 2


def test_an_untagged_small_clip_is_bt601_and_says_that_it_is_a_guess(tmp_path: Path) -> None:
    flat = np.full((48, 64, 3), (180, 60, 90), np.uint8)
    path = video(tmp_path / "plain.mkv", "ffv1", "yuv420p", [flat], times=[0], tagged=False)
    with open_clip(path) as clip:
        assert clip.info.colour.assumed
        assert np.abs(next(clip.frames()).image.astype(int) - flat).max() <= 2


# Numbered images.


def test_a_gap_in_a_pattern_names_the_missing_file(tmp_path: Path) -> None:
    folder = numbered(tmp_path, digits=4)
    (folder / "shot_0007.png").unlink()
    with pytest.raises(CleanplateError, match=r"shot_0007\.png is missing: the sequence goes from 0 to 11"):
        open_clip(folder / "shot_%04d.png")
    with open_clip(folder) as clip:
        assert len(clip.info) == COUNT - 1


def test_a_folder_of_no_images_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    refuses(tmp_path, "holds no images")


def test_a_folder_of_two_kinds_asks_for_one(tmp_path: Path) -> None:
    folder = numbered(tmp_path)
    cv2.imwrite(str(folder / "thumb.jpg"), picture(0))
    refuses(folder, r"several kinds \(\.jpg, \.png\)")


def test_a_picture_of_another_size_is_named(tmp_path: Path) -> None:
    folder = numbered(tmp_path, digits=2)
    cv2.imwrite(str(folder / "shot_05.png"), picture(5, 60, 48))
    with open_clip(folder) as clip:
        frames = clip.frames()
        assert [next(frames).index for _ in range(5)] == [0, 1, 2, 3, 4]
        with pytest.raises(CleanplateError, match=r"shot_05\.png is 60 x 48, but shot_00\.png is 64 x 48"):
            next(frames)


def test_numbers_of_a_kind_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "float.tif"), np.zeros((8, 8, 4), np.float32))
    refuses(tmp_path / "float.tif", "numbers of a kind that cannot be read .* 8 or 16 bits, or as OpenEXR")


def test_a_pattern_that_names_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CleanplateError, match="no file is named like"):
        open_clip(tmp_path / "shot_%05d.png")


def test_a_rate_must_be_positive(tmp_path: Path) -> None:
    with pytest.raises(CleanplateError, match="0 frames a second"):
        open_clip(numbered(tmp_path), Fraction(0))


# Files that are no good.


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    refuses(tmp_path / "nothing.mp4", "does not exist")


@pytest.mark.parametrize("name", ["notes.mp4", "notes.png"])
@pytest.mark.parametrize("content", [b"", b"no film at all" * 100])
def test_what_is_no_medium_is_refused(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    refuses(tmp_path / name, "can be read")


def test_pictures_that_nobody_can_decode_are_refused(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4")
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzz1").replace(b"avcC", b"zzzC"))
    refuses(path, "has pictures that cannot be decoded here")


def test_sound_alone_is_no_clip(tmp_path: Path) -> None:
    path = tmp_path / "song.m4a"
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.float32), "fltp", "mono")
        frame.rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    refuses(path, "has no video stream, only audio")


def cut(path: Path, share: float) -> Path:
    data = path.read_bytes()
    short = path.with_stem(path.stem + "-cut")
    short.write_bytes(data[: round(len(data) * share)])
    return short


def noisy(count: int = COUNT) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (48, 64, 3), dtype=np.uint8) for _ in range(count)]


def test_an_mp4_that_lost_its_tail_is_refused(tmp_path: Path) -> None:
    whole = video(tmp_path / "a.mp4", "libx264", "yuv420p", noisy(), options={"bf": "0"})
    with av.open(str(whole)) as source, av.open(str(tmp_path / "b.mp4"), "w", options={"movflags": "faststart"}) as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    refuses(cut(tmp_path / "b.mp4", 0.6), r"cut short: it lists 12 frames, but the file ends in frame [67];")
    refuses(cut(tmp_path / "b.mp4", 0.999), r"cut short: it lists 12 frames, but the file ends in frame 11;")
    refuses(cut(whole, 0.6), "cut short")


def test_an_mkv_that_lost_its_tail_is_refused(tmp_path: Path) -> None:
    whole = video(tmp_path / "a.mkv", "ffv1", "bgr0", noisy())
    refuses(cut(whole, 0.6), r"cut short: it should last 0\.48 seconds, but the file ends in frame [67],")


@pytest.mark.parametrize(("codec", "pixel_format"), [("libx264", "yuv420p"), ("mjpeg", "yuvj420p"), ("png", "rgb24")])
def test_a_damaged_frame_is_named(codec: str, pixel_format: str, tmp_path: Path) -> None:
    path = tmp_path / "a.mov"
    video(path, codec, pixel_format, noisy(), options={"bf": "0", "g": "1", "threads": "1"})
    with av.open(str(path)) as container:
        found = [packet for packet in container.demux(video=0) if packet.size][7]
        place, size = found.pos, found.size
    data = bytearray(path.read_bytes())
    data[place : place + size] = bytes(value ^ 0x5A for value in data[place : place + size])
    path.write_bytes(data)
    with open_clip(path) as clip:
        shown = []
        with pytest.raises(CleanplateError, match=r"frame 7 \(at 0\.280 seconds\) is damaged"):
            shown.extend(frame.index for frame in clip.frames())
        assert shown == list(range(7))
        assert [frame.index for frame in clip.frames(0, 7)] == list(range(7))
        assert [frame.index for frame in clip.frames(9)] == [9, 10, 11]


def test_a_size_that_changes_is_named(tmp_path: Path) -> None:
    """As where two recordings were joined without a thought."""
    parts = [
        video(tmp_path / f"{n}.ts", "libx264", "yuv420p", [picture(i, w, 48) for i in range(5)], times=times)
        for n, w, times in (("a", 64, range(5)), ("b", 80, range(10, 15)))
    ]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    refuses(path, "changes its size from 64 x 48 to 80 x 48 at frame 5")


def test_reading_after_closing_fails_cleanly(tmp_path: Path) -> None:
    path = video(tmp_path / "a.mkv", "ffv1", "bgr0", noisy())
    with open_clip(path) as clip:
        frames = clip.frames()
        next(frames)
    with pytest.raises(ValueError, match="has been closed"):
        next(frames)


# Stills and plates.


def test_sixteen_bits_stay(tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    image = np.dstack([deep(picture(0)), deep(ramp(0)[..., None])])
    cv2.imwrite(str(path), image[..., [2, 1, 0, 3]])
    frame = read_still(path)
    assert frame.bit_depth == 16
    assert np.array_equal(frame.image, image[..., :3])
    assert frame.alpha is not None
    assert np.array_equal(frame.alpha, image[..., 3])


def test_a_palette_is_resolved(tmp_path: Path) -> None:
    path = tmp_path / "few.png"
    image = np.zeros((20, 30, 3), np.uint8)
    image[5:, 7:] = (10, 200, 99)
    PillowImage.fromarray(image).quantize(4).save(path)
    frame = read_still(path)
    assert np.array_equal(frame.image, image)
    assert frame.alpha is None


def test_cmyk_is_refused(tmp_path: Path) -> None:
    PillowImage.fromarray(picture(0)).convert("CMYK").save(tmp_path / "print.jpg")
    refuses(tmp_path / "print.jpg", "CMYK")


def test_a_cover_is_no_film(tmp_path: Path) -> None:
    """A song with a picture of its singer."""
    path = tmp_path / "song.mp3"
    song = tmp_path / "plain.mp3"
    with av.open(str(song), "w") as container:
        stream = container.add_stream("mp3", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 9600), np.float32), "fltp", "mono")
        frame.rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    _, jpeg = cv2.imencode(".jpg", picture(0))
    body = b"\0image/jpeg\0\3\0" + jpeg.tobytes()
    apic = b"APIC" + len(body).to_bytes(4, "big") + b"\0\0" + body
    size = bytes((len(apic) >> shift) & 0x7F for shift in (21, 14, 7, 0))
    path.write_bytes(b"ID3\3\0\0" + size + apic + song.read_bytes())
    with av.open(str(path)) as container:
        assert len(container.streams.video) == 1
    refuses(path, "no video stream, only audio")


def test_interlaced_pictures_are_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "broadcast.mkv"
    video(path, "libx264", "yuv420p", [picture(i) for i in range(4)], times=range(4), options={"x264-params": "tff=1"})
    refuses(path, r"is interlaced.*bwdif")


def test_a_part_that_is_interlaced_is_named(tmp_path: Path) -> None:
    parts = [
        video(tmp_path / f"{n}.ts", "libx264", "yuv420p", [picture(i) for i in range(5)], times=times, options=options)
        for n, times, options in (("a", range(5), {}), ("b", range(10, 15), {"x264-params": "tff=1"}))
    ]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    refuses(path, "is interlaced: frame 5 shows two moments at once")
