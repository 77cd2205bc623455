"""People: the formats are read right, bones turn as bones do, what is drawn covers what it should."""

import gzip
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from training.cutouts import find_cutouts
from training.people.__main__ import main
from training.people.files import read_bvh, read_mhclo, read_obj, read_target
from training.people.makehuman import SKIN_GROUP, MakeHuman
from training.people.person import Finish, random_person
from training.people.poses import STILL_POSES, random_act, to_local, world_rotations
from training.people.props import ball, together, tube
from training.people.raster import barycentric, rasterise
from training.people.render import extended, finished, motion_kernel, render
from training.people.scene import Picture
from training.people.shots import Camera
from training.people.skeleton import Skeleton, bone_transforms, global_rotations, skin
from training.people.strands import draw_strands

ASSETS = Path(__file__).parents[3] / "shared" / "training" / "makehuman"


@pytest.fixture(scope="module")
def makehuman():
    """The real assets. Not there on a user's machine; in CI they must be."""
    if not ASSETS.is_dir() and not os.environ.get("CI"):
        pytest.skip(f"{ASSETS} is not there")
    return MakeHuman.open(ASSETS)


def test_a_mesh_is_read_with_its_groups_and_polygons_become_triangles(tmp_path):
    path = tmp_path / "a.obj"
    path.write_text(
        "# comment\nv 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0.5\nvt 0.1 0.2\nvt 0.9 0.8\n"
        "g body\nf 1/1 2/2 3/2 4/1\ng helper-hair\nf 1 2 4\n"
    )
    mesh = read_obj(path)
    assert mesh.triangles.tolist() == [[0, 1, 2], [0, 2, 3], [0, 1, 3]]
    assert mesh.points[3].tolist() == [0, 1, 0.5]
    assert mesh.in_group("body").tolist() == [True, True, False]
    assert mesh.in_group("helper-").tolist() == [False, False, True]
    assert np.allclose(mesh.uv, [[0.1, 0.2], [0.9, 0.8], [0.9, 0.8], [0.1, 0.2]])


def test_a_mesh_without_faces_is_refused(tmp_path):
    (tmp_path / "a.obj").write_text("v 0 0 0\n")
    with pytest.raises(ValueError, match="1 vertices and 0 faces"):
        read_obj(tmp_path / "a.obj")


def test_a_morph_is_read_packed_or_not(tmp_path):
    text = "# morph\n7 0.5 -1 2\n\n9 .25 0 0\n"
    (tmp_path / "a.target").write_text(text)
    (tmp_path / "a.target.gz").write_bytes(gzip.compress(text.encode()))
    for name in ("a.target", "a.target.gz"):
        morph = read_target(tmp_path / name)
        assert morph.vertices.tolist() == [7, 9]
        assert morph.moves.tolist() == [[0.5, -1, 2], [0.25, 0, 0]]


def test_a_binding_is_read_whatever_stands_among_its_vertices(tmp_path):
    scales = "".join(f"{axis}_scale 0 1 2.0\n" for axis in "xyz")
    rows = "material a.mhmat\n 3 4 5 0.5 0.25 0.25 0.1 0 -0.1\n6\n"
    (tmp_path / "a.mhclo").write_text(f"name a\n{scales}verts 0\n{rows}delete_verts\n3 - 6 9\n12 - 13\n")
    binding = read_mhclo(tmp_path / "a.mhclo")
    assert binding.vertices.tolist() == [[3, 4, 5], [6, 6, 6]]
    assert np.allclose(binding.weights, [[0.5, 0.25, 0.25], [1, 0, 0]])
    assert np.allclose(binding.offsets, [[0.1, 0, -0.1], [0, 0, 0]])
    assert binding.hidden.tolist() == [3, 4, 5, 6, 9, 12, 13]


def test_a_motion_is_read_in_the_axes_of_the_mesh(tmp_path):
    (tmp_path / "a.bvh").write_text(
        "HIERARCHY\nROOT hip\n{\nOFFSET 0 0 0\nCHANNELS 6 Xposition Yposition Zposition Xrotation Yrotation Zrotation\n"
        "JOINT knee\n{\nOFFSET 0 0 1\nCHANNELS 3 Xrotation Yrotation Zrotation\nEnd Site\n{\nOFFSET 0 0 1\n}\n}\n"
        "JOINT tail\n{\nOFFSET 0 1 0\nCHANNELS 3 Xrotation Yrotation Zrotation\nEnd Site\n{\nOFFSET 0 0 1\n}\n}\n}\n"
        "MOTION\nFrames: 1\nFrame Time: 0.04\n9 9 9 0 0 90 90 0 0 0 0 0\n"
    )
    motion = read_bvh(tmp_path / "a.bvh")
    assert motion.names == ("hip", "knee", "tail") and motion.parents == (-1, 0, 0)
    # About the file's upward z by 90 degrees: what pointed at +x points at the file's +y, which is -z here.
    assert np.allclose(motion.rotations[0, 0] @ [1, 0, 0], [0, 0, -1], atol=1e-6)
    # About x: what pointed up (z there, y here) points at the file's -y, which is +z here.
    assert np.allclose(motion.rotations[0, 1] @ [0, 1, 0], [0, 0, 1], atol=1e-6)


def test_two_bones_bend_by_a_right_angle():
    skeleton = Skeleton(("upper", "lower"), (-1, 0), ((0,), (1,)), ((1,), (2,)))
    body = np.float32([[0, 0, 0], [1, 0, 0], [2, 0, 0], [1.5, 0.25, 0]])
    quarter = np.float32([[0, -1, 0], [1, 0, 0], [0, 0, 1]])  # x to y
    world = global_rotations(skeleton, np.stack((np.eye(3, dtype=np.float32), quarter)))
    transforms = bone_transforms(skeleton, skeleton.heads(body), world)
    weights = np.float32([[1, 0], [0.5, 0.5], [0, 1], [0.5, 0.5]])
    # The last: half of (1.5, 0.25) and half of (0.75, 0.5).
    assert np.allclose(skin(body, weights, transforms), [[0, 0, 0], [1, 0, 0], [1, 1, 0], [1.125, 0.375, 0]])
    both = global_rotations(skeleton, np.stack((quarter, quarter)))
    moved = skin(body, weights, bone_transforms(skeleton, skeleton.heads(body), both))
    assert np.allclose(moved[:3], [[0, 0, 0], [0, 1, 0], [-1, 1, 0]], atol=1e-6)
    assert np.allclose(to_local(skeleton, both), np.stack((quarter, quarter)), atol=1e-6)


def test_a_triangle_covers_the_samples_inside_it():
    xy = np.float32([[1, 1], [9, 1], [1, 9]])
    buffers = rasterise(xy, np.float32([1, 1, 1]), np.array([[0, 1, 2]]), 10, 10)
    yy, xx = np.mgrid[:10, :10] + 0.5
    inside = (xx > 1) & (yy > 1) & (xx + yy < 10)
    assert np.array_equal((buffers.triangle == 0) & (xx + yy != 10), inside)


def test_triangles_that_share_an_edge_cover_each_sample_once():
    random = np.random.default_rng(1)
    xy = (random.random((4, 2)) * 3 + [[0, 0], [37, 0], [37, 37], [0, 37]]).astype(np.float32)
    near = np.ones(4, np.float32)
    parts = [rasterise(xy, near, np.array([t]), 40, 40).triangle == 0 for t in ([0, 1, 2], [0, 2, 3])]
    assert not (parts[0] & parts[1]).any()
    filled = np.zeros((40, 40), np.uint8)
    cv2.fillConvexPoly(filled, np.round(xy * 16 - 8).astype(np.int32), 1, shift=4)
    inner = cv2.erode(filled, np.ones((3, 3), np.uint8))
    assert (parts[0] | parts[1])[inner > 0].all()


def test_the_nearer_triangle_is_seen_and_they_may_cross():
    xy = np.float32([[0, 0], [40, 0], [0, 40]] * 3)
    near = np.float32([0.5, 0.5, 0.5, 0.9, 0.1, 0.9, 0.2, 0.2, 0.2])
    buffers = rasterise(xy, near, np.array([[0, 1, 2], [3, 4, 5], [6, 7, 8]]), 40, 40)
    assert buffers.triangle[2, 2] == 1 and buffers.triangle[2, 34] == 0
    assert set(np.unique(buffers.triangle)) == {-1, 0, 1}
    # The second falls from 0.9 at x = 0 to 0.1 at x = 40: it goes under the first at x = 20.
    assert (buffers.triangle[5, :19] == 1).all() and (buffers.triangle[5, 21:33] == 0).all()
    assert np.allclose(buffers.nearness[5, 10], 0.9 - 0.8 * 10.5 / 40, atol=1e-5)


def test_barycentric_weights_give_the_place_back():
    xy = np.float32([[1, 2], [30, 5], [9, 28]])
    triangles = np.array([[0, 1, 2]])
    y, x = (
        v.astype(np.int32) for v in np.nonzero(rasterise(xy, np.ones(3, np.float32), triangles, 32, 32).triangle == 0)
    )
    weights = barycentric(xy, triangles, np.zeros(len(x), np.int32), x, y)
    assert np.allclose(weights @ xy, np.stack((x, y), axis=1) + 0.5, atol=1e-3)


@pytest.fixture
def camera():
    """One decimetre is 20 pixels at the target, which is in the middle of 80 x 80."""
    return Camera(np.eye(3, dtype=np.float32), np.zeros(3, np.float32), 100.0, 2000.0, (40.0, 40.0))


def line(width_px, depth=0.0):
    points = np.zeros((1, 5, 3), np.float32)
    points[0, :, 0] = np.linspace(-1.5, 1.5, 5)
    points[0, :, 2] = depth
    return points, np.float32([width_px / 20]), np.full((1, 5, 3), (0.8, 0.4, 0.2), np.float32)


def empty(nearness=0.0):
    return Picture(np.zeros((80, 80, 3), np.float32), np.zeros((80, 80), bool), np.full((80, 80), nearness, np.float32))


@pytest.mark.parametrize("width_px", [0.1, 0.3, 0.6])
def test_strands_finer_than_a_pixel_cover_a_part_of_it(camera, width_px):
    alpha, colour = draw_strands(*line(width_px), camera, empty())
    drawn = alpha > 1e-4
    assert drawn.any() and alpha.max() < min(1, 1.1 * width_px)
    # At its root, where it has its full width, a short stretch covers its width times its length.
    assert 0.75 * width_px < alpha[:, 14:20].sum() / 6 <= width_px
    assert np.allclose(colour[drawn], (0.8, 0.4, 0.2), atol=1e-3)
    assert not drawn[:30].any() and not drawn[50:].any() and not drawn[:, :8].any()


def test_strands_are_hidden_by_what_is_nearer(camera):
    wall = empty(nearness=1 / 100)
    assert draw_strands(*line(0.5, depth=-1), camera, wall)[0].max() == 0
    assert draw_strands(*line(0.5, depth=1), camera, wall)[0].max() > 0.1


def test_many_strands_are_dense(camera):
    points, widths, colours = (np.repeat(v, 40, axis=0) for v in line(0.5))
    assert draw_strands(points, widths, colours, camera, empty())[0][40, 30] > 0.99


def test_solids_are_closed_and_look_outward():
    path = np.array([[0.0, 0, 0], [0, 1, 0.1], [0, 2, 0]])
    for points, faces in (
        tube(path, 0.1),
        ball(np.zeros(3), np.ones(3)),
        together(tube(path, 0.1), tube(path + 3, 0.2)),
    ):
        assert faces.min() == 0 and faces.max() == len(points) - 1
    points, faces = tube(path, 0.1)
    sides = {tuple(sorted(edge)) for a, b, c in faces.tolist() for edge in ((a, b), (b, c), (c, a))}
    assert len(points) - len(sides) + len(faces) == 2  # Euler: a sphere


def test_colours_reach_beyond_the_edge():
    alpha = np.zeros((20, 20), np.float32)
    alpha[5:10, 5:10] = 0.5
    colour = extended(alpha, alpha[..., None] * np.float32([0.9, 0.6, 0.3]))
    assert np.allclose(colour, [0.9, 0.6, 0.3], atol=1e-5)


def test_motion_blur_keeps_the_mass_and_its_direction():
    kernel = motion_kernel(9, 0.0)
    assert kernel.sum() == pytest.approx(1) and (kernel[len(kernel) // 2] > 0).sum() >= 8
    assert (kernel.sum(axis=1) > 0.05).sum() <= 1


def test_every_pose_stands_upright(makehuman):
    skeleton = makehuman.skeleton
    heads = skeleton.heads(makehuman.base.points)
    for name in [*STILL_POSES, "walk1"]:
        rotations = world_rotations(makehuman, makehuman.motion(name), 0)
        assert np.allclose(rotations @ rotations.transpose(0, 2, 1), np.eye(3), atol=1e-4), name
        places = bone_transforms(skeleton, heads, rotations)
        moved = skin(heads, np.eye(len(heads), dtype=np.float32), places)
        assert moved[skeleton.index("head"), 1] > moved[skeleton.index("root"), 1], name


def test_stretched_arms_are_level_and_a_walk_swings_them(makehuman):
    heads = makehuman.skeleton.heads(makehuman.base.points)

    def hand(name, frame):
        rotations = world_rotations(makehuman, makehuman.motion(name), frame)
        places = skin(
            heads, np.eye(len(heads), dtype=np.float32), bone_transforms(makehuman.skeleton, heads, rotations)
        )
        return places[makehuman.skeleton.index("wrist.L")] - places[makehuman.skeleton.index("upperarm01.L")]

    stretched = hand("tpose", 0)
    assert stretched[0] > 4 and abs(stretched[1]) < 0.5
    walking = np.stack([hand("walk1", frame) for frame in range(14)])
    assert (walking[:, 1] < -2).all() and np.ptp(walking[:, 2]) > 1


def test_joints_keep_their_distances_in_every_act(makehuman):
    skeleton = makehuman.skeleton
    heads = skeleton.heads(makehuman.base.points)
    act = random_act(makehuman, np.random.default_rng(3))
    rotations = global_rotations(skeleton, act.local(2.5))
    moved = skin(heads, np.eye(len(heads), dtype=np.float32), bone_transforms(skeleton, heads, rotations))
    parents = np.array(skeleton.parents)
    children = parents >= 0
    lengths = [np.linalg.norm(p[children] - p[parents[children]], axis=1) for p in (heads, moved)]
    assert np.allclose(*lengths, atol=1e-3)


def test_the_skin_is_drawn_without_helpers(makehuman):
    assert makehuman.base.triangles[makehuman.base.in_group("joint-")].size
    faces = makehuman.faces(SKIN_GROUP)
    assert len(np.unique(faces)) > 13000 and faces.max() < 13380


def test_clothes_follow_the_body(makehuman):
    garment = makehuman.garment("clothes", makehuman.names("clothes", "female*.mhclo")[0])
    base = makehuman.base.points
    larger = garment.fit(1.5 * base) - 1.5 * garment.fit(base)
    assert np.abs(larger).max() < 1e-3
    weights = garment.weights(makehuman.weights)
    assert np.allclose(weights.sum(axis=1), 1, atol=1e-4) and len(weights) == len(garment.mesh.points)


def test_a_person_has_a_body_and_no_corner(makehuman):
    person = random_person(makehuman, np.random.default_rng([7, 4]), 256, 2, ())
    subject = render(person, 0, 128)
    assert subject.alpha.max() == 1 and 0.03 < (subject.alpha == 1).mean() < 0.97
    assert ((subject.alpha > 0.02) & (subject.alpha < 0.98)).mean() > 0.003
    assert np.isfinite(subject.colour).all() and subject.colour.min() >= 0 and subject.colour.max() <= 1


def test_blur_moves_alpha_and_colour_together():
    alpha = np.zeros((64, 64), np.float32)
    alpha[20:40, 20:40] = 1
    blurred = finished(alpha, alpha[..., None] * np.float32([0.2, 0.4, 0.8]), Finish(1.5, 8.0, 0.5))
    assert np.allclose(blurred.colour, [0.2, 0.4, 0.8], atol=0.006)
    assert 0.05 < ((blurred.alpha > 0) & (blurred.alpha < 1)).mean() < 0.5 and blurred.alpha[30, 30] == 1


def run(folder, *more):
    return main([str(ASSETS), "-o", str(folder), "--count", "2", "--frames", "2", "--size", "96", "--seed", "5", *more])


def test_the_command_writes_pairs_and_resumes(makehuman, tmp_path, capsys):
    assert run(tmp_path / "a") == 0
    clips = find_cutouts(tmp_path / "a")
    assert [len(clip.colours) for clip in clips] == [2, 2]
    free = 0
    for clip in clips:
        for colour_path, alpha_path in zip(clip.colours, clip.alphas, strict=True):
            colour = cv2.imread(str(colour_path), cv2.IMREAD_UNCHANGED)
            alpha = cv2.imread(str(alpha_path), cv2.IMREAD_UNCHANGED)
            assert colour.shape == (*alpha.shape, 3) and colour.dtype == alpha.dtype == np.uint8
            assert alpha.max() == 255 and alpha.min() == 0
            free += bool(alpha[0, 0] == alpha[0, -1] == 0)
    assert free >= 2, "in most shots nothing reaches the upper corners"
    kept = tmp_path / "a" / "fgr" / "00000" / "0000.png"
    before = kept.read_bytes()
    stamp = kept.stat().st_mtime_ns
    other = tmp_path / "a" / "fgr" / "00001"
    again = (other / "0001.png").read_bytes()
    for file in other.iterdir():
        file.unlink()
    other.rmdir()
    capsys.readouterr()
    assert run(tmp_path / "a") == 0
    assert "1 written, 1 were there" in capsys.readouterr().out
    assert kept.stat().st_mtime_ns == stamp and kept.read_bytes() == before
    assert (other / "0001.png").read_bytes() == again, "the same seed gives the same person"
    assert before != (other / "0000.png").read_bytes()


def test_the_command_names_a_folder_without_assets(tmp_path, capsys):
    assert main([str(tmp_path), "-o", str(tmp_path / "out")]) == 2
    assert "no base.obj" in capsys.readouterr().err
