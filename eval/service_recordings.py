"""Recordings that clients send to a service under proof, each made by its number, and the requests that carry them."""

from __future__ import annotations

import io
import random
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from queue import Empty, Queue

import mido
import numpy as np
import soundfile

RATE = 16_000  # Hz


@dataclass(frozen=True)
class Recording:
    """A file, and the stream of chance that made it: what else is drawn from that depends on its number, too."""

    number: int
    is_midi: bool
    data: bytes
    draw: random.Random

    @property
    def name(self) -> str:
        return f"{self.number}.{'mid' if self.is_midi else 'wav'}"


def recordings(work: Queue[int], midi_share: float, lengths_s: Sequence[float]) -> Iterator[Recording]:
    """One for each number that other clients leave, until none is left."""
    while True:
        try:
            number = work.get_nowait()
        except Empty:
            return
        draw = random.Random(number)
        is_midi = draw.random() < midi_share
        data = midi_scale(number) if is_midi else decaying_tones(draw.choice(lengths_s), number)
        yield Recording(number, is_midi, data, draw)


def upload_request(root: str, name: str, data: bytes, **headers: str) -> urllib.request.Request:
    """An upload as a form; an underscore in a header's name stands for a hyphen."""
    head = f'--b\r\nContent-Disposition: form-data; name="recording"; filename="{name}"\r\n\r\n'.encode()
    kinds = {key.replace("_", "-"): value for key, value in headers.items()}
    kinds["Content-Type"] = "multipart/form-data; boundary=b"
    return urllib.request.Request(f"{root}/v1/transcriptions", head + data + b"\r\n--b--\r\n", kinds)


def midi_scale(number: int) -> bytes:
    """Eight quarter notes; `number` makes every file another, so that none is answered from an earlier one."""
    file = mido.MidiFile()
    track = mido.MidiTrack()
    file.tracks.append(track)
    track.append(mido.MetaMessage("text", text=str(number)))
    for pitch in (60, 62, 64, 65, 67, 69, 71, 72):
        track.append(mido.Message("note_on", note=pitch, velocity=70, time=0))
        track.append(mido.Message("note_off", note=pitch, velocity=0, time=480))
    data = io.BytesIO()
    file.save(file=data)
    return data.getvalue()


def decaying_tones(duration_s: float, seed: int) -> bytes:
    """A WAV of one decaying tone with overtones every half second."""
    rng = np.random.default_rng(seed)
    sound = np.zeros(round(duration_s * RATE), np.float32)
    time_s = np.arange(RATE) / RATE
    for start in range(0, len(sound) - RATE, RATE // 2):
        frequency = 440 * 2 ** ((rng.integers(48, 84) - 69) / 12)
        tone = sum(np.sin(2 * np.pi * frequency * overtone * time_s) / overtone**2 for overtone in range(1, 6))
        sound[start : start + RATE] += 0.2 * np.exp(-3 * time_s) * tone
    data = io.BytesIO()
    soundfile.write(data, sound, RATE, format="WAV")
    return data.getvalue()
