"""A predicted matte beside the true one, clip against clip, frame by frame."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from evaluation.metrics import ScoreAccumulator, Scores
from pipeline.composite import unit
from pipeline.decode import open_clip
from pipeline.frames import CleanplateError, ClipInfo
from pipeline.mattes import in_alpha, matte_of


def evaluate_clips(predicted: Path, true: Path, foreground: tuple[Path, Path] | None = None) -> Scores:
    """Scores a predicted alpha against the true one, at the memory of a few frames.

    Args:
        predicted: The predicted alpha: a grey clip or still, or one with an alpha channel.
        true: The true alpha, of the same size and number of frames.
        foreground: Predicted and true foreground in straight colour, of the same size and number of frames.

    Raises:
        CleanplateError: A file cannot be read, holds no alpha, or differs from the truth in size or length.
    """
    scores = ScoreAccumulator()
    with ExitStack() as stack:
        clips = [stack.enter_context(open_clip(path, is_matte=True)) for path in (true, predicted)]
        clips += [stack.enter_context(open_clip(path)) for path in foreground or ()]
        for clip in clips[1:]:
            _check_fits(clip.info, clips[0].info)
        true_in_alpha, predicted_in_alpha = (in_alpha(clip) for clip in clips[:2])
        for true_frame, predicted_frame, *colours in zip(*(clip.frames() for clip in clips), strict=True):
            pair = (unit(colours[0].image), unit(colours[1].image)) if colours else None
            found = matte_of(predicted_frame, predicted, is_in_alpha=predicted_in_alpha)
            scores.add(found, matte_of(true_frame, true, is_in_alpha=true_in_alpha), pair)
    return scores.result()


def _check_fits(clip: ClipInfo, truth: ClipInfo) -> None:
    if (clip.width, clip.height) != (truth.width, truth.height):
        raise CleanplateError(
            f"{clip.path} is {clip.width} x {clip.height}, "
            f"but {truth.path} is {truth.width} x {truth.height}: "
            "they are compared pixel by pixel, so give both at one size"
        )
    if len(clip) != len(truth):
        raise CleanplateError(
            f"{clip.path} has {len(clip)} frames, but {truth.path} has {len(truth)}: "
            "they are compared frame by frame, so give both the same range"
        )
