"""Makes the samples: a woman who walks in and waves, a pot of grass, their true alphas, a clean plate, a background.

    python samples/make.py

Everything is drawn by the code in this folder, from one seed. At the full size it takes a few minutes.
"""

from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream
from camera import WIDTH, Array, expose, photograph, picture_size, plate_shot
from film import FRAMES, RATE, Frames, film, film_plant
from landscape import paint_landscape
from numpy.typing import NDArray
from room import ROOM_SCALE, paint_room
from sound import SAMPLE_RATE, make_sound

SEED = 20
CLIP_OPTIONS = {"crf": "21", "preset": "slow", "threads": "1"}
AUDIO_BLOCK = 1024
PLANT_FRAMES = 50


def main() -> None:
    """Reads the command line and makes the files."""
    parser = argparse.ArgumentParser(description="Makes the sample clip, its plate, its alpha and a background.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder for the files")
    parser.add_argument("--frames", type=int, default=FRAMES, help=f"how many of the {FRAMES} frames to make")
    parser.add_argument("--width", type=int, default=WIDTH, help="width of the pictures in pixels")
    options = parser.parse_args()
    make(options.out, options.frames, options.width / WIDTH)


def make(out: Path, frames: int = FRAMES, scale: float = 1.0) -> None:
    """Writes both clips with their alphas, and plate.png and background.jpg, into `out`.

    Args:
        out: The folder; made if needed.
        frames: How many frames to make, from the first; all there are at most.
        scale: Size, 1 for 960 x 540.
    """
    frames = min(frames, FRAMES)
    out.mkdir(parents=True, exist_ok=True)
    size = picture_size(scale)
    room = paint_room(np.random.default_rng(SEED), ROOM_SCALE)
    plate = photograph(room, ROOM_SCALE, plate_shot(), scale)
    _save(out / "plate.png", expose(plate, plate_shot(), np.random.default_rng(SEED + 1)))
    landscape = paint_landscape(np.random.default_rng(SEED + 2), 2 * size[0], 2 * size[1])
    _save(out / "background.jpg", np.asarray(landscape * 255 + 0.5, np.uint8))
    sound = make_sound(np.random.default_rng(SEED + 3), frames / RATE)
    _write(out / "clip.mp4", out / "alpha.mkv", film(room, frames, scale, SEED + 4), size, sound)
    few = min(frames, PLANT_FRAMES)
    _write(out / "plant.mp4", out / "plant_alpha.mkv", film_plant(room, few, scale, SEED + 5), size)


def _write(
    clip_path: Path, matte_path: Path, frames: Frames, size: tuple[int, int], sound: Array | None = None
) -> None:
    """A clip, with sound where there is some, and its alpha."""
    with _open(clip_path) as clip, _open(matte_path) as mattes:
        picture = _add_video(clip, "libx264", "yuv420p", size)
        picture.options = CLIP_OPTIONS
        track = clip.add_stream("aac", rate=SAMPLE_RATE, layout="stereo") if sound is not None else None
        matte = _add_video(mattes, "ffv1", "gray", size)
        for index, (image, alpha) in enumerate(frames):
            clip.mux(picture.encode(_colour_frame(image, index)))
            mattes.mux(matte.encode(_timed(av.VideoFrame.from_ndarray(alpha, format="gray"), index)))
        if track is not None and sound is not None:
            track.bit_rate = 96_000
            _write_sound(clip, track, sound)
        clip.mux(picture.encode(None))
        mattes.mux(matte.encode(None))


def _save(path: Path, image: NDArray[np.uint8]) -> None:
    quality = [cv2.IMWRITE_JPEG_QUALITY, 88] if path.suffix == ".jpg" else [cv2.IMWRITE_PNG_COMPRESSION, 9]
    if not cv2.imwrite(str(path), np.ascontiguousarray(image[:, :, ::-1]), quality):
        raise OSError(f"{path} could not be written")


def _open(path: Path) -> OutputContainer:
    # Without this flag Matroska writes a random name into the file, and no two runs are equal.
    return av.open(str(path), "w", options={"fflags": "+bitexact"})


def _add_video(container: OutputContainer, codec: str, pix_fmt: str, size: tuple[int, int]) -> VideoStream:
    stream = container.add_stream(codec, rate=RATE)
    stream.width, stream.height = size
    stream.pix_fmt = pix_fmt
    stream.codec_context.time_base = Fraction(1, RATE)
    if pix_fmt == "yuv420p":
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = 1  # BT.709
        context.color_range = ColorRange.MPEG
    return stream


def _colour_frame(image: NDArray[np.uint8], index: int) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(image, format="rgb24")
    return _timed(
        frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG), index
    )


def _timed(frame: av.VideoFrame, index: int) -> av.VideoFrame:
    frame.pts, frame.time_base = index, Fraction(1, RATE)
    return frame


def _write_sound(container: OutputContainer, stream: AudioStream, samples: Array) -> None:
    for start in range(0, samples.shape[1], AUDIO_BLOCK):
        block = np.ascontiguousarray(samples[:, start : start + AUDIO_BLOCK], np.float32)
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, start, Fraction(1, SAMPLE_RATE)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


if __name__ == "__main__":
    main()
