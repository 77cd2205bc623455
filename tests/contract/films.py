"""Clips with sound, made with PyAV directly."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition

from tests.contract.made import picture

RATE = 48000


def noise(seconds: float = 2.0) -> np.ndarray:
    """Sound that matches itself at one shift only."""
    rough = np.random.default_rng(7).standard_normal(round(seconds * RATE))
    return (np.convolve(rough, np.ones(8) / 8, "same") * 0.3).astype(np.float32)


def film(path: Path, codecs: tuple[str, ...] = ("aac",), late: int = 0, **options: str) -> Path:
    """Two seconds of 25 frames each, with sound; `late` frames are missing at the beginning, `options` are the muxer's.

    The second track is half as loud as the first, and French; it is the one that is heard by default.
    """
    sound = noise()
    with av.open(str(path), "w", options=options) as container:
        video = container.add_stream("libx264", rate=25, options={"bf": "2", "g": "10"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        tracks = [container.add_stream(codec, rate=RATE, layout="stereo") for codec in codecs]
        for track, language in zip(tracks, ("eng", "fra"), strict=False):
            track.metadata["language"] = language
            track.disposition = Disposition.default if language == "fra" or len(tracks) == 1 else Disposition(0)
        for index in range(50):
            if index >= late:
                frame = av.VideoFrame.from_ndarray(picture(index % 10), format="rgb24")
                frame.pts = index
                container.mux(video.encode(frame))
            part = sound[index * 1920 : (index + 1) * 1920]
            for number, track in enumerate(tracks):
                container.mux(track.encode(_audio(part / (1 + number), index * 1920, track.codec_context.name)))
        for stream in (video, *tracks):
            container.mux(stream.encode(None))
    return path


def _audio(samples: np.ndarray, at: int, codec: str) -> av.AudioFrame:
    if codec.startswith("pcm"):
        data = np.rint(samples * 32767).astype(np.int16).repeat(2)[None]
        frame = av.AudioFrame.from_ndarray(data, "s16", "stereo")
    else:
        frame = av.AudioFrame.from_ndarray(np.stack([samples, samples]), "fltp", "stereo")
    frame.rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
    return frame
