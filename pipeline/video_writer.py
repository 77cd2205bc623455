"""Video files: frames in, one encoded stream out, and the source's sound beside it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from contextlib import suppress
from fractions import Fraction
from math import gcd
from pathlib import Path

import av
from av.video.stream import VideoStream

from pipeline.audio import AudioCarrier
from pipeline.codecs import Recipe
from pipeline.colour import Converter, bit_depth_of
from pipeline.frames import ClipInfo, Image
from pipeline.planes import FORMATS, Untouched, restore
from pipeline.timecodes import advanced
from pipeline.writer import Writer

# AV_CODEC_FLAG_FRAME_DURATION: without it the encoders forget how long the last frame lasts.
_FRAME_DURATION = 1 << 8

# MP4 and x264 count in 32 bits; a microsecond is finer than any camera's clock.
_FINEST = 1_000_000


class VideoWriter(Writer):
    """A video file with one video stream."""

    def __init__(
        self,
        path: Path,
        recipe: Recipe,
        like: ClipInfo,
        *,
        channels: int,
        bits: int,
        audio_from: Path | None,
        overwrite: bool,
    ) -> None:
        """Open the hidden file.

        Args:
            path: The output's name.
            recipe: How to encode.
            like: The clip that the frames come from: its size, clock and colour.
            channels: 1, 3 or 4.
            bits: 8 or 16, for formats that have both.
            audio_from: Whose sound is carried along.
            overwrite: Whether the output may replace a file.

        Raises:
            CleanplateError: `audio_from` cannot be read.
            MachineError: The file cannot be made.
        """
        self._pixel_format = recipe.pixel_format(channels, bits, like.width, like.height)
        if recipe.own_format and channels == 3 and like.pixel_format in FORMATS:
            self._pixel_format = like.pixel_format
        deep = bit_depth_of(av.VideoFormat(self._pixel_format, like.width, like.height)) > 8
        super().__init__(path, overwrite=overwrite, bits=16 if deep else 8)
        self._like = like
        self._channels = channels
        self._colour = recipe.colour(like.colour)
        self._time_base = output_time_base(like)
        self._converter = Converter()
        self._first_pts: int | None = None
        self._end_pts = 0
        self._audio: AudioCarrier | None = None
        with self._reporting():
            self._container = av.open(f"file:{self._partial}", "w", options=recipe.container_options)
            try:
                self._stream = self._add_stream(recipe)
                if audio_from is not None:
                    self._audio = AudioCarrier(audio_from, self._container)
            except BaseException:
                self.discard()
                raise

    def _add_stream(self, recipe: Recipe) -> VideoStream:
        stream = self._container.add_stream(recipe.codec, rate=self._like.rate, options=recipe.options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = self._like.width, self._like.height
        stream.pix_fmt = self._pixel_format
        context = stream.codec_context
        if recipe.tag is not None and self.path.suffix.lower() in (".mp4", ".mov"):
            context.codec_tag = recipe.tag
        context.time_base = self._time_base
        context.flags |= _FRAME_DURATION
        context.thread_type = "AUTO"
        context.colorspace = self._colour.matrix
        context.color_primaries = self._colour.primaries
        context.color_trc = self._colour.transfer
        context.color_range = 2 if self._colour.full_range else 1
        return stream

    def _write(self, image: Image, pts: int, untouched: Untouched | None) -> None:
        expected = (self._like.height, self._like.width, self._channels)
        if (*image.shape, 1)[:3] != expected:
            raise ValueError(f"an image of {self.path} is {expected}, not {image.shape}")
        if self._first_pts is None:
            self._first_pts = pts
            if self._like.timecode is not None:
                index = bisect_left(self._like.pts, pts)
                self._stream.metadata["timecode"] = advanced(self._like.timecode, self._like.rate, index)
            if self._audio is not None:
                start = pts * self._like.time_base
                self._audio.begin(start, from_beginning=pts == self._like.pts[0])
        frame = self._converter.from_rgb(image, self._pixel_format, self._colour)
        if untouched is not None:
            restore(frame, self._colour, untouched)
        self._end_pts = pts + self._duration(pts)
        frame.time_base = self._time_base
        frame.pts = self._rescaled(pts)
        frame.duration = self._rescaled(self._end_pts) - frame.pts
        self._container.mux(self._stream.encode(frame))
        if self._audio is not None:
            self._audio.carry(self._end_pts * self._like.time_base)

    def _finish(self) -> None:
        self._container.mux(self._stream.encode(None))
        if self._audio is not None:
            # Sound that outlasts the pictures belongs to the whole clip, but to no part of it.
            if self._end_pts == self._like.end_pts:
                self._audio.carry(None)
            self._audio.finish()
            self._audio.close()
        self._container.close()

    def _abandon(self) -> None:
        if self._audio is not None:
            self._audio.close()
        with suppress(av.FFmpegError, OSError):
            self._container.close()

    def _rescaled(self, pts: int) -> int:
        assert self._first_pts is not None
        return round((pts - self._first_pts) * self._like.time_base / self._time_base)

    def _duration(self, pts: int) -> int:
        """How long the frame at `pts` is shown in the clip."""
        like = self._like
        following = bisect_right(like.pts, pts)
        end = like.pts[following] if following < len(like) else like.end_pts
        return max(end - pts, 1)


def output_time_base(like: ClipInfo) -> Fraction:
    """The clip's own time base, or the coarsest that still hits all its times where its own is very fine.

    A microsecond is the finest; times between are rounded to it.
    """
    if like.time_base.denominator <= _FINEST:
        return like.time_base
    step = gcd(*(pts - like.pts[0] for pts in like.pts), like.end_pts - like.pts[0])
    exact = like.time_base * max(step, 1)
    return exact if exact.denominator <= _FINEST else Fraction(1, _FINEST)
