"""What lies between a piano and a listener: room, microphone, noise, converter.

Each step keeps onsets where they are: a room response is cut to start at its direct sound, filters have no phase.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

from transcriber.listen.training.pianos import SAMPLE_RATE, Generator, Samples

Gains = NDArray[np.floating]


@dataclass(frozen=True)
class Surroundings:
    """Measured room responses and recorded noises."""

    responses: tuple[Samples, ...] = ()
    noises: tuple[Samples, ...] = ()

    @classmethod
    def load(cls, responses: Path, noises: Path) -> Surroundings:
        def read(folder: Path, pattern: str) -> tuple[Samples, ...]:
            return tuple(soundfile.read(path, dtype="float32")[0] for path in sorted(folder.glob(pattern)))

        return cls(read(responses, "*.flac"), read(noises, "esc*.flac"))


def record(sound: Samples, surroundings: Surroundings, rng: Generator, *, room: float = 0.6) -> Samples:
    """`sound` as some microphone in some room would have caught it; `room` is the share that gets a room."""
    response = _response(surroundings, rng) if rng.random() < room else np.zeros(1, np.float32)
    size = next_fast_len(len(sound) + len(response))
    frequencies = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    spectrum = rfft(sound, size) * _equaliser(frequencies, rng)
    if len(response) > 1:
        spectrum = spectrum * (1.0 + rfft(response, size))
    heard = irfft(spectrum, size)[: len(sound)].astype(np.float32)
    level = float(np.sqrt(np.mean(heard**2))) + 1e-9
    if rng.random() < 0.7:
        heard += _noise(len(heard), surroundings, rng) * np.float32(level * 10 ** (-rng.uniform(10, 50) / 20))
    if rng.random() < 0.15:
        drive = np.float32(rng.uniform(1, 8) / (np.abs(heard).max() + 1e-9))
        heard = np.tanh(heard * drive) / drive
    if rng.random() < 0.1:
        heard = _mu_law(heard, int(rng.integers(7, 9)))
    return np.asarray(heard, np.float32)


def _response(surroundings: Surroundings, rng: Generator) -> Samples:
    """The reverberant part of a room, scaled to a drawn distance (wet 0 to 22 dB below the direct sound)."""
    if surroundings.responses and rng.random() < 0.6:
        measured = surroundings.responses[rng.integers(len(surroundings.responses))]
        direct = int(np.abs(measured).argmax()) if len(measured) > 1 else 0
        tail = measured[direct + 1 :].copy()
    else:
        decay_s = 2.0 ** rng.uniform(-2.7, 0.6) / 6.9  # RT60 of 0.15 to 1.5 s
        time_s = np.arange(int(min(2.0, 7 * decay_s) * SAMPLE_RATE), dtype=np.float32) / SAMPLE_RATE
        density = 1 - np.exp(-time_s / rng.uniform(0.003, 0.03))
        tail = (rng.standard_normal(len(time_s)) * np.exp(-time_s / decay_s) * density).astype(np.float32)
    gap = np.zeros(int(rng.uniform(0, 0.015) * SAMPLE_RATE), np.float32)
    wet_db = rng.uniform(-22, 0)
    tail *= np.float32(10 ** (wet_db / 20) / (np.sqrt(np.sum(tail**2)) + 1e-9))
    return np.concatenate((gap, tail))


def _equaliser(frequencies: Gains, rng: Generator) -> Gains:
    """Tilt, three broad bumps and, at times, the limits of a phone or an old microphone."""
    octave = np.log2(np.maximum(frequencies, 20.0) / 640.0)
    gain_db = rng.normal(0, 1.2) * octave
    for _ in range(3):
        gain_db = gain_db + rng.normal(0, 4) * np.exp(-(((octave - rng.uniform(-4, 3.5)) / rng.uniform(0.3, 1.5)) ** 2))
    if rng.random() < 0.3:
        gain_db = gain_db - rng.uniform(6, 24) * np.maximum(0.0, np.log2(rng.uniform(40, 350) / 640.0) - octave)
    if rng.random() < 0.3:
        gain_db = gain_db - rng.uniform(12, 48) * np.maximum(0.0, octave - np.log2(rng.uniform(2500, 7500) / 640.0))
    return np.asarray(10 ** (np.clip(gain_db, -80, 24) / 20))


def _noise(count: int, surroundings: Surroundings, rng: Generator) -> Samples:
    """Unit-level noise: recorded, or coloured between white and brown, sometimes with mains hum."""
    if surroundings.noises and rng.random() < 0.4:
        recorded = surroundings.noises[rng.integers(len(surroundings.noises))]
        start = int(rng.integers(len(recorded)))
        noise = np.resize(np.roll(recorded, -start), count)
    else:
        spectrum = rfft(rng.standard_normal(count).astype(np.float32))
        spectrum = spectrum / np.maximum(np.arange(len(spectrum)), 20.0) ** rng.uniform(0, 1)
        noise = irfft(spectrum, count)
        if rng.random() < 0.2:
            phase = 2 * np.pi * rng.choice([50.0, 60.0]) * np.arange(count) / SAMPLE_RATE
            hum = np.sin(phase) + 0.5 * np.sin(2 * phase) + 0.3 * np.sin(3 * phase)
            noise = noise / (noise.std() + 1e-9) + hum * rng.uniform(0.2, 1.5)
    return np.asarray(noise / (noise.std() + 1e-9), np.float32)


def _mu_law(sound: Samples, bits: int) -> Samples:
    peak = float(np.abs(sound).max()) + 1e-9
    steps = 2 ** (bits - 1)
    pressed = np.sign(sound) * np.log1p(255 * np.abs(sound) / peak) / np.log(256)
    pressed = np.round(pressed * steps) / steps
    return np.asarray(np.sign(pressed) * (256 ** np.abs(pressed) - 1) / 255 * peak, np.float32)
