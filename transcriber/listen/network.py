"""The onset-and-frame network: pictures in, five curves for each of 88 keys and one for the pedal out.

                 (batch, 2, frames, 384)   log spectrograms
    sharpen      two small convolutions along time and frequency
    stack        for every key: the bins around its fundamental and partials, mixed to `channels`
    listen       residual blocks, dilated in time and alternately over semitones and octaves
    heads        (batch, 5, frames, 88)    onset, frame, offset, held, velocity
                 (batch, frames)           pedal
    reading      (batch, r, frames, 88)    for the reader, which judges peaks by what is played around them

Stacking the partials of each key follows the harmonic dilated convolutions of HPPNet (Wei et al., ISMIR 2022).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from itertools import cycle
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from transcriber.listen.context import Reader
from transcriber.listen.features import BINS_PER_KEY, BINS_PER_OCTAVE, CHANNELS
from transcriber.performance import KEYS

HEADS = ("onset", "frame", "offset", "held", "velocity")
ONSET, FRAME, OFFSET, HELD, VELOCITY = range(len(HEADS))


@dataclass(frozen=True)
class NetworkConfig:
    """Everything that shapes the network; travels inside the checkpoint."""

    front_channels: int = 8
    channels: int = 64
    harmonics: tuple[float, ...] = (0.5, 1, 2, 3, 4, 5, 6, 7, 8, 10)
    dilations: tuple[int, ...] = (1, 2, 4, 8, 1, 4, 2, 8, 1, 1, 2)  # in frames, one block each
    strides: tuple[int, ...] = (1, 12, 1, 12, 1, 12, 1, 12, 1, 19, 7)  # in keys, taken by the blocks in turn
    pedal_dilations: tuple[int, ...] = (4, 8)
    pictures: tuple[int, ...] = tuple(range(CHANNELS))  # which of the features' pictures are looked at
    readings: int = 0  # numbers that the reader gets of every key and frame; without any there is no reader

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> NetworkConfig:
        known: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
        }
        return cls(**known)


class Curves(NamedTuple):
    """Logits of `keys`: (batch, HEADS, frames, KEYS) and of `pedal`: (batch, frames).

    `reading`: (batch, readings, frames, KEYS), what the reader gets.
    """

    keys: Tensor
    pedal: Tensor
    reading: Tensor


class Block(nn.Module):
    """Residual block: three frames and three keys, `dilation` frames and `stride` keys apart, then a mix."""

    def __init__(self, channels: int, dilation: int, stride: int) -> None:
        super().__init__()
        reach = (dilation, stride)
        self.spread = nn.Conv2d(channels, channels, 3, padding=reach, dilation=reach, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.mix = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.mix(functional.relu(self.norm(self.spread(x))))
        return x + mixed


class OnsetFrameNetwork(nn.Module):
    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config or NetworkConfig()
        front, channels = self.config.front_channels, self.config.channels
        self.sharpen = nn.Sequential(
            nn.Conv2d(len(self.config.pictures), front, (3, 5), padding=(1, 2), bias=False),
            nn.BatchNorm2d(front),
            nn.ReLU(),
            nn.Conv2d(front, front, (3, 5), padding=(1, 2), bias=False),
            nn.BatchNorm2d(front),
            nn.ReLU(),
        )
        stacked = len(self.config.harmonics) * front * BINS_PER_KEY
        self.stack = nn.Conv2d(stacked, channels, 1, bias=False)
        self.place = nn.Parameter(torch.zeros(1, channels, 1, KEYS))  # what differs from bass to treble
        self.stack_norm = nn.BatchNorm2d(channels)
        self.listen = nn.Sequential(
            *(Block(channels, *reach) for reach in zip(self.config.dilations, cycle(self.config.strides), strict=False))
        )
        self.heads = nn.Conv2d(channels, len(HEADS), (3, 1), padding=(1, 0))
        assert self.heads.bias is not None
        nn.init.constant_(self.heads.bias, -3.0)  # most keys are silent: start from there
        self.pedal = nn.Sequential(
            nn.Conv1d(2 * channels, channels, 5, padding=2),
            nn.ReLU(),
            *(
                layer
                for dilation in self.config.pedal_dilations
                for layer in (nn.Conv1d(channels, channels, 5, padding=2 * dilation, dilation=dilation), nn.ReLU())
            ),
            nn.Conv1d(channels, 1, 5, padding=2),
        )
        readings = self.config.readings
        self.reading = nn.Conv2d(channels, readings, 1) if readings else None
        self.reader = Reader(readings) if readings else None

    def forward(self, pictures: Tensor) -> Curves:
        """(batch, CHANNELS, frames, BINS) to Curves; runs in the dtype of its input or under autocast."""
        if len(self.config.pictures) < CHANNELS:
            pictures = pictures[:, list(self.config.pictures)]
        x = self.sharpen(pictures.contiguous(memory_format=torch.channels_last))
        x = self.stack(self._partials(x))
        x = x + self.place.to(x.dtype)
        x = self.listen(functional.relu(self.stack_norm(x)))
        if x.requires_grad:  # else every layer before would reorder the gradients of the pedal's mean and maximum
            x.register_hook(lambda gradient: gradient.contiguous(memory_format=torch.channels_last))
        keys = self.heads(functional.relu(x))
        summary = torch.cat((x.mean(dim=3), x.amax(dim=3)), dim=1)
        pedal = self.pedal(summary).squeeze(1)
        reading = x[:, :0] if self.reading is None else self.reading(x)
        return Curves(keys.float(), pedal.float(), reading.float())

    def _partials(self, x: Tensor) -> Tensor:
        """(batch, c, frames, BINS) to (batch, harmonics * c * BINS_PER_KEY, frames, KEYS)."""
        batch, channels, frames, bins = x.shape
        shifts = [round(BINS_PER_OCTAVE * math.log2(harmonic)) for harmonic in self.config.harmonics]
        below, span = max(0, -min(shifts)), KEYS * BINS_PER_KEY
        padded = functional.pad(x, (below, max(0, span + max(shifts) - bins)))
        # Channels last, four neighbouring bins and their channels are one run of memory: each slice is a view.
        rows = padded.permute(0, 2, 3, 1).contiguous()
        stacks = [
            rows[:, :, below + shift : below + shift + span].reshape(batch, frames, KEYS, BINS_PER_KEY * channels)
            for shift in shifts
        ]
        return torch.cat(stacks, dim=3).permute(0, 3, 1, 2)


@torch.no_grad()
def grown(small: OnsetFrameNetwork, config: NetworkConfig) -> OnsetFrameNetwork:
    """A wider or deeper network of `config` that answers what `small` answers, so that it learns on from there.

    What the old channels read from new ones starts at zero, and so does what a new block adds; the new channels
    themselves start at random (Chen et al., "Net2Net", 2016). The pedal's layers start afresh.
    """
    network = OnsetFrameNetwork(config)
    old, new = small.state_dict(), network.state_dict()
    for name, weight in new.items():
        block = name.split(".")
        if block[0] == "listen" and int(block[1]) >= len(small.config.dilations):
            if block[2] == "mix":
                weight.zero_()
            continue
        source = old.get(name)
        if source is None or block[0] == "pedal" or source.shape[2:] != weight.shape[2:]:
            continue
        if weight.dim() < 2:
            weight.view(-1)[: source.numel()] = source
            continue
        weight[: source.shape[0], source.shape[1] :] = 0.0
        weight[: source.shape[0], : source.shape[1]] = source
    return network
