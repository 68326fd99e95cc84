"""Recordings with known notes: pairs of an audio file and a table (or MIDI file) of the same name."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from transcriber.audio import load
from transcriber.files import audio_files, label_file
from transcriber.listen.features import SAMPLE_RATE
from transcriber.listen.training.pianos import Generator, Samples
from transcriber.listen.training.segments import LEAD_S, NoteTable, PlayedSegment
from transcriber.performance import Performance, read_midi

SOUNDFILE_SUFFIXES = (".flac", ".opus", ".ogg", ".wav")  # read as they are, without the checks of strangers' files
FULL_SCALE = np.float32(32767)


@dataclass(frozen=True)
class LabelledRecording:
    """Sound as int16 mono at 16 kHz, its notes, and the pedal where the labels know of it."""

    name: str
    sound: NDArray[np.int16]
    notes: NoteTable
    pedals: list[tuple[float, float]] | None

    @property
    def seconds(self) -> float:
        return len(self.sound) / SAMPLE_RATE

    def cut(self, start_s: float, seconds: float) -> tuple[Samples, PlayedSegment]:
        first = round(start_s * SAMPLE_RATE)
        sound = self.sound[first : first + round(seconds * SAMPLE_RATE)].astype(np.float32) / FULL_SCALE
        near = (self.notes[:, 0] < start_s + seconds) & (self.notes[:, 2] > start_s)
        near &= self.notes[:, 0] > start_s - LEAD_S
        notes = self.notes[near].copy()
        notes[:, :3] -= start_s
        pedals = None
        if self.pedals is not None:
            pedals = [
                (on - start_s, off - start_s) for on, off in self.pedals if off > start_s and on < start_s + seconds
            ]
        return sound, PlayedSegment(seconds, notes, pedals)

    def stretch(self, start_s: float, seconds: float) -> LabelledRecording:
        """A part of the recording, with the notes that begin in it."""
        first = round(start_s * SAMPLE_RATE)
        within = (self.notes[:, 0] >= start_s) & (self.notes[:, 0] < start_s + seconds)
        notes = self.notes[within].copy()
        notes[:, :3] -= start_s
        pedals = self.pedals and [
            (on - start_s, off - start_s) for on, off in self.pedals if off > start_s and on < start_s + seconds
        ]
        return LabelledRecording(self.name, self.sound[first : first + round(seconds * SAMPLE_RATE)], notes, pedals)

    def draw(self, seconds: float, rng: Generator) -> tuple[Samples, PlayedSegment]:
        return self.cut(rng.uniform(0, max(0.0, self.seconds - seconds)), seconds)


def load_recordings(folder: Path, label_delay_s: float = 0.0) -> list[LabelledRecording]:
    """Every pair below `folder`. `label_delay_s` is added to label times (for data sets whose labels are early)."""
    found = [_load(path, label_delay_s) for path in audio_files(folder) if label_file(path) is not None]
    if not found:
        raise FileNotFoundError(
            f"No audio file with a .tsv, .mid or .midi file of the same name was found in {folder}."
        )
    return found


def _load(path: Path, label_delay_s: float) -> LabelledRecording:
    labels = label_file(path)
    assert labels is not None
    notes, pedals = read_labels(labels)
    notes[:, :3] += label_delay_s
    return LabelledRecording(path.stem, read_sound(path), notes, pedals)


def read_sound(path: Path) -> NDArray[np.int16]:
    """Any recording as int16 mono at 16 kHz, its peak at full scale unless it is in that form already.

    Raises a RecordingError where it cannot be read.
    """
    if path.suffix.lower() in SOUNDFILE_SUFFIXES:
        with suppress(soundfile.LibsndfileError), soundfile.SoundFile(path) as file:
            if (file.samplerate, file.channels) == (SAMPLE_RATE, 1) and file.subtype not in ("FLOAT", "DOUBLE"):
                return np.asarray(file.read(dtype="int16"))
    samples = load(path).samples
    scaled: NDArray[np.int16] = np.round(samples * (FULL_SCALE / np.abs(samples).max())).astype(np.int16)
    return scaled


def read_labels(path: Path) -> tuple[NoteTable, list[tuple[float, float]] | None]:
    """Notes and pedal presses of a MIDI file, or of a .tsv table, which knows sounding ends but no pedal.

    Raises NotMidi or NoNotes, ValueError for a table that is none.
    """
    if path.suffix.lower() != ".tsv":
        return _from_performance(read_midi(path))
    table = np.loadtxt(path, ndmin=2)
    return table[:, [0, 1, 1, 2, 3]], None  # nobody knows when the keys were released


def _from_performance(performance: Performance) -> tuple[NoteTable, list[tuple[float, float]]]:
    ends = performance.sounding_offsets_s()
    rows = [
        (note.onset_s, note.offset_s, end, note.pitch, note.velocity)
        for note, end in zip(performance.notes, ends, strict=True)
    ]
    return np.array(rows, np.float64).reshape(-1, 5), [(pedal.on_s, pedal.off_s) for pedal in performance.pedals]
