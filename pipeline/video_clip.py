"""Frames of a video file, decoded as they are asked for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from pipeline.clip import Clip
from pipeline.colour import Converter, bit_depth_of, colour_of, undeveloped
from pipeline.frames import CleanplateError, ClipInfo, Frame
from pipeline.hdr10 import hdr10_of
from pipeline.orientation import Orientation, orientation_of_frame
from pipeline.planes import plain_format, planes_of
from pipeline.timecodes import valid_timecode
from pipeline.timeline import read_timeline


class VideoClip(Clip):
    """A video file.

    Opening reads the whole file once without decoding it, for the times of its frames, and decodes the first.
    After that every iterator has the file open for itself.
    """

    def __init__(self, path: Path) -> None:
        """Open a file.

        Raises:
            CleanplateError: The file is no video, is damaged, or is cut short.
        """
        self._path = path
        with _container(path) as container:
            if container.format.name == "tiff_pipe":
                raise undeveloped(path)
            stream = _picture_stream(container, path)
            self._timeline = read_timeline(container, stream, path)
            audio_streams, subtitle_streams = len(container.streams.audio), len(container.streams.subtitles)
            chapters = len(container.chapters())
            tag, reel_name = (_tag(container, stream, key) for key in ("timecode", "reel_name"))
            aspect = stream.sample_aspect_ratio or Fraction(1)
        first = self._first()
        if first.format.is_bayer:
            raise undeveloped(path)
        self._check_scan(first, 0)
        timecode = valid_timecode(tag, self._timeline.rate)
        self._orientation = orientation_of_frame(first)
        self._size = (first.width, first.height)
        width, height = self._size[::-1] if self._orientation.swaps_sides else self._size
        self.info = ClipInfo(
            path=path,
            width=width,
            height=height,
            pts=self._timeline.pts,
            time_base=self._timeline.time_base,
            rate=self._timeline.rate,
            bit_depth=bit_depth_of(first.format),
            colour=colour_of(first),
            audio_streams=audio_streams,
            end_pts=self._timeline.end_pts,
            pixel_format=plain_format(first.format.name),
            timecode=timecode,
            unfit_timecode=tag if tag is not None and timecode is None else "",
            reel_name=reel_name or "",
            pixel_aspect=1 / aspect if self._orientation.swaps_sides else aspect,
            subtitle_streams=subtitle_streams,
            chapters=chapters,
            has_alpha=any(component.is_alpha for component in first.format.components),
            hdr10=hdr10_of(first),
        )

    def _first(self) -> av.VideoFrame:
        """The first picture that can be decoded; what a cut through an open group of pictures left before it goes.

        Such pictures lie before the first key frame in time, behind it in the file, and need what came before both.
        """
        timeline = self._timeline
        latest = max(timeline.pts[:1] + timeline.keyframes[:1])
        try:
            for pts, picture in self._decoded(0):
                if pts > latest:
                    break
                if pts in timeline.pts:
                    self._timeline = replace(timeline, pts=timeline.pts[timeline.pts.index(pts) :])
                    return picture
        except av.FFmpegError as error:
            raise self._damaged_from_the_first() from error
        raise self._damaged_from_the_first()

    def _damaged_from_the_first(self) -> CleanplateError:
        return CleanplateError(
            f"{self._path} cannot be decoded from its beginning, which is damaged, or lacks what its pictures need; "
            f"copy the file again from where it came, or cut its beginning off"
        )

    def _frames(self, start: int, end: int) -> Iterator[Frame]:
        if start == end:
            return
        converter = Converter()
        index = start
        try:
            for pts, picture in self._decoded(start):
                if pts < self.info.pts[index]:
                    continue  # on the way from the key frame, or one that shares its time with another
                if pts > self.info.pts[index]:
                    break
                yield self._finished(picture, index, converter)
                index += 1
                if index == end:
                    return
        except av.FFmpegError as error:
            raise self._undecodable(index) from error
        raise self._undecodable(index)

    def _check_scan(self, picture: av.VideoFrame, index: int) -> None:
        if picture.interlaced_frame:
            raise CleanplateError(
                f"{self._path} is interlaced: frame {index} shows two moments at once. Deinterlace it first, for "
                f"example with: ffmpeg -i {self._path.name} -vf bwdif -c:v ffv1 {self._path.stem}_progressive.mkv"
            )

    def _finished(self, picture: av.VideoFrame, index: int, converter: Converter) -> Frame:
        if (picture.width, picture.height) != self._size:
            raise CleanplateError(
                f"{self._path} changes its size from {self._size[0]} x {self._size[1]} to {picture.width} x "
                f"{picture.height} at frame {index}; cut it there and render the parts"
            )
        self._check_scan(picture, index)
        info = self.info
        following = info.pts[index + 1] if index + 1 < len(info) else info.end_pts
        image, alpha = converter.to_rgb(picture, info.colour)
        return Frame(
            image=self._orientation.upright(image),
            index=index,
            pts=info.pts[index],
            time_base=info.time_base,
            bit_depth=info.bit_depth,
            colour=info.colour,
            duration=following - info.pts[index],
            alpha=None if alpha is None else self._orientation.upright(alpha),
            planes=planes_of(picture, info.colour) if self._orientation == Orientation() else None,
        )

    def _decoded(self, start: int) -> Iterator[tuple[int, av.VideoFrame]]:
        """Yield pts and pictures in order of presentation, from frame `start` or somewhat before it."""
        for keyframe in self._entries(start):
            with _container(self._path) as container:
                pictures = self._decoded_from(container, keyframe, start)
                first = next(pictures, None)
                # A frame may need more than its key frame, as with a gradual refresh: then go back further.
                if keyframe is None or (first is not None and first[0] <= self._timeline.pts[start]):
                    if first is not None:
                        yield first
                    yield from pictures
                    return

    def _entries(self, start: int) -> Iterator[int | None]:
        """Key frames to begin at, nearest first, each twice as far back; last None, the file's beginning."""
        keyframes = self._timeline.keyframes
        at = bisect_right(keyframes, self._timeline.pts[start]) - 1
        step = 1
        while self._timeline.timed and at > 0:
            yield keyframes[at]
            at -= step
            step *= 2
        yield None

    def _decoded_from(
        self, container: InputContainer, keyframe: int | None, start: int
    ) -> Iterator[tuple[int, av.VideoFrame]]:
        stream = _picture_stream(container, self._path)
        decoder = _decoder(stream)
        decoder.thread_type = "AUTO"
        if keyframe is not None:
            container.seek(keyframe, stream=stream)
        count = 0
        for packet in _packets(container, stream, None if keyframe is None else self._timeline.pts[start]):
            for picture in decoder.decode(packet):
                if not self._timeline.timed:
                    yield count, picture
                elif picture.pts is not None:
                    yield picture.pts, picture
                count += 1

    def _undecodable(self, index: int) -> CleanplateError:
        seconds = float(self._timeline.pts[index] * self._timeline.time_base)
        return CleanplateError(
            f"{self._path}: frame {index} (at {seconds:.3f} seconds) is damaged and could not be decoded; "
            f"copy the file again from where it came, or render only the frames on either side"
        )


def _container(path: Path) -> InputContainer:
    try:
        return av.open(f"file:{path}")
    except FileNotFoundError as error:
        raise CleanplateError(f"{path} does not exist") from error
    except OSError as error:
        raise CleanplateError(f"{path} could not be opened: {error.strerror}") from error
    except (av.FFmpegError, ValueError) as error:
        raise CleanplateError(
            f"{path} is neither a video nor a picture that can be read, or it is cut short; "
            f"check that it plays elsewhere"
        ) from error


def _picture_stream(container: InputContainer, path: Path) -> VideoStream:
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:  # a cover is no film
            if stream.codec_context is None:
                raise CleanplateError(f"{path} has pictures that cannot be decoded here; convert it, say to ProRes")
            return stream
    others = {str(stream.type) for stream in container.streams if stream.type != "video"}
    if not others:
        raise CleanplateError(f"{path} has no video stream")
    raise CleanplateError(f"{path} has no video stream, only {' and '.join(sorted(others))}")


def _decoder(stream: VideoStream) -> av.VideoCodecContext:
    """The stream's own decoder, but libvpx where there is alpha: FFmpeg's own drops it without a word."""
    name = {"vp9": "libvpx-vp9", "vp8": "libvpx"}.get(stream.codec_context.name)
    tags = {key.lower(): value for key, value in stream.metadata.items()}
    if name is None or tags.get("alpha_mode") != "1":
        return stream.codec_context
    return cast(av.VideoCodecContext, av.CodecContext.create(name, "r"))


def _packets(
    container: InputContainer, stream: VideoStream, latest: int | None
) -> Iterator[av.Packet[VideoStream] | None]:
    """Yield a stream's packets and at last None, the sign to give out what is held back.

    Args:
        container: Where `stream` is.
        stream: The stream.
        latest: After a seek, the pts that the first key frame may have at most; nothing is yielded where the
            container's index led beyond it.
    """
    begun = latest is None
    for packet in container.demux(stream):
        if not begun and packet.is_keyframe and packet.pts is not None:
            if latest is not None and packet.pts > latest:
                return
            begun = True
        if begun and packet.size:
            yield packet
    yield None


def _tag(container: InputContainer, stream: VideoStream, name: str) -> str | None:
    """What belongs to timecodes, where QuickTime (their own track, or the picture's), MXF and Matroska keep it."""
    for tags in (stream.metadata, *(other.metadata for other in container.streams), container.metadata):
        for key, value in tags.items():
            if key.lower() == name:
                return str(value)
    return None
