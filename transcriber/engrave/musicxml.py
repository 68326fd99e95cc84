"""Score -> MusicXML 4.0, partwise: one piano part on two staves.

Voices are numbered 1 and 2 on the upper staff, 5 and 6 on the lower, as most notation programs write them. The id of
every notehead, and `m1`, `m2`, ... of the bars, are the ids of the drawn page and of the synchronisation file too.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from xml.etree.ElementTree import Element

from transcriber.engrave.accidentals import shown_accidentals
from transcriber.engrave.beams import beam_voice
from transcriber.engrave.directions import direction_elements
from transcriber.engrave.names import name_lines
from transcriber.engrave.notes import Line, Page, note_elements
from transcriber.engrave.placement import BAR_END, Slot, chunks, reading_order, slots, with_ends_before_bar_lines
from transcriber.engrave.stems import stem_directions
from transcriber.engrave.tuplets import Kind, understood_tuplets
from transcriber.engrave.xmltree import child, text, written
from transcriber.errors import EngravingError
from transcriber.score import LOWER, UPPER, ClefSign, Measure, Ottava, Score

DOCTYPE = (
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" '
    '"http://www.musicxml.org/dtds/partwise.dtd">'
)
SOFTWARE = "transcriber"
CLEFS: dict[ClefSign, tuple[str, int]] = {"treble": ("G", 2), "bass": ("F", 4)}
USUAL_CLEFS: tuple[ClefSign, ClefSign] = ("treble", "bass")

STAFF_TENTHS = 40  # MusicXML divides a staff's height into so many
PAGE_WIDTH_MM, PAGE_HEIGHT_MM, MARGIN_MM = 210.0, 297.0, 15.0


def measure_id(index: int) -> str:
    """The id of the bar at this place in the score, in MusicXML, SVG and the synchronisation file."""
    return f"m{index + 1}"


def write_musicxml(score: Score) -> bytes:
    """The score as a MusicXML document in UTF-8. Raises EngravingError where a voice does not fill its bar."""
    root = Element("score-partwise", version="4.0")
    _header(root, score)
    part = child(root, "part", id="P1")
    page = Page(_divisions(score), shown_accidentals(score), name_lines(score) if score.note_names else {})
    clefs: list[ClefSign | None] = [None, None]
    measures = with_ends_before_bar_lines(score.measures)
    understood = understood_tuplets(measures)
    for index, measure in enumerate(measures):
        before = measures[index - 1] if index else None
        after = measures[index + 1] if index + 1 < len(measures) else None
        element = child(part, "measure", number=str(measure.number), id=measure_id(index))
        if measure.length_q < measure.time.measure_q:
            element.set("implicit", "yes")
        if before is None:
            text(child(element, "print"), "measure-numbering", "system")
        _attributes(element, measure, before, clefs, page.divisions)
        for staff in (UPPER, LOWER):
            _check(measure, staff, page.divisions)
        marks = _marks(measure, page.divisions)
        for staff in (UPPER, LOWER):
            _staff(element, measure, staff, clefs, marks, understood[index], page)
        if after is None or after.key.fifths != measure.key.fifths:
            barline = child(element, "barline", location="right")
            text(barline, "bar-style", "light-light" if after else "light-heavy")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{DOCTYPE}\n{written(root)}\n'.encode()


def _header(root: Element, score: Score) -> None:
    if score.title:
        text(child(root, "work"), "work-title", score.title)
    identification = child(root, "identification")
    if score.composer:
        text(identification, "creator", score.composer, type="composer")
    encoding = child(identification, "encoding")
    text(encoding, "software", SOFTWARE)
    for element in ("accidental", "beam", "stem"):
        child(encoding, "supports", element=element, type="yes")
    defaults = child(root, "defaults")
    scaling = child(defaults, "scaling")
    text(scaling, "millimeters", f"{score.staff_mm:g}")
    text(scaling, "tenths", STAFF_TENTHS)
    page = child(defaults, "page-layout")
    text(page, "page-height", _tenths(PAGE_HEIGHT_MM, score))
    text(page, "page-width", _tenths(PAGE_WIDTH_MM, score))
    margins = child(page, "page-margins", type="both")
    for side in ("left", "right", "top", "bottom"):
        text(margins, f"{side}-margin", _tenths(MARGIN_MM, score))
    part = child(child(root, "part-list"), "score-part", id="P1")
    text(part, "part-name", "Piano", print_object="no")
    text(child(part, "score-instrument", id="P1-I1"), "instrument-name", "Piano")
    midi = child(part, "midi-instrument", id="P1-I1")
    text(midi, "midi-channel", 1)
    text(midi, "midi-program", 1)


def _tenths(millimetres: float, score: Score) -> str:
    return f"{millimetres * STAFF_TENTHS / score.staff_mm:.2f}"


def _divisions(score: Score) -> int:
    """The fewest divisions of a quarter in which every position and length is a whole number."""
    quarters = [Fraction(1)]
    for measure in score.measures:
        quarters.append(measure.length_q)
        quarters += [mark.onset_q for mark in measure.directions]
        quarters += [event.duration_q for voices in measure.staves for voice in voices for event in voice.events]
    return math.lcm(*(length_q.denominator for length_q in quarters))


def _attributes(
    parent: Element, measure: Measure, before: Measure | None, clefs: list[ClefSign | None], divisions: int
) -> None:
    attributes = Element("attributes")
    if before is None:
        text(attributes, "divisions", divisions)
    if before is None or before.key.fifths != measure.key.fifths:
        key = child(attributes, "key")
        text(key, "fifths", measure.key.fifths)
        text(key, "mode", measure.key.mode)
    if before is None or before.time != measure.time:
        time = child(attributes, "time")
        text(time, "beats", measure.time.beats)
        text(time, "beat-type", measure.time.beat_type)
    if before is None:
        text(attributes, "staves", 2)
    opening = {clef.staff: clef.sign for clef in measure.clefs if clef.onset_q == 0}
    for staff in (UPPER, LOWER):
        sign = opening.get(staff, clefs[staff] or USUAL_CLEFS[staff])
        if sign != clefs[staff]:
            attributes.append(_clef(staff, sign))
            clefs[staff] = sign
    if len(attributes):
        parent.append(attributes)


def _clef(staff: int, sign: ClefSign) -> Element:
    element = Element("clef", number=str(staff + 1))
    letter, line = CLEFS[sign]
    text(element, "sign", letter)
    text(element, "line", line)
    return element


def _marks(measure: Measure, divisions: int) -> dict[Slot, list[Element]]:
    return {
        slot: [element for mark, offset_q in marks for element in direction_elements(mark, int(offset_q * divisions))]
        for slot, marks in slots(measure).items()
    }


def _staff(
    parent: Element,
    measure: Measure,
    staff: int,
    clefs: list[ClefSign | None],
    marks: Mapping[Slot, Sequence[Element]],
    understood: Collection[Kind],
    page: Page,
) -> None:
    """Write the voices of one staff, and go back to the start of the bar where another staff follows."""
    voices, divisions = measure.staves[staff], page.divisions
    cut_marks: dict[Fraction, list[Element]] = {}
    for clef in sorted(measure.clefs, key=lambda clef: clef.onset_q):
        if clef.staff == staff and clef.onset_q > 0 and clef.sign != clefs[staff]:
            change = Element("attributes")
            change.append(_clef(staff, clef.sign))
            cut_marks.setdefault(clef.onset_q, []).append(change)
            clefs[staff] = clef.sign
    for mark in reading_order(measure.directions):
        if isinstance(mark, Ottava) and mark.staff == staff:
            cut_marks.setdefault(mark.onset_q, []).extend(direction_elements(mark, 0))
    beams = [beam_voice(measure, voice) for voice in voices]
    stems = stem_directions(voices, beams)
    full = measure.length_q == measure.time.measure_q
    now_q = Fraction(0)
    for cut_q, runs in chunks(measure, staff):
        if cut_q in cut_marks:
            _move(parent, cut_q - now_q, divisions)
            now_q = cut_q
            parent.extend(cut_marks[cut_q])
        for place, indices in runs:
            voice = voices[place]
            line = Line(full, staff, voice.number, voice.events, beams[place], stems[place], understood, page)
            _move(parent, voice.events[indices[0]].onset_q - now_q, divisions)
            for index in indices:
                parent.extend(marks.get(Slot(staff, place, index), ()))
                parent.extend(note_elements(line, index))
            last = voice.events[indices[-1]]
            now_q = last.onset_q + last.duration_q
    _move(parent, measure.length_q - now_q, divisions)
    parent.extend(cut_marks.get(measure.length_q, ()))
    for place in range(len(voices)):
        parent.extend(marks.get(Slot(staff, place, BAR_END), ()))
    if staff == UPPER:
        _move(parent, -measure.length_q, divisions)


def _move(parent: Element, by_q: Fraction, divisions: int) -> None:
    if by_q:
        text(child(parent, "forward" if by_q > 0 else "backup"), "duration", int(abs(by_q) * divisions))


def _check(measure: Measure, staff: int, divisions: int) -> None:
    if not measure.staves[staff]:
        raise EngravingError(f"Bar {measure.number} has no voice on staff {staff + 1}; every staff needs at least one.")
    for voice in measure.staves[staff]:
        position = 0
        joined = True
        for event in voice.events:
            joined = joined and event.onset_q.numerator * divisions == position * event.onset_q.denominator
            position += event.duration_q.numerator * divisions // event.duration_q.denominator
        position_q = Fraction(position, divisions)
        if not joined or position_q != measure.length_q:
            raise EngravingError(
                f"Voice {voice.number} of staff {staff + 1} does not fill bar {measure.number}: its events hold "
                f"{position_q} of {measure.length_q} quarters, or do not follow each other."
            )
