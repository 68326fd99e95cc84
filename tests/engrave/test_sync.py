from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from tests.engrave.scores import SCORES, bar, finished, voice, waltz, whole_rest
from transcriber.engrave.musicxml import write_musicxml
from transcriber.engrave.svg import draw_pages
from transcriber.engrave.sync import write_sync
from transcriber.performance import Performance
from transcriber.score import DroppedNote, KeySignature, Score, TimeSignature


def synced(score: Score, performance: Performance) -> dict[str, Any]:
    pages = draw_pages(write_musicxml(score))
    document: dict[str, Any] = json.loads(write_sync(score, performance, pages))
    return document


@pytest.mark.parametrize("name", sorted(SCORES))
def test_every_head_points_to_the_seconds_of_its_performed_note(name: str) -> None:
    score, performance = SCORES[name]()
    document = synced(score, performance)
    assert document["version"] == 1
    entries = {entry["id"]: entry for entry in document["notes"]}
    for _, staff, number, chord in score.chords():
        for head in chord.heads:
            entry, note = entries[head.id], performance.notes[head.source]
            assert (entry["source"], entry["pitch"], entry["tied"]) == (head.source, note.pitch, head.tie_stop)
            assert (entry["staff"], entry["voice"]) == (staff + 1, number)
            if not head.tie_start and not head.tie_stop:
                assert entry["onset_s"] == pytest.approx(note.onset_s, abs=0.001)
                assert entry["offset_s"] == pytest.approx(note.offset_s, abs=0.001)


def test_tied_heads_share_the_time_of_their_note() -> None:
    score, performance = waltz()
    document = synced(score, performance)
    second = next(entry for entry in document["notes"] if entry["tied"])
    first = next(entry for entry in document["notes"] if entry["source"] == second["source"])
    bar_line = next(measure for measure in document["measures"] if measure["id"] == second["measure"])
    assert first["offset_s"] == second["onset_s"] == bar_line["start_s"]
    assert second["offset_s"] == pytest.approx(performance.notes[second["source"]].offset_s, abs=0.001)


def test_a_tied_head_never_starts_after_the_release() -> None:
    score, performance = waltz()
    short = replace(performance, notes=tuple(replace(note, offset_s=note.onset_s + 0.05) for note in performance.notes))
    for entry in synced(score, short)["notes"]:
        assert entry["onset_s"] <= entry["offset_s"]


def test_bars_follow_each_other_and_hold_their_beats() -> None:
    score, performance = waltz()
    document = synced(score, performance)
    measures = document["measures"]
    assert [measure["number"] for measure in measures] == [0, 1, 2, 3, 4, 5]
    assert [measure["start_s"] for measure in measures] == pytest.approx([1.0, 1.5, 3.0, 4.5, 6.0, 7.5])
    assert [measure["end_s"] for measure in measures] == pytest.approx([1.5, 3.0, 4.5, 6.0, 7.5, 9.0])
    assert measures[1]["beats_s"] == pytest.approx([1.5, 2.0, 2.5])
    assert document["duration_s"] == pytest.approx(performance.duration_s)


def test_bars_are_found_on_their_pages() -> None:
    time, key = TimeSignature(4, 4), KeySignature(0)
    measures = [bar(number, time, key, [voice(1, "C5/16 " * 16)], [whole_rest(Fraction(4))]) for number in range(1, 41)]
    document = synced(*finished(measures))
    numbers = [measure["page"] for measure in document["measures"]]
    assert numbers == sorted(numbers)
    assert numbers[0] == 1
    assert numbers[-1] == len(document["pages"]) >= 2
    for page in document["pages"]:
        on_page = [measure["id"] for measure in document["measures"] if measure["page"] == page["page"]]
        assert (on_page[0], on_page[-1]) == (page["first_measure"], page["last_measure"])


def test_notes_that_were_left_out_are_named() -> None:
    score, performance = waltz()
    document = synced(replace(score, dropped=(DroppedNote(3, "an echo of its neighbour"),)), performance)
    assert document["dropped"] == [{"source": 3, "reason": "an echo of its neighbour"}]
