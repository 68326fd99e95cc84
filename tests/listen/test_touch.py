"""Velocities weighed against how pianists play."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from transcriber.listen.touch import ERROR, WINDOW, likeliest_velocities, weighed
from transcriber.performance import Note

SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


def played(velocities: list[int], step_s: float = 0.25, pitches: tuple[int, ...] = SCALE) -> list[Note]:
    return [
        Note(step_s * index, step_s * index + 0.2, pitches[index % len(pitches)], velocity, 0.9)
        for index, velocity in enumerate(velocities)
    ]


def velocities(notes: tuple[Note, ...]) -> list[int]:
    return [note.velocity for note in notes]


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_to_compare_with_stays_as_it_was_heard(count: int) -> None:
    notes = played([73] * count)
    assert weighed(notes) == tuple(notes)


def test_only_velocities_change() -> None:
    notes = played([30, 90, 40, 110, 64, 20, 80, 55] * 8)
    found = weighed(notes)
    assert [replace(note, velocity=1) for note in found] == [replace(note, velocity=1) for note in notes]
    assert velocities(found) != velocities(tuple(notes))


def test_an_even_performance_stays_as_it_is() -> None:
    assert set(velocities(weighed(played([64] * 40)))) == {64}


def test_a_note_of_a_chord_comes_nearer_to_the_others() -> None:
    melody = played([60] * 32, step_s=0.5)
    chord = [Note(8.0, 8.4, pitch, velocity) for pitch, velocity in ((36, 60), (43, 60), (48, 60), (52, 84))]
    found = weighed(sorted(melody + chord, key=lambda note: (note.onset_s, note.pitch)))
    inner = next(note.velocity for note in found if note.pitch == 52)
    assert 60 < inner < 80


def test_a_key_that_is_loud_all_through_is_taken_down_further_than_one_loud_note() -> None:
    always = played([76 if index % 8 == 3 else 60 for index in range(96)])
    once = played([76 if index == 51 else 60 for index in range(96)])
    assert weighed(always)[51].velocity < weighed(once)[51].velocity < 76


def test_a_crescendo_stays_one() -> None:
    found = velocities(weighed(played(list(range(30, 110)), step_s=0.3)))
    assert np.all(np.diff(found) >= 0)
    assert found[-1] - found[0] > 70


def test_the_melody_stays_above_its_accompaniment() -> None:
    notes = sorted(
        [Note(0.5 * beat, 0.5 * beat + 0.4, 79, 85) for beat in range(40)]
        + [Note(0.25 * half, 0.25 * half + 0.2, 48, 45) for half in range(80)],
        key=lambda note: (note.onset_s, note.pitch),
    )
    found = weighed(notes)
    assert np.mean([note.velocity for note in found if note.pitch == 79]) > 80
    assert np.mean([note.velocity for note in found if note.pitch == 48]) < 50


def test_errors_of_the_assumed_kind_become_smaller() -> None:
    rng = np.random.default_rng(0)
    onset_s = np.sort(rng.uniform(0, 60, 400))
    pitch = rng.integers(40, 85, 400).astype(float)
    true = 64 + 0.4 * (pitch - 62) + 12 * np.sin(onset_s / 6)
    heard = true + rng.normal(0, 2.2, 128)[pitch.astype(int)] + rng.normal(0, 4.4, 400)
    before, after = (np.mean((column - true) ** 2) for column in (heard, likeliest_velocities(onset_s, pitch, heard)))
    assert before == pytest.approx(ERROR, rel=0.3)
    assert after < 0.6 * before


def test_a_long_performance_is_weighed_piece_by_piece_without_seams() -> None:
    rng = np.random.default_rng(1)
    count = 3 * WINDOW + 7
    onset_s = np.sort(rng.uniform(0, count / 8, count))
    pitch = rng.integers(36, 96, count).astype(float)
    heard = np.clip(64 + 15 * np.sin(onset_s / 9) + rng.normal(0, 5, count), 1, 127)
    found = likeliest_velocities(onset_s, pitch, heard)
    for seam in range(WINDOW // 2, count, WINDOW // 2):
        near = slice(max(0, seam - WINDOW // 2), min(count, seam + WINDOW // 2))
        around = likeliest_velocities(onset_s[near], pitch[near], heard[near])
        at = seam - near.start
        assert np.abs(found[seam - 5 : seam + 5] - around[at - 5 : at + 5]).max() < 2.5
    assert np.isfinite(found).all()
