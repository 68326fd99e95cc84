"""Physics in, physics out: a tone keeps its height and pitch, a pulse its time, damage or not."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from tests.recordings import Sound, encode, piano_like, pulse, tone, video, wav, written
from transcriber import audio
from transcriber.mixdown import SAMPLE_RATE

FORMATS = [
    # suffix, encoder, rate, where the pulse may land against where it was put
    (".wav", "pcm_s16le", 44_100, 0.0),
    (".wav", "pcm_s24le", 96_000, 0.0),
    (".wav", "pcm_f32le", 48_000, 0.0),
    (".wav", "pcm_f64le", 22_050, 0.0),
    (".w64", "pcm_s32le", 48_000, 0.0),
    (".au", "pcm_s16be", 44_100, 0.0),
    (".aiff", "pcm_s16be", 44_100, 0.0),
    (".flac", "flac", 44_100, 0.0),
    (".wv", "wavpack", 44_100, 0.0),
    (".caf", "pcm_s24le", 48_000, 0.0),
    (".mp3", "libmp3lame", 44_100, 0.0),
    (".mp3", "libmp3lame", 48_000, 0.0),
    (".m4a", "aac", 44_100, 0.0),
    (".mov", "aac", 48_000, 0.0),
    (".opus", "libopus", 48_000, 0.0),
    (".webm", "libopus", 48_000, 0.0),
    (".mka", "flac", 44_100, 0.0),
    # No place in the container for the encoder's delay: players hear it too, so the score keeps it. One AAC frame.
    (".aac", "aac", 44_100, 1024 / 44_100),
]


def peak_s(recording: audio.Recording, from_s: float = 0.0) -> float:
    """Time of the highest sample, to a fraction of a sample by a parabola through its neighbours."""
    start = round(from_s * SAMPLE_RATE)
    top = start + int(np.abs(recording.samples[start:]).argmax())
    before, at, after = np.abs(recording.samples[top - 1 : top + 2]).astype(float)
    return float(top + 0.5 * (before - after) / (before - 2 * at + after)) / SAMPLE_RATE


@pytest.mark.parametrize(("suffix", "codec", "rate", "delay_s"), FORMATS)
def test_a_pulse_lands_where_it_was_played(tmp_path: Path, suffix: str, codec: str, rate: int, delay_s: float) -> None:
    path = encode(tmp_path / f"pulse{suffix}", pulse(0.7, 1.5, rate, channels=2), codec, rate)
    recording = audio.load(path)
    assert peak_s(recording) == pytest.approx(0.7 + delay_s, abs=0.0003)
    assert recording.duration_s == pytest.approx(1.5, abs=0.06)
    assert recording.warnings == ()
    assert recording.samples.dtype == np.float32


@pytest.mark.parametrize("rate", [4_000, 8_000, 11_025, 16_000, 44_100, 48_000, 96_000, 192_000, 384_000])
def test_a_tone_keeps_its_pitch_phase_and_height(tmp_path: Path, rate: int) -> None:
    path = written(tmp_path / "tone.wav", wav(tone(440, 2.0, rate), rate, "<f4"))
    recording = audio.load(path)
    assert recording.duration_s == pytest.approx(2.0, abs=1 / SAMPLE_RATE)
    middle = slice(SAMPLE_RATE // 2, 3 * SAMPLE_RATE // 2)
    expected = tone(440, 2.0, SAMPLE_RATE)[0]
    np.testing.assert_allclose(recording.samples[middle], expected[middle], atol=1e-5)


def test_nothing_above_the_new_nyquist_frequency_folds_down(tmp_path: Path) -> None:
    path = written(tmp_path / "high.wav", wav(tone(440, 1.0) * 0.5 + tone(9_500, 1.0), sample_format="<f4"))
    samples = audio.load(path).samples[2_000:-2_000]
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    frequencies = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)
    folded = spectrum[np.abs(frequencies - (SAMPLE_RATE - 9_500)) < 50].max()
    assert 20 * np.log10(folded / spectrum.max()) < -90


@pytest.mark.parametrize("sample_format", ["u1", "<i2", "<i4", "<f4", "<f8"])
@pytest.mark.parametrize("channels", [1, 2, 8, 64])
def test_channels_are_averaged_at_their_true_height(tmp_path: Path, sample_format: str, channels: int) -> None:
    path = written(tmp_path / "tone.wav", wav(tone(440, 0.5, 16_000, 0.5, channels), 16_000, sample_format))
    assert np.abs(audio.load(path).samples[1_000:-1_000]).max() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(("suffix", "codec"), [(".flac", "flac"), (".wv", "wavpack")])
def test_96_khz_in_8_channels_is_read(tmp_path: Path, suffix: str, codec: str) -> None:
    path = encode(tmp_path / f"surround{suffix}", tone(440, 1.0, 96_000, 0.5, channels=8), codec, 96_000)
    recording = audio.load(path)
    assert recording.duration_s == pytest.approx(1.0, abs=0.02)
    assert np.abs(recording.samples[1_000:-2_000]).max() == pytest.approx(0.5, abs=0.001)


def test_a_recording_above_full_scale_is_brought_down_without_clipping(tmp_path: Path) -> None:
    path = written(tmp_path / "loud.wav", wav(20_000 * tone(440, 1.0), sample_format="<f4"))
    np.testing.assert_allclose(
        audio.load(path).samples[4_000:12_000], tone(440, 1.0, 16_000, 1.0)[0][4_000:12_000], atol=0.01
    )


def test_one_absurd_sample_does_not_silence_the_rest(tmp_path: Path) -> None:
    sound = tone(440, 20.0, 16_000)
    sound[0, 4_000] = 30_000
    samples = audio.load(written(tmp_path / "spike.wav", wav(sound, 16_000, "<f4"))).samples
    assert np.abs(samples).max() == 1.0
    assert np.abs(samples[8_000:-1_000]).max() == pytest.approx(0.5, abs=0.01)


def test_a_channel_wired_the_wrong_way_round_does_not_silence_the_recording(tmp_path: Path) -> None:
    sound = tone(440, 1.0)
    recording = audio.load(written(tmp_path / "phase.wav", wav(np.concatenate([sound, -0.9 * sound]))))
    assert np.abs(recording.samples[1_000:-1_000]).max() == pytest.approx(0.5, abs=0.001)
    assert [warning for warning in recording.warnings if "cancel" in warning]


def test_a_video_is_read_by_its_sound(tmp_path: Path) -> None:
    path = video(tmp_path / "film.mp4", pulse(0.7, 1.5, 48_000))
    assert peak_s(audio.load(path)) == pytest.approx(0.7, abs=0.0003)


def test_sound_that_starts_after_the_picture_keeps_its_place(tmp_path: Path) -> None:
    path = video(tmp_path / "film.mp4", pulse(0.7, 1.5, 48_000), sound_starts_s=0.5)
    assert peak_s(audio.load(path)) == pytest.approx(1.2, abs=0.001)  # MP4 counts such an offset in milliseconds


def test_the_track_with_sound_is_found(tmp_path: Path) -> None:
    path = tmp_path / "screen.mka"
    with av.open(str(path), "w") as container:
        tracks = [container.add_stream("pcm_s16le", rate=16_000, layout="mono") for _ in range(2)]
        for track, sound in zip(tracks, (np.zeros((1, 8_000), np.float32), tone(440, 0.5, 16_000)), strict=True):
            frame = av.AudioFrame.from_ndarray((sound * 32_767).astype(np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts = 16_000, 0
            container.mux(track.encode(frame))
    assert np.abs(audio.load(path).samples).max() == pytest.approx(0.5, abs=0.01)


def test_progress_rises_to_the_end(tmp_path: Path) -> None:
    path = encode(tmp_path / "tone.flac", tone(440, 2.0), "flac", 44_100)
    shares: list[float] = []
    audio.load(path, on_progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)


# Damage that leaves something to read.


@pytest.mark.parametrize(("suffix", "codec"), [(".mp3", "libmp3lame"), (".aiff", "pcm_s16be"), (".flac", "flac")])
def test_a_file_cut_off_gives_what_is_there(tmp_path: Path, suffix: str, codec: str) -> None:
    whole = encode(
        tmp_path / f"whole{suffix}",
        piano_like([(0.5 * beat, 0.5 * beat + 0.4, 60 + 2 * beat) for beat in range(6)]),
        codec,
        44_100,
    )
    data = whole.read_bytes()
    recording = audio.load(written(tmp_path / f"cut{suffix}", data[: len(data) // 2]))
    kept = len(recording.samples)
    assert 1.0 < recording.duration_s < 2.6
    assert [warning for warning in recording.warnings if "cut off" in warning]
    np.testing.assert_allclose(recording.samples[: kept - 2_000], audio.load(whole).samples[: kept - 2_000], atol=1e-3)


def test_a_wav_cut_off_says_how_much_is_missing(tmp_path: Path) -> None:
    data = wav(tone(440, 4.0))
    recording = audio.load(written(tmp_path / "cut.wav", data[: len(data) // 4]))
    assert recording.duration_s == pytest.approx(1.0, abs=0.01)
    assert recording.warnings == ("The file is cut off: 3.0 s of 4.0 s are missing at the end.",)


def test_an_mp3_that_does_not_count_its_frames_is_not_said_to_be_cut_off(tmp_path: Path) -> None:
    # Silence, then noise, at a variable bit rate: libav's guess from the first frames is far too long.
    noise = 0.1 * np.random.default_rng(2).standard_normal((1, 3 * 44_100)).astype(np.float32)
    sound = np.concatenate([np.zeros_like(noise), noise], axis=1)
    variable = {"flags": "+qscale", "global_quality": "472"}
    path = encode(tmp_path / "whole.mp3", sound, "libmp3lame", 44_100, variable, {"write_xing": "0"})
    with av.open(str(path)) as container:
        assert (container.duration or 0) / av.time_base > 8.0
    recording = audio.load(path)
    assert recording.duration_s == pytest.approx(6.0, abs=0.1)
    assert recording.warnings == ()


@pytest.mark.parametrize("claimed", [0, 0x7FFF_F000, 0xFFFF_FFFF])
def test_a_wav_from_a_pipe_does_not_know_its_length_and_is_whole(tmp_path: Path, claimed: int) -> None:
    recording = audio.load(written(tmp_path / "pipe.wav", wav(tone(440, 1.0), data_bytes=claimed)))
    assert recording.duration_s == pytest.approx(1.0, abs=0.001)
    assert recording.warnings == ()


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        (".m4a", "aac"),
        (".flac", "flac"),
        (".ogg", "flac"),
        (".opus", "libopus"),
        (".ts", "aac"),
    ],
)
def test_damage_in_the_middle_does_not_move_what_follows(tmp_path: Path, suffix: str, codec: str) -> None:
    noise = 0.05 * np.random.default_rng(1).standard_normal((1, 10 * 48_000)).astype(np.float32)
    noise += pulse(8.0, 10.0, 48_000)
    data = bytearray(encode(tmp_path / f"whole{suffix}", noise, codec, 48_000).read_bytes())
    whole = audio.load(tmp_path / f"whole{suffix}")
    middle, size = len(data) // 2, len(data) // 50
    data[middle : middle + size] = bytes(size)
    recording = audio.load(written(tmp_path / f"damaged{suffix}", bytes(data)))
    # Decoders may burst at the damage itself.
    assert peak_s(recording, 7.0) == pytest.approx(peak_s(whole), abs=0.001)
    assert [warning for warning in recording.warnings if "damaged" in warning]


def test_a_damaged_mp3_says_how_much_is_lost(tmp_path: Path) -> None:
    # An MP3 carries no time stamps: what the demuxer skips to find its step again shows only in the length.
    data = bytearray(encode(tmp_path / "whole.mp3", tone(440, 10.0), "libmp3lame", 44_100).read_bytes())
    middle, size = len(data) // 2, len(data) // 10
    data[middle : middle + size] = bytes(size)
    recording = audio.load(written(tmp_path / "damaged.mp3", bytes(data)))
    assert 8.8 < recording.duration_s < 9.2
    assert recording.warnings[0].startswith("The file is damaged: 1.0 s of")


def test_a_few_samples_that_are_no_numbers_become_silence(tmp_path: Path) -> None:
    sound = tone(440, 1.0)
    sound[0, 1_000:1_100] = np.nan
    sound[0, 2_000] = np.inf
    recording = audio.load(written(tmp_path / "nan.wav", wav(sound, sample_format="<f4")))
    assert np.isfinite(recording.samples).all()
    assert recording.warnings == ("The file is damaged: 0.23% of its samples are not numbers and are left out.",)


@pytest.mark.parametrize(
    ("sound", "said"),
    [
        (np.clip(4 * tone(440, 1.0), -1, 1), "overdriven"),
        (tone(440, 1.0, amplitude=0.005), "very quiet"),
        (np.concatenate([tone(440, 1.0), 0 * tone(440, 1.0)]), "One channel is silent"),
    ],
)
def test_what_is_audibly_wrong_is_said(tmp_path: Path, sound: Sound, said: str) -> None:
    recording = audio.load(written(tmp_path / "poor.wav", wav(sound)))
    assert len(recording.warnings) == 1
    assert said in recording.warnings[0]
