"""The shape of a recording: what a waveform is drawn from."""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray

from transcriber.mixdown import SAMPLE_RATE

PEAKS_PER_S = 50  # a tall screen shows five minutes with a peak or two for each of its columns
FULL_SCALE = 127


def peaks_json(samples: NDArray[np.float32]) -> bytes:
    """Mono samples at SAMPLE_RATE as {"rate": peaks a second, "peaks": [[lowest, highest], ...]}, -127..127."""
    step = SAMPLE_RATE // PEAKS_PER_S
    padded = np.pad(samples, (0, -len(samples) % step)).reshape(-1, step)
    ends = np.stack([padded.min(axis=1), padded.max(axis=1)], axis=1)
    peaks = np.rint(np.clip(ends, -1.0, 1.0) * FULL_SCALE).astype(int)
    return json.dumps({"rate": PEAKS_PER_S, "peaks": peaks.tolist()}, separators=(",", ":")).encode()
