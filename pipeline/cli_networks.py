"""The commands about the networks themselves: `cleanplate weights` and `cleanplate train`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from pipeline.console import INTERRUPTED, console, plain

weights_app = typer.Typer(no_args_is_help=True, help="The networks' weights.")
train_app = typer.Typer(no_args_is_help=True, help="Train the networks.")


@weights_app.command("list")
def weights_list() -> None:
    """Say which models there are, and where their weights come from."""
    from models.weights import list_weights

    table = Table("model", "weights", "from")
    for info in list_weights():
        missing = "damaged" if info.damaged else "not trained yet"
        size = f"{info.parameters / 1e6:.2f} million" if info.parameters else missing
        table.add_row(info.name, size, plain(info.card.get("data", "")))
    Console().print(table)


@weights_app.command("import")
def weights_import(
    checkpoint: Annotated[Path, typer.Argument(help="A generator's .pth of the 2020 paper's authors.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The weights file to write (.safetensors).")],
    overwrite: Annotated[bool, typer.Option(help="Replace the output if it exists.")] = False,
) -> None:
    """Turn a checkpoint of Background Matting (2020) into weights for `render --weights`."""
    from models.importing import LICENCE, import_checkpoint
    from models.weights import WeightsError
    from pipeline.frames import CleanplateError, MachineError
    from pipeline.places import already_there

    if out.exists() and not overwrite:
        raise CleanplateError(already_there(out))
    try:
        import_checkpoint(checkpoint, out)
    except WeightsError as error:
        raise CleanplateError(str(error)) from error
    except OSError as error:
        raise MachineError(f"{out} could not be written: {error}") from error
    console.print(f"wrote {plain(str(out))}; licence: {LICENCE}")
    console.print(plain(f"use it with: cleanplate render CLIP --plate PLATE --model paper --weights {out}"))


def export(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for generator.onnx and refiner.onnx.")],
    model: Annotated[str, typer.Option(help="fast or paper.")] = "fast",
    weights: Annotated[Path | None, typer.Option(help="Another weights file (.safetensors) than the model's own.")] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace the files if they exist.")] = False,
) -> None:  # fmt: skip
    """Write the networks as ONNX, for programs that embed them; takes pictures of any size."""
    from models.exporting import export_onnx
    from models.weights import WeightsError, load_weights
    from pipeline.frames import CleanplateError
    from pipeline.places import already_there, check_folder

    check_folder(out)
    for name in ("generator.onnx", "refiner.onnx"):
        if (out / name).exists() and not overwrite:
            raise CleanplateError(already_there(out / name))
    try:
        files = export_onnx(load_weights(model, weights), out)
    except WeightsError as error:
        raise CleanplateError(str(error)) from error
    except ModuleNotFoundError as error:
        raise CleanplateError(f"{error}; install what exporting needs: pip install 'cleanplate[export]'") from error
    console.print(f"wrote {', '.join(plain(str(path)) for path in files)}")


@train_app.command("supervised")
def train_supervised(
    config: Annotated[Path, typer.Argument(help="The run's TOML file, such as training/configs/fast.toml.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for checkpoint, weights and log; resumed if it exists.")],
    assets: Annotated[Path | None, typer.Option(help="Folder with photos/ of places and cutouts/ of subjects; see training/README.md.")] = None,
    cutouts: Annotated[Path | None, typer.Option(help="Subjects, foreground and alpha, that lie elsewhere.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda; every GPU there is takes a share of each batch.")] = "auto",
) -> None:  # fmt: skip
    """Train on composites made on the fly (stage 1 of the paper)."""
    from pipeline.places import check_folder
    from training.config import read_config
    from training.material import find_material
    from training.supervised import train

    check_folder(out)
    with _resumable():
        path = train(read_config(config), out, find_material(assets, cutouts), device)
        console.print(f"weights: {plain(str(path))}")


@train_app.command("adversarial")
def train_adversarial(
    config: Annotated[Path, typer.Argument(help="The run's TOML file, such as training/configs/adversarial.toml.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for checkpoint, weights and log; resumed if it exists.")],
    clips: Annotated[Path, typer.Option(help="Folder with a folder for each clip, clip.* and plate.* in it; or one of these.")],
    assets: Annotated[Path | None, typer.Option(help="Folder with photos/ of places; see training/README.md.")] = None,
) -> None:  # fmt: skip
    """Go on with unlabelled clips, against a discriminator (stage 2 of the paper)."""
    from pipeline.places import check_folder
    from training.adversarial import train
    from training.adversarial_config import read_adversarial_config
    from training.material import find_material

    check_folder(out)
    with _resumable():
        path = train(read_adversarial_config(config), out, clips, find_material(assets).photos)
        console.print(f"weights: {plain(str(path))}")


@contextmanager
def _resumable() -> Iterator[None]:
    """Says of a training that was interrupted that nothing is lost."""
    try:
        yield
    except KeyboardInterrupt:
        console.print("the same command goes on from the last checkpoint")
        sys.exit(INTERRUPTED)
