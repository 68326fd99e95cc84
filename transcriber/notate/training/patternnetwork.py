"""The trainable twin of the metre model."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from transcriber.notate.beatscores import METRES
from transcriber.notate.patternmodel import FAR, KERNEL, block_names
from transcriber.notate.patterns import BEAT_FEATURES

CHANNELS, HIDDEN = 64, 64
DILATIONS = (1, 2, 4, 8, 16)


class Block(nn.Module):
    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(channels)
        self.spread = nn.Conv1d(channels, channels, KERNEL, dilation=dilation, padding="same")
        self.spread_norm = nn.BatchNorm1d(channels)
        self.dropout = nn.Dropout(0.15)
        self.mix = nn.Conv1d(channels, channels, 1)

    def forward(self, hidden: Tensor, inside: Tensor) -> Tensor:
        active = self.spread_norm(self.spread(gelu(self.norm(hidden)) * inside))
        changed: Tensor = hidden + self.mix(self.dropout(gelu(active))) * inside
        return changed


class PatternNetwork(nn.Module):
    """The trainable twin of PatternModel, on many grids of different lengths at once."""

    mean: Tensor
    scale: Tensor

    def __init__(self, mean: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        self.dropout = nn.Dropout(0.1)
        self.enter = nn.Conv1d(BEAT_FEATURES, CHANNELS, 1)
        self.blocks = nn.ModuleList(Block(CHANNELS, dilation) for dilation in DILATIONS)
        self.norm = nn.BatchNorm1d(CHANNELS)
        self.downbeat = nn.Conv1d(CHANNELS, 1, 1)
        self.summary_dropout = nn.Dropout(0.3)
        self.pool = nn.Linear(2 * CHANNELS, HIDDEN)
        self.out = nn.Linear(HIDDEN, len(METRES) + 1)

    def forward(self, features: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
        """Downbeat logits (grids, beats), and (grids, METRES logits and a fit)."""
        inside = inside[:, None]
        standard = ((features - self.mean) / self.scale).clamp(-FAR, FAR).transpose(1, 2) * inside
        hidden = self.enter(self.dropout(standard)) * inside
        for block in self.blocks:
            hidden = block(hidden, inside)
        active = gelu(self.norm(hidden)) * inside
        mean = active.sum(dim=2) / inside.sum(dim=2)
        highest = active.masked_fill(inside == 0, -1.0).amax(dim=2)  # gelu is never below -0.2
        summary = self.summary_dropout(torch.cat([mean, highest], dim=1))
        out: Tensor = self.out(self.summary_dropout(gelu(self.pool(summary))))
        return self.downbeat(active)[:, 0], out

    @torch.no_grad()
    def folded(self) -> dict[str, Tensor]:
        """The weights as PatternModel reads them: each normalisation is a scale and a shift, or gone into its layer."""
        found: dict[str, Tensor | None] = {"mean": self.mean, "scale": self.scale}
        found |= {"enter.weight": self.enter.weight[:, :, 0], "enter.bias": self.enter.bias}
        for index, block in enumerate(self.blocks):
            assert isinstance(block, Block)
            scale, shift = _affine(block.spread_norm)
            spread = block.spread.weight * scale[:, None, None]
            assert block.spread.bias is not None
            spread_bias = block.spread.bias * scale + shift
            parts = (*_affine(block.norm), spread, spread_bias, block.mix.weight[:, :, 0], block.mix.bias)
            found |= dict(zip(block_names(index), parts, strict=True))
        found["norm.weight"], found["norm.bias"] = _affine(self.norm)
        for name in ("pool", "out"):
            layer = getattr(self, name)
            found |= {f"{name}.weight": layer.weight, f"{name}.bias": layer.bias}
        return {name: weight.detach().float().contiguous() for name, weight in found.items() if weight is not None}


def gelu(x: Tensor) -> Tensor:
    return F.gelu(x, approximate="tanh")


def _affine(norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return scale, norm.bias - norm.running_mean * scale


def save(network: PatternNetwork, path: Path) -> None:
    """Write what PatternModel reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(network.folded(), path, metadata={"dilations": json.dumps(DILATIONS)})
