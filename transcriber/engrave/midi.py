"""Score -> a MIDI file of what is written, at the tempo that was played; a track for each hand.

Its bars are the bars of the score, so that it opens well in a sequencer. Velocities are those of the performed notes.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

import mido

from transcriber.engrave.timeline import Timeline, timeline
from transcriber.performance import MIDI_RESOLUTION, SUSTAIN_CONTROLLER, Performance
from transcriber.score import LOWER, UPPER, KeySignature, Measure, NoteHead, PedalMark, Score

HANDS = {UPPER: "Right hand", LOWER: "Left hand"}
GRACE_Q = Fraction(1, 8)  # a 32nd: short against any beat, and still heard as a note of its own
STACCATO_SHARE = Fraction(1, 2)  # the usual playing of a staccato dot
PEDAL_LIFT_Q = Fraction(1, 16)  # how long the dampers fall at a change of pedal
SLOWEST_TEMPO = 0xFFFFFF  # microseconds a quarter: MIDI keeps it in three bytes
LARGEST_DENOMINATOR = 64
LINE_OF_FIFTHS = "FCGDAEB"

# What happens first where several events fall on one tick.
FIRST, RELEASE, PEDAL, STRIKE = range(4)

Event = tuple[int, int, mido.Message | mido.MetaMessage]  # tick, order within it, message


@dataclass(frozen=True, slots=True)
class Struck:
    """One sounding note of the written score, in quarters from its start."""

    onset_q: Fraction
    end_q: Fraction
    pitch: int
    velocity: int


def write_quantized_midi(score: Score, performance: Performance) -> bytes:
    """The written notes as a standard MIDI file: a track of tempo, metre and key, then one for each hand."""
    times = timeline(score)
    midi = mido.MidiFile(type=1, ticks_per_beat=MIDI_RESOLUTION)
    midi.tracks.append(_track(_conductor(score, times)))
    for staff, name in HANDS.items():
        start = [(0, FIRST, mido.MetaMessage("track_name", name=name))]
        start.append((0, FIRST, mido.Message("program_change", channel=staff, program=0)))
        notes = _without_overlaps(list(_struck(score, times, performance, staff)))
        midi.tracks.append(_track([*start, *_pedals(score, times, staff), *_note_events(notes, staff)]))
    file = io.BytesIO()
    midi.save(file=file)
    return file.getvalue()


def _tick(position_q: Fraction) -> int:
    return round(position_q * MIDI_RESOLUTION)


def _track(events: Iterable[Event]) -> mido.MidiTrack:
    track = mido.MidiTrack()
    now = 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track"))
    return track


def _conductor(score: Score, times: Timeline) -> Iterator[Event]:
    title = score.title.encode("latin-1", "replace").decode("latin-1")  # what a MIDI text may hold
    yield 0, FIRST, mido.MetaMessage("track_name", name=title)
    for index, measure in enumerate(score.measures):
        tick = _tick(times.starts_q[index])
        before = score.measures[index - 1] if index else None
        metre = _metre(measure)
        if before is None or _metre(before) != metre:
            yield tick, FIRST, mido.MetaMessage("time_signature", numerator=metre[0], denominator=metre[1])
        if before is None or before.key != measure.key:
            yield tick, FIRST, mido.MetaMessage("key_signature", key=_key_name(measure.key))
    last = 0
    for (left_q, right_q), (left_s, right_s) in zip(pairwise(times.positions_q), pairwise(times.times_s), strict=True):
        ticks = _tick(right_q) - _tick(left_q)
        if ticks <= 0 or right_s <= left_s:
            continue
        tempo = min(SLOWEST_TEMPO, max(1, round((right_s - left_s) * 1e6 * MIDI_RESOLUTION / ticks)))
        if tempo != last:
            yield _tick(left_q), FIRST, mido.MetaMessage("set_tempo", tempo=tempo)
            last = tempo


def _metre(measure: Measure) -> tuple[int, int]:
    """The time signature as figures; a short bar gets one of its own, so that the next bar line is in its place."""
    denominator = measure.time.beat_type
    while (count := measure.length_q * denominator / 4).denominator > 1:
        denominator *= 2
        if denominator > LARGEST_DENOMINATOR:
            return measure.time.beats, measure.time.beat_type
    return int(count), denominator


def _key_name(key: KeySignature) -> str:
    """The tonic as MIDI writers name it, for instance Ebm: its place on the line of fifths, counted from F."""
    place = key.fifths + 1 + (3 if key.mode == "minor" else 0)
    accidentals, letter = divmod(place, len(LINE_OF_FIFTHS))
    sign = "#" * accidentals if accidentals >= 0 else "b" * -accidentals
    return LINE_OF_FIFTHS[letter] + sign + ("m" if key.mode == "minor" else "")


def _struck(score: Score, times: Timeline, performance: Performance, staff: int) -> Iterator[Struck]:
    """The notes of one staff with ties joined, grace notes just ahead of their chord, and dots played short."""
    held: dict[tuple[int, int], Struck] = {}  # by voice and pitch, as long as the tie goes on

    def strike(head: NoteHead, onset_q: Fraction, end_q: Fraction) -> Struck:
        return Struck(onset_q, end_q, head.pitch.midi, performance.notes[head.source].velocity)

    for index, place, voice, chord in score.chords():
        if place != staff:
            continue
        onset_q = times.starts_q[index] + chord.onset_q
        length_q = chord.duration_q * (STACCATO_SHARE if "staccato" in chord.articulations else 1)
        end_q = onset_q + length_q
        grace_q = max(Fraction(0), onset_q - GRACE_Q * len(chord.graces))
        for grace in chord.graces:
            yield from (strike(head, grace_q, grace_q + GRACE_Q) for head in grace.heads)
            grace_q += GRACE_Q
        start_q = grace_q if chord.graces else onset_q
        for head in chord.heads:
            before = held.pop((voice, head.pitch.midi), None) if head.tie_stop else None
            note = replace(before, end_q=end_q) if before else strike(head, start_q, max(end_q, start_q + GRACE_Q))
            if head.tie_start:
                held[voice, head.pitch.midi] = note
            else:
                yield note
    yield from held.values()


def _without_overlaps(notes: Sequence[Struck]) -> list[Struck]:
    """Every key is released before it is struck again; a unison of two voices is one note."""
    kept: list[Struck] = []
    last: dict[int, int] = {}  # pitch -> index in kept
    for note in sorted(notes, key=lambda note: (note.onset_q, note.pitch, note.end_q)):
        index = last.get(note.pitch)
        if index is not None and kept[index].onset_q == note.onset_q:
            kept[index] = note
            continue
        if index is not None and kept[index].end_q > note.onset_q:
            kept[index] = replace(kept[index], end_q=note.onset_q)
        last[note.pitch] = len(kept)
        kept.append(note)
    return kept


def _note_events(notes: Sequence[Struck], channel: int) -> Iterator[Event]:
    for note in notes:
        on, off = _tick(note.onset_q), _tick(note.end_q)
        strike = mido.Message("note_on", channel=channel, note=note.pitch, velocity=note.velocity)
        yield on, STRIKE, strike
        yield max(off, on + 1), RELEASE, mido.Message("note_off", channel=channel, note=note.pitch, velocity=0)


def _pedals(score: Score, times: Timeline, channel: int) -> Iterator[Event]:
    for start_q, measure in zip(times.starts_q, score.measures, strict=False):
        for mark in measure.directions:
            if not isinstance(mark, PedalMark):
                continue
            position_q = start_q + mark.onset_q
            if mark.kind != "start":
                yield _tick(position_q), PEDAL, _pedal(channel, 0)
            if mark.kind != "stop":
                delay_q = PEDAL_LIFT_Q if mark.kind == "change" else Fraction(0)
                yield _tick(position_q + delay_q), PEDAL, _pedal(channel, 127)


def _pedal(channel: int, value: int) -> mido.Message:
    return mido.Message("control_change", channel=channel, control=SUSTAIN_CONTROLLER, value=value)
