import numpy as np
import pytest

from transcriber.listen.calibration import Calibration
from transcriber.listen.decode import DecoderConfig, Probabilities, decode, decode_notes, decode_pedals
from transcriber.listen.features import FRAME_S
from transcriber.listen.network import FRAME, HELD, OFFSET, ONSET, VELOCITY
from transcriber.listen.training.segments import PlayedSegment
from transcriber.listen.training.targets import targets

FRAMES = 300


def perfect_curves(
    rows: list[tuple[float, float, float, int, int]], pedals: list[tuple[float, float]]
) -> Probabilities:
    """Curves as a network without fault would draw them."""
    wanted = targets(PlayedSegment(FRAMES * FRAME_S, np.array(rows, float).reshape(-1, 5), pedals), FRAMES)
    keys = np.clip(wanted.keys, 0, 1).astype(np.float16)
    pedal, unknown = wanted.pedal.astype(np.float16), np.zeros_like(keys[ONSET])
    return Probabilities(keys[ONSET], keys[FRAME], keys[OFFSET], keys[HELD], keys[VELOCITY], pedal, unknown)


def test_perfect_curves_give_the_notes_back_between_frames() -> None:
    rng = np.random.default_rng(3)
    rows = [
        (t, t + 0.2, t + 0.25, 40 + i % 30, 30 + i)
        for i, t in enumerate(0.1 + 0.08 * np.arange(60) + 0.02 * rng.random(60))
    ]
    notes = decode_notes(perfect_curves(rows, []))
    assert [note.pitch for note in notes] == [row[3] for row in rows]
    for note, (onset_s, release_s, _, _, velocity) in zip(notes, rows, strict=True):
        assert note.onset_s == pytest.approx(onset_s, abs=0.002)
        assert note.offset_s == pytest.approx(release_s, abs=0.021)
        assert note.velocity == pytest.approx(velocity, abs=1)
        assert note.confidence > 0.7


def test_a_key_struck_again_is_two_notes_that_do_not_overlap() -> None:
    notes = decode_notes(perfect_curves([(1.0, 1.2, 1.2, 60, 80), (1.2, 1.5, 1.5, 60, 60)], []))
    assert [note.pitch for note in notes] == [60, 60]
    assert notes[0].offset_s <= notes[1].onset_s + FRAME_S


def test_silence_gives_no_notes_and_no_pedal() -> None:
    curves = perfect_curves([], [])
    assert decode_notes(curves) == ()
    assert decode_pedals(curves.pedal) == ()


def test_onsets_below_the_threshold_are_not_notes() -> None:
    curves = perfect_curves([(1.0, 1.5, 1.5, 60, 80)], [])
    quiet = curves._replace(onset=curves.onset * np.float16(0.3))
    assert decode_notes(quiet, DecoderConfig(onset=0.35)) == ()
    assert len(decode_notes(quiet, DecoderConfig(onset=0.25))) == 1


def test_confidence_decides_not_the_height_of_the_peak() -> None:
    """A single high frame may be worth less than a lower peak with sides."""
    curves = perfect_curves([], [])
    curves.onset[50, 40] = 0.5
    curves.onset[99:102, 40] = np.array([0.35, 0.4, 0.3])
    assert [note.onset_s for note in decode_notes(curves, DecoderConfig(onset=0.42))] == [50 * FRAME_S]
    by_sides = Calibration(0.5, (0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0))
    (note,) = decode_notes(curves, DecoderConfig(onset=0.42, calibration=by_sides))
    assert note.onset_s == pytest.approx(100 * FRAME_S, abs=FRAME_S / 2)
    assert note.confidence == pytest.approx(1 / (1 + np.exp(-0.5 - np.log(0.325 / 0.675))), abs=1e-3)


def test_pedal_presses_come_back_and_flickers_do_not() -> None:
    curves = perfect_curves([], [(0.5, 1.5), (2.0, 2.04), (3.0, 3.5)])
    pedals = decode_pedals(curves.pedal)
    assert [(round(press.on_s, 2), round(press.off_s, 2)) for press in pedals] == [(0.5, 1.5), (3.0, 3.5)]


@pytest.mark.parametrize("length", [1, 7, 50, 299])
def test_it_does_not_matter_where_the_curves_are_cut(length: int) -> None:
    rng = np.random.default_rng(length)
    onsets = np.sort(rng.uniform(0, 5.5, 60))
    rows = [(t, t + 0.03 * i, t + 0.03 * i + 0.1, 40 + int(rng.integers(10)), 60) for i, t in enumerate(onsets)]
    curves = perfect_curves(rows, [(0.5, 2.0), (3.0, 5.9)])
    noisy = Probabilities(*(np.clip(c + 0.1 * rng.standard_normal(c.shape), 0, 1).astype(np.float16) for c in curves))
    pieces = [Probabilities(*(c[first : first + length] for c in noisy)) for first in range(0, FRAMES, length)]
    whole = decode([noisy])
    assert len(whole.notes) > 30
    assert decode(pieces) == whole


def test_the_offset_curve_ends_a_note_before_the_others_do() -> None:
    curves = perfect_curves([(1.0, 3.0, 3.0, 60, 80)], [])
    curves.offset[100:105, 60 - 21] = np.array([0, 0.2, 0.4, 0.2, 0], np.float16)
    assert decode_notes(curves)[0].offset_s == pytest.approx(102 * FRAME_S)
    assert decode_notes(curves, DecoderConfig(offset=0.5))[0].offset_s == pytest.approx(3.0, abs=0.021)


def test_latency_is_taken_off_every_time() -> None:
    curves = perfect_curves([(1.0, 1.5, 1.5, 60, 80)], [(2.0, 2.5)])
    plain, early = (decode([curves], DecoderConfig(latency_s=latency_s)) for latency_s in (0.0, 0.004))
    assert early.notes[0].onset_s == pytest.approx(plain.notes[0].onset_s - 0.004)
    assert early.notes[0].offset_s == pytest.approx(plain.notes[0].offset_s - 0.004)
    assert early.pedals[0].on_s == pytest.approx(plain.pedals[0].on_s - 0.004)


def test_a_note_that_is_not_released_lasts_to_the_end() -> None:
    notes = decode_notes(perfect_curves([(1.0, 9.0, 9.0, 60, 80)], []))
    assert [note.offset_s for note in notes] == [pytest.approx(FRAMES * FRAME_S)]
