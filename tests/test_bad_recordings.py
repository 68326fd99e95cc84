"""Files that cannot be transcribed: each has its own error and sentence, and none prints, hangs or escapes."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pytest

from tests.recordings import encode, silent_flac, tone, video, wav, written
from transcriber import audio, errors


def bad_file(kind: str, folder: Path) -> Path:
    path = folder / "song.mp3"
    if kind == "m4a without index":
        data = encode(folder / "whole.m4a", tone(440, 2.0), "aac", 44_100).read_bytes()
        return written(folder / "song.m4a", data[: data.index(b"moov")])
    if kind == "mute video":
        return video(folder / "film.mp4", None)
    if kind == "folder":
        return folder
    if kind == "missing":
        return folder / "nothing.wav"
    if kind == "name too long":
        return folder / ("a" * 300 + ".wav")
    if kind == "pipe":
        os.mkfifo(folder / "pipe.wav")
        return folder / "pipe.wav"
    if kind == "two hours":
        written(path, wav(tone(440, 0.01, 8_000), 8_000, data_bytes=2 * 3600 * 8_000 * 2))
        os.truncate(path, 2 * 3600 * 8_000 * 2)
        return path
    contents = {
        "empty": b"",
        "text": b"Dear teacher, here is my recording.\n" * 100,
        "random": np.random.default_rng(5).bytes(200_000),
        "pdf": b"%PDF-1.7\n" + np.random.default_rng(6).bytes(5_000),
        "zip": b"PK\x03\x04" + np.random.default_rng(7).bytes(50_000),
        "picture": b"\x89PNG\r\n\x1a\n" + bytes(200),
        "midi": b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x01\xe0MTrk\x00\x00\x00\x04\x00\xff\x2f\x00",
        "playlist": b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n",
        "reference": b"ffconcat version 1.0\nfile whole.wav\n",
        "half a header": wav(tone(440, 1.0))[:20],
        "header alone": wav(np.zeros((1, 0), np.float32)),
        "header of a longer file": wav(tone(440, 1.0))[:44],
        "silence": wav(np.zeros((2, 44_100), np.float32)),
        "50 ms": wav(tone(440, 0.05)),
        "nothing but NaN": wav(np.full((1, 44_100), np.nan, np.float32), sample_format="<f4"),
        "1 kHz": wav(tone(100, 1.0, 1_000), 1_000),
        "100 channels": wav(tone(440, 0.01, 8_000, channels=100), 8_000),
        "64 channels at 192 kHz": wav(tone(440, 0.01, 192_000, channels=64), 192_000),
        "65535 channels": wav(tone(440, 1.0), channels=65_535),
    }
    return written(path, contents[kind])


BAD_FILES = {
    "empty": (errors.EmptyFile, "empty"),
    "text": (errors.NotAudio, "not an audio or video file"),
    "random": (errors.NotAudio, "not an audio or video file"),
    "pdf": (errors.NotAudio, "not an audio or video file"),
    "zip": (errors.NotAudio, "not an audio or video file"),
    "picture": (errors.NotAudio, "not an audio or video file"),
    "midi": (errors.NotAudio, "not an audio or video file"),
    "playlist": (errors.NotAudio, "not an audio or video file"),
    "reference": (errors.NotAudio, "not an audio or video file"),
    "half a header": (errors.DamagedRecording, "WAV file is damaged at its beginning"),
    "header alone": (errors.NoSamples, "holds no sound"),
    "header of a longer file": (errors.NoSamples, "holds no sound"),
    "silence": (errors.SilentRecording, "silent"),
    "50 ms": (errors.RecordingTooShort, "lasts 50 ms; at least 200 ms"),
    "two hours": (errors.RecordingTooLong, "lasts 2 h 0 min; the longest accepted is 60 min."),
    "nothing but NaN": (errors.DamagedRecording, "100% of this recording's samples are not numbers"),
    "1 kHz": (errors.UnsupportedAudio, "sample rate is 1000 Hz"),
    "100 channels": (errors.UnsupportedAudio, "100 channels"),
    "64 channels at 192 kHz": (errors.UnsupportedAudio, "64 channels at 192000 Hz"),
    "65535 channels": (errors.DamagedRecording, "header makes no sense"),
    "m4a without index": (errors.DamagedRecording, "cut off before its index"),
    "mute video": (errors.NoAudioTrack, "holds no sound"),
    "folder": (errors.UnreadableFile, "it is a folder"),
    "missing": (errors.UnreadableFile, "it is missing"),
    "pipe": (errors.UnreadableFile, "not an ordinary file"),
    "name too long": (errors.UnreadableFile, "file name too long"),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_bad_file_has_its_own_error_and_sentence(
    tmp_path: Path, kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    expected, sentence = BAD_FILES[kind]
    with pytest.raises(expected) as raised:
        audio.load(bad_file(kind, tmp_path))
    assert type(raised.value) is expected
    assert sentence in raised.value.message
    assert str(tmp_path) not in raised.value.message
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_unreadable(tmp_path: Path) -> None:
    path = written(tmp_path / "secret.wav", wav(tone(440, 1.0)))
    path.chmod(0)
    with pytest.raises(errors.UnreadableFile, match="permission denied"):
        audio.load(path)


def test_a_flac_that_hides_its_length_is_stopped_at_the_limit(tmp_path: Path) -> None:
    path = silent_flac(tmp_path / "bomb.flac", 60.0)
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0  # the stream's 36-bit sample count: 0 stands for unknown
    data[22:26] = bytes(4)
    assert len(data) < 20_000
    with pytest.raises(errors.RecordingTooLong, match=r"lasts more than 10\.0 s, the longest accepted"):
        audio.load(written(path, bytes(data)), longest_s=10.0)


def test_a_header_that_exaggerates_does_not_get_a_short_recording_refused(tmp_path: Path) -> None:
    path = encode(tmp_path / "tone.flac", tone(440, 1.0), "flac", 44_100)
    data = bytearray(path.read_bytes())
    data[22:26] = (44_100 * 7_200).to_bytes(4, "big")
    recording = audio.load(written(path, bytes(data)))
    assert recording.duration_s == pytest.approx(1.0)
    assert [warning for warning in recording.warnings if "cut off" in warning]


def test_whatever_happens_to_a_file_it_gives_sound_or_its_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(8)
    sound = tone(440, 0.5, 48_000, channels=2)
    formats = [(".wav", "pcm_f32le"), (".mp3", "libmp3lame"), (".m4a", "aac"), (".flac", "flac"), (".webm", "libopus")]
    originals = [encode(tmp_path / f"tone{suffix}", sound, codec, 48_000).read_bytes() for suffix, codec in formats]
    path = tmp_path / "mutant"
    outcomes = set()
    for _ in range(150):
        data = bytearray(chance.choice(originals))
        for _ in range(chance.choice((1, 3, 10))):
            place = chance.randrange(min(len(data), chance.choice((300, len(data)))))
            size = chance.randrange(1, 60)
            match chance.randrange(4):
                case 0:
                    data[place] = chance.randrange(256)
                case 1:
                    data[place : place + 4] = chance.choice((b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff"))
                case 2:
                    del data[place : place + size]
                case 3:
                    data[place:place] = chance.randbytes(size)
        try:
            samples = audio.load(written(path, bytes(data))).samples
        except errors.RecordingError as error:
            outcomes.add(error.code)
        else:
            outcomes.add("sound")
            assert np.isfinite(samples).all()
            assert np.abs(samples).max() <= 1
    assert {"sound", "damaged-recording", "not-audio"} <= outcomes
    assert capfd.readouterr() == ("", "")
