"""Video files: frames in, one encoded stream out, and beside it what the source has beside its pictures."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from math import gcd
from pathlib import Path

import av
from av.video.stream import VideoStream

from pipeline.carrier import Carrier
from pipeline.codecs import Recipe
from pipeline.colour import UNKNOWN, Converter, bit_depth_of
from pipeline.frames import ClipInfo, Image
from pipeline.planes import FORMATS, Untouched, restore
from pipeline.timecodes import advanced
from pipeline.track import Span
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
        company_from: Path | None,
        stop: int | None,
        premultiplied: bool,
        overwrite: bool,
    ) -> None:
        """Open the hidden file.

        Args:
            path: The output's name.
            recipe: How to encode.
            like: The clip that the frames come from: its size, clock and colour.
            channels: 1, 3 or 4.
            bits: 8 or 16, for formats that have both.
            company_from: Whose sound, subtitles and chapters are carried along.
            stop: Index of the frame that writing stops before; None for the clip's end.
            premultiplied: Whether the colour that will be given is multiplied by alpha; said in the metadata.
            overwrite: Whether the output may replace a file.

        Raises:
            CleanplateError: `company_from` cannot be read.
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
        if channels == 1:  # alpha has no colours: a player that took it for HDR would show another
            self._colour = replace(self._colour, primaries=UNKNOWN, transfer=UNKNOWN)
        self._time_base = output_time_base(like)
        self._converter = Converter()
        self._first_pts: int | None = None
        self._end_pts = 0
        self._stop_pts = like.end_pts if stop is None or stop >= len(like) else like.pts[stop]
        self._carrier: Carrier | None = None
        with self._reporting():
            options = recipe.container_options(path.suffix.lower())
            self._container = av.open(f"file:{self._partial}", "w", options=options)
            if channels == 4:
                self._container.metadata["comment"] = f"{'premultiplied' if premultiplied else 'straight'} alpha"
            try:
                self._stream = self._add_stream(recipe)
                if company_from is not None:
                    self._carrier = Carrier(company_from, self._container, self.notes)
            except BaseException:
                self.discard()
                raise

    def _add_stream(self, recipe: Recipe) -> VideoStream:
        hdr10 = self._like.hdr10 if self._channels > 1 else ""
        options = recipe.options_for(self._like.width, self._like.height, hdr10)
        stream = self._container.add_stream(recipe.codec, rate=self._like.rate, options=options)
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
        if self._like.pixel_aspect != 1:
            context.sample_aspect_ratio = self._like.pixel_aspect
            if self.path.suffix.lower() in (".mkv", ".webm") and not recipe.states_aspect:
                self.notes.append(
                    f"{self.path} cannot say that its pixels are {self._like.pixel_aspect} as wide as high: "
                    f"{recipe.name} in {self.path.suffix} has no place for it; .mp4 and .mov do"
                )
        if self._like.reel_name:
            stream.metadata["reel_name"] = self._like.reel_name
            if self.path.suffix.lower() == ".mp4" or (self.path.suffix.lower() == ".mov" and not self._like.timecode):
                self.notes.append(f"{self.path} has no place for the clip's reel name; a .mov with a timecode has")
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
            if self._carrier is not None:
                start, end = (at * self._like.time_base for at in (pts, self._stop_pts))
                from_beginning, to_end = pts == self._like.pts[0], self._stop_pts == self._like.end_pts
                self._carrier.begin(Span(start, end, from_beginning=from_beginning, to_end=to_end))
        frame = self._converter.from_rgb(image, self._pixel_format, self._colour)
        if untouched is not None:
            restore(frame, self._colour, untouched)
        self._end_pts = pts + self._duration(pts)
        frame.time_base = self._time_base
        frame.pts = self._rescaled(pts)
        frame.duration = self._rescaled(self._end_pts) - frame.pts
        self._container.mux(self._stream.encode(frame))
        if self._carrier is not None:
            self._carrier.carry(self._end_pts * self._like.time_base)

    def _finish(self) -> None:
        self._container.mux(self._stream.encode(None))
        if self._carrier is not None:
            # Sound that outlasts the pictures belongs to the whole clip, but to no part of it.
            if self._end_pts == self._like.end_pts:
                self._carrier.carry(None)
            self._carrier.finish()
            self._carrier.close()
        self._container.close()

    def _abandon(self) -> None:
        if self._carrier is not None:
            self._carrier.close()
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
