"""What is refused before anything is written: wrong words, files that are none, plates of another place."""

import json
import os
import subprocess

import av
import cv2
import numpy as np
import pytest

from tests.conftest import HEIGHT, WIDTH, textured


def test_an_unrelated_plate_is_refused(scene, run, tmp_path):
    plate = tmp_path / "plate.png"
    cv2.imwrite(str(plate), (textured(99) * 255).astype(np.uint8))
    code, said = run("render", scene.clip, "--plate", plate, "--background", "blur", "-o", tmp_path / "out.mp4")
    assert code == 2 and "frame 0" in said
    assert list(tmp_path.iterdir()) == [plate]


@pytest.mark.parametrize("option", ["-o", "--alpha", "--foreground", "--sheet", "--json"])
@pytest.mark.parametrize("given", ["clip.mkv", "plate.png", "behind.png", "mask.png"])
def test_no_output_replaces_an_input(scene, run, tmp_path, monkeypatch, option, given):
    monkeypatch.chdir(tmp_path)
    for name, source in (("clip.mkv", scene.clip), ("plate.png", scene.plate), ("behind.png", scene.plate)):
        (tmp_path / name).write_bytes(source.read_bytes())
    cv2.imwrite("mask.png", np.zeros((HEIGHT, WIDTH), np.uint8))
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    inputs = ("clip.mkv", "--plate", "plate.png", "--background", "behind.png", "--mask", "mask.png")
    outputs = {"-o": "out.mp4"} | {option: given}
    code, said = run("render", *inputs, *(word for pair in outputs.items() for word in pair), "--overwrite")
    assert code == 2
    assert f"{given} is the input {given} itself" in said.replace("\n", " ")
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_job_without_outputs_is_told_what_it_lacks(scene, run):
    code, said = run("render", scene.clip, "--plate", scene.plate)
    assert code == 2 and "nothing to write: give -o OUT" in said


def test_names_of_backgrounds_and_folders_of_inputs_are_no_inputs_themselves(scene, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("blur", "shots"):
        (tmp_path / folder).mkdir()
    (tmp_path / "shots" / "plate.png").write_bytes(scene.plate.read_bytes())
    for out in ("blur/out.mp4", "shots/out.mp4"):
        for _ in range(2):
            words = ("render", scene.clip, "--plate", "shots", "--background", "blur", "-o", out, "--end", "1")
            assert run(*words, "--overwrite")[0] == 0


@pytest.mark.parametrize("words", [
    ("align", "clip.mkv", "--plate", "plate.png", "--json", "clip.mkv"),
    ("align", "clip.mkv", "--plate", "plate.png", "--json", "plate.png"),
    ("align", "shots", "--plate", "plate.png", "--report", "shots"),
    ("plate", "plate.png", "--mask", "mask.png", "-o", "mask.png", "--overwrite"),
    ("plate", "plate.png", "--mask", "mask.png", "-o", "new.png", "--json", "plate.png"),
    ("plate", "plate.png", "--mask", "mask.png", "-o", "new.png", "--json", "new.png"),
    ("evaluate", "mask.png", "mask.png", "--json", "mask.png"),
])  # fmt: skip
def test_no_command_replaces_an_input(scene, run, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    for name, source in (("clip.mkv", scene.clip), ("plate.png", scene.plate)):
        (tmp_path / name).write_bytes(source.read_bytes())
    cv2.imwrite("mask.png", np.zeros((HEIGHT, WIDTH), np.uint8))
    (tmp_path / "shots").mkdir()
    cv2.imwrite("shots/frame_000000.jpg", np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    code, said = run(*words)
    assert code == 2 and ("choose another" in said or "give each its own" in said)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before


@pytest.mark.parametrize("words", [
    ("render", "shots", "--plate", "plate.png", "--alpha", "shots/alpha_%05d.png"),
    ("render", "shots/%03d.png", "--plate", "plate.png", "-o", "a.mkv", "--sheet", "shots/007.png"),
    ("render", "clip.mkv", "--plate", "shots", "--foreground", "shots/new.tif"),
    ("plate", "shots", "-o", "shots/plate.png"),
    ("render", "shots", "--plate", "shots/still.png", "-o", "a.mkv"),
    ("render", "shots", "--plate", "plate.png", "--background", "shots/still.png", "-o", "a.mkv"),
    ("render", "shots", "--plate", "plate.png", "--mask", "shots/still.png", "-o", "a.mkv"),
    ("align", "shots", "--plate", "shots/still.png"),
])  # fmt: skip
def test_no_other_picture_becomes_a_frame_of_a_folder(scene, run, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shots").mkdir()
    for name, source in (
        ("clip.mkv", scene.clip),
        ("plate.png", scene.plate),
        *((f"shots/{n}.png", scene.plate) for n in ("000", "still")),
    ):
        (tmp_path / name).write_bytes(source.read_bytes())
    before = sorted(tmp_path.rglob("*"))
    code, said = run(*words)
    assert code == 2 and "one of the frames of shots" in said and ("another folder" in said or "move it" in said)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_frame_of_a_folder_may_be_its_plate_and_hidden_files_are_no_frames(scene, run, tmp_path):
    shots = tmp_path / "shots"
    shots.mkdir()
    for name in ("shot_0.png", "shot_1.png", ".plate.png"):
        (shots / name).write_bytes(scene.plate.read_bytes())
    for plate in ("shot_0.png", ".plate.png"):
        code, said = run("align", shots, "--plate", shots / plate)
        assert code == 0 and "2 ok" in said


def test_a_sheet_that_is_there_is_not_replaced(scene, run, tmp_path):
    sheet = tmp_path / "sheet.png"
    sheet.write_bytes(b"the user's")
    words = ("render", scene.clip, "--plate", scene.plate, "--alpha", tmp_path / "a.mkv", "--sheet", sheet)
    code, said = run(*words, "--end", "1")
    assert code == 2 and "exists already" in said
    assert [*tmp_path.iterdir()] == [sheet] and sheet.read_bytes() == b"the user's"
    assert run(*words, "--end", "1", "--overwrite")[0] == 0
    assert cv2.imread(str(sheet)) is not None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"clip": "nowhere.mp4"}, r"nowhere\.mp4 does not exist"),
        ({"--plate": "nowhere.png"}, r"nowhere\.png does not exist"),
        ({"--background": "nowhere.jpg"}, r"nowhere\.jpg: there is no such file; .* blur or none"),
        ({"--background": "#12"}, "#12: a colour is # and six"),
        ({"--alpha": "out.mp4"}, "two outputs have the same name"),
        ({"--json": "out.mp4.json"}, "two outputs have the same name"),
        ({"-o": "o_%05d.png", "--json": "o.png.json", "--start": "0"}, "two outputs have the same name"),
        ({"-o": "o_%05d.png", "--json": "o.0-0.png.json", "--end": "1"}, "two outputs have the same name"),
        ({"--sheet": "."}, r"\. is a folder; name a file in it"),
        ({"--sheet": "sheet.jpg"}, r"sheet\.jpg: a contact sheet is a PNG; name it sheet\.png"),
        ({"-o": "o_%05d.png", "--sheet": "o_00001.png"}, r"two outputs have the same name, o_00001\.png"),
        ({"--json": "."}, r"\. is a folder; name a file in it"),
        ({"--model": "best"}, "no model 'best'"),
        ({"--segmenter": "magic"}, "--segmenter magic"),
        ({"--start": "99"}, "--start 99: clip.mkv has 24 frames"),
        ({"--start": "24"}, r"--start 24: clip\.mkv has 24 frames, 0 to 23, and ends at 24 \(1\.00 s\)"),
        ({"--end": "25"}, "--end 25: .* ends at 24"),
        ({"--end": "2.1s"}, r"--end 2\.1s: .* ends at 24 \(1\.00 s\)"),
        ({"--end": "0"}, "error: --end 0: no frame lies from 0 to before 0"),
        ({"--start": "9", "--end": "9"}, "--start 9 --end 9: no frame lies from 9 to before 9"),
        ({"--fps": "24"}, r"--fps is for pictures, and .*clip\.mkv is a video"),
        ({"--background": ""}, "--background is empty"),
        ({"--exr": "codes"}, "--exr codes has no effect without an .exr"),
        ({"--start": "soon"}, "--start soon: give a frame such as 120"),
        ({"-o": "out.xyz"}, r"out\.xyz has the suffix \.xyz"),
    ],
)
def test_a_wrong_word_is_named(scene, run, tmp_path, monkeypatch, change, message):
    import re

    monkeypatch.chdir(tmp_path)
    words = {"clip": scene.clip, "--plate": scene.plate, "--background": "#204080", "-o": "out.mp4"} | change
    code, said = run("render", words.pop("clip"), *(word for pair in words.items() for word in pair))
    assert code == 2
    assert re.search(message, said), said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("output", "option"), [
    ("--alpha", ("--codec", "h264")), ("--alpha", ("--quality", 0)), ("--alpha", ("--hardware",)),
    ("--foreground", ("--premultiplied",)), ("-o", ("--light-wrap", 3)), ("-o", ("--linear",)),
    ("--alpha", ("--background", "blur")),
])  # fmt: skip
def test_an_option_without_effect_is_refused(scene, run, tmp_path, output, option):
    code, said = run("render", scene.clip, "--plate", scene.plate, output, tmp_path / "a.mkv", *option)
    assert code == 2 and f"{option[0]} has no effect without" in said
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(("words", "message"), [
    (("--alpha", "a.exr", "--exr", "codes"), "--exr codes has no effect without an .exr of colours"),
    (("--mask", "m.png", "--segmenter", "deeplab"), "--segmenter deeplab has no effect beside --mask"),
])  # fmt: skip
def test_what_another_option_leaves_without_effect_is_refused(scene, run, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    code, said = run("render", scene.clip, "--plate", scene.plate, "-o", "out.mkv", *words)
    assert code == 2 and message in said
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(("out", "record"), [("o.mp4", "o.mp4.json"), ("o_%05d.png", "o.0-0.png.json")])
def test_a_record_that_could_not_be_written_is_noticed_first(scene, run, tmp_path, out, record):
    (tmp_path / record).mkdir()
    words = ("--background", "blur", "-o", tmp_path / out, "--end", 1)
    code, said = run("render", scene.clip, "--plate", scene.plate, *words)
    assert code == 2 and f"{record} is a folder" in said
    assert [*tmp_path.iterdir()] == [tmp_path / record]


@pytest.mark.parametrize("words", [
    ("render", "clip.mkv", "--plate", "plate.png", "-o", "out.mp4"), ("align", "clip.mkv", "--plate", "plate.png"),
    ("plate", "clip.mkv", "-o", "new.png"), ("evaluate", "one.mkv", "other.mkv"),
])  # fmt: skip
@pytest.mark.parametrize("held", [b"\0\0\0 ftypisom, a finished render", b'{"not": "whole', b"[1]", b"{" * 9999])
def test_a_report_replaces_nothing_but_a_report(run, tmp_path, monkeypatch, words, held):
    """Before anything is looked for: none of the inputs is there."""
    monkeypatch.chdir(tmp_path)
    taken = tmp_path / "taken"
    taken.write_bytes(held)
    code, said = run(*words, "--json", "taken", *(["--overwrite"] if "-o" in words else []))
    assert code == 2 and "taken exists already and is no report; choose another name" in said
    assert [*tmp_path.iterdir()] == [taken] and taken.read_bytes() == held


@pytest.mark.parametrize("held", [b"", b'{"frames": []}\n', b'\xef\xbb\xbf {"edited": "elsewhere"}'])
def test_a_report_replaces_the_last_one(run, tmp_path, held):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((32, 32), np.uint8))
    (tmp_path / "said.json").write_bytes(held)
    assert run("evaluate", tmp_path / "a.png", tmp_path / "a.png", "--json", tmp_path / "said.json")[0] == 0
    assert "mad" in json.loads((tmp_path / "said.json").read_text())


@pytest.mark.skipif(os.name == "nt", reason="Windows has neither")
def test_a_report_goes_into_a_pipe_or_a_device(run, tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((32, 32), np.uint8))
    words = ("evaluate", tmp_path / "a.png", tmp_path / "a.png", "--json")
    assert run(*words, "/dev/null")[0] == 0
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE) as reader:
        assert run(*words, tmp_path / "pipe")[0] == 0
        assert "mad" in json.loads(reader.communicate()[0])


def test_a_clip_with_sound_only_is_refused(scene, run, tmp_path):
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.sample_rate = 48000
        for packet in (*stream.encode(sound), *stream.encode(None)):
            container.mux(packet)
    code, said = run("render", path, "--plate", scene.plate, "-o", tmp_path / "out.mp4")
    assert code == 2 and "no video" in said


def test_nothing_is_overwritten_unasked(scene, run, tmp_path):
    out = tmp_path / "out.mp4"
    out.write_text("mine")
    code, said = run("render", scene.clip, "--plate", scene.plate, "--background", "blur", "-o", out)
    assert code == 2 and "--overwrite" in said
    assert out.read_text() == "mine"
