"""Scores written down and compared, kept in a folder: to go on after a stop, and to be reported.

`performances.jsonl` holds a line for each performance, with what it came from; `run.json` the whole run once it is
complete.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import transcriber
from eval.runner import Problem
from eval.statistics import Difference, difference, interval


@dataclass(frozen=True)
class Comparison:
    """Figures of one performance, each a share of 0..1 or, for marks on the page, a count for each note."""

    name: str
    composer: str
    figures: dict[str, float]


@dataclass(frozen=True)
class ScoreRun:
    """What a run has to say, in the order of the data set."""

    header: dict[str, Any]
    comparisons: tuple[Comparison, ...]
    problems: tuple[Problem, ...]


class Kept:
    """Comparisons of earlier runs that would come out the same today. `origin_of` tells what one depends on."""

    def __init__(self, folder: Path, origin_of: Callable[[str], dict[str, Any]]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / "performances.jsonl"
        self._origin_of = origin_of

    def load(self, names: Sequence[str]) -> dict[str, Comparison]:
        wanted, found = set(names), {}
        for line in self.file.read_text().splitlines() if self.file.exists() else ():
            with suppress(ValueError, KeyError, TypeError):  # the line that an interruption cut off
                stored = json.loads(line)
                comparison = _comparison(stored)
                if comparison.name in wanted and stored["origin"] == self._origin_of(comparison.name):
                    found[comparison.name] = comparison
        return found

    def add(self, comparison: Comparison) -> None:
        with self.file.open("a") as file:
            file.write(json.dumps(as_json(comparison) | {"origin": self._origin_of(comparison.name)}) + "\n")


def close_score_run(folder: Path, run: ScoreRun) -> None:
    """Write `run.json`."""
    stored = run.header | {
        "figures": summary(run.comparisons),
        "performances": [as_json(comparison) for comparison in run.comparisons],
        "problems": [asdict(problem) for problem in run.problems],
    }
    (folder / "run.json").write_text(json.dumps(stored, indent=1, allow_nan=False) + "\n")


def is_score_run(folder: Path) -> bool:
    """Whether the folder's run compared scores. Raises OSError or ValueError where it holds no run."""
    return "performances" in json.loads((folder / "run.json").read_text())


def load_score_run(folder: Path) -> ScoreRun:
    """Raises OSError, ValueError or KeyError where the folder is none."""
    header = json.loads((folder / "run.json").read_text())
    comparisons = tuple(_comparison(stored) for stored in header.pop("performances"))
    problems = tuple(Problem(**entry) for entry in header.pop("problems"))
    header.pop("figures")
    return ScoreRun(header, comparisons, problems)


def as_json(comparison: Comparison) -> dict[str, Any]:
    """A figure that a performance cannot tell is null in JSON, which knows no other word for it."""
    figures = {name: value if np.isfinite(value) else None for name, value in comparison.figures.items()}
    return asdict(comparison) | {"figures": figures}


def summary(comparisons: Sequence[Comparison]) -> dict[str, dict[str, Any]]:
    """Mean and its 95 % interval of each figure; performances that cannot tell it do not count for it."""
    table: dict[str, dict[str, Any]] = {}
    for name in comparisons[0].figures if comparisons else ():
        values = [comparison.figures[name] for comparison in comparisons if np.isfinite(comparison.figures[name])]
        if values:
            table[name] = {"mean": float(np.mean(values)), "interval": interval(values), "performances": len(values)}
    return table


def compare_score_runs(first: ScoreRun, second: ScoreRun) -> dict[str, Difference]:
    """By figure, on the performances that both runs compared and that can tell it."""
    before = {comparison.name: comparison.figures for comparison in first.comparisons}
    shared = [(before[found.name], found.figures) for found in second.comparisons if found.name in before]
    table = {}
    for name in shared[0][1] if shared else ():
        pairs = [(one[name], other[name]) for one, other in shared if name in one]
        pairs = [pair for pair in pairs if np.isfinite(pair).all()]
        if pairs:
            table[name] = difference([pair[0] for pair in pairs], [pair[1] for pair in pairs])
    return table


def written_by() -> str:
    """Changes with the code and the models that turn notes into a score, and with how scores are compared."""
    digest = hashlib.sha256()
    for folder in (Path(transcriber.__file__).parent, Path(__file__).parent):
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".py", ".safetensors", ".npz", ".json"):
                digest.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def _comparison(stored: dict[str, Any]) -> Comparison:
    figures = {name: float("nan") if value is None else float(value) for name, value in stored["figures"].items()}
    return Comparison(stored["name"], stored["composer"], figures)
