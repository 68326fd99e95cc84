"""What was played: notes and pedal in seconds, and MIDI files in and out.

`Note.offset_s` is when the key is released. The sustain pedal is kept apart, so that it never lengthens a written note.
"""

from __future__ import annotations

import bisect
import io
import json
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import mido
import pretty_midi

from transcriber.errors import NoNotes, NotMidi, RecordingTooLong

LOWEST_PITCH = 21  # A0, MIDI number of the piano's lowest key
HIGHEST_PITCH = 108  # C8
KEYS = HIGHEST_PITCH - LOWEST_PITCH + 1
SUSTAIN_CONTROLLER = 64
PEDAL_DOWN = 64  # controller values from here on hold the dampers up (MIDI 1.0)
MIDI_RESOLUTION = 480  # ticks a quarter note
MIDI_TEMPO = 120.0  # quarters a minute: one tick is 1.04 ms
LONGEST_MIDI_S = 4 * 3600.0
LARGEST_MIDI = 2_000_000  # bytes: four hours with every move of the pedal; takes half a minute to parse


@dataclass(frozen=True, slots=True)
class Note:
    """One struck key. Times in seconds, `pitch` a MIDI number, `velocity` 1..127, `confidence` 0..1."""

    onset_s: float
    offset_s: float
    pitch: int
    velocity: int
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Pedal:
    """One press of the sustain pedal, in seconds."""

    on_s: float
    off_s: float


@dataclass(frozen=True, slots=True)
class Performance:
    """Notes sorted by (onset, pitch) and pedal presses sorted by time; `duration_s` is the recording's length.

    `warnings`: one sentence each on why the notes may be doubtful, fit to show; they are not part of what was played.
    """

    notes: tuple[Note, ...]
    pedals: tuple[Pedal, ...] = ()
    duration_s: float = 0.0
    warnings: tuple[str, ...] = ()

    def in_time(self) -> list[int]:
        """Indices of the notes by (onset, pitch): added notes stand after all others."""
        return sorted(range(len(self.notes)), key=lambda index: (self.notes[index].onset_s, self.notes[index].pitch))

    def sounding_offsets_s(self) -> list[float]:
        """When each note stops sounding: held on by the pedal, cut by the next onset of its own key."""
        downs = [pedal.on_s for pedal in self.pedals]
        ends = []
        for note in self.notes:
            last = bisect.bisect_right(downs, note.offset_s) - 1
            held = last >= 0 and self.pedals[last].off_s > note.offset_s
            ends.append(self.pedals[last].off_s if held else note.offset_s)
        struck_again: dict[int, float] = {}
        for index in reversed(self.in_time()):
            note = self.notes[index]
            ends[index] = min(ends[index], struck_again.get(note.pitch, ends[index]))
            struck_again[note.pitch] = note.onset_s
        return ends


def sort_notes(notes: list[Note]) -> tuple[Note, ...]:
    return tuple(sorted(notes, key=lambda note: (note.onset_s, note.pitch, note.offset_s)))


def read_midi(path: Path) -> Performance:
    """A digital piano's MIDI file as a performance: every track but the drums, notes on the 88 keys.

    Raises NotMidi where the file cannot be read, NoNotes where it holds no note, RecordingTooLong above four hours.
    """
    size = path.stat().st_size
    if size > LARGEST_MIDI:
        raise RecordingTooLong(
            f"This MIDI file has {size / 1e6:.1f} MB; the largest accepted has {LARGEST_MIDI / 1e6:.0f} MB."
        )
    try:
        with warnings.catch_warnings():
            # Tempo changes outside the first track are against the standard, common, and read all the same.
            warnings.simplefilter("ignore", RuntimeWarning)
            # From memory: of a file it would set aside whatever length a damaged header claims, up to 4 GB.
            midi = pretty_midi.PrettyMIDI(io.BytesIO(path.read_bytes()))
    except (OSError, EOFError, ArithmeticError, ValueError, LookupError, TypeError, mido.KeySignatureError) as cause:
        raise NotMidi(
            "This file is not a MIDI file that can be read; export it again as a standard MIDI file."
        ) from cause
    tracks = [track for track in midi.instruments if not track.is_drum]
    notes = [
        Note(float(note.start), float(max(note.end, note.start + 0.001)), int(note.pitch), max(1, int(note.velocity)))
        for track in tracks
        for note in track.notes
        if LOWEST_PITCH <= note.pitch <= HIGHEST_PITCH
    ]
    if not notes:
        raise NoNotes("This MIDI file holds no piano note; check that the right track was exported.")
    duration_s = max(note.offset_s for note in notes)
    if duration_s > LONGEST_MIDI_S:
        raise RecordingTooLong(f"This MIDI file lasts {duration_s / 3600:.1f} hours; the longest accepted is 4 hours.")
    changes = sorted(
        (float(change.time), int(change.value))
        for track in tracks
        for change in track.control_changes
        if change.number == SUSTAIN_CONTROLLER
    )
    return Performance(sort_notes(notes), pedal_presses(changes, duration_s), duration_s)


def midi_bytes(performance: Performance) -> bytes:
    """The performance as a MIDI file, as it was played, at a nominal 120 quarters a minute (about 1 ms a tick)."""
    midi = pretty_midi.PrettyMIDI(resolution=MIDI_RESOLUTION, initial_tempo=MIDI_TEMPO)
    piano = pretty_midi.Instrument(program=0, name="Piano")
    piano.notes = [
        pretty_midi.Note(velocity=note.velocity, pitch=note.pitch, start=note.onset_s, end=note.offset_s)
        for note in performance.notes
    ]
    for pedal in performance.pedals:
        piano.control_changes.append(pretty_midi.ControlChange(SUSTAIN_CONTROLLER, 127, pedal.on_s))
        piano.control_changes.append(pretty_midi.ControlChange(SUSTAIN_CONTROLLER, 0, pedal.off_s))
    midi.instruments.append(piano)
    file = io.BytesIO()
    midi.write(file)
    return file.getvalue()


def write_midi(performance: Performance, path: Path) -> None:
    """Write the file of `midi_bytes`."""
    path.write_bytes(midi_bytes(performance))


def encode_performance(performance: Performance) -> bytes:
    """The performance as JSON, every float exact: what one stage stores for the next."""
    return json.dumps(
        {
            "duration_s": performance.duration_s,
            "notes": [
                [note.onset_s, note.offset_s, note.pitch, note.velocity, note.confidence] for note in performance.notes
            ],
            "pedals": [[pedal.on_s, pedal.off_s] for pedal in performance.pedals],
        },
        separators=(",", ":"),
        allow_nan=False,
    ).encode()


@lru_cache(maxsize=4)  # that of a piece which is being corrected is asked for again and again
def decode_performance(data: bytes) -> Performance:
    """The inverse of `encode_performance`; raises ValueError, KeyError or TypeError on anything else."""
    stored = json.loads(data)
    return Performance(
        notes=tuple(
            Note(float(onset_s), float(offset_s), int(pitch), int(velocity), float(confidence))
            for onset_s, offset_s, pitch, velocity, confidence in stored["notes"]
        ),
        pedals=tuple(Pedal(float(on_s), float(off_s)) for on_s, off_s in stored["pedals"]),
        duration_s=float(stored["duration_s"]),
    )


def pedal_presses(changes: Iterable[tuple[float, float]], end_s: float | None = None) -> tuple[Pedal, ...]:
    """Presses from (second, controller value) in order; one never lifted ends at `end_s`, or is left out without it."""
    pedals = []
    down_s: float | None = None
    for time_s, value in changes:
        if value >= PEDAL_DOWN and down_s is None:
            down_s = time_s
        elif value < PEDAL_DOWN and down_s is not None:
            pedals.append(Pedal(down_s, time_s))
            down_s = None
    if down_s is not None and end_s is not None and down_s < end_s:
        pedals.append(Pedal(down_s, end_s))
    return tuple(pedals)
