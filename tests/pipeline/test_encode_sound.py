"""The sound of what was written: the same packets, in step with the pictures."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.decode import open_clip
from pipeline.encode import open_writer
from pipeline.frames import CleanplateError
from tests.contract.films import RATE, film, noise
from tests.contract.made import picture
from tests.contract.written import info, left_in, write


def heard(path: Path) -> np.ndarray:
    """The sound of a file as it is played, from the moment that its first picture is shown."""
    result = np.zeros(3 * RATE, np.float32)
    resampler = av.AudioResampler("fltp", "mono", RATE)
    end = None
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        start = (video.start_time or 0) * video.time_base
        for decoded in container.decode(audio=0):
            for frame in resampler.resample(decoded):
                at = round((frame.pts * frame.time_base - start) * RATE)
                # Matroska's times are rounded: what follows within two milliseconds follows at once.
                at = end if end is not None and abs(at - end) < RATE // 500 else at
                samples = frame.to_ndarray()[0]
                end = at + len(samples)
                samples = samples[max(-at, 0) :]
                at = max(at, 0)
                result[at : at + len(samples)] = samples[: len(result) - at]
    return result


def lag(sound: np.ndarray, reference: np.ndarray) -> int:
    """By how many samples one sound comes after another."""
    size, reach = 16384, 4096
    segment = sound[reach : reach + size]
    scores = np.correlate(reference[: 2 * reach + size], segment, "valid")
    assert scores.max() > 0.7 * float(np.dot(segment, segment))  # it is this sound at all
    return reach - int(np.argmax(scores))


def render(source: Path, output: Path, start: int = 0, end: int | None = None, codec: str | None = None) -> list[str]:
    """Copies a part; returns what the writer has to say of it."""
    with (
        open_clip(source) as clip,
        open_writer(output, clip.info, channels=3, company_from=source, stop=end, codec=codec) as writer,
    ):
        for frame in clip.frames(start, end):
            writer.write(frame.image, frame.pts)
    return writer.notes


def packets(path: Path, track: int) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(container.streams.audio[track]) if packet.size]


@pytest.mark.parametrize(("source", "codecs"), [("a.mp4", ("aac", "aac")), ("a.mkv", ("flac", "libopus"))])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_all_sound_is_copied_bit_for_bit(source: str, codecs: tuple[str, ...], suffix: str, tmp_path: Path) -> None:
    film(tmp_path / source, codecs)
    render(tmp_path / source, tmp_path / f"out{suffix}")
    for track, language in ((0, "eng"), (1, "fra")):
        copied = packets(tmp_path / f"out{suffix}", track)
        assert len(copied) > 10
        assert copied == packets(tmp_path / source, track)
        with av.open(str(tmp_path / f"out{suffix}")) as container:
            stream = container.streams.audio[track]
            assert stream.metadata["language"] == language
            with av.open(str(tmp_path / source)) as original:
                assert stream.disposition == original.streams.audio[track].disposition


@pytest.fixture(scope="module", params=[("a.mp4", "aac"), ("a.mov", "pcm_s16le"), ("a.mkv", "flac")])
def source_and_codec(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    name, codec = request.param
    return film(tmp_path_factory.mktemp("film") / name, (codec,)), codec


@pytest.mark.parametrize("output", ["out.mp4", "out.mov", "out.mkv"])
@pytest.mark.parametrize(("start", "end"), [(0, None), (7, 40)])
def test_sound_and_picture_stay_together(
    source_and_codec: tuple[Path, str], output: str, start: int, end: int | None, tmp_path: Path
) -> None:
    source, codec = source_and_codec
    render(source, tmp_path / output, start, end)
    # Matroska rounds to milliseconds, once in the source and once in the output.
    assert abs(lag(heard(tmp_path / output), heard(source)[start * 1920 :])) <= 48
    with av.open(str(tmp_path / output)) as container:
        assert container.streams.video[0].start_time == 0
        length = Fraction((end or 50) - start, 25)
        last = [p for p in container.demux(audio=0) if p.size][-1]
        slack = Fraction(1, 8) if container.streams.audio[0].codec_context.name != codec else 0  # encoded anew
        assert last.pts * last.time_base <= length + slack  # of a part, nothing after its end
        assert (last.pts + last.duration) * last.time_base > length - Fraction(1, 20)


@pytest.mark.parametrize("source", ["a.mp4", "a.mkv"])
@pytest.mark.parametrize("codec", ["h264", "h265", "prores422", "vp9", "ffv1"])
@pytest.mark.parametrize("start", [0, 7])
def test_pictures_in_matroska_begin_at_once_whatever_their_codec(
    source: str, codec: str, start: int, tmp_path: Path
) -> None:
    film(tmp_path / source, ("aac" if source.endswith("mp4") else "flac",))
    render(tmp_path / source, tmp_path / "out.mkv", start, 20, codec)
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert container.streams.video[0].start_time == 0
    assert abs(lag(heard(tmp_path / "out.mkv"), heard(tmp_path / source)[start * 1920 :])) <= 48


def test_a_clip_whose_pictures_begin_late_keeps_its_sync(tmp_path: Path) -> None:
    film(tmp_path / "a.mov", ("pcm_s16le",), late=10)
    with open_clip(tmp_path / "a.mov") as clip:
        assert clip.info.pts[0] * clip.info.time_base == Fraction(2, 5)
    render(tmp_path / "a.mov", tmp_path / "out.mov")
    assert abs(lag(heard(tmp_path / "out.mov"), noise()[10 * 1920 :])) <= 1


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_priming_that_lies_far_before_the_sound_takes_none_of_it_away(suffix: str, tmp_path: Path) -> None:
    """As in fragmented MP4, where the first picture is late because others are decoded before it."""
    source, out = film(tmp_path / "a.mp4", movflags="frag_keyframe+empty_moov"), tmp_path / f"out{suffix}"
    with av.open(str(source)) as container:
        assert next(container.demux(audio=0)).duration > 2 * 1024
    render(source, out)
    assert np.abs(heard(out)[: RATE // 10] - heard(source)[: RATE // 10]).max() < 0.1
    assert packets(out, 0) == packets(source, 0)


def test_sound_that_does_not_fit_is_encoded_and_said_to_be(tmp_path: Path) -> None:
    film(tmp_path / "a.mov", ("pcm_s16le",))
    (note,) = render(tmp_path / "a.mov", tmp_path / "out.mp4")
    assert "mp4 takes no pcm_s16le sound" in note
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.audio[0].codec_context.name == "aac"


@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_u8"])
def test_a_gap_in_sound_stays_one_where_samples_are_counted(codec: str, tmp_path: Path) -> None:
    with av.open(str(film(tmp_path / "whole.mkv", (codec,)))) as whole, av.open(str(tmp_path / "a.mkv"), "w") as left:
        streams = [left.add_stream_from_template(stream) for stream in whole.streams]
        for packet in whole.demux():
            is_lost = packet.stream.type == "audio" and 500 < (packet.pts or 0) < 900
            if packet.size and not is_lost:
                packet.stream = streams[packet.stream.index]
                left.mux(packet)
    assert render(tmp_path / "a.mkv", tmp_path / "out.mov") == []
    sound, wanted = heard(tmp_path / "out.mov"), heard(tmp_path / "a.mkv")
    assert np.abs(wanted[RATE * 6 // 10 : RATE * 8 // 10]).max() == 0
    assert np.abs(sound[RATE * 6 // 10 : RATE * 8 // 10]).max() < 1e-3
    assert abs(lag(sound[RATE:], wanted[RATE:])) <= 48


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
def test_a_part_of_sound_that_tells_no_lengths_has_its_beginning(suffix: str, tmp_path: Path) -> None:
    film(tmp_path / "a.mkv", ("wavpack",))
    render(tmp_path / "a.mkv", tmp_path / f"out{suffix}", 3, 30)
    if suffix == ".mkv":  # copied, the first packet from before the part's beginning
        assert packets(tmp_path / "out.mkv", 0) == packets(tmp_path / "a.mkv", 0)[:3]
    else:
        sound = heard(tmp_path / f"out{suffix}")
        assert np.abs(sound[: RATE // 10]).max() > 0.01
        assert abs(lag(sound, heard(tmp_path / "a.mkv")[3 * 1920 :])) <= 48


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_sound_of_discs_is_encoded_where_nothing_can_copy_it(suffix: str, tmp_path: Path) -> None:
    words = ["-c:v", "copy", "-c:a", "truehd", "-strict", "experimental", str(tmp_path / "a.mkv")]
    source = film(tmp_path / "flac.mkv", ("flac",))
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(source), *words], check=True)
    (note,) = render(tmp_path / "a.mkv", tmp_path / f"out{suffix}")
    assert "takes no truehd sound" in note
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        assert container.streams.audio[0].codec_context.name == "aac"


def test_a_part_has_all_of_each_track(tmp_path: Path) -> None:
    """Cameras write half a second of one track, then half a second of the other."""
    film(tmp_path / "a.mov", ("pcm_s16le", "pcm_s16le"), chunk_duration="500000")
    render(tmp_path / "a.mov", tmp_path / "out.mov", end=26)
    for track in range(2):
        assert sum(map(len, packets(tmp_path / "out.mov", track))) == 4 * 1.04 * RATE


def in_pieces(path: Path, pictures: int = 50) -> Path:
    """A film with two seconds of PCM, in packets of 1024 samples, however long a picture lasts."""
    whole = film(path.with_name("whole.mov"), ("pcm_s16le",), chunk_duration="500000")
    words = ["-t", str(pictures / 25), "-i", str(whole), "-i", str(whole), "-map", "0:v", "-map", "1:a"]
    subprocess.run(["ffmpeg", "-v", "error", *words, "-bf", "0", "-c:a", "copy", str(path)], check=True)
    return path


@pytest.mark.parametrize("source", ["a.mov", "a.mkv"])
@pytest.mark.parametrize("suffix", [".mov", ".mkv"])
def test_plain_sound_of_parts_is_that_of_the_whole_laid_end_to_end(source: str, suffix: str, tmp_path: Path) -> None:
    whole, parts = in_pieces(tmp_path / source), []
    for start, end in ((0, 7), (7, 10), (10, 11), (11, 50)):
        out = tmp_path / f"out{start}{suffix}"
        render(whole, out, start, end)
        parts.append(b"".join(packets(out, 0)))
        assert len(parts[-1]) / 4 == pytest.approx((end - start) * 1920, abs=0 if source == "a.mov" else 48)
        with av.open(str(out)) as container:
            assert container.duration == pytest.approx((end - start) * 40_000, abs=1001)
    assert b"".join(parts) == b"".join(packets(whole, 0))


@pytest.mark.parametrize(("start", "end", "seconds"), [(0, None, 2), (30, 40, 0.8), (30, 39, 0.36)])
def test_plain_sound_that_outlasts_the_pictures_goes_along_at_the_clip_s_end(
    start: int, end: int | None, seconds: float, tmp_path: Path
) -> None:
    """And at the end of no part before it."""
    source = in_pieces(tmp_path / "a.mov", pictures=40)
    with open_clip(source) as clip:
        assert len(clip.info) == 40
    render(source, tmp_path / "out.mov", start, end)
    assert sum(map(len, packets(tmp_path / "out.mov", 0))) == round(4 * seconds * RATE)


def in_four(path: Path, codec: str, layout: str) -> None:
    """A second of four tones, one in each channel."""
    with av.open(str(path), "w") as container:
        sound = container.add_stream(codec, rate=RATE, layout=layout)
        tones = np.sin(np.arange(RATE)[:, None] * 2 * np.pi * np.array(TONES) / RATE)
        frame = av.AudioFrame.from_ndarray(np.int16(10000 * tones).reshape(1, -1), "s16", layout)
        frame.rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
        container.mux([*sound.encode(frame), *sound.encode(None)])


TONES = [300, 500, 700, 1100]


@pytest.mark.parametrize(
    ("name", "codec", "layout"),
    [
        ("out.mp4", "pcm_s16le", "4 channels"),
        ("out.webm", "pcm_s16le", "4 channels"),
        ("out.mov", "flac", "4.0"),
        ("out.mov", "flac", "quad(side)"),
    ],
)
def test_channels_stay_apart_whether_somebody_named_them_or_not(
    name: str, codec: str, layout: str, tmp_path: Path
) -> None:
    in_four(tmp_path / "a.mkv", codec, "quad" if layout == "4 channels" else layout)
    with av.open(str(tmp_path / "a.mkv")) as container:
        assert container.streams.audio[0].layout.name == layout
    with open_writer(tmp_path / name, info(), channels=3, company_from=tmp_path / "a.mkv") as writer:
        for index in range(8):
            writer.write(picture(index, 64, 48), index)
    with av.open(str(tmp_path / name)) as container:
        heard = np.hstack([frame.to_ndarray() for frame in container.decode(audio=0)])
    spectra = np.abs(np.fft.rfft(heard[:, 4800:14400] * np.hanning(9600), axis=1))
    assert (spectra.argmax(axis=1) * RATE / 9600).tolist() == pytest.approx(TONES, abs=5)


def test_sound_that_is_damaged_in_places_is_silent_there(tmp_path: Path) -> None:
    film(tmp_path / "a.mkv", ("flac",))
    with av.open(str(tmp_path / "a.mkv")) as container:
        middle = [packet for packet in container.demux(audio=0) if packet.size][10]
        where, size = middle.pos, middle.size
    data = bytearray((tmp_path / "a.mkv").read_bytes())
    data[where + 20 : where + size] = bytes(size - 20)
    (tmp_path / "a.mkv").write_bytes(data)
    notes = render(tmp_path / "a.mkv", tmp_path / "out.mov")
    assert ["is damaged in places" in note for note in notes] == [False, True]
    assert abs(lag(heard(tmp_path / "out.mov")[RATE:], noise()[RATE:])) <= 1
    with av.open(str(tmp_path / "out.mov")) as container:
        decoded = sum(frame.samples for frame in container.decode(audio=0))
    assert decoded == pytest.approx(2 * RATE, abs=3 * 1024)  # nothing that plays on end to end comes too early


def test_more_channels_than_any_encoder_takes_are_left_out(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        sound = container.add_stream("pcm_s16le", rate=RATE, layout="hexadecagonal")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16 * RATE), np.int16), "s16", "hexadecagonal")
        frame.rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
        container.mux([*sound.encode(frame), *sound.encode(None)])
    with open_writer(tmp_path / "out.mp4", info(), channels=3, company_from=tmp_path / "a.mkv") as writer:
        writer.write(picture(0, 64, 48), 0)
    assert "nor any of 16 channels" in writer.notes[0]


def test_sound_that_nobody_can_decode_is_left_out(tmp_path: Path) -> None:
    """As the spatial sound of a phone is, which lies beside the plain one."""
    data = film(tmp_path / "a.mp4", ("aac", "aac")).read_bytes()
    at = data.rindex(b"mp4a")
    data = data[:at] + data[at:].replace(b"mp4a", b"apac").replace(b"esds", b"dapa")
    (tmp_path / "a.mp4").write_bytes(data)
    (note,) = render(tmp_path / "a.mp4", tmp_path / "out.mp4")
    assert "track 2 of" in note and "cannot be decoded here, and is left out" in note
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert len(container.streams.audio) == 1


def test_that_pictures_hold_no_sound_is_said(tmp_path: Path) -> None:
    film(tmp_path / "a.mkv", ("flac",))
    (note,) = render(tmp_path / "a.mkv", tmp_path / "out_%02d.png")
    assert "pictures cannot hold the sound" in note


def test_a_source_without_sound_is_fine(tmp_path: Path) -> None:
    write(tmp_path / "a.mkv", info())
    render(tmp_path / "a.mkv", tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert len(container.streams.audio) == 0


def test_a_source_of_sound_that_is_missing_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(CleanplateError, match=r"the sound of .*gone\.mp4 cannot be read"):
        open_writer(tmp_path / "out.mp4", info(), channels=3, company_from=tmp_path / "gone.mp4")
    assert left_in(tmp_path) == []


def test_a_part_sounds_right_from_its_first_sample(tmp_path: Path) -> None:
    """An AAC packet is decoded with the help of the one before it, which must come along, unheard."""
    source = film(tmp_path / "a.mp4")
    render(source, tmp_path / "out.mp4", 7, 40)
    error = np.abs(heard(tmp_path / "out.mp4")[:RATE] - heard(source)[7 * 1920 :][:RATE])
    assert error[:1024].max() < 0.1  # of the codec's own random noise
    with av.open(str(tmp_path / "out.mp4")) as container:
        first = next(container.demux(audio=0))
        assert -2 * first.duration < first.pts <= -first.duration  # and no more than that
