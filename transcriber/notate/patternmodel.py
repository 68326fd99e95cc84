"""The metre model: a small network over the beats of one grid, read by numpy so that no edit waits for PyTorch.

    measurements (beats, BEAT_FEATURES) -> standardised -> `enter` -> residual blocks, dilated over beats
    -> mean and maximum over beats -> METRES and how well the grid fits

Its training twin is `notate/training/patternnetwork.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from transcriber.errors import CheckpointError
from transcriber.notate.beatscores import METRES
from transcriber.notate.learned import learned_file
from transcriber.notate.onsets import Floats

FAR = 5.0  # standard deviations at which a measurement is cut
KERNEL = 5  # beats

Weights = NDArray[np.float32]


class Judgement(NamedTuple):
    """Of one stretch: `metre` (METRES,) log-probabilities; `fit`, which only compares grids of one stretch."""

    metre: Floats
    fit: float


@dataclass(frozen=True)
class PatternModel:
    """`weights` by name, those of block i as `block_names` has them; a dilation for each block."""

    weights: Mapping[str, Weights]
    dilations: tuple[int, ...]

    def judge(self, features: NDArray[np.float32]) -> Judgement:
        """features: (beats, BEAT_FEATURES)."""
        w = self.weights
        standard = np.clip((features - w["mean"]) / w["scale"], -FAR, FAR)
        hidden = standard @ w["enter.weight"].T + w["enter.bias"]
        for index, dilation in enumerate(self.dilations):
            norm, bias, spread, spread_bias, mix, mix_bias = (w[name] for name in block_names(index))
            active = gelu(hidden * norm + bias)
            hidden = hidden + gelu(_dilated(active, spread, dilation) + spread_bias) @ mix.T + mix_bias
        active = gelu(hidden * w["norm.weight"] + w["norm.bias"])
        summary = np.concatenate([active.mean(axis=0), active.max(axis=0)])
        out = gelu(summary @ w["pool.weight"].T + w["pool.bias"]) @ w["out.weight"].T + w["out.bias"]
        logits = out[: len(METRES)].astype(np.float64)
        return Judgement(logits - np.logaddexp.reduce(logits), float(out[len(METRES)]))


def block_names(index: int) -> tuple[str, ...]:
    """The weights of one block: scale and shift before it, the dilated convolution, the mix of channels."""
    parts = ("norm.weight", "norm.bias", "spread.weight", "spread.bias", "mix.weight", "mix.bias")
    return tuple(f"blocks.{index}.{part}" for part in parts)


def gelu(x: Weights) -> Weights:
    """The Gaussian error linear unit in its approximation by tanh (Hendrycks and Gimpel 2016).

    The cube is two products: numpy's power of a float32 takes five times as long as all the rest of a judgement.
    """
    return np.asarray(0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * (x * x * x)))), np.float32)


def _dilated(x: Weights, weight: Weights, dilation: int) -> Weights:
    """Convolution over beats, zeros beyond both ends. x: (beats, channels); weight: (out, channels, KERNEL)."""
    reach = KERNEL // 2 * dilation
    padded = np.pad(x, ((reach, reach), (0, 0)))
    taps = (padded[tap * dilation : tap * dilation + len(x)] @ weight[:, :, tap].T for tap in range(KERNEL))
    return np.asarray(sum(taps), np.float32)


def load_pattern_model(path: Path) -> PatternModel:
    """Raises CheckpointError where the file is missing, damaged or another's."""
    try:
        with safe_open(path, framework="np") as checkpoint:
            dilations = tuple(int(dilation) for dilation in json.loads(checkpoint.metadata()["dilations"]))
            weights = {name: checkpoint.get_tensor(name) for name in checkpoint.keys()}  # noqa: SIM118 (not a dict)
        model = PatternModel(weights, dilations)
        model.judge(np.zeros((2, len(weights["mean"])), np.float32))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, IndexError) as cause:
        raise CheckpointError(f"The metre model {path} cannot be read; install the package again.") from cause
    return model


@lru_cache(maxsize=1)
def learned_pattern_model() -> PatternModel:
    """The model that comes with the package, unless `use_weights` named another."""
    with learned_file("metre.safetensors") as path:
        return load_pattern_model(path)
