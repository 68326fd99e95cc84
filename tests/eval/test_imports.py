"""Other programs' scores read as ours: which played note a written one stands for, and when its beats were."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from eval import imports
from eval.bench_notate import JITTER_S, SHOWN, SHOWN_NOTES, in_major, misheard, table
from eval.imports import ImportFailed, as_score, imported, musescore, page_marks
from eval.printed import PrintedBar, PrintedNote
from transcriber.performance import Note, Pedal, Performance
from transcriber.score import KeySignature, Measure, Score, TimeSignature, Voice

FOUR = TimeSignature(4, 4)


def printed(onset: float, length: float, pitch: int = 60, *, start: bool = False, stop: bool = False) -> PrintedNote:
    step, alter = {60: ("C", 0), 62: ("D", 0), 64: ("E", 0), 65: ("F", 0)}[pitch]
    return PrintedNote(
        Fraction(onset),
        Fraction(length),
        step,
        alter,
        4,
        0,
        "1",
        False,
        start,
        stop,
        False,  # type: ignore[arg-type]
    )


def bar(*notes: PrintedNote) -> PrintedBar:
    return PrintedBar(FOUR, 0, True, Fraction(4), notes)


def played(*onsets: tuple[float, int]) -> Performance:
    return Performance(tuple(Note(time_s, time_s + 0.3, pitch, 64) for time_s, pitch in onsets), (), 10.0)


def test_written_notes_find_the_played_ones_and_bars_their_time() -> None:
    performance = played((1.0, 60), (1.5, 62), (2.0, 64), (3.0, 65), (3.6, 60))
    bars = [bar(printed(0, 1), printed(1, 1, 62), printed(2, 2, 64)), bar(printed(0, 1, 65), printed(1, 3))]
    score = as_score(bars, performance)
    assert [head.source for _, _, _, chord in score.chords() for head in chord.heads] == [0, 1, 2, 3, 4]
    assert score.measures[0].beat_times_s == pytest.approx((1.0, 1.5, 2.0, 2.5))
    assert score.measures[1].beat_times_s[:2] == pytest.approx((3.0, 3.6))


def test_tied_heads_share_their_note_and_what_nobody_played_is_left_out() -> None:
    performance = played((0.0, 60), (1.0, 62), (2.5, 64))
    bars = [bar(printed(0, 2), printed(2, 2, 62, start=True)), bar(printed(0, 1, 62, stop=True), printed(1, 1, 64))]
    score = as_score([*bars, bar(printed(0, 4, 65))], performance)
    heads = [(head.source, head.tie_stop) for _, _, _, chord in score.chords() for head in chord.heads]
    assert heads == [(0, False), (1, False), (1, True), (2, False)]


def test_a_score_of_other_notes_is_refused() -> None:
    with pytest.raises(ImportFailed, match="hardly"):
        as_score([bar(printed(0, 4, 65))], played((0.0, 60), (1.0, 62)))


def test_marks_on_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page.musicxml"
    page.write_text(
        "<score><note><rest/></note><note><rest measure='yes'/></note><note print-object='no'><rest/></note>"
        "<note><type>64th</type><tie type='start'/></note><note><tie type='stop'/><tie type='start'/></note>"
        "<note><type>quarter</type><tie type='stop'/></note><note><type>quarter</type></note></score>"
    )
    assert page_marks(page) == {"rests": 1, "heads": 2, "tied": 1, "64ths": 1}


def test_a_program_that_is_missing_or_breaks_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    performance = played((0.0, 60), (1.0, 62))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ImportFailed, match="not installed"):
        imported(performance, "MuseScore")
    broken = tmp_path / "mscore"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin{os.pathsep}/usr/bin")
    monkeypatch.setattr(imports, "MUSESCORE", ("mscore",))
    assert musescore() == str(broken)
    with pytest.raises(ImportFailed, match="did not import"):
        imported(performance, "MuseScore")


def test_means_are_over_the_pieces_that_all_wrote_down() -> None:
    names = (*SHOWN, *SHOWN_NOTES)
    rows = {piece: dict.fromkeys(names, value) for piece, value in (("one", 0.5), ("two", 1.0))}
    text = table({"ours": rows, "music21": {"one": dict.fromkeys(names, 0.25)}})
    assert text.splitlines()[0].startswith("1 compositions")
    assert text.splitlines()[1].split() == ["mv2h", "0.500", "0.250"]


def test_minor_keys_are_compared_by_signature() -> None:
    empty = (Voice(1, ()),)
    score = Score((Measure(1, FOUR, KeySignature(-3, "minor"), Fraction(4), empty, empty),))
    assert in_major(score).measures[0].key == KeySignature(-3, "major")


def test_misheard_notes_have_the_errors_that_are_said() -> None:
    notes = tuple(Note(0.2 * index + 1, 0.2 * index + 1.4, 40 + index % 40, 80) for index in range(2000))
    found = misheard(Performance(notes, (Pedal(0.0, 1.0),), 402.0), seed=0)
    assert found == misheard(Performance(notes, (Pedal(0.0, 1.0),), 402.0), seed=0)
    assert found != misheard(Performance(notes, (Pedal(0.0, 1.0),), 402.0), seed=1)
    assert found.pedals == (Pedal(0.0, 1.0),)
    assert [note.onset_s for note in found.notes] == sorted(note.onset_s for note in found.notes)
    kept = {(round((note.onset_s - 1) / 0.2), note.pitch): note for note in found.notes if note.velocity == 80}
    right = [(notes[place], note) for (place, pitch), note in kept.items() if notes[place].pitch == pitch]
    assert len(right) / len(notes) == pytest.approx(0.95, abs=0.015)
    assert sum(note.velocity == 40 for note in found.notes) / len(notes) == pytest.approx(0.05, abs=0.005)
    errors_s = [note.onset_s - played.onset_s for played, note in right]
    assert np.std(errors_s) == pytest.approx(JITTER_S, rel=0.1)
