"""Whether an encoder works, found out by encoding one frame: that it is listed says little."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream


def try_codec(
    codec: str, pixel_format: str, size: tuple[int, int] = (64, 64), options: dict[str, str] | None = None
) -> str:
    """Encode one black frame.

    Args:
        codec: FFmpeg's name of the encoder.
        pixel_format: FFmpeg's name of the format.
        size: Width and height, pixels; some encoders take none that is small.
        options: For the encoder.

    Returns:
        The reason why it failed, or nothing.
    """
    # With B-frames, x265 sets the times of a clip of less than three frames at random.
    quiet = {"x265-params": "bframes=0:log-level=none"} if codec == "libx265" else {}
    with tempfile.TemporaryDirectory() as folder:
        try:
            with av.open(str(Path(folder) / "try.mkv"), "w") as container:
                stream = container.add_stream(codec, rate=Fraction(25), options={**quiet, **(options or {})})
                assert isinstance(stream, VideoStream)
                stream.width, stream.height, stream.pix_fmt = *size, pixel_format
                picture = av.VideoFrame.from_ndarray(np.zeros((size[1], size[0], 3), np.uint8), format="rgb24")
                for packet in (*stream.encode(picture), *stream.encode(None)):
                    container.mux(packet)
        except (av.FFmpegError, ValueError) as error:
            return f"does not encode here: {error}"
    return ""
