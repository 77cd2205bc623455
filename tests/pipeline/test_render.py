"""The main job, as a user sees it: files, numbers, words and exit codes."""

import hashlib
import json
import subprocess
from fractions import Fraction
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.composite import quantise
from pipeline.decode import open_clip
from pipeline.frames import ClipInfo, Colour, MachineError, Settings
from pipeline.matting import Matter
from pipeline.notes import notes_on
from pipeline.plates import read_plate
from pipeline.render import RenderJob, render
from pipeline.windows import Drafts, in_company, windows
from tests.conftest import FRAMES, HEIGHT, WIDTH, frames, write_clip
from tests.contract.made import KINDS


@pytest.fixture(scope="module")
def rendered(scene, tmp_path_factory):
    folder = tmp_path_factory.mktemp("rendered")
    steps = []
    job = RenderJob(
        scene.clip, scene.plate, "#204080", folder / "out.mkv", folder / "alpha.mkv", folder / "foreground.mkv",
        sheet=folder / "sheet.png", settings=Settings(device="cpu"),
    )  # fmt: skip
    summary = render(job, lambda done, total, remark="": steps.append((done, total)))
    return folder, summary, steps


def test_every_frame_is_there_with_its_time(scene, rendered):
    folder, summary, steps = rendered
    assert summary.frames == FRAMES and summary.exit_code == 0
    assert steps == [(i + 1, FRAMES) for i in range(FRAMES)]
    with open_clip(scene.clip) as source:
        times = [t * source.info.time_base for t in source.info.pts]
    for name in ("out.mkv", "alpha.mkv", "foreground.mkv"):
        with open_clip(folder / name) as clip:
            assert [t * clip.info.time_base for t in clip.info.pts] == times
            assert (clip.info.width, clip.info.height) == (WIDTH, HEIGHT)


@pytest.mark.parametrize(
    ("colour", "said"),
    [
        (Colour(9, 9, 16), "HDR (PQ)"),
        (Colour(9, 9, 18), "HDR (HLG)"),
        (Colour(9, 9, 14), "is BT.2020 SDR: the code values are kept and tagged"),
        (Colour(1, 12, 1), "is Display P3 SDR"),
        (Colour(1, 1, 9), "is BT.709 transfer 9"),  # logarithmic
        (Colour(1, 1, 1), None),
        (Colour(6, 6, 6), None),
        (Colour(1, 1, 1, assumed=True), "is not tagged; its colours were taken for BT.709"),
    ],
)
def test_what_the_networks_cannot_know_is_said(colour, said):
    info = ClipInfo(Path("a.mov"), 64, 48, (0, 1), Fraction(1, 24), Fraction(24), 10, colour, 0, 2)
    assert [said in note for note in notes_on(info)] == ([True] if said else [])
    useless = said is None or "not tagged" in said
    assert any("already, so that --sdr changes nothing" in note for note in notes_on(info, sdr=True)) == useless


def test_a_plate_that_is_the_clip_itself_is_noted(scene, run, tmp_path):
    clip = tmp_path / "clip.mkv"
    clip.write_bytes(scene.empty.read_bytes())
    for words in (("render", clip, "--alpha", tmp_path / "a.mkv"), ("align", clip)):
        assert "clip.mkv is the clip itself" in run(*words, "--plate", clip, "--end", 1)[1]
    assert "is the clip itself" not in run("align", clip, "--plate", scene.plate, "--end", 1)[1]


def test_an_alpha_of_the_clip_is_left_out_and_that_is_said(tmp_path):
    for kind in ("prores", "vp9 alpha", "png alpha"):
        with open_clip(KINDS[kind](tmp_path).path) as clip:
            assert any("alpha channel of its own, which is left out" in note for note in notes_on(clip.info))
    with open_clip(KINDS["prores 422"](tmp_path).path) as clip:
        assert not any("alpha" in note for note in notes_on(clip.info))


def test_a_premultiplied_prores_with_a_drawn_in_edge(scene, rendered, run, tmp_path):
    code, _ = run(
        "render", scene.clip, "--plate", scene.plate, "-o", tmp_path / "out.mov", "--premultiplied", "--erode", 4,
        "--feather", 3, "--end", 3, "--alpha", tmp_path / "alpha_%02d.exr",
    )  # fmt: skip
    assert code == 0
    with open_clip(tmp_path / "out.mov") as clip, open_clip(rendered[0] / "alpha.mkv") as before:
        assert len(clip.info) == 3 and clip.info.bit_depth > 8
        for frame, plain in zip(clip.frames(), before.frames(), strict=False):
            alpha = frame.alpha.astype(float) / 65535
            assert alpha.mean() < plain.image.mean() / 255 - 0.003
            assert (frame.image.max(axis=2) / 65535 - alpha).max() < 0.06  # multiplied; chroma is compressed
    assert len(list(tmp_path.glob("alpha_*.exr"))) == 3


def test_alpha_and_foreground_for_editors_keep_all_that_is_seen(scene, rendered, run, tmp_path):
    words = ["render", scene.clip, "--plate", scene.plate, "--end", 2]
    assert run(*words, "--alpha", tmp_path / "alpha.mov", "--foreground", tmp_path / "foreground.mov")[0] == 0
    for name in ("alpha", "foreground"):
        with open_clip(tmp_path / f"{name}.mov") as clip, open_clip(rendered[0] / f"{name}.mkv") as lossless:
            assert clip.info.pixel_format.startswith("yuv444p1")
            for frame, other in zip(clip.frames(), lossless.frames(0, 2), strict=True):
                error = np.abs(frame.image / 65535 - other.image / 255)
                assert error.mean() < 0.003 and np.quantile(error, 0.999) < 0.03


def test_pictures_without_times_are_taken_at_a_rate_that_is_said(scene, run, tmp_path):
    with open_clip(scene.clip) as clip:
        for frame in clip.frames(0, 2):
            cv2.imwrite(str(tmp_path / f"in_{frame.index}.png"), frame.image[..., ::-1])
    words = ["render", tmp_path / "in_%d.png", "--plate", scene.plate, "--alpha", tmp_path / "alpha.mkv"]
    assert "taken for 25 a second, or say --fps" in run(*words)[1]
    assert "a second" not in run(*words, "--overwrite", "--fps", 25)[1]


def test_an_exr_is_premultiplied_once_and_says_so(scene, run, tmp_path):
    """Whatever was asked for: it is so by its nature, and its writer does it, in light."""
    words = ["render", scene.clip, "--plate", scene.plate, "--end", 1, "--json", tmp_path / "said.json"]
    for name, more in (("plain", []), ("asked", ["--premultiplied"])):
        code, said = run(*words, "-o", tmp_path / f"{name}_%02d.exr", *more)
        assert code == 0 and "has premultiplied alpha" in said
    assert (tmp_path / "plain_00.exr").read_bytes() == (tmp_path / "asked_00.exr").read_bytes()
    assert json.loads((tmp_path / "plain.0-0.exr.json").read_text())["alpha"] == "premultiplied"


def test_a_sheet_shows_what_is_seen_whether_colours_are_multiplied_or_not(scene, run, tmp_path):
    words = ["render", scene.clip, "--plate", scene.plate, "--end", 1]
    for name, more in (("straight", []), ("multiplied", ["--premultiplied"])):
        sheet = tmp_path / f"{name}.png"
        assert run(*words, "-o", tmp_path / f"{name}.mov", "--sheet", sheet, *more)[0] == 0
    one, other = (cv2.imread(str(tmp_path / f"{name}.png")).astype(int) for name in ("straight", "multiplied"))
    assert np.abs(one - other).max() <= 1


def test_each_part_of_a_sequence_has_its_own_record(scene, run, tmp_path):
    words = ["render", scene.clip, "--plate", scene.plate, "-o", tmp_path / "out_%02d.png"]
    for start, end in ((0, 1), (4, 6)):
        assert run(*words, "--start", start, "--end", end)[0] == 0
    said = {path.name: json.loads(path.read_text())["range"] for path in tmp_path.glob("*.json")}
    assert said == {"out.0-0.png.json": [0, 1], "out.4-5.png.json": [4, 6]}


def test_what_is_rendered_is_said_to_be_whole_where_its_record_cannot_be_written(scene, run, tmp_path, monkeypatch):
    def fail(*_):
        raise MachineError("no room")

    monkeypatch.setattr("pipeline.render.write_sidecar", fail)
    words = ("--alpha", tmp_path / "a.mkv", "--sheet", tmp_path / "sheet.png", "--end", 1)
    code, said = run("render", scene.clip, "--plate", scene.plate, *words)
    assert code == 3 and "no room; what was rendered is whole" in said and "a.mkv" in said
    assert {path.name for path in tmp_path.iterdir()} == {"a.mkv", "sheet.png"}


def test_the_summary_is_said_where_its_file_cannot_be_written(scene, run, tmp_path):
    name = f"{'a' * 250}.json"  # a partial file's is longer still
    words = ("--alpha", tmp_path / "a.mkv", "--json", tmp_path / name, "--end", 1)
    code, said = run("render", scene.clip, "--plate", scene.plate, *words)
    assert code == 3 and "1 frames; wrote" in said and "could not be written" in said


def test_straight_alpha_is_said_where_there_is_a_place(scene, run, tmp_path):
    for out, more, kind in (("s.mov", [], "straight"), ("p.webm", ["--premultiplied"], "premultiplied")):
        words = ["render", scene.clip, "--plate", scene.plate, "--end", 1, "-o", tmp_path / out, *more]
        code, said = run(*words)
        assert code == 0 and f"has {kind} alpha" in said
        assert json.loads((tmp_path / f"{out}.json").read_text())["alpha"] == kind
        words = ["ffprobe", "-v", "error", "-show_entries", "format_tags=comment", "-of", "csv=p=0", tmp_path / out]
        assert subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip() == f"{kind} alpha"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--codec", "animation"], "does not go into .mkv"),
        (["--codec", "dnxhd"], "the codecs are h264"),
        (["--quality", 99, "--codec", "h264"], "from 0 (best) to 51"),
        (["--quality", 5], "has no quality to choose"),
        (["--bits", 10], "give 8 or 16"),
        (["--erode", -2], "0 to 200 pixels"),
        (["--premultiplied"], "--background none"),
    ],
)
def test_options_of_delivery_that_cannot_be_are_refused(scene, run, tmp_path, words, said):
    out = tmp_path / "out.mkv"
    code, answer = run("render", scene.clip, "--plate", scene.plate, "--background", "#000000", "-o", out, *words)
    assert code == 2 and said in answer
    assert not any(tmp_path.iterdir())


def test_the_sidecar_says_how_to_do_it_again(scene, rendered):
    folder, summary, _ = rendered
    said = json.loads((folder / "out.mkv.json").read_text())
    assert [row["index"] for row in said["frames"]] == list(range(FRAMES))
    assert {row["status"] for row in said["frames"]} == {"ok"} == {row["alignment"] for row in said["frames"]}
    assert said["frames"][5]["mean_alpha"] == pytest.approx(np.mean(frames(folder / "alpha.mkv")[5]) / 255, abs=1e-3)
    assert said["job"]["clip"] == str(scene.clip) and said["job"]["background"] == "#204080"
    assert said["plate"]["sha256"] == hashlib.sha256(scene.plate.read_bytes()).hexdigest()
    assert said["settings"]["tile_px"] == Settings().tile_px and said["machine"]["device"] == "cpu"
    assert said["outputs"] == summary.outputs and set(said["busy_seconds"]) == set(summary.busy_seconds)
    assert len(said["weights"]["sha256"]) == 64 and said["versions"]["torch"]


def test_the_ball_is_cut_out(rendered):
    folder, _, _ = rendered
    alpha, out, source = (frames(folder / name) for name in ("alpha.mkv", "out.mkv", "foreground.mkv"))
    for index in (0, 11, FRAMES - 1):
        centre = (200, 180 + 8 * index)
        assert alpha[index][centre].min() > 250
        assert source[index][centre][0] > 180
        far = np.ones((HEIGHT, WIDTH), bool)
        far[115:285, max(0, centre[1] - 85) : centre[1] + 85] = False
        assert alpha[index][far].mean() < 2
        assert np.abs(np.median(out[index][far], axis=0) - (0x20, 0x40, 0x80)).max() <= 1


def test_the_composite_is_the_equation(rendered):
    folder, _, _ = rendered
    alpha, out, colour = (frames(folder / name)[7] for name in ("alpha.mkv", "out.mkv", "foreground.mkv"))
    a = alpha.astype(float) / 255
    assert np.abs(a * colour + (1 - a) * (0x20, 0x40, 0x80) - out).max() < 1.6  # three roundings


def test_the_contact_sheet_shows_four_frames(scene, rendered):
    sheet = cv2.imread(str(rendered[0] / "sheet.png"))
    assert sheet.shape == (28 + 4 * 274, 4 * 484, 3)
    files = {"clip": scene.clip, "alpha": rendered[0] / "alpha.mkv", "out": rendered[0] / "out.mkv"}
    seen = {name: frames(path) for name, path in files.items()}
    for row, index in enumerate((0, 8, 15, FRAMES - 1)):
        cells = [sheet[28 + 274 * row :, 484 * column :][:270, :480, ::-1] for column in range(4)]
        for cell, name in ((cells[0], "clip"), (cells[2], "alpha"), (cells[3], "out")):
            shown = cv2.resize(seen[name][index], (480, 270), interpolation=cv2.INTER_AREA)
            assert np.abs(cell.astype(int) - shown.reshape(270, 480, -1)).mean() < 1, (name, index)
        assert np.abs(cells[1].astype(int) - cells[0]).mean() < 20  # the plate, in which the ball is missing


def test_a_part_is_bit_for_bit_that_part_of_the_whole(scene, rendered, tmp_path):
    job = RenderJob(
        scene.clip, scene.plate, "#204080", tmp_path / "out.mkv", tmp_path / "alpha.mkv", tmp_path / "foreground.mkv",
        start="10", end="20", settings=Settings(device="cpu"),
    )  # fmt: skip
    assert render(job).frames == 10
    for name in ("out.mkv", "alpha.mkv", "foreground.mkv"):
        part, whole = frames(tmp_path / name), frames(rendered[0] / name)[10:20]
        assert len(part) == 10
        for first, second in zip(part, whole, strict=True):
            assert np.array_equal(first, second)


def test_a_part_has_its_part_of_sound_subtitles_and_chapters(scene, run, tmp_path):
    """Frames 6 to 18 of 24 a second: from 0.25 to 0.75 seconds."""
    (tmp_path / "words.srt").write_text(
        "1\n00:00:00,100 --> 00:00:00,500\nHello\n\n2\n00:00:00,900 --> 00:00:00,980\nNo\n"
    )
    chapters = "".join(f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={at}\nEND={at + 500}\ntitle=from {at}\n" for at in (0, 500))
    (tmp_path / "chapters.txt").write_text(f";FFMETADATA1\n{chapters}")
    inputs = ["-i", scene.clip, "-i", tmp_path / "words.srt", "-i", tmp_path / "chapters.txt"]
    tone = ["-f", "lavfi", "-i", "sine=duration=1"]
    how = ["-map", "0", "-map", "1", "-map", "3", "-map_chapters", "2", "-c:v", "copy", "-c:s", "srt", "-c:a", "flac"]
    subprocess.run(["ffmpeg", "-v", "error", *inputs, *tone, *how, tmp_path / "clip.mkv"], check=True)
    words = ["--plate", scene.plate, "--background", "blur", "--start", 6, "--end", 18, "-o", tmp_path / "out.mkv"]
    code, _ = run("render", tmp_path / "clip.mkv", *words)
    assert code == 0
    asked = ["ffprobe", "-v", "error", "-show_chapters", "-show_packets", "-of", "json", tmp_path / "out.mkv"]
    said = json.loads(subprocess.run(asked, check=True, capture_output=True).stdout)
    found = [
        (chapter["start"] // 10**6, chapter["end"] // 10**6, chapter["tags"]["title"]) for chapter in said["chapters"]
    ]
    assert found == [(0, 250, "from 0"), (250, 500, "from 500")]
    packets = {kind: [p for p in said["packets"] if p["codec_type"] == kind] for kind in ("audio", "video", "subtitle")}
    assert [(packet["pts"], packet["duration"]) for packet in packets["subtitle"]] == [(0, 250)]
    assert len(packets["video"]) == 12 and max(packet["pts"] for packet in packets["audio"]) <= 500


def test_a_still_is_rendered_to_a_transparent_picture(scene, run, tmp_path):
    still = tmp_path / "still.png"
    cv2.imwrite(str(still), frames(scene.clip)[3][:, :, ::-1])
    code, _ = run("render", still, "--plate", scene.plate, "-o", tmp_path / "out.png")
    picture = cv2.imread(str(tmp_path / "out.png"), cv2.IMREAD_UNCHANGED)
    assert code == 0
    assert picture.shape == (HEIGHT, WIDTH, 4)
    assert picture[200, 204, 3] > 250 and picture[20, 500, 3] < 5


def test_a_clip_without_a_subject_is_empty_and_says_so(scene, run, tmp_path):
    code, said = run(
        "render", scene.empty, "--plate", scene.plate, "--background", "blur", "-o", tmp_path / "out.mkv",
        "--alpha", tmp_path / "alpha.mkv", "--json", tmp_path / "run.json",
    )  # fmt: skip
    assert code == 4
    assert "6 frames: no subject, alpha is 0: 0-5" in said
    assert max(frame.max() for frame in frames(tmp_path / "alpha.mkv")) == 0
    assert json.loads((tmp_path / "run.json").read_text())["no_subject"] == [0, 1, 2, 3, 4, 5]


def test_a_background_that_ends_early_begins_again(scene, tmp_path):
    colours = [(250, 0, 0), (0, 250, 0), (0, 0, 250)]
    images = [np.full((HEIGHT, WIDTH, 3), colour, np.uint8) for colour in colours]
    background = write_clip(tmp_path / "background.mkv", images, rate=12)
    job = RenderJob(scene.clip, scene.plate, str(background), tmp_path / "out.mkv", start="4", end="9")
    render(job)
    corner = [frame[5, -5] for frame in frames(tmp_path / "out.mkv")]
    # Twelve a second under 24: frames 4 and 5 see the third, 6 and 7 the first again, 8 the second.
    wanted = [colours[i] for i in (2, 2, 0, 0, 1)]
    assert np.abs(np.array(corner, int) - wanted).max() <= 3


def test_align_writes_what_it_found(scene, run, tmp_path):
    code, said = run("align", scene.clip, "--plate", scene.plate, "--json", tmp_path / "align.json")
    rows = json.loads((tmp_path / "align.json").read_text())["frames"]
    assert code == 0 and f"{FRAMES} ok" in said
    assert [row["index"] for row in rows] == list(range(FRAMES))
    # In frame 0 the camera stands 0 px right and 3 px below the plate's corner.
    assert np.abs(np.array(rows[0]["plate_to_frame"]) - [[1, 0, 0], [0, 1, -3], [0, 0, 1]])[:2, 2].max() < 0.1
    assert set(rows[0]) == {
        "index", "pts_seconds", "plate_to_frame", "residual_px", "bend_px", "blur_px", "inliers", "coverage", "gain",
        "offset", "tone", "status",
    }  # fmt: skip
    assert rows[6]["pts_seconds"] == pytest.approx(float(Fraction(6, 24)), abs=1e-3)


def test_frames_side_by_side_are_those_made_one_by_one(scene, rendered, monkeypatch):
    """Threads change no bit: a matte is a pure function of its drafts."""
    folder, summary, _ = rendered
    written = frames(folder / "alpha.mkv")
    monkeypatch.setattr("pipeline.matting.workers_for", lambda *_: (4, 1))
    with open_clip(scene.clip) as clip:
        matter = Matter(read_plate(scene.plate), (WIDTH, HEIGHT), Settings(device="cpu"))
        assert matter.workers == 4
        with matter.pool() as pool:
            drafts = map(matter.draft, windows(clip, matter.observe, 0, FRAMES))
            each = list(islice(in_company(drafts, 0, FRAMES), 8))
            for drafted, matte in zip(each, pool.map(matter.matte, each), strict=True):
                assert np.array_equal(quantise(matte.alpha, 8), written[drafted.own.index][:, :, 0])
    assert all(seconds > 0 for seconds in summary.busy_seconds.values())


@pytest.mark.parametrize("precision", ["bfloat16", "auto"])
def test_fewer_bits_move_next_to_nothing(scene, precision):
    alphas = []
    for each in ("float32", precision):
        with open_clip(scene.clip) as clip:
            matter = Matter(read_plate(scene.plate), (WIDTH, HEIGHT), Settings(device="cpu", precision=each))
            (window,) = windows(clip, matter.observe, 2, 3)
            alphas.append(matter.matte(Drafts(matter.draft(window))).alpha)
    moved = np.abs(alphas[0] - alphas[1])
    if matter.settings.precision == "float32":  # what `auto` is where a processor is quick at nothing less
        assert precision == "auto" and moved.max() == 0
    else:
        assert 0 < moved.mean() < 1 / 1024
    assert np.percentile(moved, 99.9) < 0.03 and moved.max() < 0.25
