"""Performances played on sampled pianos and recorded as the training hears them: the whole way from sound to score.

What is drawn for a performance (instrument, tuning, room, microphone, noise, codec) depends on its seed alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from transcriber.audio import Recording
from transcriber.listen import listen
from transcriber.listen.training.capture import record
from transcriber.listen.training.examples import draw_piano
from transcriber.listen.training.pianos import Piano, load_pianos
from transcriber.listen.training.renderer import Noises, render
from transcriber.listen.training.rooms import Surroundings
from transcriber.listen.training.segments import PlayedSegment, with_sounding_ends
from transcriber.performance import Performance

LEAD_S = 1.0  # before the first second of the performance, as before any recording
TAIL_S = 4.0  # after its last key is released
PEAK = 0.8  # of full scale


@dataclass(frozen=True)
class Studio:
    pianos: list[Piano]
    noises: Noises
    surroundings: Surroundings

    @classmethod
    def load(cls, folder: Path) -> Studio:
        """From a folder with pianos/, ir/ and noise/, as the training takes it."""
        return cls(
            load_pianos(folder / "pianos"),
            Noises.load(folder / "noise"),
            Surroundings.load(folder / "ir", folder / "noise"),
        )

    def recording(self, performance: Performance, seed: int) -> Recording:
        """Its second 0 is the performance's second -LEAD_S."""
        rng = np.random.default_rng(seed)
        notes = np.array(
            [(note.onset_s, note.offset_s, note.offset_s, note.pitch, note.velocity) for note in performance.notes]
        )
        notes[:, :3] += LEAD_S
        pedals = [(pedal.on_s + LEAD_S, pedal.off_s + LEAD_S) for pedal in performance.pedals]
        played = with_sounding_ends(PlayedSegment(float(notes[:, 1].max()) + TAIL_S, notes, pedals))
        sound = record(render(played, draw_piano(self.pianos, rng), self.noises, rng), self.surroundings, rng)
        return Recording(np.asarray(sound * (PEAK / max(float(np.abs(sound).max()), 1e-9)), np.float32))

    def heard(self, performance: Performance, seed: int) -> Performance:
        """What the shipped note model hears of it, in the performance's own seconds. Raises NoNotes."""
        found = listen(self.recording(performance, seed), device="cpu")
        return Performance(
            tuple(
                replace(note, onset_s=max(0.0, note.onset_s - LEAD_S), offset_s=note.offset_s - LEAD_S)
                for note in found.notes
                if note.offset_s > LEAD_S
            ),
            tuple(
                replace(pedal, on_s=max(0.0, pedal.on_s - LEAD_S), off_s=pedal.off_s - LEAD_S)
                for pedal in found.pedals
                if pedal.off_s > LEAD_S
            ),
            found.duration_s - LEAD_S,
        )
