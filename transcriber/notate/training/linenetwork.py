"""The trainable twin of `notate/linenetwork.py`."""

from __future__ import annotations

import torch
from torch import nn

from transcriber.notate.linenetwork import CHANNELS, DILATIONS, KERNEL, NEIGHBOURS


class LineNetwork(nn.Module):
    """Shape: (batch, notes, features), (batch, notes, NEIGHBOURS) -> (batch, notes), log odds."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.enter = nn.Linear(features, CHANNELS)
        self.blocks = nn.ModuleList(nn.Linear((KERNEL + NEIGHBOURS) * CHANNELS, CHANNELS) for _ in DILATIONS)
        self.leave = nn.Linear(CHANNELS, 1)

    def forward(self, features: torch.Tensor, neighbours: torch.Tensor) -> torch.Tensor:
        batch, count, _ = features.shape
        state = torch.relu(self.enter(features))
        # Each excerpt is followed by one silent note, which stands for the neighbours that do not exist.
        start = (torch.arange(batch) * (count + 1))[:, None, None]
        index = (torch.where(neighbours >= 0, neighbours, count) + start).reshape(-1)
        for block, dilation in zip(self.blocks, DILATIONS, strict=True):
            reach = dilation * (KERNEL // 2)
            padded = nn.functional.pad(state, (0, 0, reach, reach))
            taps = [padded[:, tap * dilation : tap * dilation + count] for tap in range(KERNEL)]
            silent = nn.functional.pad(state, (0, 0, 0, 1)).reshape(-1, CHANNELS)
            lines = silent[index].reshape(batch, count, NEIGHBOURS * CHANNELS)
            state = state + torch.relu(block(torch.cat([*taps, lines], dim=2)))
        scores: torch.Tensor = self.leave(state)[..., 0]
        return scores
