"""Subtitles that are carried along beside new pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
from av.container import OutputContainer
from av.subtitles.stream import SubtitleStream

from pipeline.track import Span, Track


class _SubtitleTrack(Track):
    """A stream whose packets go over as they are; only their times are cut to the part that is wanted."""

    def __init__(self, stream: SubtitleStream, output: OutputContainer) -> None:
        self._output = output
        self.target = output.add_stream_from_template(stream)
        # Neither goes over with the template.
        self.target.metadata.update(stream.metadata)
        self.target.disposition = stream.disposition

    def put(self, packet: av.Packet[Any], span: Span) -> None:
        assert packet.pts is not None
        first, last = (round(at / packet.time_base) for at in (span.start, span.end))
        begin = max(packet.pts, first)
        # Without a length it is shown until the next one.
        end = min(packet.pts + packet.duration, last) if packet.duration else last
        if begin >= end:
            return
        packet.duration = end - begin if packet.duration else 0
        packet.pts = packet.dts = begin - first
        packet.stream = self.target
        self._output.mux(packet)


def subtitle_track(stream: SubtitleStream, output: OutputContainer, source: Path, notes: list[str]) -> Track | None:
    """The way of one stream of subtitles into an output.

    Args:
        stream: Of the source.
        output: It has not begun.
        source: For the note.
        notes: Where it is said if the output does not take them.

    Returns:
        The track; None where the output does not take them.
    """
    # Without a decoder for them, such as captions that hide in a track of their own, there is no context.
    codec = stream.codec_context.codec if stream.codec_context is not None else None
    if codec is not None and {codec.name, codec.canonical_name} & output.supported_codecs:
        return _SubtitleTrack(stream, output)
    kind = codec.canonical_name if codec is not None else "unknown"
    notes.append(f"{output.format.name} takes no {kind} subtitles, so those of {source} are left out")
    return None
