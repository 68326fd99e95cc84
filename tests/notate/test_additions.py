"""Notes that a musician adds: written where they belong, and no other note's number or beat moves for them."""

import pytest

from tests.notate.test_meter import dance
from transcriber.errors import EditError
from transcriber.notate import hear_beats, notate, with_added
from transcriber.notate.edits import AddNote, DeleteNote, RespellNote, SetHand, edits_json, parse_edits
from transcriber.performance import Note, Performance
from transcriber.sounding import notes_json


@pytest.fixture(scope="module")
def played():
    return dance(3, 8)[0]


@pytest.fixture(scope="module")
def evidence(played):
    return hear_beats(played)


def heads_of(score):
    return {head.source: head for _, _, _, chord in score.chords() for head in chord.heads}


def staves_of(score):
    return {head.source: staff for _, staff, _, chord in score.chords() for head in chord.heads}


def test_an_added_note_is_written_and_nothing_else_changes(played, evidence):
    count = len(played.notes)
    third = played.notes[4]
    edits = [AddNote("a1", third.onset_s, third.offset_s, third.pitch + 3)]
    before, after = notate(played, evidence=evidence), notate(played, edits, evidence=evidence)
    assert heads_of(after)[count].pitch.midi == third.pitch + 3
    assert [m.beat_times_s for m in after.measures] == [m.beat_times_s for m in before.measures]
    assert set(heads_of(after)) == set(heads_of(before)) | {count}


def test_numbers_follow_the_edits_order(played):
    end_s = played.duration_s
    late, early = AddNote("late", end_s - 1, end_s, 90, 33), AddNote("early", 0.5, 1.0, 91)
    complete = with_added(played, [late, DeleteNote(0), early])
    assert complete.notes[: len(played.notes)] == played.notes
    assert [note.pitch for note in complete.notes[len(played.notes) :]] == [90, 91]
    assert [note.velocity for note in complete.notes[len(played.notes) :]] == [33, 70], "as loud as those around it"


def test_an_added_note_can_be_corrected_like_any_other(played, evidence):
    count = len(played.notes)
    add = AddNote("a", played.notes[0].onset_s, played.notes[0].onset_s + 0.4, 61)
    score = notate(played, [add, SetHand(count, "left"), RespellNote(count, "D", -1)], evidence=evidence)
    assert staves_of(score)[count] == 1
    assert (heads_of(score)[count].pitch.step, heads_of(score)[count].pitch.alter) == ("D", -1)


def test_a_note_after_the_last_and_one_before_the_first(played, evidence):
    longer = Performance(played.notes, (), played.duration_s + 8)
    first_s, last_s = played.notes[0].onset_s - 0.3, played.duration_s + 7
    edits = [AddNote("a", last_s, last_s + 0.5, 60), AddNote("b", first_s, first_s + 0.2, 60)]
    score = notate(longer, edits, evidence=evidence)
    assert {len(played.notes), len(played.notes) + 1} <= set(heads_of(score))
    assert score.end_s > last_s


@pytest.mark.parametrize(
    "edit",
    [
        AddNote("a", 2.0, 2.0, 60),
        AddNote("a", -1.0, 2.0, 60),
        AddNote("a", 1e9, 2e9, 60),
        AddNote("a", 1.0, float("inf"), 60),
        AddNote("a", float("nan"), 2.0, 60),
        AddNote("a", 1.0, 2.0, 20),
        AddNote("a", 1.0, 2.0, 109),
        AddNote("a", 1.0, 2.0, 60, 0),
        AddNote("", 1.0, 2.0, 60),
        AddNote("x" * 65, 1.0, 2.0, 60),
    ],
)
def test_impossible_additions(played, evidence, edit):
    with pytest.raises(EditError):
        notate(played, [edit], evidence=evidence)


def test_two_of_one_name(played):
    with pytest.raises(EditError, match="a1"):
        with_added(played, [AddNote("a1", 1.0, 2.0, 60), AddNote("a1", 1.5, 2.0, 64)])


def test_as_json():
    edits = (AddNote("a1", 1.25, 2.0, 60), AddNote("a2", 1.0, 2.0, 61, 80))
    assert parse_edits(edits_json(edits)) == edits
    for wrong in ('{"onset_s": "1"}', '{"pitch": 60.5}', '{"colour": 1}'):
        text = edits_json(edits[:1])[:-2] + ", " + wrong[1:] + "]"
        with pytest.raises(EditError):
            parse_edits(text)


def test_what_is_struck_again_ends_a_sounding_note_whatever_its_number():
    played = Performance((Note(0.0, 3.0, 60, 70), Note(2.0, 2.5, 64, 70)), (), 3.0)
    complete = with_added(played, [AddNote("a", 1.0, 1.5, 60)])
    assert complete.sounding_offsets_s() == [1.0, 2.5, 1.5]


def test_the_notes_that_sound_have_hands(played, evidence):
    import json

    count = len(played.notes)
    edits = [AddNote("a", played.notes[0].onset_s, played.notes[0].onset_s + 0.4, 61), DeleteNote(3)]
    score = notate(played, edits, level="simple", evidence=evidence)
    told = json.loads(notes_json(score, with_added(played, edits)))
    staves = staves_of(score)
    assert {note["source"] for note in told["notes"]} == set(range(count + 1)) - {3}
    assert [(note["source"], note["pitch"]) for note in told["deleted"]] == [(3, played.notes[3].pitch)]
    for note in told["notes"]:
        if note["source"] in staves:
            assert note["hand"] == ("right", "left")[staves[note["source"]]]
        assert note["hand"] == ("left" if note["pitch"] < 52 else note["hand"])
