"""The beat network: a dilated convolution over onsets that scores beats, downbeats, periods and metres.

It works on onsets and not on frames of time, so that ten minutes of music cost well under a second; the decoder places
the beats at which nothing is struck.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from transcriber.errors import CheckpointError
from transcriber.notate.beatscores import METRES, PERIOD_BINS, PERIOD_BINS_PER_OCTAVE, BeatScores
from transcriber.notate.learned import learned_file
from transcriber.notate.onsets import FEATURES, NoteTable, Onsets, onset_features

# The piece is heard so many times, (semitones higher, bins of beat length slower): a mean over keys and speeds errs
# less. On held-out compositions the downbeats gain 2 points of F, the beats of pop music 2, those of classical none.
HEARINGS = ((0, 0), (-3, 0), (3, 0), (0, -3), (0, 3))
UNLIKELY = -12.0  # log-probability


@dataclass(frozen=True, slots=True)
class BeatNetworkConfig:
    """`dilations`: one residual block each; with kernel 5 the defaults see 510 onsets to either side."""

    features: int = FEATURES
    channels: int = 96
    kernel: int = 5
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64, 128)
    dropout: float = 0.15


class BeatNetwork(nn.Module):
    """Features (batch, onsets, features) -> logits (batch, onsets, 2 + 2 * PERIOD_BINS + METRES)."""

    def __init__(self, config: BeatNetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.enter = nn.Conv1d(config.features, config.channels, 1)
        self.blocks = nn.ModuleList(ResidualBlock(config, dilation) for dilation in config.dilations)
        self.leave = nn.Sequential(
            nn.BatchNorm1d(config.channels),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Conv1d(config.channels, 2 + 2 * PERIOD_BINS + len(METRES), 1),
        )

    def forward(self, features: Tensor) -> Tensor:
        hidden = self.enter(features.transpose(1, 2))
        for block in self.blocks:
            hidden = block(hidden)
        logits: Tensor = self.leave(hidden).transpose(1, 2)
        return logits


class ResidualBlock(nn.Module):
    def __init__(self, config: BeatNetworkConfig, dilation: int) -> None:
        super().__init__()
        channels = config.channels
        self.body = nn.Sequential(
            nn.BatchNorm1d(channels),
            nn.GELU(),
            nn.Conv1d(channels, channels, config.kernel, dilation=dilation, padding="same"),
            nn.BatchNorm1d(channels),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Conv1d(channels, channels, 1),
        )

    def forward(self, hidden: Tensor) -> Tensor:
        changed: Tensor = hidden + self.body(hidden)
        return changed


def split_heads(logits: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Last axis into (beat, downbeat, period, bar, metre) logits."""
    sizes = [1, 1, PERIOD_BINS, PERIOD_BINS, len(METRES)]
    beat, downbeat, period, bar, metre = torch.split(logits, sizes, dim=-1)
    return beat.squeeze(-1), downbeat.squeeze(-1), period, bar, metre


@lru_cache(maxsize=1)
def learned_network() -> BeatNetwork:
    """The network that comes with the package, unless `use_weights` named another."""
    with learned_file("beats.safetensors") as path:
        return load_network(path)


def score_onsets(network: BeatNetwork, features: NDArray[np.float32]) -> BeatScores:
    """Run the network over one whole piece. features: float32 (onsets, FEATURES)."""
    with torch.inference_mode():
        beat, downbeat, period, bar, metre = split_heads(network(torch.from_numpy(features)[None])[0])
        return BeatScores(
            beat.double().numpy(),
            downbeat.double().numpy(),
            period.log_softmax(-1).double().numpy(),
            bar.log_softmax(-1).double().numpy(),
            metre.log_softmax(-1).double().numpy(),
        )


def score_hearings(network: BeatNetwork, notes: NoteTable, onsets: Onsets) -> BeatScores:
    """The mean of what the network says of the piece in other keys and at other speeds."""
    heard = []
    for semitones, bins in HEARINGS:
        slower = 2 ** (bins / PERIOD_BINS_PER_OCTAVE)
        moved = NoteTable(
            notes.onset_s * slower,
            notes.offset_s * slower,
            notes.pitch + semitones,
            notes.velocity,
            notes.pedal_s * slower,
        )
        scores = score_onsets(network, onset_features(moved, Onsets(onsets.time_s * slower, onsets.of_note)))
        heard.append(
            BeatScores(
                scores.beat,
                scores.downbeat,
                shifted(scores.period, bins),
                shifted(scores.bar, bins),
                scores.metre,
            )
        )
    return BeatScores(
        np.mean([scores.beat for scores in heard], axis=0),
        np.mean([scores.downbeat for scores in heard], axis=0),
        *(
            _normalised(np.mean([getattr(scores, name) for scores in heard], axis=0))
            for name in ("period", "bar", "metre")
        ),
    )


def shifted(likely: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    """Log-probabilities of lengths that were heard `bins` too long; what lies beyond the end is unlikely."""
    padded = np.pad(likely, ((0, 0), (abs(bins), abs(bins))), constant_values=UNLIKELY)
    return padded[:, abs(bins) + bins : abs(bins) + bins + likely.shape[1]]


def _normalised(likely: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(likely - np.logaddexp.reduce(likely, axis=1, keepdims=True))


def save_network(network: nn.Module, config: BeatNetworkConfig, path: Path) -> None:
    """Write a BeatNetwork's weights as float32 with the configuration in the file's metadata."""
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(weights, path, metadata={"config": json.dumps(asdict(config))})


def load_network(path: Path) -> BeatNetwork:
    """Read a checkpoint, ready to score. Raises CheckpointError where the file is missing, damaged or another's."""
    try:
        with safe_open(path, framework="pt") as checkpoint:
            config = json.loads(checkpoint.metadata()["config"])
            weights = {name: checkpoint.get_tensor(name) for name in checkpoint.keys()}  # noqa: SIM118 (not a dict)
        network = BeatNetwork(BeatNetworkConfig(**{**config, "dilations": tuple(config["dilations"])}))
        network.load_state_dict(weights)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as cause:
        raise CheckpointError(f"The beat model {path} cannot be read; install the package again.") from cause
    return network.eval()
