import numpy as np
import pytest

from alignment.homography import (
    PlateAlignmentError,
    between_sizes,
    corners,
    covered_fraction,
    displaced,
    fit,
    grid,
    implausible,
    known_spans,
    project,
)

SIZE = (64, 36)
TILTED = np.array([[0.95, 0.08, 3.2], [-0.06, 1.04, -2.7], [4e-4, -7e-4, 1.0]])


def test_the_outer_edge_of_a_picture_stays_its_edge_at_another_size():
    smaller = between_sizes((640, 360), (160, 120))
    assert project(smaller, np.array([[-0.5, -0.5], [639.5, 359.5]])) == pytest.approx(
        np.array([[-0.5, -0.5], [159.5, 119.5]])
    )
    assert smaller @ between_sizes((160, 120), (640, 360)) == pytest.approx(np.eye(3))


def test_known_spans_are_the_pixels_that_project_into_the_plate():
    spans = known_spans(TILTED, SIZE, SIZE, border_px=0.15)
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    back = project(np.linalg.inv(TILTED), np.column_stack([x.ravel(), y.ravel()]).astype(float))
    inside = ((back >= -0.15) & (back <= np.array(SIZE) - 0.85)).all(axis=1).reshape(x.shape)
    expected = np.array([np.isin(np.arange(SIZE[0]), np.arange(a, b)) for a, b in spans])
    assert 0 < inside.mean() < 1
    assert (expected == inside).all()


def test_as_many_points_as_a_field_is_asked_for_are_displaced():
    field = np.random.default_rng(0).uniform(-2, 2, (5, 7, 2)).astype(np.float32)
    points = grid(SIZE, columns=320, rows=180)
    one_by_one = [displaced(part, field, SIZE) for part in np.array_split(points, 100)]
    assert len(points) > 1 << 15
    assert np.array_equal(displaced(points, field, SIZE), np.concatenate(one_by_one))
    assert displaced(points[:0], field, SIZE).shape == (0, 2)


def test_covered_fraction_is_the_share_of_known_pixels():
    spans = known_spans(TILTED, SIZE, SIZE, border_px=0.5)
    share = np.diff(spans, axis=1).sum() / (SIZE[0] * SIZE[1])
    assert covered_fraction(TILTED, SIZE, SIZE) == pytest.approx(share, abs=0.01)
    assert covered_fraction(np.eye(3), SIZE, SIZE) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("homography", "fault"),
    [
        (np.diag([-1.0, 1.0, 1.0]), "mirrors"),
        (np.diag([4.0, 4.0, 1.0]), "scales"),
        (np.diag([0.2, 0.2, 1.0]), "scales"),
        (np.array([[1, 0, 0], [0, 1, 0], [-0.02, 0, 1.0]]), "folds"),
        (np.zeros((3, 3)), "singular"),
        (np.full((3, 3), np.nan), "singular"),
    ],
)
def test_what_no_camera_sees_is_named(homography, fault):
    assert fault in str(implausible(homography, SIZE, SIZE))


def test_what_a_hand_does_is_plausible():
    assert implausible(TILTED, SIZE, SIZE) is None
    # A plate of twice the size is no change of scale of the place.
    assert implausible(between_sizes((256, 144), SIZE), (256, 144), SIZE) is None


def test_fit_survives_wrong_matches():
    random = np.random.default_rng(0)
    plate = random.uniform(0, 1, (200, 2)) * [640, 360]
    frame = project(TILTED, plate) + random.normal(0, 0.3, plate.shape)
    frame[:120] = random.uniform(0, 1, (120, 2)) * [640, 360]
    found = fit(plate, frame, threshold_px=3.0)
    error = project(found.plate_to_frame, grid((640, 360))) - project(TILTED, grid((640, 360)))
    assert np.abs(error).max() < 1.5
    assert 70 <= found.inliers <= 90


def test_too_few_matches_are_an_error_with_their_number():
    with pytest.raises(PlateAlignmentError, match="only 4 matching key points, at least 10"):
        fit(corners(SIZE), corners(SIZE), threshold_px=3.0)
