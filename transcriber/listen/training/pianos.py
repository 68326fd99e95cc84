"""Sampled pianos: folders of single struck notes with an index, from which any note can be rendered.

`index.json` lists `layers` (velocity range and median level) and `samples` (file, root pitch, velocity range, layer,
tuning in cents against A440). Sample libraries are often normalised, so a layer's own gain says nothing of how loud it
was played: levels come from a velocity law instead, and each sample only keeps its distance from its layer's median.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile
from numpy.typing import NDArray

Samples = NDArray[np.float32]
Generator = np.random.Generator
Kind = Literal["layered", "single", "digital"]

SAMPLE_RATE = 16_000
ATTACK_S = 0.0025  # the attack starts 1.5 to 4 ms into each sample file
HIGHEST_DAMPED = 89  # the top strings have no dampers


@dataclass(frozen=True)
class Struck:
    """One recorded key at one strength. `trim_db` brings its layer's median to 0 dB."""

    root: int
    layer: int
    tuning_cents: float
    trim_db: float
    sound: Samples


@dataclass(frozen=True)
class Piano:
    name: str
    kind: Kind
    keeps_tuning: bool  # detuned on purpose (honky-tonk): its own tuning belongs to its sound
    layers: tuple[tuple[int, float], ...]  # layer number, middle of its velocity range
    struck: tuple[Struck, ...]

    @cached_property
    def by_layer(self) -> dict[int, tuple[Struck, ...]]:
        return {number: tuple(note for note in self.struck if note.layer == number) for number, _ in self.layers}

    def pick(self, pitch: int, velocity: float, rng: Generator) -> Struck:
        """The nearest recorded key of the layer nearest to `velocity`, now and then its neighbour."""
        layer = min(self.layers, key=lambda layer: abs(layer[1] - velocity))[0]
        near = sorted(self.by_layer[layer], key=lambda note: abs(note.root - pitch))[:2]
        second = len(near) == 2 and abs(near[1].root - pitch) <= 4 and rng.random() < 0.2
        return near[1] if second else near[0]


def load_pianos(folder: Path, without: tuple[str, ...] = ()) -> list[Piano]:
    """Every piano below `folder`, but for those named in `without` (kept aside to measure unheard pianos)."""
    pianos = [_load(index.parent) for index in sorted(folder.glob("*/index.json")) if index.parent.name not in without]
    if not pianos:
        raise FileNotFoundError(f"No sampled piano (a folder with index.json) was found in {folder}.")
    return pianos


def _load(folder: Path) -> Piano:
    index = json.loads((folder / "index.json").read_text())
    medians = {layer["layer"]: layer["median_rms_db_36_84"] for layer in index["layers"]}
    middles = tuple((layer["layer"], (layer["vel_lo"] + layer["vel_hi"]) / 2) for layer in index["layers"])
    struck = tuple(
        Struck(
            sample["root"],
            sample["layer"],
            sample["tuning_cents"] or 0.0,
            -medians[sample["layer"]],
            soundfile.read(folder / sample["file"], dtype="float32")[0],
        )
        for sample in index["samples"]
    )
    acoustic = index["kind"] in ("grand", "upright", "upright-old")
    kind: Kind = "digital" if not acoustic else "layered" if len(middles) > 1 else "single"
    keeps_tuning = index["kind"] in ("upright-old", "detuned")
    used = {note.layer for note in struck}
    return Piano(folder.name, kind, keeps_tuning, tuple(layer for layer in middles if layer[0] in used), struck)
