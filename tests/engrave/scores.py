"""Hand-written scores that use every field of the score, and performances that fit them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from transcriber.performance import Note, Pedal, Performance, sort_notes
from transcriber.score import (
    LOWER,
    Chord,
    ChordSymbol,
    Clef,
    Dynamic,
    Event,
    Grace,
    KeySignature,
    Measure,
    NoteHead,
    NoteValue,
    Ottava,
    PedalMark,
    Rest,
    Score,
    SpelledPitch,
    TempoMark,
    TimeSignature,
    Tuplet,
    Voice,
    Wedge,
    Words,
)

VALUES = {
    "1": "whole",
    "2": "half",
    "4": "quarter",
    "8": "eighth",
    "16": "16th",
    "32": "32nd",
    "64": "64th",
}
ALTERS = {"bb": -2, "b": -1, "": 0, "#": 1, "##": 2}
PITCH = re.compile(r"(~?)([A-G])(bb|b|##|#|)(-?\d)(~?)$")
TOKEN = re.compile(
    r"(?P<what>[^/]+)/(?P<value>\d+)(?P<dots>\.*)(?:x(?P<actual>\d+):(?P<normal>\d+)(?P<edge>[\[\]]?))?$"
)


def q(numerator: int, denominator: int = 1) -> Fraction:
    return Fraction(numerator, denominator)


def pitch(name: str) -> SpelledPitch:
    match = PITCH.match(name)
    assert match, name
    return SpelledPitch(match[2], ALTERS[match[3]], int(match[4]))  # type: ignore[arg-type]


def head(name: str) -> NoteHead:
    """A head from its name; `~` before or after it is a tie from or to another head."""
    return NoteHead("", pitch(name), -1, tie_stop=name.startswith("~"), tie_start=name.endswith("~"))


def voice(number: int, text: str, **changes: dict[str, Any]) -> Voice:
    """A voice from tokens `C4+E4/8.x3:2[`: heads joined by +, value and dots, tuplet with its edge.

    `r` is a rest, `h` a hidden one, `R` one that fills its bar. `changes` sets further fields of the events e0, e1, ...
    """
    onset_q = Fraction(0)
    events: list[Event] = []
    for index, token in enumerate(text.split()):
        match = TOKEN.match(token)
        assert match, token
        value = NoteValue(VALUES[match["value"]], len(match["dots"]))  # type: ignore[arg-type]
        tuplet = None
        duration_q = value.quarters
        if match["actual"]:
            edge = match["edge"]
            tuplet = Tuplet(int(match["actual"]), int(match["normal"]), edge == "[", edge == "]")
            duration_q *= Fraction(tuplet.normal, tuplet.actual)
        what = match["what"]
        event: Event
        if what in "rhR":
            event = Rest(onset_q, duration_q, value, tuplet, visible=what != "h", whole_measure=what == "R")
        else:
            event = Chord(onset_q, duration_q, value, tuple(head(name) for name in what.split("+")), tuplet)
        events.append(replace(event, **changes.get(f"e{index}", {})))
        onset_q += duration_q
    return Voice(number, tuple(events))


def whole_rest(length_q: Fraction) -> Voice:
    return Voice(1, (Rest(Fraction(0), length_q, NoteValue("whole"), whole_measure=True),))


def bar(
    number: int,
    time: TimeSignature,
    key: KeySignature,
    upper: Sequence[Voice],
    lower: Sequence[Voice],
    **fields: Any,
) -> Measure:
    length_q = fields.pop("length_q", time.measure_q)
    return Measure(number, time, key, length_q, tuple(upper), tuple(lower), **fields)


def finished(measures: Sequence[Measure], *, beat_s: float = 0.5, **fields: Any) -> tuple[Score, Performance]:
    """Give every head its id and source, every bar its beat times, and make the performance that the score describes.

    Tied heads share a source. Every note is performed 10 ms late and released at 90 % of its written length.
    """
    notes: list[Note] = []
    tied: dict[int, int] = {}
    count = 0
    second = 1.0
    written = []

    def named(heads: Sequence[NoteHead], onset_s: float, length_s: float) -> tuple[NoteHead, ...]:
        nonlocal count
        out = []
        for item in heads:
            count += 1
            if item.tie_stop:
                source = tied[item.pitch.midi]
                notes[source] = replace(notes[source], offset_s=onset_s + 0.01 + 0.9 * length_s)
            else:
                source = len(notes)
                notes.append(Note(onset_s + 0.01, onset_s + 0.01 + 0.9 * length_s, item.pitch.midi, 64))
            tied[item.pitch.midi] = source
            out.append(replace(item, id=f"n{count}", source=source))
        return tuple(out)

    for measure in measures:
        beat_q = measure.time.beat_q
        quarter_s = beat_s / float(beat_q)
        staves = []
        for voices in measure.staves:
            lines = []
            for line in voices:
                events: list[Event] = []
                for event in line.events:
                    if isinstance(event, Chord):
                        onset_s = second + float(event.onset_q) * quarter_s
                        graces = tuple(
                            replace(grace, heads=named(grace.heads, onset_s - 0.05, 0.05)) for grace in event.graces
                        )
                        heads = named(event.heads, onset_s, float(event.duration_q) * quarter_s)
                        event = replace(event, heads=heads, graces=graces)
                    events.append(event)
                lines.append(replace(line, events=tuple(events)))
            staves.append(tuple(lines))
        beats = -(-measure.length_q // beat_q)
        times = tuple(second + beat * beat_s for beat in range(beats))
        written.append(replace(measure, upper=staves[0], lower=staves[1], beat_times_s=times))
        second += float(measure.length_q) * quarter_s
    order = sort_notes(notes)
    places = {id(note): place for place, note in enumerate(order)}
    place_of = {source: places[id(note)] for source, note in enumerate(notes)}
    score = Score(tuple(_resourced(measure, place_of) for measure in written), end_s=second, **fields)
    return score, Performance(order, (Pedal(1.0, 1.9),), second + 1.0)


def _resourced(measure: Measure, place_of: dict[int, int]) -> Measure:
    def heads(items: Sequence[NoteHead]) -> tuple[NoteHead, ...]:
        return tuple(replace(item, source=place_of[item.source]) for item in items)

    def events(items: Sequence[Event]) -> Iterator[Event]:
        for event in items:
            if isinstance(event, Chord):
                graces = tuple(replace(grace, heads=heads(grace.heads)) for grace in event.graces)
                event = replace(event, heads=heads(event.heads), graces=graces)
            yield event

    upper, lower = (
        tuple(replace(line, events=tuple(events(line.events))) for line in voices) for voices in measure.staves
    )
    return replace(measure, upper=upper, lower=lower)


def waltz() -> tuple[Score, Performance]:
    """A pickup, ties over the bar line, two voices with hidden rests, pedal, hairpins, an arpeggio, a fermata."""
    time, key = TimeSignature(3, 4), KeySignature(-3)
    tempo = TempoMark(q(0), "Tempo di valse", NoteValue("quarter"), 120.0)
    measures = [
        bar(0, time, key, [voice(1, "Bb4/8 C5/8")], [whole_rest(q(1))], length_q=q(1), directions=(tempo,)),
        bar(
            1,
            time,
            key,
            [voice(1, "G5/2 F5/8 Eb5/8"), voice(2, "h/4 Bb4/4 Bb4/4")],
            [voice(1, "Eb2/4 Bb3+Eb4+G4/4 Bb3+Eb4+G4/4", e1={"articulations": ("staccato",)})],
            directions=(Dynamic(q(0), "p"), PedalMark(q(0), "start"), Wedge(q(1), "crescendo")),
        ),
        bar(
            2,
            time,
            key,
            [voice(1, "Ab5/4. G5/8 F5/8 Bb4~/8", e0={"articulations": ("accent",)})],
            [voice(1, "D2/4 Bb3+F4+Ab4/4 Bb3+F4+Ab4/4")],
            directions=(Wedge(q(2), "stop"), Dynamic(q(2), "f"), PedalMark(q(0), "change")),
        ),
        bar(
            3,
            time,
            key,
            [voice(1, "~Bb4/4 r/8 Bb4/16 C5/16 Bb4/8 A4/8")],
            [voice(1, "Eb2/2.")],
            directions=(PedalMark(q(3), "stop"), Wedge(q(1), "diminuendo"), Wedge(q(3), "stop")),
        ),
        bar(
            4,
            time,
            key,
            [voice(1, "Ab4/8 Bb4/8 C5/8 D5/8 Eb5/8 F5/8")],
            [voice(1, "h/4 Bb3+Eb4/2"), voice(2, "Eb2/2.")],
            directions=(Words(q(2), "rit."), Dynamic(q(0), "pp")),
        ),
        bar(
            5,
            time,
            key,
            [voice(1, "Bb4+Eb5+G5/2.", e0={"arpeggio": True, "articulations": ("fermata",)})],
            [voice(1, "Eb2+Bb2/2.", e0={"arpeggio": True, "articulations": ("fermata",)})],
        ),
    ]
    return finished(measures, title="Waltz for a Test", composer="Nobody")


def siciliano() -> tuple[Score, Performance]:
    """6/8: dotted figures, duplets, trill, tremolo, grace notes, a clef change, an ottava, tenuto."""
    time, key = TimeSignature(6, 8), KeySignature(1, "minor")
    tempo = TempoMark(q(0), "Andante", NoteValue("quarter", 1), 46.0)
    turn = (Grace((head("B4"),), NoteValue("16th"), False), Grace((head("D#5"),), NoteValue("16th"), False))
    measures = [
        bar(
            1,
            time,
            key,
            [voice(1, "E5/8. F#5/16 E5/8 G5/4 E5/8", e0={"graces": (Grace((head("D#5"),)),)})],
            [voice(1, "E3/8 B3/8 G3/8 E3/8 B3/8 G3/8")],
            directions=(tempo, Dynamic(q(0), "mp")),
        ),
        bar(
            2,
            time,
            key,
            [voice(1, "D#5/4. F#5/8x2:3[ A5/8x2:3]", e0={"ornament": "trill", "graces": turn})],
            [voice(1, "B2/16 C3/16 D3/16 D#3/16 E3/16 F#3/16 G3/8 A3/4")],
        ),
        bar(
            3,
            time,
            key,
            [voice(1, "G6/8 F#6/8 E6/8 D#7/4. ", e3={"articulations": ("tenuto",)})],
            [voice(1, "E3/4. E4/8 G4/8 B4/8")],
            clefs=(Clef(LOWER, "treble", q(3, 2)),),
            directions=(Ottava(q(0), 0, "start"), Ottava(q(3), 0, "stop")),
        ),
        bar(
            4,
            time,
            key,
            [voice(1, "E5/4. r/8 E5/4", e0={"ornament": "tremolo"})],
            [voice(1, "C4+E4/2.")],
            clefs=(Clef(LOWER, "bass"),),
        ),
    ]
    return finished(measures, beat_s=1.3, title="Siciliano", composer="Nobody")


def study() -> tuple[Score, Performance]:
    """4/4 to 2/4 and 5/8, A major to F major: tuplets with brackets, double sharps, courtesy signs, chord symbols."""
    common, key, new_key = TimeSignature(4, 4), KeySignature(3), KeySignature(-1)
    allegro = TempoMark(q(0), "Allegro", NoteValue("quarter"), 132.4)
    slower = TempoMark(q(0), "", NoteValue("quarter"), 100.0, show_metronome=False)
    short, five = TimeSignature(2, 4), TimeSignature(5, 8)
    measures = [
        bar(
            1,
            common,
            key,
            [voice(1, "A4/8x3:2[ B4/8x3:2 C#5/8x3:2] D5/4x3:2[ E5/8x3:2] F##5/16 G#5/16 F#5/16 E5/16 E#5/8 E5/8")],
            [voice(1, "A2+E3/1")],
            directions=(allegro, ChordSymbol(q(0), ("A", 0), "major"), ChordSymbol(q(2), ("F", 1), "minor", ("C", 1))),
        ),
        bar(
            2,
            common,
            key,
            [voice(1, "F5/8 F#5/8 A5/8 C6/8 r/8x3:2[ B5/8x3:2 A5/8x3:2] G#5~/4")],
            [voice(1, "D3/8 A3/8 D4/8 F#4/8 r/4 E3/16x6:4[ F3/16x6:4 F#3/16x6:4 G3/16x6:4 G#3/16x6:4 A3/16x6:4]")],
            directions=(Dynamic(q(0), "mf"), ChordSymbol(q(0), ("D", 0), "minor-seventh")),
        ),
        bar(
            3,
            common,
            key,
            [voice(1, "~G#5/4. G5/8 A5/32 B5/32 A5/32 B5/32 A5/32 B5/32 A5/32 B5/32 A5/4")],
            [whole_rest(q(4))],
        ),
        bar(4, short, new_key, [voice(1, "Bb4+D5/8. C5/16 Bb4/16 A4/8 G4/16")], [voice(1, "r/4 F3/4")]),
        bar(
            5,
            five,
            new_key,
            [voice(1, "A4/8 Bb4/8 C5/8 D5/8 E5/8"), voice(2, "F4/4. r/4")],
            [voice(1, "F2/4. C3/4")],
            directions=(slower, Dynamic(q(3, 2), "ff")),
        ),
        bar(
            6,
            common,
            new_key,
            [voice(1, "F5/4 F4/4 A4+C5/2")],
            [voice(1, "F2/4 F1/4 F1+F2/2")],
            directions=(Ottava(q(1), 1, "start", -1), Ottava(q(4), 1, "stop", -1)),
        ),
    ]
    return finished(measures, beat_s=60 / 132, title="Study", composer="Nobody")


def octaves() -> tuple[Score, Performance]:
    """Octave lines and a clef change that begin and end in the middle of bars with two voices; pedal changes."""
    time, key = TimeSignature(4, 4), KeySignature(0)
    tempo = TempoMark(q(0), "Presto", NoteValue("half"), 96.0)
    measures = [
        bar(
            1,
            time,
            key,
            [voice(1, "C6/4 E6/4 G6/4 C7/4"), voice(2, "E5/2 C6/2")],
            [voice(1, "C3/1")],
            directions=(tempo, Ottava(q(2), 0, "start"), Words(q(3), "rit.", LOWER), PedalMark(q(0), "start")),
        ),
        bar(
            2,
            time,
            key,
            [voice(1, "C7/4 F#7/4 G6/4 C6/4"), voice(2, "E6/2 C6/2")],
            [voice(1, "C3/1")],
            directions=(PedalMark(q(0), "change"), PedalMark(q(7, 2), "change"), Dynamic(q(1, 3), "fff")),
        ),
        bar(
            3,
            time,
            key,
            [voice(1, "C7/4 F#7/4 F#6/4 C6/4"), voice(2, "E6/2 C6/2")],
            [voice(1, "C2/4 D2/4 E2/4 F1/4"), voice(2, "h/2 C2/2")],
            directions=(Ottava(q(2), 0, "stop"), Ottava(q(0), LOWER, "start", -1)),
        ),
        bar(
            4,
            time,
            key,
            [voice(1, "C5/4 E5/4 G5/4 C5/4")],
            [voice(1, "C2/4 C2/4 C4/4 E4/4"), voice(2, "G2/2 A3/2")],
            clefs=(Clef(LOWER, "treble", q(2)),),
            directions=(Ottava(q(2), LOWER, "stop", -1), PedalMark(q(4), "stop")),
        ),
    ]
    return finished(measures, title="Octaves")


SCORES = {"waltz": waltz, "siciliano": siciliano, "study": study, "octaves": octaves}
