"""What is delivered, as an independent reader finds it: FFmpeg's own programs, not the library that wrote it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.conversion import ConvertedClip
from pipeline.decode import open_clip
from pipeline.encode import open_writer
from pipeline.frames import CleanplateError, Frame
from pipeline.light import primaries_of
from tests.contract.made import KINDS, Made, deep, picture, ramp, video

SOURCES = (
    "h264", "irregular", "reordered", "late", "turned", "hevc 10 bit", "prores 422", "prores", "vp9 alpha", "ffv1 deep",
    "odd", "motion jpeg",
)  # fmt: skip


@dataclass(frozen=True)
class Delivery:
    """What to write and what to find: pixel format by depth, colour and alpha errors (mean, dB), finest time."""

    name: str
    codec: str
    channels: int
    found: str
    pixel_formats: tuple[str, str]
    error: float = 0.0
    alpha_db: float = 0.0
    tick: Fraction = Fraction(0)


MS = Fraction(1, 1000)
DELIVERIES = (
    Delivery("h264.mp4", "h264", 3, "h264", ("yuv420p", "yuv420p"), 3.0),
    Delivery("h265.mp4", "h265", 3, "hevc", ("yuv420p", "yuv420p10le"), 3.5),
    Delivery("prores422.mov", "prores422", 3, "prores", ("yuv422p10le", "yuv422p10le"), 2.0),
    Delivery("prores4444.mov", "prores4444", 4, "prores", ("yuva444p12le", "yuva444p12le"), 1.5, 45),
    Delivery("vp9.webm", "vp9", 4, "vp9", ("yuva420p", "yuva420p"), 3.5, 30, MS),
    Delivery("ffv1.mkv", "ffv1", 4, "ffv1", ("bgra", "gbrap16le"), 0.0, 60, MS),
    Delivery("animation.mov", "animation", 4, "qtrle", ("argb", "argb"), 0.5, 60),
)


def probe(path: Path) -> tuple[dict[str, Any], list[Fraction]]:
    """The video stream as ffprobe describes it, and the frames' times."""
    words = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_streams", "-show_frames", "-of", "json"]
    said = json.loads(subprocess.run([*words, str(path)], check=True, capture_output=True).stdout)
    (stream,) = said["streams"]
    ticks = [int(frame.get("pts", frame.get("pkt_pts"))) for frame in said["frames"]]
    return stream, [tick * Fraction(stream["time_base"]) for tick in ticks]


def length(stream: dict[str, Any]) -> Fraction:
    """How long a stream lasts, seconds; Matroska says so in a tag."""
    tags = {key.upper(): value for key, value in stream.get("tags", {}).items()}
    if "duration" in stream:
        return Fraction(stream["duration"])
    hours, minutes, seconds = tags["DURATION"].split(":")
    return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)


def pixels(path: Path, frame: Frame, filters: str, kind: str, depth: type[np.unsignedinteger]) -> np.ndarray:
    """All frames as ffmpeg decodes them, `gray` or `rgb`, 0 to 1."""
    pixel_format = {"gray": ("gray", "gray16le"), "rgb": ("rgb24", "rgb48le")}[kind][depth == np.uint16]
    decoder = ["-c:v", "libvpx-vp9"] if path.suffix == ".webm" else []  # its own drops alpha
    words = ["ffmpeg", "-v", "error", *decoder, "-i", str(path), "-vsync", "passthrough", "-vf", filters]
    raw = subprocess.run(
        [*words, "-f", "rawvideo", "-pix_fmt", pixel_format, "-"], check=True, capture_output=True
    ).stdout
    height, width = frame.image.shape[:2]
    shape = (-1, height, width, 3) if kind == "rgb" else (-1, height, width)
    return np.frombuffer(raw, depth).reshape(shape).astype(np.float64) / np.iinfo(depth).max


@pytest.fixture(scope="module", params=SOURCES)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return KINDS[request.param](tmp_path_factory.mktemp("clip"))


@pytest.mark.parametrize("delivery", DELIVERIES, ids=lambda delivery: delivery.name)
def test_an_independent_reader_finds_what_was_written(made: Made, delivery: Delivery, tmp_path: Path) -> None:
    path = tmp_path / delivery.name
    if delivery.codec == "prores422" and made.width % 2:
        with open_clip(made.path) as clip, pytest.raises(CleanplateError, match="even width"):
            open_writer(path, clip.info, channels=3, codec="prores422")
        return
    with open_clip(made.path, made.fps) as clip:
        info, frames = clip.info, list(clip.frames())
        size = (info.width, info.height)
        alphas = [ramp(frame.index, *size) for frame in frames]
        with open_writer(path, info, channels=delivery.channels, codec=delivery.codec) as writer:
            for frame, alpha in zip(frames, alphas, strict=True):
                image = frame.image
                if delivery.channels == 4:
                    image = np.dstack([image, alpha if image.dtype == np.uint8 else alpha.astype(np.uint16) * 257])
                writer.write(image, frame.pts)
    stream, seconds = probe(path)
    assert stream["codec_name"] == delivery.found
    assert (stream["width"], stream["height"]) == size
    began = frames[0].pts * frames[0].time_base
    assert len(seconds) == len(frames)
    for frame, second in zip(frames, seconds, strict=True):
        assert abs(frame.pts * frame.time_base - began - second) <= delivery.tick / 2
    end = info.end_pts * info.time_base - began
    assert abs(length(stream) - end) <= max(delivery.tick, Fraction(1, 10**6))  # ffprobe rounds to microseconds
    odd = made.width % 2 or made.height % 2
    wanted = delivery.pixel_formats[made.bits > 8]
    if delivery.found == "vp9":
        assert stream["tags"].get("alpha_mode", stream["tags"].get("ALPHA_MODE")) == "1"
    elif not (odd and delivery.found in ("h264", "hevc")):
        assert stream["pix_fmt"] == wanted
    if delivery.found not in ("ffv1", "qtrle"):
        matrix = "bt2020nc" if primaries_of(info.colour) == 9 else "bt709"
        assert (stream["color_space"], stream.get("color_range", "tv")) == (matrix, "tv")
    if delivery.found == "prores":  # whom Apple's programs believe; ffprobe looks for it elsewhere
        assert b"apl0" in path.read_bytes()
    _compare(path, delivery, frames, alphas)


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("out.mp4", "h264"), ("out.mp4", "h265"), ("out.mov", "prores422"), ("out.mov", "prores4444"),
        ("out.webm", "vp9"), ("out.mkv", "ffv1yuv"),
    ],
)  # fmt: skip
def test_hdr_stays_what_it_is(name: str, codec: str, tmp_path: Path) -> None:
    """Primaries, matrix and curve are the clip's, and the pictures are stored by them."""
    made = KINDS["hdr"](tmp_path)
    with open_clip(made.path) as clip, open_writer(tmp_path / name, clip.info, channels=3, codec=codec) as writer:
        frames = list(clip.frames(0, 3))
        for frame in frames:
            writer.write(frame.image, frame.pts)
    stream, _ = probe(tmp_path / name)
    said = [stream[f"color_{key}"] for key in ("primaries", "transfer", "space")]
    assert said == ["bt2020", "smpte2084", "bt2020nc"]
    with open_clip(tmp_path / name) as clip:
        image = next(clip.frames()).image
        error = np.abs(frames[0].image / 65535 - image / np.iinfo(image.dtype).max)
        assert error.mean() < 0.012
    with (
        open_clip(made.path) as clip,
        open_writer(tmp_path / f"a_{name}", clip.info, channels=1, codec=codec) as writer,
    ):
        writer.write(frames[0].image[..., :1], frames[0].pts)
    stream, _ = probe(tmp_path / f"a_{name}")
    assert not {"bt2020", "smpte2084"} & {stream.get(f"color_{key}") for key in ("primaries", "transfer")}


SCREEN = "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"


@pytest.mark.parametrize("bits", [8, 16])
def test_what_hdr10_states_goes_along_or_is_said_not_to(bits: int, tmp_path: Path) -> None:
    """SMPTE ST 2086 and CTA-861.3: the screen that it was graded on, and how bright it gets."""

    def stated(path: Path) -> list[dict[str, Any]]:
        words = ["ffprobe", "-v", "error", "-show_frames", "-read_intervals", "%+#1", "-of", "json", str(path)]
        found = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)["frames"][0]
        return [data for data in found["side_data_list"] if "metadata" in data["side_data_type"]]

    source, images = tmp_path / "a.mp4", [deep(picture(n)) for n in range(2)]
    options = {"x265-params": f"log-level=none:{SCREEN}:max-cll=1000,400"}
    video(source, "libx265", "yuv420p10le", images, times=range(2), options=options, matrix=9)
    for name, codec, noted in (("out.mp4", "h265", False), ("out.mov", "prores422", True), ("o_%d.png", None, True)):
        clip = open_clip(source)
        with clip, open_writer(tmp_path / name, clip.info, channels=3, codec=codec, bits=bits) as writer:
            for frame in clip.frames():
                writer.write(frame.image, frame.pts)
        assert any("brightness that HDR10 states; --codec h265 has" in note for note in writer.notes) is noted
    with ConvertedClip(open_clip(source)) as in_sdr:
        assert in_sdr.info.hdr10 == ""
    assert len(stated(source)) == 2
    assert stated(tmp_path / "out.mp4") == stated(source)


def test_an_interlaced_clip_is_refused_with_the_reason(tmp_path: Path) -> None:
    """As broadcasters deliver; made by ffmpeg."""
    path = tmp_path / "broadcast.mpg"
    picture = ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=25:duration=0.4", "-vf", "setfield=tff"]
    words = ["ffmpeg", "-v", "error", *picture, "-c:v", "mpeg2video", "-flags", "+ildct+ilme", str(path)]
    subprocess.run(words, check=True)
    with pytest.raises(CleanplateError, match=r"broadcast\.mpg is interlaced: frame 0 shows two moments.*bwdif"):
        open_clip(path)


def _compare(path: Path, delivery: Delivery, frames: list[Frame], alphas: list[np.ndarray]) -> None:
    """Colour within what the codec may cost, alpha within its decibels."""
    named = "bt2020" if primaries_of(frames[0].colour) == 9 else "bt709"
    matrix = "" if delivery.found in ("ffv1", "qtrle") else f"in_color_matrix={named}:in_range=tv:"
    colour = f"scale={matrix}flags=accurate_rnd+full_chroma_int+full_chroma_inp+bilinear"
    deep = frames[0].image.dtype == np.uint16
    depth = np.uint16 if deep and delivery.found != "qtrle" else np.uint8
    shown = pixels(path, frames[0], colour, "rgb", depth)
    for frame, image in zip(frames, shown, strict=True):
        error = np.abs(image - frame.image / (65535 if deep else 255)).mean() * 255
        assert error <= delivery.error + (0.3 if deep and depth == np.uint8 else 0.01)
    if delivery.channels == 4:
        found = pixels(path, frames[0], "alphaextract", "gray", depth)
        for alpha, one in zip(alphas, found, strict=True):
            square = float(np.square(one - alpha / 255).mean())
            assert square == 0 or -10 * np.log10(square) > delivery.alpha_db
