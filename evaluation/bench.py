"""How long each stage takes: `python -m evaluation.bench [CLIP --plate PLATE] [--height 1080]`.

Frames of the clip are scaled to the height that is asked for, so that one clip measures every size. Prints medians
and spread a frame of every stage by itself, the work of the networks, and then what a whole render takes, in which
the stages run at the same time. `--against` times another program instead, in turn with this one, and `--growth`
renders of several lengths. `--json` writes the same.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, get_args

import cv2
import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from alignment.plate import AlignmentReport
from evaluation.whole_runs import against, growth
from pipeline.composite import composite, quantise
from pipeline.decode import open_clip
from pipeline.encode import open_writer
from pipeline.frames import ClipInfo, Draft, Frame, FrameStatus, FrameWindow, Image, Matte, Precision, Settings
from pipeline.heap import settle_heap
from pipeline.matting import GeneratorInputs, Matter, agreed_with_those_around
from pipeline.plates import read_plate
from pipeline.render import RenderJob, render
from pipeline.windows import Drafts

SAMPLES = Path(__file__).parents[1] / "samples"
RENDERED = 40

T = TypeVar("T")


class Stopwatch:
    """Milliseconds of each stage, frame by frame."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = defaultdict(list)

    def __call__(self, stage: str, work: Callable[[], T]) -> T:
        """Run a piece of work and note how long it took."""
        began = time.perf_counter()
        result = work()
        self.times[stage].append(1e3 * (time.perf_counter() - began))
        return result

    def rows(self) -> dict[str, dict[str, float]]:
        """Median and quartiles by stage, and of all stages together."""
        together = [sum(parts) for parts in zip(*self.times.values(), strict=True)]
        quartiles = {
            stage: np.percentile(values, (25, 50, 75))
            for stage, values in (*self.times.items(), ("together", together))
        }
        return {
            stage: {"median_ms": round(m, 1), "low_ms": round(low, 1), "high_ms": round(high, 1)}
            for stage, (low, m, high) in quartiles.items()
        }


def scaled(image: Image, height: int) -> Image:
    """The picture at another height, its sides even."""
    width = 2 * round(height * image.shape[1] / image.shape[0] / 2)
    shrinks = height < image.shape[0]
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


def measure(clip: Path, plate: Path, height: int, count: int, settings: Settings) -> dict[str, Any]:
    """Time `count` frames from the middle of a clip, one after the other."""
    with open_clip(clip) as source:
        first = max(0, (len(source.info) - count - 1) // 2)
        frames = [
            replace(frame, image=scaled(frame.image, height)) for frame in source.frames(first, first + count + 1)
        ]
        info = source.info
    size = (frames[0].image.shape[1], height)
    small_plate = scaled(read_plate(plate), height)
    matter = Matter(small_plate, size, settings)
    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as room:
        like = replace(info, width=size[0], height=size[1], path=Path("none"), audio_streams=0)
        writers = _writers(Path(room), like)
        draft = None
        for frame in frames:
            draft = _one_frame(matter, frame, draft, watch, writers)
        for writer in writers:
            writer.discard()
    for values in watch.times.values():
        del values[0]  # the first frame pays for memory and threads
    return {
        "size": list(size),
        "frames": count,
        "stages": watch.rows(),
        "networks_side_by_side": _side_by_side(matter, frames),
        "render": _render(frames, info, small_plate, settings),
        "peak_memory_gb": round(_peak_memory(), 2),
        "gmac_a_frame": round(_work(small_plate, frames[-1], settings), 2),  # needs memory of its own
    }


def _render(frames: list[Frame], like: ClipInfo, plate: Image, settings: Settings) -> dict[str, Any]:
    """A whole render of the frames, there and back again until there are enough, as the program does it."""
    height, width = frames[0].image.shape[:2]
    there_and_back = [*frames, *frames[-2:0:-1]]
    count = max(RENDERED, len(frames))
    tick = frames[1].pts - frames[0].pts
    pts = tuple(range(0, tick * count, tick))
    info = replace(like, width=width, height=height, path=Path("none"), audio_streams=0, pts=pts, end_pts=tick * count)
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder)
        with open_writer(room / "clip.mp4", info, channels=3) as writer:
            for index in range(count):
                writer.write(there_and_back[index % len(there_and_back)].image, pts[index])
        with open_writer(room / "plate.png", info, channels=3, bits=8) as writer:
            writer.write(plate, 0)
        job = RenderJob(room / "clip.mp4", room / "plate.png", "#000000", room / "out.mp4", room / "alpha.mkv")
        times = [time.perf_counter()]
        summary = render(replace(job, settings=settings), lambda *_: times.append(time.perf_counter()))
        took = time.perf_counter() - times[0]
    steady = np.diff(times)[len(times) // 3 :]
    return {
        "frames": count,
        "ms_a_frame": round(1e3 * took / count, 1),
        "steady_ms_a_frame": round(1e3 * float(steady.mean()), 1),
        "busy_ms_a_frame": {stage: round(1e3 * s / count, 1) for stage, s in summary.busy_seconds.items()},
    }


def _writers(room: Path, like: ClipInfo) -> list[Any]:
    return [open_writer(room / "out.mp4", like, channels=3), open_writer(room / "alpha.mkv", like, channels=1)]


def _one_frame(matter: Matter, frame: Frame, before: Draft | None, watch: Stopwatch, writers: list[Any]) -> Draft:
    own = watch("align", lambda: matter.observe(frame))
    if own.alignment is None:
        raise SystemExit(f"frame {frame.index}: {own.failure}")
    report = own.alignment
    window = FrameWindow(frame, own, (own,) * 4)
    with torch.inference_mode():
        aligned = matter.aligner.warp(report)  # which renders nothing yet
        inputs = watch("inputs", lambda: matter.inputs(window, aligned))
        coarse = watch("generator", lambda: matter.generate(inputs))
        draft = Draft(window, coarse, inputs.image, inputs.plate, inputs.coverage, inputs.levels)
        beside = (before or draft,) * 2  # what it costs does not depend on which of the two sides they are
        coarse = watch("steadying", lambda: agreed_with_those_around(Drafts(draft, beside, beside)))
        alpha, foreground = watch("refiner", lambda: matter.refine(coarse, frame.image, aligned, inputs.levels))
    matte = Matte(alpha, foreground, FrameStatus.OK, report)
    picture = watch("composite", lambda: quantise(composite(matte, np.zeros_like(foreground)), 8))
    watch("encode", lambda: (writers[0].write(picture, frame.pts), writers[1].write(quantise(alpha, 8), frame.pts)))
    return draft


def _side_by_side(matter: Matter, frames: list[Frame]) -> dict[str, float]:
    """Generator and refiner of as many frames at the same time as a render has; of five rounds of all frames."""
    prepared = []
    with torch.inference_mode():
        for frame in frames:
            own = matter.observe(frame)
            if own.alignment is not None:
                inputs = matter.inputs(FrameWindow(frame, own, (own,) * 4), matter.aligner.warp(own.alignment))
                prepared.append((frame.image, own.alignment, inputs))

    def networks(image: Image, report: AlignmentReport, inputs: GeneratorInputs) -> None:
        with torch.inference_mode():
            matter.refine(matter.generate(inputs), image, matter.aligner.warp(report), inputs.levels)

    rounds = []
    with matter.pool() as pool:
        for _ in range(6):
            began = time.perf_counter()
            list(pool.map(networks, *zip(*prepared, strict=True)))
            rounds.append(1e3 * (time.perf_counter() - began) / len(prepared))
    low, median, high = np.percentile(rounds[1:], (25, 50, 75))  # the first pays for memory and threads
    return {"median_ms": round(median, 1), "low_ms": round(low, 1), "high_ms": round(high, 1)}


def _work(plate: Image, frame: Frame, settings: Settings) -> float:
    """Multiply-adds of the networks for one frame, x 1e9; counted in float32, since not all kinds are counted."""
    matter = Matter(plate, (frame.image.shape[1], frame.image.shape[0]), replace(settings, precision="float32"))
    own = matter.observe(frame)
    with FlopCounterMode(display=False) as counter:
        matter.matte(Drafts(matter.draft(FrameWindow(frame, own, (own,) * 4))))
    return float(counter.get_total_flops()) / 2e9


def _peak_memory() -> float:
    """Of this process, GB; nan where the system does not say."""
    if sys.platform == "win32":
        return float("nan")
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e9 if sys.platform == "darwin" else 1e6)


def _bench(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Stages and a render at every height."""
    results = []
    for height in arguments.height:
        settings = Settings(device=arguments.device, precision=arguments.precision)
        result = measure(arguments.clip, arguments.plate, height, arguments.frames, settings)
        results.append(result)
        width, _ = result["size"]
        print(f"\n{width} x {height}: {result['gmac_a_frame']} GMAC a frame, {result['peak_memory_gb']} GB at most\n")
        print("| stage | median ms | quartiles |\n|---|---|---|")
        for stage, row in result["stages"].items():
            print(f"| {stage} | {row['median_ms']} | {row['low_ms']} to {row['high_ms']} |")
        row = result["networks_side_by_side"]
        print(f"| networks, side by side as in a render | {row['median_ms']} | {row['low_ms']} to {row['high_ms']} |")
        whole = result["render"]
        print(
            f"\nwhole render of {whole['frames']} frames: {whole['ms_a_frame']} ms a frame, "
            f"{whole['steady_ms_a_frame']} once it runs; busy: {whole['busy_ms_a_frame']}"
        )
    return results


def _options(arguments: argparse.Namespace) -> list[str]:
    """What a whole render is told of device and precision."""
    return ["--device", arguments.device, "--precision", arguments.precision]


def _against(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """This program and another on the clip as it is."""
    with tempfile.TemporaryDirectory() as room:
        runs = against(
            arguments.against, arguments.clip, arguments.plate, Path(room), arguments.rounds, _options(arguments)
        )
    rows = [
        {
            "program": name,
            "seconds": round(float(np.median([run.seconds for run in each])), 2),
            "peak_memory_gb": round(max(run.peak_gb for run in each), 2),
        }
        for name, each in runs.items()
    ]
    print("| program | median seconds | memory |\n|---|---|---|")
    for row in rows:
        print(f"| {row['program']} | {row['seconds']} | {row['peak_memory_gb']} GB |")
    ratios = [other.seconds / own.seconds for own, other in zip(runs["cleanplate"], runs["other"], strict=True)]
    print(f"\nthe other takes {np.median(ratios):.2f} times as long ({min(ratios):.2f} to {max(ratios):.2f})")
    return rows


def _growth(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Renders of several lengths at every height."""
    rows = []
    print("| frame | frames | ms a frame | memory |\n|---|---|---|---|")
    for height in arguments.height:
        with open_clip(arguments.clip) as source, tempfile.TemporaryDirectory() as room:
            frames = [
                scaled(frame.image, height) for frame in source.frames(0, min(arguments.frames, len(source.info)))
            ]
            plate = scaled(read_plate(arguments.plate), height)
            for length, run in growth(frames, plate, arguments.growth, Path(room), _options(arguments)).items():
                ms, size = 1e3 * run.seconds / length, [frames[0].shape[1], height]
                rows.append({"size": size, "frames": length, "ms_a_frame": ms, "peak_memory_gb": run.peak_gb})
                print(f"| {size[0]} x {height} | {length} | {ms:.1f} | {run.peak_gb:.3f} GB |", flush=True)
    return rows


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.bench", description=__doc__.splitlines()[0])
    parser.add_argument("clip", type=Path, nargs="?", default=SAMPLES / "clip.mp4")
    parser.add_argument("--plate", type=Path, default=SAMPLES / "plate.png")
    parser.add_argument("--height", type=int, nargs="+", default=[720, 1080])
    parser.add_argument("--frames", type=int, default=15)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", choices=get_args(Precision), default="auto")
    parser.add_argument("--against", metavar="COMMAND", help="another program; {clip}, {plate} and {out} are filled in")
    parser.add_argument("--rounds", type=int, default=3, help="how often each program runs")
    parser.add_argument("--growth", type=int, nargs="+", metavar="N", help="lengths of clips, frames")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    settle_heap()  # as the program does
    print(f"{os.cpu_count()} cores, {torch.get_num_threads()} threads")
    work = _against if arguments.against else _growth if arguments.growth else _bench
    results = work(arguments)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
