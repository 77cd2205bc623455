"""Small clips of every kind, made with PyAV and OpenCV directly, and what is known of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

COUNT = 12
WIDTH, HEIGHT = 64, 48
AT_25 = tuple(range(COUNT))
TICKS = (0, 3003, 6006, 9100, 12000, 18018, 18999, 21021, 30030, 33033, 40040, 43043)  # of 1/90000, irregular


@dataclass(frozen=True)
class Made:
    """A clip that was made, and what a reader must say of it.

    `tolerance` is the mean error, in 1/255, that its codec may cost; 0 means exact.
    """

    path: Path
    seconds: tuple[Fraction, ...]
    end: Fraction
    bits: int = 8
    alpha: bool = False
    tolerance: float = 0.0
    width: int = WIDTH
    height: int = HEIGHT
    grey: bool = False
    fps: Fraction | None = None
    is_still: bool = False


def picture(index: int, width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.uint8]:
    """A smooth picture that no turning or mirroring maps to itself, with a patch that moves with the index."""
    y, x = np.mgrid[:height, :width].astype(np.float64)
    image = np.stack([40 + 150 * x / width, 60 + 120 * y / height, 90 + 8.0 * index + 0 * x], axis=-1)
    image[: height // 4, : width // 4] = (160, 60, 70)
    image[height // 2 : height // 2 + 12, 2 * index : 2 * index + 16] = (200, 190, 110)
    return np.rint(cv2.GaussianBlur(image, (0, 0), 2)).astype(np.uint8)


def deep(image: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """The same in 16 bits, using the low ones."""
    low = (np.arange(image.shape[1]) % 7)[None, :, None].astype(np.uint16)
    return image.astype(np.uint16) * 256 + low


def ramp(index: int, width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.uint8]:
    """An alpha channel that reaches both ends."""
    values = np.linspace(0, 255, width)[None].repeat(height, 0)
    values[:4] = 20 * index
    return np.rint(values).astype(np.uint8)


def video(
    path: Path,
    codec: str,
    pixel_format: str,
    images: Iterable[NDArray[np.generic]],
    *,
    times: Iterable[int] = AT_25,
    time_base: Fraction = Fraction(1, 25),
    last: int = 1,
    options: dict[str, str] | None = None,
    prepare: Callable[[av.VideoStream], None] = lambda stream: None,
    matrix: int = 6,
    full_range: bool = False,
    tagged: bool = True,
) -> Path:
    """Write images (uint8 or uint16, RGB, RGBA or grey) as a video; `last` is the last frame's duration."""
    options, images = dict(options or {}), list(images)
    if codec == "libx265":  # which spoils its memory over pictures as small as these, see pipeline/codecs.py
        params = options.get("x265-params", "log-level=none")
        options["x265-params"] = f"{params}:cutree=0:frame-threads=1:pools=none"
        if len(images) < 3:  # it has set no times for pictures out of order by then, and sends what its memory held
            options["x265-params"] += ":bframes=0"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.codec_context.time_base = time_base
        stream.codec_context.flags |= 1 << 8
        stream.pix_fmt = pixel_format
        if tagged:
            stream.codec_context.colorspace = matrix
            stream.codec_context.color_range = 2 if full_range else 1
        prepare(stream)
        stream.height, stream.width = images[0].shape[:2]
        for image, pts in zip(images, times, strict=True):
            frame = _frame(image, pixel_format, matrix, full_range)
            frame.pts, frame.time_base, frame.duration = pts, time_base, last
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _frame(image: NDArray[np.generic], pixel_format: str, matrix: int, full_range: bool) -> av.VideoFrame:
    is_deep = image.dtype == np.uint16
    channels = 1 if image.ndim == 2 else image.shape[2]
    name = {1: ("gray", "gray16le"), 3: ("rgb24", "rgb48le"), 4: ("rgba", "rgba64le")}[channels][is_deep]
    frame = av.VideoFrame.from_ndarray(image, format=name)
    if name == pixel_format:
        return frame
    is_rgb = pixel_format.startswith(("rgb", "bgr", "gbr"))
    colour = {} if is_rgb else {"dst_colorspace": 5 if matrix == 6 else matrix}
    return frame.reformat(format=pixel_format, dst_color_range=2 if full_range or is_rgb else 1, **colour)


def _seconds(times: Iterable[int], time_base: Fraction) -> tuple[Fraction, ...]:
    return tuple(pts * time_base for pts in times)


def _pictures() -> list[NDArray[np.uint8]]:
    return [picture(index) for index in range(COUNT)]


REGULAR = _seconds(AT_25, Fraction(1, 25))
IRREGULAR = _seconds(TICKS, Fraction(1, 90000))
SECOND_END = Fraction(COUNT, 25)
QUIET = {"x265-params": "log-level=none"}


def h264(folder: Path) -> Made:
    path = video(folder / "h264.mp4", "libx264", "yuv420p", _pictures(), options={"g": "5", "bf": "2", "crf": "10"})
    return Made(path, REGULAR, SECOND_END, tolerance=2)


def irregular(folder: Path) -> Made:
    path = folder / "irregular.mp4"
    base = Fraction(1, 90000)
    options = {"bf": "0", "g": "4", "crf": "10"}
    video(path, "libx264", "yuv420p", _pictures(), times=TICKS, time_base=base, last=7000, options=options)
    return Made(path, IRREGULAR, IRREGULAR[-1] + 7000 * base, tolerance=2)


def reordered(folder: Path) -> Made:
    """As a phone films: times that are irregular, frames that depend on later ones."""
    path = folder / "reordered.mp4"
    base = Fraction(1, 90000)
    options = {"bf": "2", "g": "12", "crf": "10"}
    video(path, "libx264", "yuv420p", _pictures(), times=TICKS, time_base=base, last=7000, options=options)
    return Made(path, IRREGULAR, IRREGULAR[-1] + 7000 * base, tolerance=2)


def late(folder: Path) -> Made:
    """Begins at 2.5 seconds, irregular, in whole milliseconds."""
    times = tuple(2500 + t for t in (0, 33, 67, 100, 150, 233, 267, 300, 350, 400, 433, 467))
    path = folder / "late.mkv"
    base = Fraction(1, 1000)
    video(path, "ffv1", "bgr0", _pictures(), times=times, time_base=base, last=50)
    return Made(path, _seconds(times, base), Fraction(times[-1] + 50, 1000))


def transport(folder: Path) -> Made:
    """An MPEG transport stream has no index, and begins late."""
    path = folder / "transport.ts"
    video(path, "libx264", "yuv420p", _pictures(), options={"g": "5", "bf": "2", "crf": "10"})
    with av.open(str(path)) as container:
        start = container.streams.video[0].start_time * container.streams.video[0].time_base
    seconds = tuple(start + at for at in REGULAR)
    return Made(path, seconds, start + SECOND_END, tolerance=2)


def refresh(folder: Path) -> Made:
    """Gradual refresh: a key frame alone does not suffice to begin decoding."""
    options = {"x264-params": "intra-refresh=1", "g": "5", "bf": "0", "crf": "10"}
    path = video(folder / "refresh.mkv", "libx264", "yuv420p", _pictures(), options=options)
    return Made(path, REGULAR, SECOND_END, tolerance=2)


def raw_h264(folder: Path) -> Made:
    """A bare stream: no times at all."""
    path = video(folder / "bare.h264", "libx264", "yuv420p", _pictures(), options={"bf": "2", "crf": "10"})
    return Made(path, REGULAR, SECOND_END, tolerance=2)


def avi(folder: Path) -> Made:
    """AVI keeps no times for frames that are stored out of order."""
    path = video(folder / "old.avi", "libx264", "yuv420p", _pictures(), options={"bf": "2", "crf": "10"})
    return Made(path, REGULAR, SECOND_END, tolerance=2)


def trimmed(folder: Path) -> Made:
    """An edit list hides the first three frames, as where a phone's user has trimmed."""
    whole = folder / "whole.mp4"
    pictures = [picture(max(index - 3, 0)) for index in range(COUNT + 3)]
    options = {"g": "5", "bf": "2", "crf": "10"}
    video(whole, "libx264", "yuv420p", pictures, times=range(COUNT + 3), options=options)
    path = folder / "trimmed.mp4"
    with av.open(str(whole)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        hidden = round(Fraction(3, 25) / source.streams.video[0].time_base)
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.pts -= hidden
                packet.dts -= hidden
                packet.stream = stream
                target.mux(packet)
    return Made(path, REGULAR, SECOND_END, tolerance=2)


def turned(folder: Path) -> Made:
    """A phone held upright: stored lying, with a display matrix."""
    stored = [np.ascontiguousarray(np.rot90(picture(index, 48, 64))) for index in range(COUNT)]
    path = folder / "turned.mov"
    options = {"crf": "10"}
    video(path, "libx264", "yuv420p", stored, options=options, prepare=lambda s: s.set_display_rotation(-90))
    return Made(path, REGULAR, SECOND_END, width=48, height=64, tolerance=2)


def hevc10(folder: Path) -> Made:
    images = [deep(image) for image in _pictures()]
    path = folder / "hevc10.mp4"
    video(path, "libx265", "yuv420p10le", images, options={**QUIET, "crf": "8"}, matrix=9)
    return Made(path, REGULAR, SECOND_END, bits=10, tolerance=2)


def prores(folder: Path) -> Made:
    images = [np.dstack([deep(picture(i)), deep(ramp(i)[..., None])]) for i in range(COUNT)]
    options = {"profile": "4444", "alpha_bits": "16"}
    path = video(folder / "prores.mov", "prores_ks", "yuva444p10le", images, options=options, matrix=1)
    return Made(path, REGULAR, SECOND_END, bits=12, alpha=True, tolerance=2)


def prores422(folder: Path) -> Made:
    images = [deep(image) for image in _pictures()]
    path = video(folder / "p422.mov", "prores_ks", "yuv422p10le", images, options={"profile": "hq"}, matrix=1)
    return Made(path, REGULAR, SECOND_END, bits=10, tolerance=2)


def hour(folder: Path) -> Made:
    """Its timecode begins at an hour, as editors have it."""

    def prepare(stream: av.VideoStream) -> None:
        stream.metadata["timecode"] = "01:00:00:00"

    options = {"profile": "hq"}
    images = [deep(image) for image in _pictures()]
    path = folder / "hour.mov"
    video(path, "prores_ks", "yuv422p10le", images, options=options, matrix=1, prepare=prepare)
    return Made(path, REGULAR, SECOND_END, bits=10, tolerance=2)


def hdr(folder: Path) -> Made:
    """BT.2020 with the curve of PQ."""

    def prepare(stream: av.VideoStream) -> None:
        stream.codec_context.color_primaries, stream.codec_context.color_trc = 9, 16

    path = folder / "hdr.mp4"
    images = [deep(image) for image in _pictures()]
    video(path, "libx265", "yuv420p10le", images, options={**QUIET, "crf": "8"}, matrix=9, prepare=prepare)
    return Made(path, REGULAR, SECOND_END, bits=10, tolerance=2)


def vp9_alpha(folder: Path) -> Made:
    images = [np.dstack([picture(i), ramp(i)]) for i in range(COUNT)]
    options = {"crf": "10", "b": "0", "cpu-used": "8", "deadline": "realtime"}
    path = video(folder / "alpha.webm", "libvpx-vp9", "yuva420p", images, options=options)
    return Made(path, REGULAR, SECOND_END, alpha=True, tolerance=2)


def ffv1(folder: Path) -> Made:
    path = video(folder / "ffv1.mkv", "ffv1", "bgr0", _pictures(), tagged=False)
    return Made(path, REGULAR, SECOND_END)


def ffv1_deep(folder: Path) -> Made:
    images = [np.dstack([deep(picture(i)), deep(ramp(i)[..., None])]) for i in range(COUNT)]
    path = video(folder / "deep.mkv", "ffv1", "gbrap16le", images, tagged=False)
    return Made(path, REGULAR, SECOND_END, bits=16, alpha=True)


def odd(folder: Path) -> Made:
    images = [picture(index, 65, 49) for index in range(COUNT)]
    path = video(folder / "odd.mkv", "ffv1", "bgr0", images, tagged=False)
    return Made(path, REGULAR, SECOND_END, width=65, height=49)


def grey(folder: Path) -> Made:
    path = folder / "grey.mkv"
    video(path, "ffv1", "gray", [ramp(index) for index in range(COUNT)], tagged=False)
    return Made(path, REGULAR, SECOND_END, grey=True)


def grey_deep(folder: Path) -> Made:
    images = [deep(ramp(index)[..., None])[..., 0] for index in range(COUNT)]
    path = video(folder / "grey16.mkv", "ffv1", "gray16le", images, tagged=False)
    return Made(path, REGULAR, SECOND_END, bits=16, grey=True)


def motion_jpeg(folder: Path) -> Made:
    """Full-range YUV by its pixel format."""
    path = folder / "mjpeg.mov"
    video(path, "mjpeg", "yuvj420p", _pictures(), options={"qmin": "1", "qmax": "1"}, full_range=True)
    return Made(path, REGULAR, SECOND_END, tolerance=2)


def still(folder: Path, suffix: str = ".png", tolerance: float = 0, quality: tuple[int, ...] = ()) -> Made:
    path = folder / f"still{suffix}"
    cv2.imwrite(str(path), picture(0)[..., ::-1], list(quality))
    return Made(path, (Fraction(0),), Fraction(1, 25), is_still=True, tolerance=tolerance)


def still_deep(folder: Path) -> Made:
    path = folder / "still16.png"
    cv2.imwrite(str(path), deep(picture(0))[..., ::-1])
    return Made(path, (Fraction(0),), Fraction(1, 25), bits=16, is_still=True)


def still_alpha(folder: Path) -> Made:
    path = folder / "see-through 100%d.png"  # a name that FFmpeg would take for a pattern
    cv2.imwrite(str(path), np.dstack([picture(0)[..., ::-1], ramp(0)]))
    return Made(path, (Fraction(0),), Fraction(1, 25), alpha=True, is_still=True)


def numbered(folder: Path, first: int = 0, digits: int = 0) -> Path:
    """Write a folder of pictures whose names are numbers."""
    images = folder / f"images{digits}"
    images.mkdir()
    for index in range(COUNT):
        cv2.imwrite(str(images / f"shot_{index + first:0{digits}d}.png"), picture(index)[..., ::-1])
    return images


def image_folder(folder: Path) -> Made:
    """Numbers without zeros: 2 comes before 10."""
    seconds = _seconds(AT_25, Fraction(1001, 24000))
    rate = Fraction(24000, 1001)
    return Made(numbered(folder), seconds, COUNT / rate, fps=rate)


def image_pattern(folder: Path) -> Made:
    return Made(numbered(folder, first=95, digits=3) / "shot_%03d.png", REGULAR, SECOND_END)


KINDS: dict[str, Callable[[Path], Made]] = {
    "h264": h264,
    "irregular": irregular,
    "reordered": reordered,
    "late": late,
    "transport": transport,
    "refresh": refresh,
    "raw h264": raw_h264,
    "avi": avi,
    "trimmed": trimmed,
    "turned": turned,
    "hevc 10 bit": hevc10,
    "prores": prores,
    "prores 422": prores422,
    "hour": hour,
    "hdr": hdr,
    "vp9 alpha": vp9_alpha,
    "ffv1": ffv1,
    "ffv1 deep": ffv1_deep,
    "odd": odd,
    "grey": grey,
    "grey deep": grey_deep,
    "motion jpeg": motion_jpeg,
    "png": still,
    "jpeg": lambda folder: still(folder, ".jpg", 1.5, (cv2.IMWRITE_JPEG_QUALITY, 95)),
    "tiff": lambda folder: still(folder, ".tiff"),
    "webp": lambda folder: still(folder, ".webp", 1.5, (cv2.IMWRITE_WEBP_QUALITY, 95)),
    "png deep": still_deep,
    "png alpha": still_alpha,
    "folder": image_folder,
    "pattern": image_pattern,
}


def expected(made: Made, index: int) -> NDArray[np.float64]:
    """What frame `index` shows, H x W x 3 (x 4 with alpha), 0 to 255."""
    shown = 0 if made.is_still else index
    if made.grey:
        image = ramp(shown, made.width, made.height)[..., None].repeat(3, 2)
    else:
        image = picture(shown, made.width, made.height)
    if made.alpha:
        image = np.dstack([image, ramp(shown, made.width, made.height)])
    if made.bits == 8:
        return image.astype(np.float64)
    parts = [deep(image[..., :3])] + ([deep(image[..., 3:])] if made.alpha else [])
    return np.dstack(parts) / 257  # 1/255 of full scale
