"""How well the network hears real recordings while it learns: note-onset F1 by mir_eval, 50 ms."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import mir_eval
import numpy as np
import soundfile
import torch
from mir_eval.util import midi_to_hz

from transcriber.listen.decode import DecoderConfig, Probabilities, decode_notes
from transcriber.listen.features import Spectrograms
from transcriber.listen.infer import probabilities
from transcriber.listen.network import OnsetFrameNetwork
from transcriber.listen.training.recordings import FULL_SCALE, LabelledRecording, load_recordings
from transcriber.performance import Note

THRESHOLDS = (0.25, 0.3, 0.35, 0.4, 0.45, 0.5)  # of onsets, tried at each validation


@dataclass(frozen=True)
class Excerpt:
    """A real recording; `label_delay_s` is how much later the sound is than its labels, on the whole file."""

    recording: LabelledRecording
    label_delay_s: float
    labels_from_s: float = 0.0


@dataclass(frozen=True)
class Validated:
    """Mean note F1 on each set, label delays removed and (`raw_f1`) kept, with the onset threshold that suits best."""

    decoder: DecoderConfig
    f1: dict[str, float]
    raw_f1: dict[str, float]

    @property
    def score(self) -> float:
        """Every set weighs the same."""
        return float(np.mean(list(self.f1.values())))


def load_maps(folder: Path) -> list[Excerpt]:
    delays = json.loads((folder / "label_offset_ms.json").read_text())
    return [Excerpt(recording, delays[recording.name] / 1000) for recording in load_recordings(folder)]


def load_openings(folder: Path, limit: int | None = None) -> list[Excerpt]:
    """The first seconds of many recordings; notes that began before `labels_from_s` are not in the labels."""
    excerpts = []
    for entry in json.loads((folder / "notes.json").read_text())[:limit]:
        sound, _ = soundfile.read(folder / entry["file"], dtype="int16")
        notes = np.array(entry["notes"], float).reshape(-1, 4)
        notes = notes[notes[:, 0] >= 0][:, [0, 1, 1, 2, 3]]
        recording = LabelledRecording(entry["file"], sound, notes, None)
        excerpts.append(Excerpt(recording, 0.0, entry["labels_from"]))
    return excerpts


def curves_of(
    excerpts: list[Excerpt], network: OnsetFrameNetwork, spectrograms: Spectrograms, device: torch.device
) -> list[Probabilities]:
    return [
        probabilities(
            excerpt.recording.sound.astype(np.float32) / FULL_SCALE,
            network,
            spectrograms,
            device,
        )
        for excerpt in excerpts
    ]


def onset_f1(excerpt: Excerpt, notes: tuple[Note, ...], *, without_delay: bool) -> float:
    """mir_eval's note F1 without offsets. Empty against empty counts as 1."""
    labels = excerpt.recording.notes
    labels = labels[labels[:, 0] >= excerpt.labels_from_s]
    notes = tuple(note for note in notes if note.onset_s >= excerpt.labels_from_s)
    if not len(labels) or not notes:
        return float(len(labels) == len(notes))
    delay = excerpt.label_delay_s if without_delay else 0.0
    reference = np.stack([labels[:, 0] + delay, labels[:, 0] + delay + 0.1], axis=1)
    estimated = np.array([[note.onset_s, note.onset_s + 0.1] for note in notes])
    _, _, f1, _ = mir_eval.transcription.precision_recall_f1_overlap(
        reference,
        midi_to_hz(labels[:, 3]),
        estimated,
        midi_to_hz(np.array([note.pitch for note in notes], float)),
        offset_ratio=None,
    )
    return float(f1)


def mean_f1(
    excerpts: list[Excerpt], curves: list[Probabilities], decoder: DecoderConfig, *, without_delay: bool = False
) -> float:
    return float(
        np.mean(
            [
                onset_f1(excerpt, decode_notes(curve, decoder), without_delay=without_delay)
                for excerpt, curve in zip(excerpts, curves, strict=True)
            ]
        )
    )


def validate(
    sets: dict[str, list[Excerpt]],
    network: OnsetFrameNetwork,
    spectrograms: Spectrograms,
    device: torch.device,
    decoder: DecoderConfig | None = None,
) -> Validated:
    """How well `network` hears each of `sets`, its onset threshold chosen as `choose_onset` does."""
    heard = {name: curves_of(excerpts, network, spectrograms, device) for name, excerpts in sets.items()}
    return choose_onset(sets, heard, decoder or DecoderConfig())


def choose_onset(
    sets: dict[str, list[Excerpt]], heard: dict[str, list[Probabilities]], decoder: DecoderConfig
) -> Validated:
    """The onset threshold of THRESHOLDS that suits all of `sets` best; all else is as in `decoder`."""
    best: Validated | None = None
    for threshold in THRESHOLDS:
        tried = replace(decoder, onset=threshold)
        f1 = {name: mean_f1(sets[name], curves, tried, without_delay=True) for name, curves in heard.items()}
        if best is None or float(np.mean(list(f1.values()))) > best.score:
            best = Validated(tried, f1, {})
    assert best is not None
    raw = {name: mean_f1(sets[name], curves, best.decoder) for name, curves in heard.items()}
    return replace(best, raw_f1=raw)
