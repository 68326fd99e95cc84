"""Corrections: as JSON and back, applied, and refused with a sentence."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest

from tests.notate.score_rules import assert_well_formed, meter_of
from transcriber.errors import EditError
from transcriber.notate import notate_on
from transcriber.notate.edits import (
    DeleteNote,
    Edit,
    RespellNote,
    SetBarLine,
    SetComposer,
    SetHand,
    SetHands,
    SetKey,
    SetMetre,
    SetPickup,
    SetTempoLevel,
    SetTitle,
    edits_json,
    gather,
    parse_edits,
)
from transcriber.performance import Note, Performance, sort_notes
from transcriber.score import KeySignature, Score, TimeSignature

PERFORMANCE = Performance(
    sort_notes([Note(0.5 * beat, 0.5 * beat + 0.45, 60 + 2 * beat, 64) for beat in range(8)]), (), 4.0
)
EVERY_EDIT: list[Edit] = [
    SetMetre(TimeSignature(6, 8)),
    SetPickup(Fraction(1, 2)),
    SetTempoLevel(Fraction(1, 2)),
    SetKey(KeySignature(-2, "minor")),
    SetMetre(TimeSignature(2, 4), 6),
    SetTempoLevel(Fraction(2), 6),
    SetKey(KeySignature(1), 6),
    SetBarLine(4),
    SetHand(3, "left"),
    SetHands(6, 7, "left"),
    DeleteNote(5),
    RespellNote(2, "F", -1),
    SetTitle("Für Elise"),
    SetComposer("L. v. B."),
]


def write(*edits: Edit) -> Score:
    return notate_on(PERFORMANCE, meter_of(TimeSignature(4, 4), 2, 0.5), gather(edits, PERFORMANCE), title="Played")


def test_json_and_back() -> None:
    assert list(parse_edits(edits_json(EVERY_EDIT))) == EVERY_EDIT


def test_edits_are_applied() -> None:
    score = write(*EVERY_EDIT)
    assert_well_formed(score, PERFORMANCE)
    assert (score.title, score.composer) == ("Für Elise", "L. v. B.")
    assert score.measures[0].key == KeySignature(-2, "minor")
    assert [(note.source, note.reason) for note in score.dropped] == [(5, "deleted by an edit")]
    heads = {head.source: (staff, head.pitch) for _, staff, _, chord in score.chords() for head in chord.heads}
    assert heads[3][0] == 1
    assert (heads[2][1].step, heads[2][1].alter) == ("F", -1)


def test_a_key_holds_from_the_bar_of_a_note_until_the_next() -> None:
    tune = Performance(
        sort_notes([Note(0.5 * beat, 0.5 * beat + 0.45, 60 + beat % 5, 64) for beat in range(32)]), (), 16.0
    )
    edits = [SetKey(KeySignature(3), 22), SetKey(KeySignature(-1)), SetKey(KeySignature(2), 9)]
    score = notate_on(tune, meter_of(TimeSignature(4, 4), 8, 0.5), gather(edits, tune))
    assert [bar.key.fifths for bar in score.measures] == [-1, -1, 2, 2, 2, 3, 3, 3]


def test_what_holds_from_a_note_on_stands_beside_what_holds_throughout() -> None:
    corrections = gather(EVERY_EDIT, PERFORMANCE)
    assert (corrections.time, corrections.times) == (TimeSignature(6, 8), {6: TimeSignature(2, 4)})
    assert (corrections.tempo_level, corrections.tempo_levels) == (Fraction(1, 2), {6: Fraction(2)})
    assert (corrections.key, corrections.keys) == (KeySignature(-2, "minor"), {6: KeySignature(1)})


def test_the_same_edit_twice_is_no_conflict() -> None:
    assert write(SetTitle("A"), SetTitle("B"), DeleteNote(1), DeleteNote(1)).title == "B"
    corrections = gather([SetTempoLevel(Fraction(2)), SetTempoLevel(Fraction(2))], PERFORMANCE)
    assert corrections.tempo_level == 4


def test_a_range_of_notes_changes_hands_but_for_those_with_an_edit_of_their_own() -> None:
    score = write(SetHands(0, 7, "left"), SetHand(3, "right"))
    staves = {head.source: staff for _, staff, _, chord in score.chords() for head in chord.heads}
    assert staves == {source: 0 if source == 3 else 1 for source in range(8)}


@pytest.mark.parametrize(
    "edits",
    [
        [SetMetre(TimeSignature(3, 4)), SetMetre(TimeSignature(4, 4))],
        [SetKey(KeySignature(1)), SetKey(KeySignature(2))],
        [SetMetre(TimeSignature(3, 4), 1), SetMetre(TimeSignature(4, 4), 1)],
        [SetKey(KeySignature(1), 8)],
        [SetTempoLevel(Fraction(2), 1), DeleteNote(1)],
        [SetHand(1, "left"), SetHand(1, "right")],
        [SetHand(1, "left"), DeleteNote(1)],
        [SetHands(1, 4, "left"), SetHands(4, 6, "right")],
        [SetHands(4, 1, "left")],
        [SetHands(1, 8, "left")],
        [SetBarLine(8)],
        [SetBarLine(1), DeleteNote(1)],
        [RespellNote(1, "D", 0), DeleteNote(1)],
        [SetMetre(TimeSignature(3, 4)), SetPickup(Fraction(3))],
        [SetMetre(TimeSignature(0, 4))],
        [SetMetre(TimeSignature(4, 3))],
        [SetPickup(Fraction(-1))],
        [SetTempoLevel(Fraction(5))],
        [SetKey(KeySignature(9))],
        [DeleteNote(8)],
        [SetHand(-1, "left")],
        [RespellNote(0, "D", 0)],
        [RespellNote(0, "D", -3)],
        [SetTitle("x" * 301)],
    ],
)
def test_impossible_edits_are_refused_in_one_sentence(edits: list[Edit]) -> None:
    with pytest.raises(EditError) as caught:
        gather(edits, PERFORMANCE)
    assert caught.value.message.endswith(".")
    assert caught.value.code == "edit-conflict"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{}",
        "[1]",
        "[null]",
        '[{"edit": "jump"}]',
        '[{"edit": ["key"]}]',
        '[{"edit": "delete"}]',
        '[{"edit": "delete", "source": true}]',
        '[{"edit": "delete", "source": 1.5}]',
        '[{"edit": "delete", "source": 1, "why": 2}]',
        '[{"edit": "pickup", "quarters": "1/0"}]',
        '[{"edit": "pickup", "quarters": "nan"}]',
        '[{"edit": "pickup", "quarters": Infinity}]',
        '[{"edit": "hand", "source": 1, "hand": "both"}]',
        '[{"edit": "respell", "source": 1, "step": "H", "alter": 0}]',
        '[{"edit": "key", "fifths": "two"}]',
        '[{"edit": "title", "text": 3}]',
        "[" * 100_000,
    ],
)
def test_unreadable_json_is_refused(text: str) -> None:
    with pytest.raises(EditError):
        parse_edits(text)


def test_the_documented_forms_are_read() -> None:
    fields = [
        {"edit": "pickup", "quarters": 0.5},
        {"edit": "tempo-level", "factor": 2},
        {"edit": "key", "fifths": -2},
        {"edit": "metre", "beats": 3, "beat_type": 4},
        {"edit": "metre", "beats": 2, "beat_type": 4, "source": 12},
    ]
    assert parse_edits(json.dumps(fields)) == (
        SetPickup(Fraction(1, 2)),
        SetTempoLevel(Fraction(2)),
        SetKey(KeySignature(-2)),
        SetMetre(TimeSignature(3, 4)),
        SetMetre(TimeSignature(2, 4), 12),
    )
