"""Pairs made ready to learn from: read once, checked against their labels, moved onto them, cut to what is labelled.

Where listening follows a piano's tuning, its recording is played so much slower or faster that it is at concert pitch:
the network learns what it will hear.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from transcriber.errors import NoNotes, RecordingError
from transcriber.listen.features import SAMPLE_RATE
from transcriber.listen.training.alignment import Alignment, Heard, align, onsets_of
from transcriber.listen.training.pairs import Pair, Split
from transcriber.listen.training.recordings import FULL_SCALE, LabelledRecording, read_labels, read_sound
from transcriber.listen.tuning import find_tuning, followed_cents
from transcriber.performance import Note

Ear = Callable[[NDArray[np.float32]], tuple[Note, ...]]
"""The notes of a stretch of sound, float32 mono at 16 kHz."""
Times = NDArray[np.float64]

FORM = 2  # of what the cache keeps: what was kept in another one is made anew
STRETCHES = 3  # listened to, to compare a recording with its labels
STRETCH_S = 30.0
# Nine recordings of an odd piano in a hall and four real ones agreed with their own labels by 0.36 to 0.99, with
# another recording's by 0.07 at most.
LEAST_AGREEMENT = 0.2
LEAST_DELAY_S = 0.005  # below, the model's own onsets are not exact enough to tell
LEAST_TOLD_S = 0.02  # of growth until the end
BEFORE_S, AFTER_S = 1.0, 3.0  # kept around what is labelled: how notes begin, and how the last one ends
LEAST_UNLABELLED_S = 10.0  # of sound beyond the labels, to be told
LEAST_UNHEARD_S = 2.0  # of labels beyond the sound, to be told
SHORTEST_S = 5.0


@dataclass(frozen=True)
class Take:
    """A recording whose labels fit, and what it is for where the data set says so."""

    recording: LabelledRecording
    split: Split | None = None


def prepare(pair: Pair, ear: Ear, cache: Path) -> tuple[Take | None, tuple[str, ...]]:
    """The pair as a take, None where nothing can be learned from it, and a sentence on all that is odd about it.

    `cache` keeps the decoded sound, which stays on the disk and is read where it is needed, and how it is aligned.
    """
    try:
        notes, pedals = read_labels(pair.labels)
    except (RecordingError, NoNotes, ValueError, IndexError) as cause:
        reason = cause.message if isinstance(cause, (RecordingError, NoNotes)) else "It is no table of notes."
        return None, (f"{pair.labels.name} is left out: {reason}",)
    key = f"{FORM} {pair.name} {pair.audio.stat().st_size}"
    stored = cache / hashlib.sha256(key.encode()).hexdigest()[:16]
    try:
        sound, slower = _sound(pair.audio, stored.with_suffix(".npy"))
    except RecordingError as cause:
        return None, (f"{pair.audio.name} is left out: {cause.message}",)
    recording = _retimed(LabelledRecording(pair.name, sound, notes, pedals), lambda times_s: slower * times_s)
    alignment = _alignment(sound, onset_table(recording.notes), ear, pair, stored.with_suffix(".json"))
    if alignment.agreement < LEAST_AGREEMENT:
        return None, (
            f"{pair.audio.name} is left out: only {alignment.agreement:.0%} of what is heard agrees with "
            f"{pair.labels.name}; it seems to belong to another recording.",
        )
    last_s = float(recording.notes[:, 2].max())
    growth_s = alignment.growth * last_s
    warnings = []
    if max(abs(alignment.delay_at(0.0)), abs(alignment.delay_at(last_s))) > LEAST_DELAY_S:
        recording = _retimed(recording, alignment.moved)
        drift = (
            f", and {1000 * abs(growth_s):.0f} ms {_side(growth_s)} at its end" if abs(growth_s) > LEAST_TOLD_S else ""
        )
        warnings.append(
            f"{pair.audio.name} sounds {1000 * abs(alignment.delay_s):.0f} ms {_side(alignment.delay_s)} than "
            f"{pair.labels.name} says{drift}; corrected."
        )
    recording, cut = _labelled_part(recording, pair)
    if recording.seconds < SHORTEST_S:
        return None, (f"{pair.audio.name} is left out: only {recording.seconds:.1f} s of it are labelled.",)
    return Take(recording, pair.split), (*warnings, *cut)


def onset_table(notes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Onsets and pitches of a note table, sorted by time."""
    return notes[np.argsort(notes[:, 0], kind="stable")][:, [0, 3]]


def split(takes: list[Take], share: float = 0.15) -> tuple[list[LabelledRecording], list[LabelledRecording]]:
    """What to learn from and what to check with: as the data set says, else whole recordings for at least `share`.

    Which ones depends on their names alone. The end of a single recording is kept apart from its beginning.
    """
    if {take.split for take in takes} >= {"train", "validation"}:
        return (
            [take.recording for take in takes if take.split == "train"],
            [take.recording for take in takes if take.split == "validation"],
        )
    recordings = [take.recording for take in takes]
    if len(recordings) == 1:
        whole = recordings[0]
        kept_s = (1 - share) * whole.seconds
        return [whole.stretch(0.0, kept_s)], [whole.stretch(kept_s, whole.seconds - kept_s)]
    drawn = sorted(recordings, key=lambda recording: hashlib.sha256(recording.name.encode()).digest())
    total_s = sum(recording.seconds for recording in recordings)
    checked: list[LabelledRecording] = []
    while len(checked) < len(drawn) // 2 and sum(recording.seconds for recording in checked) < share * total_s:
        checked.append(drawn[len(checked)])
    return drawn[len(checked) :], checked


def _sound(audio: Path, stored: Path) -> tuple[NDArray[np.int16], float]:
    """A recording at concert pitch, and how many times as long as it was it is then."""
    speed = stored.with_suffix(".speed")
    if not stored.exists():
        stored.parent.mkdir(parents=True, exist_ok=True)
        sound, slower = at_concert_pitch(read_sound(audio))
        speed.write_text(repr(slower), encoding="ascii")
        partial = stored.with_suffix(".partial.npy")
        np.save(partial, sound)
        partial.replace(stored)
    kept: NDArray[np.int16] = np.load(stored, mmap_mode="r")
    return kept, float(speed.read_text(encoding="ascii"))


def at_concert_pitch(sound: NDArray[np.int16]) -> tuple[NDArray[np.int16], float]:
    """Sound as listening tunes it (16 kHz mono), and how many times as long as before it lasts."""
    samples = sound.astype(np.float32) / FULL_SCALE
    slower = 2.0 ** (followed_cents(find_tuning(samples)) / 1200)
    if slower == 1.0:
        return sound, slower
    tuned = soxr.resample(samples, SAMPLE_RATE, SAMPLE_RATE * slower, quality="HQ")
    return np.round(FULL_SCALE * np.clip(tuned, -1, 1)).astype(np.int16), slower


def _alignment(sound: NDArray[np.int16], labels: NDArray[np.float64], ear: Ear, pair: Pair, stored: Path) -> Alignment:
    labels_size = pair.labels.stat().st_size
    if stored.exists():
        known = json.loads(stored.read_text())
        if known.pop("labels_size") == labels_size:
            return Alignment(**known)
    seconds = min(len(sound) / SAMPLE_RATE, float(labels[-1, 0]) + STRETCH_S)
    if seconds <= STRETCHES * STRETCH_S:
        starts, length_s = [0.0], seconds
    else:
        starts, length_s = np.linspace(0.0, seconds - STRETCH_S, STRETCHES).tolist(), STRETCH_S
    stretches = []
    for start_s in starts:
        first = round(start_s * SAMPLE_RATE)
        part = sound[first : first + round(length_s * SAMPLE_RATE)].astype(np.float32) / FULL_SCALE
        stretches.append(Heard(start_s, start_s + length_s, onsets_of(ear(part), start_s)))
    found = align(stretches, labels)
    stored.write_text(json.dumps(asdict(found) | {"labels_size": labels_size}))
    return found


def _retimed(recording: LabelledRecording, move: Callable[[Times], Times]) -> LabelledRecording:
    """The recording with the times of its notes and pedal presses moved."""
    notes = recording.notes.copy()
    notes[:, :3] = move(notes[:, :3])
    if recording.pedals is None:
        return replace(recording, notes=notes)
    pedals = move(np.array(recording.pedals, np.float64).reshape(-1, 2))
    return replace(recording, notes=notes, pedals=[(float(on), float(off)) for on, off in pedals])


def _labelled_part(recording: LabelledRecording, pair: Pair) -> tuple[LabelledRecording, tuple[str, ...]]:
    """The recording without what nobody labelled, which would be learned as silence."""
    first_s, last_s = float(recording.notes[:, 0].min()), float(recording.notes[:, 2].max())
    start_s, end_s = max(0.0, first_s - BEFORE_S), min(recording.seconds, last_s + AFTER_S)
    warnings = []
    beyond_s = start_s + recording.seconds - end_s
    if beyond_s > LEAST_UNLABELLED_S:
        warnings.append(f"{pair.audio.name} has {beyond_s:.0f} s of sound without labels, which are not used.")
    if last_s - recording.seconds > LEAST_UNHEARD_S:
        warnings.append(
            f"{pair.labels.name} goes on for {last_s - recording.seconds:.0f} s after {pair.audio.name} has ended."
        )
    return recording.stretch(start_s, max(0.0, end_s - start_s)), tuple(warnings)


def _side(delay_s: float) -> str:
    return "later" if delay_s > 0 else "earlier"
