"""Dots belong to passages: short notes among short ones have them all, a stray short note has none."""

from __future__ import annotations

from tests.notate.score_rules import meter_of, write
from transcriber.performance import Note, Performance
from transcriber.score import Score, TimeSignature

BEAT_S = 0.6


def eighths(shares: list[float]) -> Performance:
    """Even eighths on one key after the other, each held for its share of its length."""
    step_s = BEAT_S / 2
    notes = [Note(step_s * k, step_s * (k + share), (72, 74, 76)[k % 3], 64) for k, share in enumerate(shares)]
    return Performance(tuple(notes), (), step_s * len(shares))


def dotted(score: Score) -> list[bool]:
    return ["staccato" in chord.articulations for _, _, _, chord in score.chords()]


def test_a_short_passage_is_dotted_throughout() -> None:
    shares = [0.15, 0.12, 0.24, 0.15, 0.18, 0.27, 0.15, 0.15]
    assert dotted(write(eighths(shares), meter_of(TimeSignature(4, 4), 1, BEAT_S))) == [True] * 8


def test_a_stray_short_note_is_not() -> None:
    shares = [0.9, 0.85, 0.9, 0.15, 0.9, 0.8, 0.9, 0.9]
    assert dotted(write(eighths(shares), meter_of(TimeSignature(4, 4), 1, BEAT_S))) == [False] * 8


def test_a_passage_ends_where_the_notes_are_long_again() -> None:
    shares = [0.15] * 12 + [0.9] * 12
    found = dotted(write(eighths(shares), meter_of(TimeSignature(4, 4), 3, BEAT_S)))
    assert found[:9] == [True] * 9
    assert not any(found[12:])
