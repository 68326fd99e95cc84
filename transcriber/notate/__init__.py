"""A performance becomes a score: bars, hands, rhythm, voices, names, marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from transcriber.errors import NoNotes
from transcriber.notate.additions import with_added
from transcriber.notate.clefs import place_clefs
from transcriber.notate.edits import Corrections, Edit, gather
from transcriber.notate.evidence import BeatEvidence
from transcriber.notate.expression import find_accents, with_directions, with_expression
from transcriber.notate.fermata import with_final_fermata
from transcriber.notate.hands import find_hands
from transcriber.notate.harmony import chord_symbols
from transcriber.notate.key import KeyRegion, find_keys
from transcriber.notate.measures import printed_bars, write_measure
from transcriber.notate.meter import Meter, corrected_meter, hear_beats, other_metres
from transcriber.notate.ornaments import find_attacks
from transcriber.notate.rhythm import Placed, place
from transcriber.notate.simple import simplify
from transcriber.notate.spelling import spell, with_name
from transcriber.notate.swing import find_swing, straighten
from transcriber.notate.timeline import Timeline, lay_out
from transcriber.notate.transposition import transposed
from transcriber.notate.voices import find_voices
from transcriber.options import Level
from transcriber.performance import Performance
from transcriber.score import LOWER, UPPER, DroppedNote, KeySignature, Score, SpelledPitch, Words

__all__ = ["Level", "hear_beats", "notate", "notate_on", "with_added"]


def notate(
    performance: Performance,
    edits: Sequence[Edit] = (),
    *,
    title: str = "",
    composer: str = "",
    level: Level = "full",
    chords: bool = False,
    transpose: int = 0,
    evidence: BeatEvidence | None = None,
) -> Score:
    """Write down a performance, with a musician's corrections.

    `level`: "simple" leaves out what a learner cannot read or reach. `chords` prints chord symbols above the staff,
    and `transpose` writes everything so many semitones higher. With the `evidence` of `hear_beats` for these notes no
    network runs and PyTorch is not loaded. Notes that the edits add do not move the beats; whoever engraves the score
    takes `with_added(performance, edits)`, which has them. Raises NoNotes where there is nothing to write, and
    EditError where the edits are impossible or contradict each other.
    """
    if not performance.notes:
        raise NoNotes("No piano note was heard in this recording; check that it holds piano music.")
    complete = with_added(performance, edits)
    corrections = gather(edits, complete)
    meter = corrected_meter(performance, complete, corrections, evidence)
    score = notate_on(
        complete, meter, corrections, title=title, composer=composer, level=level, chords=chords, transpose=transpose
    )
    return replace(score, other_metres=other_metres(performance, meter, evidence))


def notate_on(
    performance: Performance,
    meter: Meter,
    corrections: Corrections,
    *,
    title: str = "",
    composer: str = "",
    level: Level = "full",
    chords: bool = False,
    transpose: int = 0,
) -> Score:
    """Write down a performance on bars that are already known."""
    sources = [index for index in performance.in_time() if index not in corrections.deleted]
    notes = [performance.notes[source] for source in sources]
    if not notes:
        raise NoNotes("Every note of this recording is deleted; bring at least one of them back.")
    timeline = lay_out(meter, notes[0].onset_s, max(note.onset_s for note in notes))
    fixed = {index: corrections.staves[source] for index, source in enumerate(sources) if source in corrections.staves}
    staves = find_hands(notes, fixed)
    attacks, swallowed = find_attacks(notes, sources, staves)
    swing = find_swing(attacks, timeline)
    if swing is not None:
        attacks = straighten(attacks, timeline, swing)
    heard, doubled = place(attacks, timeline)
    placed, left_out = simplify(heard, timeline) if level == "simple" else (heard, {})

    pedalled = _pedalled(performance)
    upper, lower = (
        find_voices(
            [note for note in placed if note.attack.staff == staff], pedalled, timeline, single=level == "simple"
        )
        for staff in (UPPER, LOWER)
    )
    spans = printed_bars(timeline, (upper, lower), any_pickup=corrections.pickup_q is not None)
    keys = _keys(heard, timeline, corrections, performance)
    key_of_bar = [_key_at(keys, index) for index in range(len(timeline.bars))]
    spelling = _spell(placed, timeline, key_of_bar, corrections)
    accents = find_accents(placed)
    plain = [
        write_measure(span, timeline, key_of_bar[span.index], (upper[span.index], lower[span.index]), spelling, accents)
        for span in spans
    ]
    held = with_final_fermata(plain, spans, placed, performance, timeline)
    marked = with_expression(held, spans, placed, performance.pedals, timeline)
    if swing is not None:
        marked = with_directions(marked, [(0, Words(Fraction(0), "Swing"))])
    if chords:
        marked = with_directions(marked, chord_symbols(spans, heard, spelling, key_of_bar))
    measures = place_clefs(transposed(marked, transpose))
    dropped = {**swallowed, **doubled, **left_out, **dict.fromkeys(corrections.deleted, "deleted by an edit")}
    return Score(
        measures,
        title if corrections.title is None else corrections.title,
        composer if corrections.composer is None else corrections.composer,
        timeline.seconds_at(spans[-1].end),
        tuple(DroppedNote(source, dropped[source], source in corrections.deleted) for source in sorted(dropped)),
    )


def _pedalled(performance: Performance) -> frozenset[int]:
    """Notes that the pedal keeps sounding after their key is released."""
    ends_s = performance.sounding_offsets_s()
    return frozenset(
        index
        for index, (note, end_s) in enumerate(zip(performance.notes, ends_s, strict=True))
        if end_s > note.offset_s
    )


def _keys(
    placed: Sequence[Placed], timeline: Timeline, corrections: Corrections, performance: Performance
) -> tuple[KeyRegion, ...]:
    """As found or asked for; from the bar of a note that begins another key on, that one."""
    keys = (KeyRegion(0, corrections.key),) if corrections.key else find_keys(placed, timeline)
    if not corrections.keys:
        return keys
    place_of = {attack.source: note.onset for note in placed for attack in (*note.graces, note.attack)}
    changes = {}
    for source, key in corrections.keys.items():
        place = place_of.get(source, timeline.tick_at(performance.notes[source].onset_s))
        changes[timeline.bar_index_at(int(place))] = key
    return (
        *(region for region in keys if region.first < min(changes)),
        *(KeyRegion(bar, key) for bar, key in sorted(changes.items())),
    )


def _key_at(keys: Sequence[KeyRegion], bar: int) -> KeySignature:
    return next(region.key for region in reversed(keys) if region.first <= bar)


def _spell(
    placed: Sequence[Placed], timeline: Timeline, key_of_bar: Sequence[KeySignature], corrections: Corrections
) -> dict[int, SpelledPitch]:
    """The written pitch of every main and grace note, by source."""
    attacks, fifths = [], []
    for note in placed:
        for attack in (*note.graces, note.attack):
            attacks.append(attack)
            fifths.append(key_of_bar[timeline.bar_index_at(note.onset)].fifths)
    names = spell([attack.pitch for attack in attacks], fifths)
    spelling = {attack.source: name for attack, name in zip(attacks, names, strict=True)}
    for source, (step, alter) in corrections.names.items():
        if source in spelling:
            spelling[source] = with_name(spelling[source].midi, step, alter)
    return spelling
