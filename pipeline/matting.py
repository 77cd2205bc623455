"""The matte of one frame: a pure function of its window and those around it, the plate and the settings."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np
import torch
from threadpoolctl import threadpool_limits

from alignment.plate import AlignedPlate, PlateAligner, PlateAlignmentError
from models.blocks import settle
from models.coarse import Coarse
from models.quantized import can_be_quantized, quantize
from models.weights import MattingNet, WeightsError, load_weights
from pipeline.beyond import carried_beyond
from pipeline.composite import unit
from pipeline.crop import CROP, subject_square
from pipeline.devices import aligners_for, cores, pick_device, pick_precision, tile_batch_for, workers_for
from pipeline.frames import (
    CleanplateError,
    Draft,
    FloatImage,
    Frame,
    FrameStatus,
    FrameWindow,
    Image,
    Matte,
    Observation,
    Settings,
)
from pipeline.holes import without_holes
from pipeline.lapses import without_lapses
from pipeline.levels import AS_IT_IS, Levels, levels_of
from pipeline.local_exposure import exposed_alike
from pipeline.motion import motion_stack
from pipeline.observing import coarse_size, looked_at_again, observe
from pipeline.own_colours import solid_where_alike
from pipeline.recolouring import recoloured
from pipeline.refinement import refine_tiles
from pipeline.rims import solid_to_the_rim
from pipeline.segmentation import make_segmenter
from pipeline.shades import without_shades
from pipeline.smears import without_smears
from pipeline.specks import without_specks
from pipeline.steadying import coarse_of, found_again, places_in, steadied
from pipeline.veils import without_false_veils
from pipeline.windows import Drafts

SMALLEST_SUBJECT = 2e-4
"""Fraction of the picture above half coverage, below which a frame counts as empty."""


class GeneratorInputs(NamedTuple):
    """The generator's inputs as arrays, h x w (x channels) float32 in [0, 1]; see `models.generator.Generator`.

    And the levels that the pictures among them are in.
    """

    image: FloatImage
    plate: FloatImage
    coverage: FloatImage
    mask: FloatImage
    motion: FloatImage
    levels: Levels = AS_IT_IS

    @property
    def maps(self) -> tuple[FloatImage, ...]:
        """What the generator is shown, in its order."""
        return self.image, self.plate, self.coverage, self.mask, self.motion


class Matter:
    """Makes mattes. Holds the plate and the networks; keeps nothing between frames, so that threads may share it."""

    def __init__(self, plate: Image, frame_size: tuple[int, int], settings: Settings) -> None:
        """Prepares plate and networks.

        Args:
            plate: H x W x 3 RGB, uint8 or uint16; or H x W x 4, whose last channel is below half where it is
                not known.
            frame_size: Width and height of the frames to come, pixels.
            settings: Model, segmenter, device, tiles.

        Raises:
            CleanplateError: The plate cannot be aligned to anything, or the model has no weights.
        """
        self.frame_size = frame_size
        self.device = pick_device(settings.device)
        try:
            # Apple's GPUs have no double precision, which the refinement needs.
            self.aligner = PlateAligner(plate, frame_size, self.device if self.device.type == "cuda" else None)
            self.net: MattingNet = load_weights(settings.model, settings.weights)
        except (PlateAlignmentError, WeightsError) as error:
            raise CleanplateError(str(error)) from error
        self.settings = replace(
            settings,
            tile_batch=settings.tile_batch or tile_batch_for(self.device),
            precision=pick_precision(settings.precision, self.device, can_be_quantized(self.net)),
        )
        self.workers, self._threads = workers_for(self.device)
        self.aligners = aligners_for(cores())
        settle(self.net)
        if self.settings.precision == "int8":
            quantize(self.net)
        if self.settings.precision == "bfloat16":  # what autocast would make of the weights for every frame
            self.net.to(torch.bfloat16)
        self.net.to(self.device).to(memory_format=torch.channels_last)
        self.segment = make_segmenter(settings.segmenter, self.device)
        self.coarse_size = coarse_size(frame_size, self.net.generator.config)

    @contextmanager
    def pool(self) -> Iterator[ThreadPoolExecutor]:
        """Threads that make mattes side by side; PyTorch's own threads are shared out among them, NumPy gets none."""
        before = torch.get_num_threads()
        torch.set_num_threads(self._threads)
        try:
            with threadpool_limits(1, "blas"), ThreadPoolExecutor(self.workers, "matting") as pool:
                yield pool
        finally:
            torch.set_num_threads(before)

    def observe(self, frame: Frame) -> Observation:
        """What a frame tells of itself, see `observing.observe`."""
        return observe(frame, self.aligner, self.coarse_size)

    def draft(self, window: FrameWindow) -> Draft:
        """The coarse matte of the frame in the middle of `window`."""
        window = looked_at_again(window, self.aligner)
        report = window.observation.alignment
        if report is None or self.net.generator.config.original:
            return Draft(window, None)
        with torch.inference_mode():
            inputs = self.inputs(window, self.aligner.warp(report))
            return Draft(window, self.generate(inputs), inputs.image, inputs.plate, inputs.coverage, inputs.levels)

    def matte(self, drafts: Drafts) -> Matte:
        """The matte of a draft's frame, as the drafts around it let it be."""
        window = drafts.own.window
        report = window.observation.alignment
        if report is None:
            return _empty(window, FrameStatus.ALIGNMENT_FAILED)
        aligned = self.aligner.warp(report)
        with torch.inference_mode():
            alpha, foreground = self._infer(drafts, aligned)
        if np.count_nonzero(alpha > 0.5) / alpha.size < SMALLEST_SUBJECT:
            return _empty(window, FrameStatus.NO_SUBJECT)
        return Matte(alpha, foreground, FrameStatus.OK, report)

    def matte_without_plate(self, window: FrameWindow) -> Matte:
        """What is left where the plate could not be aligned: a soft mask that needs none, as alpha.

        The user's, or else the segmenter's. The frame still counts as failed.
        """
        image = window.frame.image
        mask = window.mask
        if mask is None:
            small = unit(window.observation.small)
            nothing, unknown = np.zeros_like(small), np.zeros(small.shape[:2], np.float32)
            seen = np.clip(levels_of(small, nothing, unknown).stretch(small), 0, 1)
            mask = self.segment(seen, nothing, unknown)
        alpha = cv2.resize(mask, self.frame_size, interpolation=cv2.INTER_LINEAR)
        return Matte(alpha, unit(image), FrameStatus.ALIGNMENT_FAILED, None)

    def inputs(self, window: FrameWindow, aligned: AlignedPlate) -> GeneratorInputs:
        """What the generator sees of a window, at its own size and in its levels."""
        small, (plate, known) = unit(window.observation.small), aligned.reduced(*self.coarse_size)
        levels, motion = levels_of(small, plate, known), motion_stack(window, self.frame_size)
        if levels != AS_IT_IS:
            small, plate, motion = (np.clip(levels.stretch(x), 0, 1) for x in (small, plate, motion))
        mask = reduce(window.mask, self.coarse_size) if window.mask is not None else self.segment(small, plate, known)
        plate = exposed_alike(plate, small, known, mask)
        return GeneratorInputs(small, plate, known, mask, motion, levels)

    def generate(self, inputs: GeneratorInputs) -> Coarse:
        """Run the generator, drop shades and specks, go on beyond the plate, fill holes, close false veils and more."""
        with self._precision():
            coarse: Coarse = self.net.generator(*(_tensor(x, self.device) for x in inputs.maps))
        coarse = Coarse(*(x.float() for x in coarse))
        seen = (inputs.image, inputs.plate, inputs.coverage)
        if self.net.generator.config.original:  # sees a crop that may be enlarged: what is wide there is not wide
            return without_specks(coarse, inputs.mask, *seen)
        coarse = without_specks(without_shades(coarse, *seen), inputs.mask, *seen)
        coarse = carried_beyond(coarse, inputs.mask, inputs.image, inputs.coverage)
        coarse = without_holes(coarse, *seen)
        closed = without_false_veils(coarse, *seen)
        if self.net.generator.config.alpha_skip:  # else its edges are softer than the picture's, and tell nothing
            closed = solid_to_the_rim(closed, inputs.coverage)
            closed = solid_where_alike(closed, inputs.image, inputs.coverage)
        return closed if self.net.refiner is None else recoloured(coarse, closed, inputs.image, inputs.plate)

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.settings.precision == "bfloat16")

    def refine(
        self, coarse: Coarse, image: Image, aligned: AlignedPlate, levels: Levels
    ) -> tuple[FloatImage, FloatImage]:
        """Run the refiner: alpha H x W and foreground H x W x 3, see `refine_tiles`."""
        with self._precision():
            return refine_tiles(self.net, coarse, image, aligned, self.settings, levels)

    def _infer(self, drafts: Drafts, aligned: AlignedPlate) -> tuple[FloatImage, FloatImage]:
        window = drafts.own.window
        image = window.frame.image
        if drafts.own.coarse is None:
            return self._infer_crop(self.inputs(window, aligned).mask, image, aligned)
        return self.refine(agreed_with_those_around(drafts), image, aligned, drafts.own.levels)

    def _infer_crop(self, mask: FloatImage, image: Image, aligned: AlignedPlate) -> tuple[FloatImage, FloatImage]:
        """For a network that was trained on crops around the subject (PAPER, decision d); alpha is 0 elsewhere."""
        alpha, foreground = np.zeros(image.shape[:2], np.float32), unit(image)
        mask = cv2.resize(mask, self.frame_size, interpolation=cv2.INTER_LINEAR)
        square = subject_square(mask)
        if square is not None:
            small, plate, known, soft = (
                reduce(x[square], CROP) for x in (image, aligned.image, aligned.coverage, mask)
            )
            nothing = np.zeros((*CROP, 4), np.float32)  # motion has no part in these networks
            coarse = self.generate(GeneratorInputs(small, plate, known, soft, nothing))
            alpha[square], foreground[square] = self.refine(coarse, image[square], aligned, AS_IT_IS)
        return alpha, foreground


def agreed_with_those_around(drafts: Drafts) -> Coarse:
    """A draft's coarse matte as those around it let it be.

    Raises:
        ValueError: It has none.
    """
    own, beside = drafts.own, drafts.beside
    coarse = coarse_of(own)
    if beside is None or any(each.coarse is None for each in beside):
        return coarse
    near = [found_again(own, each, places_in(own, each)) for each in beside]
    return without_smears(without_lapses(steadied(own, *near), drafts, near), drafts, near)


def reduce(image: Image | FloatImage, size: tuple[int, int]) -> FloatImage:
    """Area average, as float32 in [0, 1]."""
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    if small.dtype == np.float32:
        return small
    return small.astype(np.float32) / np.float32(np.iinfo(small.dtype).max)


def _tensor(array: FloatImage, device: torch.device) -> torch.Tensor:
    """H x W or H x W x C to 1 x C x H x W, channels last."""
    if array.ndim == 2:
        array = array[..., None]
    return torch.from_numpy(np.ascontiguousarray(array)).permute(2, 0, 1)[None].to(device)


def _empty(window: FrameWindow, status: FrameStatus) -> Matte:
    image = window.frame.image
    alpha = np.zeros(image.shape[:2], np.float32)
    return Matte(alpha, unit(image), status, window.observation.alignment)
