"""`python -m training.people ASSETS -o OUT`: write a bank of people."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2

from training.people.bank import write_person
from training.people.makehuman import MakeHuman
from training.textures import find_photos


def main(words: Sequence[str] | None = None) -> int:
    """Run the command; 0 when all is written, 2 when the command or an input is wrong."""
    parser = argparse.ArgumentParser(prog="python -m training.people", description=__doc__)
    parser.add_argument("assets", type=Path, help="folder of the MakeHuman assets (base.obj and the rest)")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder that gets fgr/ and pha/")
    parser.add_argument("--count", type=int, default=100, help="persons")
    parser.add_argument("--frames", type=int, default=8, help="consecutive frames of each")
    parser.add_argument("--size", type=int, default=768, help="side of the picture in pixels")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first person, to share the work")
    parser.add_argument("--photos", type=Path, help="pictures for prints on cloth")
    options = parser.parse_args(words)
    for name in ("count", "frames", "size"):
        if getattr(options, name) < 1:
            parser.error(f"--{name} {getattr(options, name)} must be at least 1")
    cv2.setNumThreads(1)
    try:
        makehuman = MakeHuman.open(options.assets)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    photos = find_photos(options.photos)
    numbers = range(options.first, options.first + options.count)
    written = 0
    for number in numbers:
        written += write_person(makehuman, options.output, number, options.frames, options.size, options.seed, photos)
        print(f"\r{number + 1 - options.first} of {options.count} persons", end="", flush=True)
    print(f"\n{written} written, {options.count - written} were there")
    return 0


if __name__ == "__main__":
    sys.exit(main())
