from __future__ import annotations

import io
from dataclasses import replace
from fractions import Fraction

import mido
import pretty_midi
import pytest

from tests.engrave.scores import SCORES, bar, finished, octaves, siciliano, study, voice, waltz, whole_rest
from transcriber.engrave.midi import write_quantized_midi
from transcriber.engrave.timeline import beat_positions, timeline
from transcriber.performance import Performance
from transcriber.score import Chord, KeySignature, Score, TimeSignature


def opened(score: Score, performance: Performance) -> pretty_midi.PrettyMIDI:
    return pretty_midi.PrettyMIDI(io.BytesIO(write_quantized_midi(score, performance)))


@pytest.mark.parametrize("name", sorted(SCORES))
def test_notes_sound_where_they_were_played(name: str) -> None:
    """The performances are 10 ms late and start after a second of silence; grace notes are played as they please."""
    score, performance = SCORES[name]()
    hands = opened(score, performance).instruments
    assert [hand.name for hand in hands] == ["Right hand", "Left hand"]
    sounding = sorted((note.start, note.pitch) for hand in hands for note in hand.notes)
    assert len(sounding) == len(performance.notes)
    decorated = {head.source for *_, chord in score.chords() if chord.graces for head in chord.heads}
    graces = {head.source for *_, chord in score.chords() for grace in chord.graces for head in grace.heads}
    for index, note in enumerate(performance.notes):
        if index not in decorated | graces:
            starts = [start for start, pitch in sounding if pitch == note.pitch]
            assert min(abs(start + 1.01 - note.onset_s) for start in starts) < 0.003


def test_tied_heads_are_one_note_and_dots_are_short() -> None:
    score, performance = waltz()
    right, left = opened(score, performance).instruments
    tied = [note for note in right.notes if note.pitch == 70 and note.start == pytest.approx(3.25, abs=0.01)]
    assert [note.end - note.start for note in tied] == [pytest.approx(0.75, abs=0.01)]
    dotted = [note for note in left.notes if note.start == pytest.approx(1.0, abs=0.01) and note.pitch == 67]
    assert [note.end - note.start for note in dotted] == [pytest.approx(0.25, abs=0.01)]


def test_the_tempo_follows_the_beats() -> None:
    time, key = TimeSignature(2, 4), KeySignature(0)
    measures = [bar(number, time, key, [voice(1, "C5/4 D5/4")], [whole_rest(Fraction(2))]) for number in (1, 2)]
    score, performance = finished(measures)
    first, second = score.measures
    score = replace(
        score,
        measures=(replace(first, beat_times_s=(0.0, 0.4)), replace(second, beat_times_s=(1.0, 1.7))),
        end_s=2.7,
    )
    notes = opened(score, performance).instruments[0].notes
    assert [note.start for note in notes] == pytest.approx([0.0, 0.4, 1.0, 1.7], abs=0.001)
    assert notes[-1].end == pytest.approx(2.7, abs=0.001)


def test_bars_lie_where_a_sequencer_expects_them() -> None:
    score, performance = waltz()
    midi = mido.MidiFile(file=io.BytesIO(write_quantized_midi(score, performance)))
    metres = [(event.numerator, event.denominator) for event in midi.tracks[0] if event.type == "time_signature"]
    assert metres == [(1, 4), (3, 4)]
    keys = [event.key for event in midi.tracks[0] if event.type == "key_signature"]
    assert keys == ["Eb"]
    study_midi = opened(*study())
    assert [(change.numerator, change.denominator) for change in study_midi.time_signature_changes] == [
        (4, 4),
        (2, 4),
        (5, 8),
        (4, 4),
    ]


@pytest.mark.parametrize(
    ("fifths", "mode", "name"),
    [
        (0, "major", "C"),
        (-7, "major", "Cb"),
        (7, "major", "C#"),
        (1, "minor", "Em"),
        (-7, "minor", "Abm"),
        (7, "minor", "A#m"),
    ],
)
def test_keys_are_named_by_their_tonic(fifths: int, mode: str, name: str) -> None:
    key = KeySignature(fifths, mode)  # type: ignore[arg-type]
    measures = [bar(1, TimeSignature(4, 4), key, [voice(1, "C5/1")], [whole_rest(Fraction(4))])]
    midi = mido.MidiFile(file=io.BytesIO(write_quantized_midi(*finished(measures))))
    assert [event.key for event in midi.tracks[0] if event.type == "key_signature"] == [name]


def test_no_key_is_struck_while_it_is_held() -> None:
    """Two voices in unison, and one that holds what the other repeats."""
    time, key = TimeSignature(4, 4), KeySignature(0)
    voices = [voice(1, "C5/4 C5/4 C5/2"), voice(2, "C5/1")]
    score, performance = finished([bar(1, time, key, voices, [whole_rest(Fraction(4))])])
    notes = opened(score, performance).instruments[0].notes
    assert [(note.start, note.end) for note in notes] == [
        pytest.approx((0.0, 0.5)),
        pytest.approx((0.5, 1.0)),
        pytest.approx((1.0, 2.0)),
    ]


def test_grace_notes_come_before_their_beat_or_push_the_first_one() -> None:
    right = opened(*siciliano()).instruments[0].notes
    starts = {(note.pitch, round(note.start, 3)) for note in right}
    quarter_s = 1.3 / 1.5
    assert (75, 0.0) in starts  # nothing is ahead of the first beat, so the main note waits
    assert (76, round(quarter_s / 8, 3)) in starts
    assert (71, round(2.6 - quarter_s / 4, 3)) in starts


def test_pedal_is_lifted_at_a_change() -> None:
    changes = opened(*octaves()).instruments[0].control_changes
    quarter_s = 0.5
    assert [change.value for change in changes] == [127, 0, 127, 0, 127, 0]
    assert changes[2].time - changes[1].time == pytest.approx(quarter_s / 16, abs=0.001)


def test_velocities_are_those_played() -> None:
    score, performance = octaves()
    loud = replace(performance, notes=tuple(replace(note, velocity=note.pitch) for note in performance.notes))
    for hand in opened(score, loud).instruments:
        assert all(note.velocity == note.pitch for note in hand.notes)


def test_beats_of_a_pickup_are_counted_from_its_end() -> None:
    time, key = TimeSignature(6, 8), KeySignature(0)
    pickup = bar(0, time, key, [voice(1, "C5/8 C5/8 C5/8 C5/8")], [whole_rest(Fraction(2))], length_q=Fraction(2))
    assert list(beat_positions(pickup)) == [Fraction(0), Fraction(1, 2)]
    assert list(beat_positions(replace(pickup, length_q=Fraction(3)))) == [Fraction(0), Fraction(3, 2)]


def test_a_score_without_beat_times_runs_at_120() -> None:
    score, _ = waltz()
    silent = replace(score, measures=tuple(replace(item, beat_times_s=()) for item in score.measures), end_s=0.0)
    assert timeline(silent).second(Fraction(7)) == pytest.approx(3.5)
    assert all(isinstance(chord, Chord) for *_, chord in silent.chords())
