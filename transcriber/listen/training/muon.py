"""Muon for the kernels of the blocks, AdamW for everything else, as one optimiser.

Muon (Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024) takes steps in which no direction
of a matrix is larger than another. `torch.optim.Muon` wants matrices, so each kernel is given to it as a row for every
output channel; its steps are scaled to the size of those of AdamW, so that one learning rate serves both.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from transcriber.listen.network import OnsetFrameNetwork


class MuonWithAdamW:
    """Used as `torch.optim.Optimizer` is."""

    def __init__(self, network: OnsetFrameNetwork, rate: float, decay: float) -> None:
        kernels = [
            parameter
            for name, parameter in network.named_parameters()
            if name.startswith(("stack.", "listen.")) and parameter.dim() == 4
        ]
        chosen = {id(kernel) for kernel in kernels}
        others = [parameter for parameter in network.parameters() if id(parameter) not in chosen]
        self._kernels = [(kernel, nn.Parameter(_matrix(kernel.detach()))) for kernel in kernels]
        matrices = [matrix for _, matrix in self._kernels]
        self._muon = torch.optim.Muon(matrices, lr=rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw")
        self._adamw = torch.optim.AdamW(others, lr=rate, weight_decay=decay)

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        return [*self._muon.param_groups, *self._adamw.param_groups]

    def zero_grad(self, set_to_none: bool = True) -> None:
        self._adamw.zero_grad(set_to_none)
        for kernel, _ in self._kernels:
            kernel.grad = None

    @torch.no_grad()
    def step(self) -> None:
        for kernel, matrix in self._kernels:
            matrix.copy_(_matrix(kernel))
            matrix.grad = None if kernel.grad is None else _matrix(kernel.grad)
        self._muon.step()  # type: ignore[no-untyped-call]
        for kernel, matrix in self._kernels:
            channels, stacked, *reach = kernel.shape
            kernel.copy_(matrix.view(channels, *reach, stacked).permute(0, 3, 1, 2))
        self._adamw.step()

    def state_dict(self) -> dict[str, Any]:
        return {"muon": self._muon.state_dict(), "adamw": self._adamw.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._muon.load_state_dict(state["muon"])
        self._adamw.load_state_dict(state["adamw"])


def _matrix(kernel: Tensor) -> Tensor:
    """(channels, stacked, frames, keys) to (channels, frames * keys * stacked), never the same memory."""
    return kernel.permute(0, 2, 3, 1).flatten(1).clone()
