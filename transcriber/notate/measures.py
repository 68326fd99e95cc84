"""Measures from voices: every stretch of every voice becomes notes, ties, rests and tuplets that fill it exactly."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from transcriber.notate.ornaments import Attack
from transcriber.notate.timeline import Timeline, in_quarters, in_ticks
from transcriber.notate.values import Part, Zone, note_parts, rest_parts, tuplet_parts, zones_of
from transcriber.notate.voices import BarVoices, Struck
from transcriber.score import (
    Articulation,
    Chord,
    Event,
    Grace,
    KeySignature,
    Measure,
    NoteHead,
    NoteValue,
    Rest,
    SpelledPitch,
    TimeSignature,
    Tuplet,
    Voice,
)

GRACE_CHORD_S = 0.03  # grace notes closer than this are struck together


@dataclass(frozen=True, slots=True)
class BarSpan:
    """What is printed of one bar, in ticks on the timeline; only a pickup starts after its bar line."""

    index: int
    number: int
    time: TimeSignature
    bar_start: int
    start: int
    end: int

    def position_q(self, tick: float) -> Fraction:
        """A place on the timeline as a position in the printed measure."""
        return in_quarters(round(tick) - self.start)


def printed_bars(
    timeline: Timeline, staves: Sequence[Sequence[BarVoices]], *, any_pickup: bool = False
) -> list[BarSpan]:
    """The bars from the first to the last that holds a note; the first loses the beats before its first note.

    Where less than half of it would be lost, it is a full bar that begins with rests, unless `any_pickup`.
    """
    filled = [index for index in range(len(timeline.bars)) if any(staff[index] for staff in staves)]
    first, last = filled[0], filled[-1]
    beat = in_ticks(timeline.bars[first].time.beat_q)
    bar_start = timeline.bar_starts[first]
    onset = min(line[0].start for staff in staves for line in staff[first])
    silent = (onset - bar_start) // beat * beat
    if 2 * silent < timeline.bar_starts[first + 1] - bar_start and not any_pickup:
        silent = 0
    start = bar_start + silent
    before_first = 0 if start > bar_start else 1  # a pickup is numbered 0
    return [
        BarSpan(
            index,
            index - first + before_first,
            timeline.bars[index].time,
            timeline.bar_starts[index],
            start if index == first else timeline.bar_starts[index],
            timeline.bar_starts[index + 1],
        )
        for index in range(first, last + 1)
    ]


def write_measure(
    span: BarSpan,
    timeline: Timeline,
    key: KeySignature,
    staves: tuple[BarVoices, BarVoices],
    spelling: Mapping[int, SpelledPitch],
    accents: Collection[int] = (),
) -> Measure:
    """One measure without clefs and directions. `spelling` gives the written pitch of each source."""
    writer = _Writer(span, timeline, spelling, accents)
    beat = in_ticks(span.time.beat_q)
    return Measure(
        span.number,
        span.time,
        key,
        in_quarters(span.end - span.start),
        writer.staff(staves[0]),
        writer.staff(staves[1]),
        beat_times_s=tuple(timeline.seconds_at(tick) for tick in range(span.start, span.end, beat)),
    )


class _Writer:
    """Writes the voices of one bar."""

    def __init__(
        self, span: BarSpan, timeline: Timeline, spelling: Mapping[int, SpelledPitch], accents: Collection[int]
    ) -> None:
        self.span = span
        self.pulses = timeline.pulses_between(span.start, span.end)
        self.spelling = spelling
        self.accents = accents

    def staff(self, voices: BarVoices) -> tuple[Voice, ...]:
        if not voices:
            length = in_quarters(self.span.end - self.span.start)
            return (Voice(1, (Rest(Fraction(0), length, NoteValue("whole"), whole_measure=True),)),)
        return tuple(
            Voice(number, tuple(self._line(line, voices[1 - place] if len(voices) > 1 else (), number)))
            for place, (number, line) in enumerate(zip((1, 2), voices, strict=False))
        )

    def _line(self, line: Sequence[Struck], other: Sequence[Struck], number: int) -> list[Event]:
        boundaries = [tick for struck in line for tick in (struck.start, struck.end)]
        zones = [zone for pulse in self.pulses for zone in zones_of(boundaries, pulse.start, pulse.length)]
        events: list[Event] = []
        position = self.span.start
        for struck in line:
            events.extend(self._rests(position, struck.start, zones, other, number))
            events.extend(self._chords(struck, zones))
            position = struck.end
        events.extend(self._rests(position, self.span.end, zones, other, number))
        return events

    def _parts(self, start: int, end: int, zones: Sequence[Zone], rest: bool) -> list[tuple[Part, Tuplet | None]]:
        """The values of a stretch, cut at the edges of tuplets."""
        cuts = {tick for zone in zones for tick in (zone.start, zone.end) if start < tick < end}
        edges = [start, *sorted(cuts), end]
        bar = self.span.bar_start
        found: list[tuple[Part, Tuplet | None]] = []
        for a, b in itertools.pairwise(edges):
            zone = next((zone for zone in zones if zone.start <= a and b <= zone.end), None)
            if zone is None:
                parts = (rest_parts if rest else note_parts)(a - bar, b - bar, self.span.time)
                found.extend((Part(part.start + bar, part.end + bar, part.value), None) for part in parts)
            else:
                found.extend(
                    (part, replace(zone.tuplet, start=part.start == zone.start, stop=part.end == zone.end))
                    for part in tuplet_parts(a, b, zone)
                )
        return found

    def _rests(self, start: int, end: int, zones: Sequence[Zone], other: Sequence[Struck], number: int) -> list[Event]:
        """Rests from `start` to `end`: hidden in a second voice, and in a first while the second sounds throughout.

        Under a tuplet's bracket all are shown: the reader counts them.
        """
        if start >= end:
            return []
        covered = sum(max(0, min(end, struck.end) - max(start, struck.start)) for struck in other) == end - start
        visible = number == 1 and not covered
        return [
            Rest(
                self.span.position_q(part.start),
                in_quarters(part.end - part.start),
                part.value,
                tuplet,
                visible=visible or tuplet is not None,
            )
            for part, tuplet in self._parts(start, end, zones, rest=True)
        ]

    def _chords(self, struck: Struck, zones: Sequence[Zone]) -> list[Event]:
        parts = self._parts(struck.start, struck.end, zones, rest=False)
        staccato: tuple[Articulation, ...] = ("staccato",) if struck.staccato and len(parts) == 1 else ()
        accented = any(note.attack.source in self.accents for note in struck.notes)
        accent: tuple[Articulation, ...] = ("accent",) if accented else ()
        events: list[Event] = []
        for place, (part, tuplet) in enumerate(parts):
            first = place == 0 and not struck.tied_from
            last = place == len(parts) - 1
            heads = tuple(
                NoteHead(
                    _head_id(note.attack.source, part.start, first),
                    self.spelling[note.attack.source],
                    note.attack.source,
                    tie_start=struck.tied_on or not last,
                    tie_stop=not first,
                    confidence=note.attack.confidence,
                )
                for note in struck.notes
            )
            events.append(
                Chord(
                    self.span.position_q(part.start),
                    in_quarters(part.end - part.start),
                    part.value,
                    heads,
                    tuplet,
                    (*staccato, *accent) if first else (),
                    ornament="trill" if first and any(note.attack.trill for note in struck.notes) else None,
                    arpeggio=first and sum(note.attack.rolled for note in struck.notes) > 1,
                    graces=self._graces(struck) if first else (),
                )
            )
        return events

    def _graces(self, struck: Struck) -> tuple[Grace, ...]:
        attacks = sorted(
            (grace for note in struck.notes for grace in note.graces), key=lambda grace: (grace.onset_s, grace.pitch)
        )
        chords: list[list[Attack]] = []
        for attack in attacks:
            if not chords or attack.onset_s - chords[-1][0].onset_s > GRACE_CHORD_S:
                chords.append([])
            chords[-1].append(attack)
        value = NoteValue("eighth" if len(chords) == 1 else "16th")
        return tuple(
            Grace(
                tuple(
                    NoteHead(f"n{grace.source}", self.spelling[grace.source], grace.source, confidence=grace.confidence)
                    for grace in sorted(chord, key=lambda grace: grace.pitch)
                ),
                value,
                slash=len(chords) == 1,
            )
            for chord in chords
        )


def _head_id(source: int, start: int, first: bool) -> str:
    """A head's id follows its performed note, so that it survives corrections elsewhere in the score."""
    return f"n{source}" if first else f"n{source}-{start}"
