from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import cv2
import numpy as np
import pytest

from alignment.homography import between_sizes, grid, project
from alignment.plate import PlateAligner
from alignment.warp import Look, PlateImage


def assert_same(one, other):
    assert (one.plate_to_frame == other.plate_to_frame).all()
    assert (one.gain, one.offset, one.residual_px, one.inliers, one.status) == (
        other.gain,
        other.offset,
        other.residual_px,
        other.inliers,
        other.status,
    )
    assert (one.shading is None) == (other.shading is None)
    assert one.shading is None or (one.shading == other.shading).all()
    assert one.bend_px == other.bend_px


@pytest.mark.parametrize("texture", ["octaves", "boxes", "bricks"])
@pytest.mark.parametrize("subject", ["plain", "noise", "stripes"])
def test_a_known_pose_and_exposure_are_found(make_scene, texture, subject):
    scene = make_scene(seed=11, texture=texture, subject=subject, hidden=0.35, gain=(1.12, 1.05, 0.93), offset=-0.02)
    plate, frame = scene.make()
    report = PlateAligner(plate, scene.size).register(frame)
    assert report.status == "ok"
    assert scene.error_px(report.plate_to_frame) < 0.1
    brightness = plate.mean() / 255
    for gain, offset, true_gain in zip(report.gain, report.offset, scene.gain, strict=True):
        assert gain * brightness + offset == pytest.approx(true_gain * brightness + scene.offset, rel=0.005)
    assert 0.7 < report.coverage < 1
    assert report.plate_to_frame[2, 2] == 1
    assert report.residual_px < 0.2


@pytest.mark.parametrize("plate_size", [(960, 540), (480, 360), (641, 363)])
def test_a_plate_of_another_size(make_scene, plate_size):
    scene = make_scene(seed=2, plate_size=plate_size)
    plate, frame = scene.make()
    aligned = PlateAligner(plate, scene.size).align(frame)
    assert aligned.report.status == "ok"
    assert scene.error_px(aligned.report.plate_to_frame) < 0.1
    assert aligned.image.shape == (360, 640, 3)


@pytest.mark.parametrize("size", [(426, 240), (320, 180), (180, 320), (240, 136)])
@pytest.mark.parametrize("plate_too", [True, False])
def test_a_small_picture_is_found_as_well_as_a_large_one(make_scene, size, plate_too):
    scene = make_scene(seed=4, texture="boxes")
    plate, frame = scene.make()
    whole = PlateAligner(plate, scene.size).register(frame)
    frame = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    if plate_too:
        plate = cv2.resize(plate, size, interpolation=cv2.INTER_AREA)
    report = PlateAligner(plate, size).register(frame)
    assert report.status == "ok"
    points = grid((plate.shape[1], plate.shape[0]))
    wanted = between_sizes(scene.size, size) @ whole.plate_to_frame
    wanted = wanted @ between_sizes((plate.shape[1], plate.shape[0]), scene.size)
    assert np.hypot(*(project(wanted, points) - project(report.plate_to_frame, points)).T).max() < 0.15


@pytest.mark.parametrize("times", [2, 3, 4])
def test_no_detail_of_a_large_plate_is_skipped(times):
    """A photograph of many more pixels than the clip has: what its pixels show on average, no noise of single ones."""
    size = (320, 180)
    smooth = cv2.GaussianBlur(np.random.default_rng(1).normal(0, 1, (180, 320, 3)), (0, 0), 6) * 700 + 128
    large = cv2.resize(smooth, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC)
    large = large + np.random.default_rng(2).normal(0, 12, large.shape)
    plate = PlateImage(np.clip(large, 0, 255).astype(np.uint8))
    look = Look(between_sizes(plate.size, size), size)
    image, coverage = plate.view(look).part(0, 0, *size)
    half, _ = plate.reduced(look, (160, 90))
    assert coverage.all()
    inner = np.s_[4:-4, 4:-4]
    truth = np.clip(smooth, 0, 255) / 255
    noise = (image - truth)[inner].std() * 255
    assert noise < 1.25 * 12 / times
    noise = (half - cv2.resize(truth, (160, 90), interpolation=cv2.INTER_AREA))[inner].std() * 255
    assert noise < 1.25 * 6 / times


def test_sixteen_bits_say_the_same_as_eight(make_scene):
    plate, frame = make_scene(seed=3).make()
    narrow = PlateAligner(plate, (640, 360)).align(frame)
    wide = PlateAligner(plate.astype(np.uint16) * 257, (640, 360)).align(frame.astype(np.uint16) * 257)
    corner = np.array([[639.0, 359.0]])
    assert project(wide.report.plate_to_frame, corner) == pytest.approx(
        project(narrow.report.plate_to_frame, corner), abs=0.02
    )
    both = (wide.coverage * narrow.coverage)[..., None]
    np.testing.assert_allclose(wide.image * both, narrow.image * both, atol=0.02)


def test_the_result_depends_on_nothing_but_plate_and_frame(make_scene):
    plate, _ = make_scene(seed=21).make()
    frames = [make_scene(seed=21, hidden=hidden, noise=0.01).make()[1] for hidden in (0.1, 0.3, 0.5)]
    shared = PlateAligner(plate, (640, 360))
    alone = [PlateAligner(plate, (640, 360)).register(frame) for frame in frames]
    for order in ([0, 1, 2], [2, 1, 0, 1, 1]):
        for index in order:
            shared.warp(alone[0]).reduced(160, 90)
            assert_same(shared.register(frames[index]), alone[index])
    with ThreadPoolExecutor(4) as pool:
        for index, report in enumerate(pool.map(shared.register, frames * 3)):
            assert_same(report, alone[index % 3])


def test_coverage_ends_where_the_plate_ends(make_scene):
    scene = make_scene(seed=6, shake=0.06)
    plate, frame = scene.make()
    aligned = PlateAligner(plate, scene.size).align(frame)
    y, x = np.mgrid[:360, :640]
    back = project(np.linalg.inv(aligned.report.plate_to_frame), np.column_stack([x.ravel(), y.ravel()]).astype(float))
    inside = ((back >= -0.5) & (back <= [639.5, 359.5])).all(axis=1).reshape(360, 640)
    assert aligned.coverage.dtype == np.float32
    assert set(np.unique(aligned.coverage)) == {0.0, 1.0}
    assert not (aligned.coverage.astype(bool) & ~inside).any()
    assert aligned.coverage.mean() == pytest.approx(aligned.report.coverage, abs=0.01)
    assert (aligned.image[aligned.coverage == 0] == 0).all()
    # Nothing of the emptiness beyond leaks in: the rim is as near to the frame as the inside is.
    rim = aligned.coverage.astype(bool) & (cv2.erode(aligned.coverage, np.ones((3, 3))) == 0) & ~scene.mask()
    assert np.median(np.abs(aligned.image - frame / 255)[rim]) < 3 / 255


@pytest.mark.parametrize("size", [(320, 180), (160, 90), (213, 120), (639, 359)])
def test_a_reduced_warp_is_the_whole_one_reduced(make_scene, size):
    scene = make_scene(seed=13, texture="boxes")
    plate, frame = scene.make()
    aligner = PlateAligner(plate, scene.size)
    report = aligner.register(frame)
    whole = aligner.warp(report)
    image, coverage = whole.reduced(*size)
    assert image.shape == (size[1], size[0], 3)
    reduced = cv2.resize(whole.image, size, interpolation=cv2.INTER_AREA)
    inside = cv2.erode(coverage, np.ones((3, 3))) == 1
    assert np.sqrt(np.mean((image - reduced)[inside] ** 2)) < 0.015
    # A shift would show as a difference in proportion to the slope; half a pixel of it must not hide in the above.
    for axis in (0, 1):
        slope = np.gradient(reduced, axis=axis)[inside]
        shift = ((image - reduced)[inside] * slope).sum() / (slope**2).sum()
        assert abs(shift) < 0.03


def test_a_size_beyond_the_frame_is_refused(make_scene):
    plate, frame = make_scene().make()
    aligner = PlateAligner(plate, (640, 360))
    report = aligner.register(frame)
    with pytest.raises(ValueError, match="allowed is 1 x 1 to the frame's"):
        aligner.warp(report).reduced(641, 360)


def test_a_frame_of_another_size_than_announced_is_refused(make_scene):
    plate, frame = make_scene().make()
    with pytest.raises(ValueError, match="frame is 320 x 360, this aligner was made for 640 x 360"):
        PlateAligner(plate, (640, 360)).register(frame[:, :320])


def test_the_identity_covers_everything(make_scene):
    plate, _ = make_scene(seed=9).make()
    aligned = PlateAligner(plate, (640, 360)).align(plate)
    assert aligned.report.plate_to_frame == pytest.approx(between_sizes((640, 360), (640, 360)), abs=1e-2)
    assert aligned.coverage.min() == 1
    np.testing.assert_allclose(aligned.image, plate / 255, atol=0.02)


@pytest.mark.parametrize("bent", [False, True])
@pytest.mark.parametrize("part", [(0, 0, 82, 82), (133, 71, 82, 82), (311, 200, 9, 160), (558, 278, 82, 82)])
def test_a_part_is_cut_from_the_whole(make_scene, part, bent):
    scene = make_scene(seed=13, texture="boxes")
    plate, frame = scene.make()
    aligner = PlateAligner(plate, scene.size)
    random = np.random.default_rng(0)
    report = replace(
        aligner.register(frame),
        shading=random.uniform(-0.1, 0.1, (27, 48, 3)).astype(np.float32),
        veil=random.uniform(-0.05, 0.1, (27, 48, 3)).astype(np.float32),
        bend=random.uniform(-2, 2, (8, 12, 2)).astype(np.float32) if bent else None,
    )
    aligned = aligner.warp(report)
    left, top, width, height = part
    image, coverage = aligned.part(*part)
    rows, columns = slice(top, top + height), slice(left, left + width)
    assert np.array_equal(coverage, aligned.coverage[rows, columns])
    np.testing.assert_allclose(image, aligned.image[rows, columns], atol=2e-4)
