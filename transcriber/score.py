"""The written score: spelled pitches and exact fractions of a quarter note, on two staves.

Positions and lengths are `Fraction`s in quarter notes; a position counts from the start of its measure. In every voice
the events follow each other without a gap and fill the measure. Every notehead keeps the index of the performed note
that it was written for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Literal

Step = Literal["C", "D", "E", "F", "G", "A", "B"]
ValueType = Literal["breve", "whole", "half", "quarter", "eighth", "16th", "32nd", "64th"]
ClefSign = Literal["treble", "bass"]
Articulation = Literal["staccato", "accent", "tenuto", "fermata"]
Ornament = Literal["trill", "tremolo"]
DynamicMark = Literal["ppp", "pp", "p", "mp", "mf", "f", "ff", "fff"]

STEP_SEMITONES: dict[Step, int] = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
VALUE_QUARTERS: dict[ValueType, Fraction] = {
    "breve": Fraction(8),
    "whole": Fraction(4),
    "half": Fraction(2),
    "quarter": Fraction(1),
    "eighth": Fraction(1, 2),
    "16th": Fraction(1, 4),
    "32nd": Fraction(1, 8),
    "64th": Fraction(1, 16),
}
UPPER, LOWER = 0, 1  # staff indices
STAFF_MM, LARGE_STAFF_MM = 7.0, 9.5  # the usual size of piano music; that of tutors for beginners
LARGEST_STAFF_MM = 13.0  # a page as wide as a telephone then has staves as high as small print, 4.5 mm


@dataclass(frozen=True, slots=True)
class SpelledPitch:
    """A pitch as written: `alter` is -2..2 (flats negative), `octave` 4 starts at middle C."""

    step: Step
    alter: int
    octave: int

    @property
    def midi(self) -> int:
        return 12 * (self.octave + 1) + STEP_SEMITONES[self.step] + self.alter


@dataclass(frozen=True, slots=True)
class NoteValue:
    """A written value without its tuplet: type and augmentation dots."""

    type: ValueType
    dots: int = 0

    @property
    @cache  # noqa: B019, there are few of them
    def quarters(self) -> Fraction:
        return VALUE_QUARTERS[self.type] * (2 - Fraction(1, 2**self.dots))


@dataclass(frozen=True, slots=True)
class Tuplet:
    """`actual` notes in the time of `normal`; the bracket opens where `start` is set and closes where `stop` is."""

    actual: int
    normal: int
    start: bool = False
    stop: bool = False


@dataclass(frozen=True, slots=True)
class NoteHead:
    """One written head. `source` indexes Performance.notes; `id` is unique in the score (also in SVG and sync)."""

    id: str
    pitch: SpelledPitch
    source: int
    tie_start: bool = False  # tied on to the next head of its pitch in this voice
    tie_stop: bool = False  # tied from the one before
    confidence: float = 1.0
    finger: int | None = None  # printed where given, 1 the thumb


@dataclass(frozen=True, slots=True)
class Grace:
    """A grace chord before a main chord."""

    heads: tuple[NoteHead, ...]
    value: NoteValue = NoteValue("eighth")
    slash: bool = True


@dataclass(frozen=True, slots=True)
class Chord:
    """One or more heads struck together, lowest first. `duration_q` = value x tuplet, exactly."""

    onset_q: Fraction
    duration_q: Fraction
    value: NoteValue
    heads: tuple[NoteHead, ...]
    tuplet: Tuplet | None = None
    articulations: tuple[Articulation, ...] = ()
    ornament: Ornament | None = None
    arpeggio: bool = False
    graces: tuple[Grace, ...] = ()


@dataclass(frozen=True, slots=True)
class Rest:
    """Silence. A rest that spans its whole measure has `whole_measure` and any value. Hidden rests only pad a voice."""

    onset_q: Fraction
    duration_q: Fraction
    value: NoteValue
    tuplet: Tuplet | None = None
    visible: bool = True
    whole_measure: bool = False


Event = Chord | Rest


@dataclass(frozen=True, slots=True)
class Voice:
    """`number` is 1 or 2 within its staff; voice 1 has the upper notes where there are two."""

    number: int
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class TimeSignature:
    beats: int
    beat_type: int

    def __str__(self) -> str:
        return f"{self.beats}/{self.beat_type}"

    @property
    def compound(self) -> bool:
        return self.beat_type >= 8 and self.beats % 3 == 0 and self.beats > 3

    @property
    @cache  # noqa: B019, there are few of them
    def measure_q(self) -> Fraction:
        return Fraction(4 * self.beats, self.beat_type)

    @property
    @cache  # noqa: B019
    def beat_q(self) -> Fraction:
        """Length of one felt beat: the dotted value in compound metres, the lower figure otherwise."""
        return Fraction(12 if self.compound else 4, self.beat_type)

    @property
    @cache  # noqa: B019
    def beat_count(self) -> int:
        return int(self.measure_q / self.beat_q)


@dataclass(frozen=True, slots=True)
class KeySignature:
    """`fifths`: sharps positive, flats negative."""

    fifths: int
    mode: Literal["major", "minor"] = "major"


@dataclass(frozen=True, slots=True)
class Clef:
    """A clef from `onset_q` of its measure on."""

    staff: int
    sign: ClefSign
    onset_q: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class Dynamic:
    onset_q: Fraction
    mark: DynamicMark


@dataclass(frozen=True, slots=True)
class Wedge:
    """A hairpin's start or stop."""

    onset_q: Fraction
    kind: Literal["crescendo", "diminuendo", "stop"]


@dataclass(frozen=True, slots=True)
class TempoMark:
    """Printed as words and, where `show_metronome`, as beat = `per_minute`; playback uses both figures."""

    onset_q: Fraction
    words: str
    beat: NoteValue
    per_minute: float
    show_metronome: bool = True


@dataclass(frozen=True, slots=True)
class Words:
    """Free text above a staff, for instance rit. or a tempo."""

    onset_q: Fraction
    text: str
    staff: int = UPPER


@dataclass(frozen=True, slots=True)
class PedalMark:
    onset_q: Fraction
    kind: Literal["start", "change", "stop"]


@dataclass(frozen=True, slots=True)
class Ottava:
    """Start or stop of an 8va line; heads under it keep their sounding pitch. `octaves` is +1 (8va) or -1 (8vb)."""

    onset_q: Fraction
    staff: int
    kind: Literal["start", "stop"]
    octaves: int = 1


@dataclass(frozen=True, slots=True)
class ChordSymbol:
    """A harmony name above the staff: root and optional bass as spelled pitch classes, MusicXML kind."""

    onset_q: Fraction
    root: tuple[Step, int]
    kind: str
    bass: tuple[Step, int] | None = None


Direction = Dynamic | Wedge | TempoMark | Words | PedalMark | Ottava | ChordSymbol


@dataclass(frozen=True, slots=True)
class Measure:
    """One bar. `number` is printed (0 for a pickup); `length_q` is shorter than `time` says only in a pickup.

    `beat_times_s` holds the performed second of each beat from the measure's start, the first being the bar line.
    """

    number: int
    time: TimeSignature
    key: KeySignature
    length_q: Fraction
    upper: tuple[Voice, ...]
    lower: tuple[Voice, ...]
    clefs: tuple[Clef, ...] = ()
    directions: tuple[Direction, ...] = ()
    beat_times_s: tuple[float, ...] = ()

    @property
    def staves(self) -> tuple[tuple[Voice, ...], tuple[Voice, ...]]:
        return (self.upper, self.lower)


@dataclass(frozen=True, slots=True)
class DroppedNote:
    """A performed note that was deliberately not written, and why; `deleted` where a musician did not want it."""

    source: int
    reason: str
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Score:
    """`note_names`: a letter is printed for every struck note. `staff_mm`: the height of a staff on the page.

    `other_metres`: what the music could be in instead, the likeliest first.
    """

    measures: tuple[Measure, ...]
    title: str = ""
    composer: str = ""
    end_s: float = 0.0  # performed second at which the last measure ends
    dropped: tuple[DroppedNote, ...] = ()
    note_names: bool = False
    staff_mm: float = STAFF_MM
    other_metres: tuple[TimeSignature, ...] = ()

    def chords(self) -> Iterator[tuple[int, int, int, Chord]]:
        """Every chord as (measure index, staff index, voice number, chord), in reading order; graces ride on theirs."""
        for index, measure in enumerate(self.measures):
            for staff, voices in enumerate(measure.staves):
                for voice in voices:
                    for event in voice.events:
                        if isinstance(event, Chord):
                            yield index, staff, voice.number, event
