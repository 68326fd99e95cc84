"""The training loop: examples in, checkpoints and a log out, resumable at any step.

    python -m transcriber.listen.training --data DIR --out runs/notes --steps 4000

runs for minutes on a GPU or for hours on one CPU core. Run it again with the same `--out` to go on where it stopped.
"""

from __future__ import annotations

import copy
import json
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader

from transcriber.listen.checkpoint import Checkpoint, save
from transcriber.listen.features import Spectrograms
from transcriber.listen.network import (
    FRAME,
    HEADS,
    HELD,
    OFFSET,
    ONSET,
    VELOCITY,
    Curves,
    NetworkConfig,
    OnsetFrameNetwork,
)
from transcriber.listen.training.examples import Examples, Material
from transcriber.listen.training.muon import MuonWithAdamW
from transcriber.listen.training.validation import Excerpt, validate
from transcriber.precision import autocast

LOSS_SHARES = {ONSET: 2.0, FRAME: 0.3, OFFSET: 0.3, HELD: 0.3}
VELOCITY_SHARE = 8.0
FIT_SHARE = 0.8  # of the velocity loss: what remains when the loudness of the recording is fitted out
PEDAL_SHARE = 4.0


@dataclass(frozen=True)
class TrainingConfig:
    steps: int = 4000
    warm_up: int = 100  # first steps, over which the learning rate rises from zero
    cooldown: int = 600  # last steps, over which the learning rate falls to zero
    batch: int = 8
    seconds: float = 8.0
    recorded: float = 0.3  # share of examples cut from recordings rather than rendered
    rate: float = 3e-3
    decay: float = 1e-2
    ema: float = 0.998
    muon: bool = False  # moves the kernels of the blocks instead of AdamW
    frozen_norms: bool = False  # batch normalisation keeps its means: for little material of one sound
    validate_every: int = 100
    workers: int = 1
    seed: int = 0


class Training:
    """Network, its running average, optimiser and step count: all that a resumed run needs."""

    def __init__(self, network: OnsetFrameNetwork, config: TrainingConfig, device: torch.device) -> None:
        self.config, self.device = config, device
        self.network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.network).eval()
        self.spectrograms = Spectrograms().to(device)
        self.optimizer = (
            MuonWithAdamW(self.network, config.rate, config.decay)
            if config.muon
            else torch.optim.AdamW(self.network.parameters(), lr=config.rate, weight_decay=config.decay)
        )
        self.step = 0
        self.best = 0.0

    def rate(self) -> float:
        warm = min(1.0, (self.step + 1) / self.config.warm_up)
        cool = min(1.0, max(0, self.config.steps - self.step) / max(1, self.config.cooldown))
        return self.config.rate * warm * cool

    def advance(self, samples: Tensor, keys: Tensor, pedal: Tensor, rate: float | None = None) -> dict[str, float]:
        """One optimiser step on a batch, at `rate` unless the configuration decides; returns the parts of the loss."""
        with torch.no_grad():
            pictures = self.spectrograms(samples.to(self.device, non_blocking=True))
        return self.learn(pictures, keys, pedal, rate)

    def learn(self, pictures: Tensor, keys: Tensor, pedal: Tensor, rate: float | None = None) -> dict[str, float]:
        """The same, from spectrograms."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate() if rate is None else rate
        self.network.train()
        if self.config.frozen_norms:
            for layer in self.network.modules():
                if isinstance(layer, nn.BatchNorm2d):
                    layer.eval()
        with autocast(self.device):
            curves = self.network(pictures)
        parts = losses(curves, keys.to(self.device, non_blocking=True), pedal.to(self.device, non_blocking=True))
        loss = torch.stack(list(parts.values())).sum()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 3.0)
        self.optimizer.step()
        self.step += 1
        self._follow()
        return {name: float(part.detach()) for name, part in parts.items()}

    @torch.no_grad()
    def _follow(self) -> None:
        keep = min(self.config.ema, (1 + self.step) / (10 + self.step))
        for mine, new in zip(self.average.state_dict().values(), self.network.state_dict().values(), strict=True):
            if mine.is_floating_point():
                mine.lerp_(new, 1 - keep)
            else:
                mine.copy_(new)

    def store(self, path: Path) -> None:
        partial = path.with_suffix(".partial")
        state = {
            "config": self.network.config.to_json(),
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "best": self.best,
        }
        torch.save(state, partial)
        partial.replace(path)

    @classmethod
    def resume(cls, path: Path, config: TrainingConfig, device: torch.device) -> Training:
        state = torch.load(path, map_location=device, weights_only=True)
        training = cls(OnsetFrameNetwork(NetworkConfig.from_json(state["config"])), config, device)
        training.network.load_state_dict(state["network"])
        training.average.load_state_dict(state["average"])
        training.optimizer.load_state_dict(state["optimizer"])
        training.step, training.best = state["step"], state["best"]
        return training


def losses(curves: Curves, keys: Tensor, pedal: Tensor) -> dict[str, Tensor]:
    """Cross-entropy a frame, summed over keys; velocity counts at onsets only, unknown answers (-1) not at all."""
    parts = {}
    for head, share in LOSS_SHARES.items():
        wanted = keys[:, head]
        known = (wanted >= 0).float()
        entropy = functional.binary_cross_entropy_with_logits(
            curves.keys[:, head], wanted.clamp(min=0), reduction="none"
        )
        parts[HEADS[head]] = share * (entropy * known).sum() / known.sum().clamp(min=1) * known.shape[-1]
    parts["velocity"] = VELOCITY_SHARE * velocity_loss(torch.sigmoid(curves.keys[:, VELOCITY]), keys[:, VELOCITY])
    known = (pedal >= 0).float()
    entropy = functional.binary_cross_entropy_with_logits(curves.pedal, pedal.clamp(min=0), reduction="none")
    parts["pedal"] = PEDAL_SHARE * (entropy * known).sum() / known.sum().clamp(min=1)
    return parts


def velocity_loss(heard: Tensor, wanted: Tensor) -> Tensor:
    """Mean absolute error of velocities (batch, frames, keys), 0..1, where `wanted` is not -1.

    Nobody can hear how far the microphone stood, nor how loud a piano is for its pianist: most of the loss compares
    with the line through each segment that fits best, as the measure of Hawthorne et al. (2018) does.
    """
    known = (wanted >= 0).float().flatten(1)
    heard, wanted = heard.flatten(1), wanted.flatten(1)
    count = known.sum(1, keepdim=True).clamp(min=1)
    from_mean = (heard - (heard * known).sum(1, keepdim=True) / count) * known
    wanted_from_mean = (wanted - (wanted * known).sum(1, keepdim=True) / count) * known
    slope = (from_mean * wanted_from_mean).sum(1, keepdim=True) / (from_mean.square().sum(1, keepdim=True) + 1e-3)
    fitted = from_mean * slope.detach().clamp(0.5, 2.0) - wanted_from_mean
    plain = (heard - wanted) * known
    return (FIT_SHARE * fitted.abs().sum() + (1 - FIT_SHARE) * plain.abs().sum()) / known.sum().clamp(min=1)


def example_batches(material: Material, config: TrainingConfig, seed: int) -> DataLoader[tuple[Tensor, Tensor, Tensor]]:
    """An endless stream of batches: samples, key targets, pedal targets."""
    examples = Examples(material, config.seconds, config.recorded, seed=seed)
    return DataLoader(
        examples, batch_size=config.batch, num_workers=config.workers, prefetch_factor=4 if config.workers else None
    )


def train(training: Training, material: Material, validation: dict[str, list[Excerpt]], out: Path) -> None:
    """Run until `steps`; writes state.pt, notes.safetensors (best by the mean over validation sets) and log.jsonl."""
    config = training.config
    out.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    for samples, keys, pedal in example_batches(material, config, seed=config.seed + training.step):
        if training.step >= config.steps:
            break
        parts = training.advance(samples, keys, pedal)
        if training.step % 20 == 0:
            _log(out, {"step": training.step, "seconds": time.monotonic() - started, **parts})
        if training.step % config.validate_every == 0 or training.step == config.steps:
            _validate(training, validation, out)
            training.store(out / "state.pt")


def _validate(training: Training, validation: dict[str, list[Excerpt]], out: Path) -> None:
    found = validate(validation, training.average, training.spectrograms, training.device)
    row: dict[str, float] = {"step": training.step, "threshold": found.decoder.onset}
    for name in validation:
        row |= {f"{name} raw": found.raw_f1[name], name: found.f1[name]}
    _log(out, row)
    if found.score >= training.best:
        training.best = found.score
        save(Checkpoint(training.average, found.decoder, training.step), out / "notes.safetensors")


def _log(out: Path, row: dict[str, float]) -> None:
    with (out / "log.jsonl").open("a") as file:
        file.write(json.dumps({name: round(value, 5) for name, value in row.items()}) + "\n")
