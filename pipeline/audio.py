"""Tracks of sound that are carried along beside new pictures: copied as they are, or encoded anew."""

from __future__ import annotations

import re
from abc import abstractmethod
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, cast

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from numpy.typing import NDArray

from pipeline.track import Span, Track

# An encoder's priming lies before time 0 and is needed to decode what follows; HE-AAC has the longest.
_PRIMING = Fraction(1, 10)

# What FFmpeg says a format takes, but fails to write: some of it not before the end.
_REFUSED = {"mp4": ("pcm_", "truehd"), "mov": ("flac", "opus", "truehd")}

# Seconds by which containers that count in milliseconds are off.
_ROUNDING = Fraction(1, 500)

# The byte of silence in PCM, where it is not 0.
_SILENCE = {"pcm_u8": 0x80, "pcm_mulaw": 0xFF, "pcm_alaw": 0xD5}

# Every encoder takes these.
_ENCODED_RATE = 48000
Codec = Literal["aac", "libopus"]
_LAYOUTS = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")

# Of loudspeakers elsewhere; those of AAC only.
_OTHERS = ("2.1", "3.1", "4.0", "4.1", "6.0")


class _AudioTrack(Track):
    """A stream of sound, of which only what is wanted goes on."""

    target: AudioStream
    _held: tuple[av.Packet[AudioStream], Span] | None = None
    """A packet that does not say how long it is, as of WavPack: the next one will."""

    def put(self, packet: av.Packet[Any], span: Span) -> None:
        if self._held is not None:
            assert packet.pts is not None and self._held[0].pts is not None
            self._held[0].duration = packet.pts - self._held[0].pts
        self._let_go()
        if packet.duration or span.from_beginning:
            self._pass(packet, span)
        else:
            self._held = packet, span

    def finish(self) -> None:
        self._let_go()

    def _let_go(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            self._pass(*held)

    def _pass(self, packet: av.Packet[AudioStream], span: Span) -> None:
        if self._is_wanted(packet, span):
            self._move(packet, span)

    @abstractmethod
    def _move(self, packet: av.Packet[AudioStream], span: Span) -> None:
        """Write a packet of what is wanted."""

    @staticmethod
    def _is_wanted(packet: av.Packet[AudioStream], span: Span) -> bool:
        assert packet.pts is not None
        begin = packet.pts * packet.time_base
        if span.from_beginning:
            return begin >= span.start - _PRIMING
        # One packet more than is heard: a transform codec decodes each with the help of the one before.
        return begin + 2 * (packet.duration or 0) * packet.time_base > span.start


class _CopiedTrack(_AudioTrack):
    """A stream whose packets go over bit for bit; only of PCM, packets are cut where the part begins and ends.

    QuickTime counts samples of PCM instead of keeping times: there, gaps are filled with silence.
    """

    _end: int | None = None
    """Samples after time 0 at which the last packet ended."""

    def __init__(self, stream: AudioStream, output: OutputContainer) -> None:
        self._output = output
        self.target = output.add_stream_from_template(stream)
        self._rate = stream.rate
        self._sample_bytes = _sample_bytes(stream)
        self._silence = bytes([_SILENCE.get(stream.codec_context.name, 0)]) * self._sample_bytes
        # Samples a packet, where all have as many.
        self._samples = stream.codec_context.frame_size if stream.codec_context.name == "aac" else 0
        self._counts = bool(self._sample_bytes) and output.format.name == "mov"

    def _move(self, packet: av.Packet[AudioStream], span: Span) -> None:
        first, last = (round(at / packet.time_base) for at in (span.start, span.end))
        assert packet.pts is not None and packet.dts is not None
        packet.pts -= first
        packet.dts -= first
        if self._sample_bytes:
            cut = self._cut(packet, None if span.to_end else last - first)
            if cut is None:
                return
            packet = cut
        if self._samples:
            self._close_up(packet)
        if self._counts:
            self._fill_up_to(packet)
        packet.stream = self.target
        self._output.mux(packet)

    def _cut(self, packet: av.Packet[AudioStream], end: int | None) -> av.Packet[AudioStream] | None:
        """What of a packet of PCM lies from time 0 to `end`, in units of its time base; None where nothing does."""
        assert packet.pts is not None
        first = max(0, self._bytes(-packet.pts * packet.time_base))
        last = packet.size if end is None else min(packet.size, self._bytes((end - packet.pts) * packet.time_base))
        if first >= last:
            return None
        if last - first == packet.size:
            return packet
        begin, over = max(0, packet.pts), packet.pts + (packet.duration or 0)
        over = over if end is None else min(over, end)
        return _packet(bytes(packet)[first:last], packet.time_base, begin, max(0, over - begin))

    def _bytes(self, seconds: Fraction) -> int:
        return round(seconds * self._rate) * self._sample_bytes

    def _close_up(self, packet: av.Packet[AudioStream]) -> None:
        """Let a packet that is over before time 0 begin later, where a gap follows it.

        In fragmented MP4 such a gap parts the priming from the sound; a player would skip as many samples of sound.
        """
        assert packet.pts is not None and packet.dts is not None
        duration = packet.duration or 0
        length = round(Fraction(self._samples, self._rate) / packet.time_base)
        later = min(packet.pts + duration, 0) - length - packet.pts
        if later > length:  # HE-AAC may last twice as long as it says
            packet.pts += later
            packet.dts += later
            packet.duration = duration - later

    def _fill_up_to(self, packet: av.Packet[AudioStream]) -> None:
        assert packet.pts is not None
        begin = round(packet.pts * packet.time_base * self._rate)
        if self._end is not None and begin - self._end > _ROUNDING * self._rate:
            for at in range(self._end, begin, self._rate):
                length = min(self._rate, begin - at)
                silence = _packet(self._silence * length, Fraction(1, self._rate), at, length)
                silence.stream = self.target
                self._output.mux(silence)
        self._end = begin + packet.size // self._sample_bytes


def _sample_bytes(stream: AudioStream) -> int:
    """Bytes a sample of all channels where packets are plain PCM; 0 where they are not."""
    name = stream.codec_context.name
    bits = re.fullmatch(r"pcm_[fsu](\d+)(?:[bl]e)?", name)
    per_channel = int(bits[1]) // 8 if bits else int(name in ("pcm_alaw", "pcm_mulaw"))
    return per_channel * stream.layout.nb_channels


def _packet(data: bytes, time_base: Fraction, pts: int, duration: int) -> av.Packet[AudioStream]:
    """A packet of PCM, with its times in units of `time_base`."""
    packet = cast("av.Packet[AudioStream]", av.Packet(data))
    packet.time_base = time_base
    packet.pts = packet.dts = pts
    packet.duration = duration
    packet.is_keyframe = True
    return packet


class _EncodedTrack(_AudioTrack):
    """A stream in a codec that the output's format does not take."""

    def __init__(
        self, stream: AudioStream, output: OutputContainer, codec: Codec, source: Path, notes: list[str]
    ) -> None:
        self._output = output
        self._source, self._path, self._notes = stream, source, notes
        self._is_damaged = False
        self._end = 0
        # PCM often has a number of channels, but no layout: an encoder wants one, and resampling would guess another.
        self._is_labelled = "channels" not in stream.layout.name
        self._layout = _layout_for(codec, stream.layout, is_labelled=self._is_labelled)
        self.target = output.add_stream(codec, rate=_ENCODED_RATE, layout=self._layout)
        self._resampler = av.AudioResampler(format="fltp", layout=self._layout, rate=_ENCODED_RATE)

    def _move(self, packet: av.Packet[AudioStream], span: Span) -> None:
        first = round(span.start * _ENCODED_RATE)
        for decoded in self._decoded(packet):
            decoded = decoded if self._is_labelled else self._labelled(decoded)
            for frame in self._resampler.resample(decoded):
                self._encode(frame, first)

    def _decoded(self, packet: av.Packet[AudioStream]) -> list[av.AudioFrame]:
        try:
            return self._source.decode(packet)
        except av.FFmpegError:
            if not self._is_damaged:
                self._notes.append(f"the sound of {self._path} is damaged in places, where there is silence now")
            self._is_damaged = True
            return []

    def _labelled(self, frame: av.AudioFrame) -> av.AudioFrame:
        labelled = av.AudioFrame.from_ndarray(frame.to_ndarray(), frame.format.name, self._layout)
        labelled.rate, labelled.pts, labelled.time_base = frame.rate, frame.pts, frame.time_base
        return labelled

    def _encode(self, frame: av.AudioFrame, first: int) -> None:
        """Encode what of a frame comes at or after the sample `first` of the source."""
        if frame.pts is None or frame.time_base is None:
            return
        begin = round(frame.pts * frame.time_base * _ENCODED_RATE) - first
        samples = np.ascontiguousarray(frame.to_ndarray()[:, max(-begin, 0) :], np.float32)
        if samples.shape[1] == 0:
            return
        missing = max(begin, 0) - self._end
        if self._is_damaged and missing > _ROUNDING * _ENCODED_RATE:
            self._put(np.zeros((len(samples), missing), np.float32), self._end)
        self._put(samples, max(begin, 0))

    def _put(self, samples: NDArray[np.float32], at: int) -> None:
        frame = av.AudioFrame.from_ndarray(samples, "fltp", self._layout)
        frame.rate, frame.time_base, frame.pts = _ENCODED_RATE, Fraction(1, _ENCODED_RATE), at
        self._end = at + samples.shape[1]
        self._output.mux(self.target.encode(frame))

    def finish(self) -> None:
        super().finish()
        self._output.mux(self.target.encode(None))


def _layout_for(codec: Codec, layout: av.AudioLayout, *, is_labelled: bool) -> str:
    """What the channels are encoded as: the usual layout of so many, or their own, where AAC can say it."""
    is_own = codec == "aac" and is_labelled and layout.name in _OTHERS
    return layout.name if is_own else _LAYOUTS[layout.nb_channels - 1]


def audio_track(stream: AudioStream, output: OutputContainer, source: Path, notes: list[str]) -> Track | None:
    """The way of one stream of sound into an output.

    Args:
        stream: Of the source.
        output: It has not begun.
        source: For the note.
        notes: Where it is said if the output does not take the stream's codec.

    Returns:
        The track; None where nothing here can decode it, or encode so many channels.
    """
    if stream.codec_context is None:  # a phone's spatial sound, which lies beside the plain one
        notes.append(f"track {stream.index} of {source} is sound that cannot be decoded here, and is left out")
        return None
    track: _AudioTrack
    codec = stream.codec_context.codec.canonical_name
    refused = any(codec.startswith(name) for name in _REFUSED.get(output.format.name, ()))
    if codec in output.supported_codecs and not refused:
        track = _CopiedTrack(stream, output)
    elif stream.layout.nb_channels > len(_LAYOUTS) or stream.layout.name.startswith("ambisonic"):
        notes.append(
            f"{output.format.name} takes no {codec} sound, nor any of {stream.layout.nb_channels} channels: that of "
            f"{source} is left out"
        )
        return None
    else:
        fitting: Codec = "aac" if "aac" in output.supported_codecs else "libopus"
        notes.append(f"{output.format.name} takes no {codec} sound, so that of {source} is encoded as {fitting}")
        track = _EncodedTrack(stream, output, fitting, source, notes)
    # Neither goes over with the template.
    track.target.metadata.update(stream.metadata)
    track.target.disposition = stream.disposition
    return track
