"""What every stream that is carried along beside the pictures can do, and which part of the source is wanted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av


@dataclass(frozen=True)
class Span:
    """The part of a source that goes into an output.

    Attributes:
        start: Seconds in the source that become 0 in the output.
        end: Seconds in the source at which the pictures end.
        from_beginning: Whether the part begins with the clip. Then nothing of the sound is cut there but what is
            out of reach of an encoder's priming.
        to_end: Whether the part ends with the clip. Then sound that outlasts the pictures goes along.
    """

    start: Fraction
    end: Fraction
    from_beginning: bool
    to_end: bool


class Track(ABC):
    """One stream of the source on its way into the output."""

    @abstractmethod
    def put(self, packet: av.Packet[Any], span: Span) -> None:
        """Take a packet of the source, which has both times, in order; it is changed, and left out if not wanted."""

    def finish(self) -> None:  # noqa: B027 - most hold nothing back
        """Write what is held back."""
