"""The command line. Thin: it reads options, calls, and tells people how it went."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from pipeline.cli_networks import export, train_app, weights_app
from pipeline.cli_options import Clip, End, Fps, JsonFile, PlateOption, Start, given
from pipeline.console import INTERRUPTED, console, plain, progress_bar, ranges
from pipeline.heap import is_out_of_memory, settle_heap
from pipeline.stopping import STOPPED, stoppable


class _Commands(TyperGroup):
    """The commands, which say where a plate comes from if there is none."""

    def invoke(self, ctx: Any) -> Any:
        """Runs one."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            if error.param is not None and error.param.name == "plate" and not error.message:
                error.message = "`cleanplate plate` makes one from the clip itself, or from photos."
            raise


app = typer.Typer(
    cls=_Commands, no_args_is_help=True, add_completion=False, help="Replace backgrounds with a clean plate."
)
app.add_typer(weights_app, name="weights")
app.add_typer(train_app, name="train")
app.command("export")(export)

DONE, OUR_FAULT, INPUT_WRONG, MACHINE_COULD_NOT, SOME_FAILED = 0, 1, 2, 3, 4


def _say_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"cleanplate {version('cleanplate')}")
        raise typer.Exit


@app.callback()
def _program(
    said: Annotated[bool, typer.Option("--version", is_eager=True, callback=_say_version, help="Say which version this is.")] = False,
) -> None:  # fmt: skip
    pass


def main() -> None:
    """Run the program; exit codes: 0 done, 1 our fault, 2 input, 3 machine, 4 some frames failed, 130 interrupted."""
    try:
        settle_heap()  # before anything begins threads
        code = _ran()
    except KeyboardInterrupt:  # within a command Typer makes it an exit
        code = INTERRUPTED
    if code in STOPPED:
        console.print(STOPPED[code])
    sys.exit(code)


def _ran() -> Any:
    """Runs the command; gives the exit code."""
    from pipeline.frames import CleanplateError, MachineError

    try:
        app()
    except SystemExit as ended:
        return ended.code
    except CleanplateError as error:
        return _failed(error, INPUT_WRONG)
    except MachineError as error:
        return _failed(error, MACHINE_COULD_NOT)
    except OSError as error:
        if error.filename is None:
            raise
        return _failed(MachineError(f"{error.filename}: {error.strerror}"), MACHINE_COULD_NOT)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        return _failed(MachineError(f"the memory of this machine does not suffice: {error}"), MACHINE_COULD_NOT)


def _failed(error: Exception, code: int) -> int:
    console.print(f"[bold red]error:[/] {plain(str(error))}")
    return code


@app.command()
def render(
    clip: Clip,
    plate: PlateOption,
    background: Annotated[str, typer.Option(
        help="A video (it begins again when it is over), an image, #rrggbb, blur, or none for transparency."
    )] = "none",
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Composite: .mp4, .mov, .mkv, .webm, or pictures such as name_%05d.png, .tif, .exr or .jpg.")] = None,
    alpha: Annotated[Path | None, typer.Option(help="Write alpha here; .mkv is lossless, .mov is ProRes 4444.")] = None,
    foreground: Annotated[Path | None, typer.Option(help="Write the foreground (straight colour) here, likewise.")] = None,
    mask: Annotated[Path | None, typer.Option(help="A rough mask to begin with, white where the subject is: a clip as long as the whole CLIP, or a still.")] = None,
    sheet: Annotated[Path | None, typer.Option(help="Write a contact sheet (PNG) of a few frames here.")] = None,
    model: Annotated[str, typer.Option(help="fast or paper.")] = "fast",
    weights: Annotated[Path | None, typer.Option(help="Another weights file (.safetensors) than the model's own.")] = None,
    segmenter: Annotated[str, typer.Option(help="Soft mask from: difference (the plate) or deeplab (people; its weights are downloaded once).")] = "difference",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    precision: Annotated[Literal["auto", "float32", "bfloat16", "int8"], typer.Option(help="Of the networks; auto is what the device is quickest at.")] = "auto",
    on_failed: Annotated[Literal["stop", "mask", "skip"], typer.Option(
        help="Where the plate cannot be aligned to a frame: stop, take the soft mask (--mask or deeplab), or skip it (alpha 0)."
    )] = "stop",
    start: Start = None,
    end: End = None,
    fps: Fps = None,
    codec: Annotated[str | None, typer.Option(help="Of the composite: h264, h265, prores422, prores4444, vp9, ffv1, ffv1yuv, animation; else what the suffix stands for.")] = None,
    quality: Annotated[int | None, typer.Option(help="Of h264 (0 to 51, else 16), h265 (0 to 51, else 18) and vp9 (0 to 63, else 18); lower is better and larger.")] = None,
    hardware: Annotated[bool, typer.Option(help="Let graphics hardware encode h264 or h265.")] = False,
    bits: Annotated[int | None, typer.Option(help="8 or 16 bits, for outputs that have both; else as deep as the clip.")] = None,
    premultiplied: Annotated[bool, typer.Option(help="Multiply a transparent composite's colour by its alpha; straight otherwise.")] = False,
    exr: Annotated[Literal["linear", "codes"], typer.Option(help="OpenEXR holds linear light, or the clip's code values as they are.")] = "linear",
    sdr: Annotated[bool, typer.Option(help="Convert a clip in HDR or of a wide gamut to BT.709 first; else it stays what it is.")] = False,
    linear: Annotated[bool, typer.Option(help="Mix linear light rather than code values in the composite.")] = False,
    erode: Annotated[int, typer.Option(help="Draw the edge in by so many pixels.")] = 0,
    feather: Annotated[int, typer.Option(help="Soften the edge inwards over so many pixels.")] = 0,
    light_wrap: Annotated[int, typer.Option(help="Let the background's light wrap around the subject over so many pixels.")] = 0,
    overwrite: Annotated[bool, typer.Option(help="Replace outputs that exist.")] = False,
    json_file: JsonFile = None,
) -> None:  # fmt: skip
    """Cut the subject out of CLIP and put it in front of another background."""
    from pipeline.decode import parse_rate
    from pipeline.finishing import Finish
    from pipeline.frames import Settings
    from pipeline.places import check_report, write_json
    from pipeline.render import RenderJob
    from pipeline.render import render as run

    settings = Settings(model=model, weights=weights, segmenter=segmenter, device=device, precision=precision)
    job = RenderJob(
        clip, plate, background, out, alpha, foreground, mask, sheet, start, end, parse_rate(fps), overwrite,
        codec, quality, hardware, bits, premultiplied, exr, sdr, Finish(erode, feather, light_wrap, linear), on_failed, settings,
    )  # fmt: skip
    job.check_apart(*given(json_file))
    check_report(json_file)
    with stoppable(), progress_bar("rendering") as progress:
        summary = run(job, progress)
    _report(summary, "the soft mask" if on_failed == "mask" else "0")
    if json_file is not None:
        write_json(json_file, summary.to_dict())
    sys.exit(summary.exit_code)


def _report(summary: Any, alpha_of_failed: str) -> None:
    console.print(f"{summary.frames} frames; wrote {', '.join(plain(path) for path in summary.outputs)}")
    for note in summary.notes:
        console.print(f"note: {plain(note)}")
    for what, frames in (
        ("no subject, alpha is 0", summary.no_subject),
        (f"the plate could not be aligned, alpha is {alpha_of_failed}", summary.failed),
        ("the plate's alignment is weak", summary.weak),
        ("the plate was not found, it lies between where it is before and after", summary.bridged),
        ("the plate is burnt out where the clip is not: photograph it darker", summary.burnt_out),
    ):
        if frames:
            console.print(f"[yellow]{len(frames)} frames:[/] {what}: {ranges(frames)}")


@app.command()
def align(
    clip: Clip,
    plate: PlateOption,
    start: Start = None,
    end: End = None,
    fps: Fps = None,
    sample: Annotated[int | None, typer.Option(min=1, help="Only so many frames, spread evenly: enough to know before a long render.")] = None,
    report: Annotated[Path | None, typer.Option(help="Folder for a page with the residuals' curve and the worst frames.")] = None,
    json_file: JsonFile = None,
) -> None:  # fmt: skip
    """Say where and how well the plate lies, frame by frame, and what to film instead."""
    from pipeline.alignment_report import advice, check_room, measured, write_report
    from pipeline.decode import parse_rate
    from pipeline.notes import note_on_plate
    from pipeline.places import check_apart, check_report, write_json
    from pipeline.registration import align_clip

    check_apart(given(json_file), [clip, plate])
    check_report(json_file)
    if report is not None:
        check_room(report, [clip, plate])
    with stoppable(), progress_bar("aligning") as progress:
        notes = note_on_plate(clip, plate)
        rows = align_clip(clip, plate, start, end, parse_rate(fps), progress, sample, notes)
    for sentence in (*notes, *measured(rows), *advice(rows)):
        console.print(plain(sentence))
    if json_file is not None:
        write_json(json_file, {"frames": [row.to_dict() for row in rows]})
    if report is not None:
        console.print(f"report: {plain(str(write_report(report, clip, plate, rows, parse_rate(fps))))}")
    sys.exit(SOME_FAILED if any(row.report is None for row in rows) else DONE)


@app.command()
def plate(
    clips: Annotated[list[Path], typer.Argument(help="A clip, or several photos of the same place, or one photo with --mask.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The plate: .png, transparent where the place was never seen.")],
    empty: Annotated[str | None, typer.Option(help="When nobody is there: 0-2s, or frames such as 206-226 (the last is exclusive).")] = None,
    mask: Annotated[Path | None, typer.Option(help="Last resort, for one photo: light where somebody stands; filled in by guess.")] = None,
    start: Start = None,
    end: End = None,
    overwrite: Annotated[bool, typer.Option(help="Replace the output if it exists.")] = False,
    json_file: JsonFile = None,
) -> None:  # fmt: skip
    """Make a clean plate from the clip itself, or from several photos."""
    from pipeline.places import check_apart, check_report, write_json
    from pipeline.plate_building import PlateJob, make_plate

    check_apart([out, *given(json_file)], [*clips, *given(mask)])
    check_report(json_file)
    with stoppable(), progress_bar("plate") as progress:
        summary = make_plate(PlateJob(tuple(clips), out, empty, mask, start, end, overwrite), progress)
    for sentence in filter(None, (summary.said, summary.advice)):
        console.print(plain(sentence))
    console.print("Look at the plate: who never moved away is part of it.")
    if json_file is not None:
        write_json(json_file, summary.to_dict())


@app.command()
def evaluate(
    predicted: Annotated[Path, typer.Argument(help="A predicted alpha.")],
    true: Annotated[Path, typer.Argument(help="The true alpha, of the same size and length.")],
    predicted_foreground: Annotated[Path | None, typer.Option(help="A predicted foreground.")] = None,
    true_foreground: Annotated[Path | None, typer.Option(help="The true foreground.")] = None,
    json_file: JsonFile = None,
) -> None:
    """Compare an alpha with the truth: MAD, MSE, Grad, Conn, dtSSD, foreground MSE."""
    from evaluation.evaluate import evaluate_clips
    from pipeline.frames import CleanplateError
    from pipeline.places import check_apart, check_report, write_json

    if (predicted_foreground is None) != (true_foreground is None):
        raise CleanplateError("give --predicted-foreground and --true-foreground together")
    check_apart(given(json_file), given(predicted, true, predicted_foreground, true_foreground))
    check_report(json_file)
    pair = (predicted_foreground, true_foreground) if predicted_foreground and true_foreground else None
    scores = evaluate_clips(predicted, true, pair).to_dict()
    if json_file is not None:
        write_json(json_file, scores)
    table = Table("metric", "mean")
    for name, value in scores.items():
        if isinstance(value, float):
            table.add_row(name, f"{value:.3f}")
    Console().print(table)


@app.command()
def doctor() -> None:
    """Say what works on this machine and what does not."""
    from pipeline.doctor import examine

    table = Table("", "", "works", "")
    for finding in examine():
        mark = {True: "[green]yes[/]", False: "[red]no[/]", None: ""}[finding.works]
        table.add_row(finding.group, finding.name, mark, plain(finding.detail))
    Console().print(table)


if __name__ == "__main__":
    main()
