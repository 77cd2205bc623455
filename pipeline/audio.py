"""Sound that is carried from the source to the output beside the new pictures."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Literal, cast

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer

from pipeline.frames import CleanplateError

_log = logging.getLogger(__name__)

# An encoder's priming lies before time 0 and is needed to decode what follows; HE-AAC has the longest.
_PRIMING = Fraction(1, 10)

# What FFmpeg says a format takes, but fails to write: some of it not before the end.
_REFUSED = {"mp4": ("pcm_",), "mov": ("flac", "opus")}

# Every encoder takes it.
_ENCODED_RATE = 48000

_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}


class AudioCarrier:
    """Moves the audio of a file into an output, along with the video's progress.

    Packets are copied as they are where the output's format takes their codec, and encoded anew where it does
    not. Times are counted from the first frame written, so sound and picture stay together.
    """

    def __init__(self, source: Path, output: OutputContainer) -> None:
        """Open the source and add its audio streams to the output, which has not begun.

        Args:
            source: A media file; one without audio is fine.
            output: Where the streams are added.

        Raises:
            CleanplateError: The source cannot be read.
        """
        self._path = source
        try:
            self._source = av.open(f"file:{source}")
        except (av.FFmpegError, OSError, ValueError) as error:
            raise CleanplateError(f"the sound of {source} cannot be read: {error}") from error
        self._output = output
        self._tracks = {stream.index: _track(stream, output, source) for stream in self._source.streams.audio}
        self._packets = self._read()
        self._held: av.Packet[AudioStream] | None = None
        self._start = Fraction(0)
        self._from_beginning = True

    def begin(self, start: Fraction, *, from_beginning: bool) -> None:
        """Say which time of the source is 0 in the output; before the first `carry`.

        Args:
            start: Seconds in the source.
            from_beginning: Whether the video is carried from its beginning. Then nothing of the sound is cut
                there but what is out of reach of an encoder's priming.
        """
        self._start = start
        self._from_beginning = from_beginning

    def carry(self, until: Fraction | None) -> None:
        """Move the sound that begins before a time.

        Args:
            until: Seconds in the source; None for all there is.

        Raises:
            CleanplateError: The sound is damaged.
        """
        while True:
            packet = self._held if self._held is not None else next(self._packets, None)
            self._held = packet
            if packet is None or packet.pts is None:
                return
            if until is not None and packet.pts * packet.time_base >= until:
                return
            self._held = None
            if self._is_wanted(packet):
                self._tracks[packet.stream.index].put(packet, self._start)

    def finish(self) -> None:
        """Write what the encoders hold back."""
        for track in self._tracks.values():
            track.finish()

    def close(self) -> None:
        """Close the source."""
        with suppress(av.FFmpegError):
            self._source.close()

    def _read(self) -> Iterator[av.Packet[AudioStream]]:
        if not self._tracks:
            return
        try:
            for packet in self._source.demux(self._source.streams.audio):
                if packet.pts is not None and packet.dts is not None:
                    yield packet
        except av.FFmpegError as error:
            raise CleanplateError(f"the sound of {self._path} is damaged: {error.strerror}") from error

    def _is_wanted(self, packet: av.Packet[AudioStream]) -> bool:
        assert packet.pts is not None
        begin = packet.pts * packet.time_base
        if self._from_beginning:
            return begin >= self._start - _PRIMING
        # One packet more than is heard: a transform codec decodes each with the help of the one before.
        return begin + 2 * (packet.duration or 0) * packet.time_base > self._start


class _CopiedTrack:
    """A stream whose packets go over bit for bit; only of PCM, a packet is cut where time 0 falls into it."""

    def __init__(self, stream: AudioStream, output: OutputContainer) -> None:
        self._output = output
        self.target = output.add_stream_from_template(stream)
        self._rate = stream.rate
        self._sample_bytes = _sample_bytes(stream)

    def put(self, packet: av.Packet[AudioStream], start: Fraction) -> None:
        offset = round(start / packet.time_base)
        assert packet.pts is not None and packet.dts is not None
        packet.pts -= offset
        packet.dts -= offset
        early = round(-packet.pts * packet.time_base * self._rate) * self._sample_bytes
        if self._sample_bytes and early >= packet.size:
            return
        if early > 0:
            packet = _tail(packet, early)
        packet.stream = self.target
        self._output.mux(packet)

    def finish(self) -> None:
        """Nothing is held back."""


def _sample_bytes(stream: AudioStream) -> int:
    """Bytes a sample of all channels where packets are plain PCM; 0 where they are not."""
    name = stream.codec_context.name
    bits = re.fullmatch(r"pcm_[fsu](\d+)(?:[bl]e)?", name)
    per_channel = int(bits[1]) // 8 if bits else int(name in ("pcm_alaw", "pcm_mulaw"))
    return per_channel * stream.layout.nb_channels


def _tail(packet: av.Packet[AudioStream], skipped: int) -> av.Packet[AudioStream]:
    """A packet that begins at time 0 with what follows the first `skipped` bytes of another."""
    assert packet.pts is not None
    tail = cast("av.Packet[AudioStream]", av.Packet(bytes(packet)[skipped:]))
    tail.time_base = packet.time_base
    tail.pts = tail.dts = 0
    tail.duration = max((packet.duration or 0) + packet.pts, 0)
    tail.is_keyframe = True
    return tail


class _EncodedTrack:
    """A stream in a codec that the output's format does not take."""

    def __init__(self, stream: AudioStream, output: OutputContainer, codec: Literal["aac", "libopus"]) -> None:
        self._output = output
        self._source = stream
        # PCM often has a number of channels, but no layout: an encoder wants one.
        layout = _LAYOUTS.get(stream.layout.nb_channels, stream.layout.name)
        self.target = output.add_stream(codec, rate=_ENCODED_RATE, layout=layout)
        self._resampler = av.AudioResampler(format="fltp", layout=layout, rate=_ENCODED_RATE)

    def put(self, packet: av.Packet[AudioStream], start: Fraction) -> None:
        first = round(start * _ENCODED_RATE)
        for decoded in self._source.decode(packet):
            for frame in self._resampler.resample(decoded):
                self._encode(frame, first)

    def _encode(self, frame: av.AudioFrame, first: int) -> None:
        """Encode what of a frame comes at or after the sample `first` of the source."""
        if frame.pts is None or frame.time_base is None:
            return
        begin = round(frame.pts * frame.time_base * _ENCODED_RATE) - first
        samples = np.ascontiguousarray(frame.to_ndarray()[:, max(-begin, 0) :], np.float32)
        if samples.shape[1] == 0:
            return
        cut = av.AudioFrame.from_ndarray(samples, "fltp", frame.layout.name)
        cut.rate = _ENCODED_RATE
        cut.time_base = Fraction(1, _ENCODED_RATE)
        cut.pts = max(begin, 0)
        self._output.mux(self.target.encode(cut))

    def finish(self) -> None:
        self._output.mux(self.target.encode(None))


def _track(stream: AudioStream, output: OutputContainer, source: Path) -> _CopiedTrack | _EncodedTrack:
    track: _CopiedTrack | _EncodedTrack
    codec = stream.codec_context.codec.canonical_name
    refused = any(codec.startswith(name) for name in _REFUSED.get(output.format.name, ()))
    if codec in output.supported_codecs and not refused:
        track = _CopiedTrack(stream, output)
    else:
        fitting: Literal["aac", "libopus"] = "aac" if "aac" in output.supported_codecs else "libopus"
        _log.warning("%s takes no %s sound, so that of %s is encoded as %s", output.format.name, codec, source, fitting)
        track = _EncodedTrack(stream, output, fitting)
    # Neither goes over with the template.
    track.target.metadata.update(stream.metadata)
    track.target.disposition = stream.disposition
    return track
