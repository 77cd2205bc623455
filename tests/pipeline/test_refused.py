"""What is refused before anything is written: wrong words, files that are none, plates of another place."""

import av
import cv2
import numpy as np
import pytest

from tests.conftest import textured


def test_an_unrelated_plate_is_refused(scene, run, tmp_path):
    plate = tmp_path / "plate.png"
    cv2.imwrite(str(plate), (textured(99) * 255).astype(np.uint8))
    code, said = run("render", scene.clip, "--plate", plate, "--background", "blur", "-o", tmp_path / "out.mp4")
    assert code == 2 and "frame 0" in said
    assert list(tmp_path.iterdir()) == [plate]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"clip": "nowhere.mp4"}, r"nowhere\.mp4 does not exist"),
        ({"--plate": "nowhere.png"}, r"nowhere\.png does not exist"),
        ({"--background": "nowhere.jpg"}, r"nowhere\.jpg: there is no such file; .* blur or none"),
        ({"--background": "#12"}, "#12: a colour is # and six"),
        ({"--alpha": "out.mp4"}, "two outputs have the same name"),
        ({"--model": "best"}, "no model 'best'"),
        ({"--segmenter": "magic"}, "--segmenter magic"),
        ({"--start": "99"}, "--start 99: clip.mkv has 24 frames"),
        ({"--start": "9", "--end": "9"}, "no frame lies from 9 to before 9"),
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
