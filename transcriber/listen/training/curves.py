"""Draw a training run: python -m transcriber.listen.training.curves runs/notes/log.jsonl curves.svg"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

matplotlib.rcParams["svg.hashsalt"] = "curves"  # the same run gives the same bytes


def draw(log: Path, out: Path) -> None:
    """`log` is the log.jsonl of a run: loss rows and validation rows, in order."""
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    losses = [row for row in rows if "onset" in row]
    scores = [row for row in rows if "threshold" in row]
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name in ("onset", "frame", "held", "offset"):
        left.plot([row["step"] for row in losses], [row[name] for row in losses], label=name, linewidth=0.8)
    left.set(xlabel="step", ylabel="loss", yscale="log")
    left.legend()
    for name in sorted(scores[-1].keys() - {"step", "threshold"}):
        right.plot([row["step"] for row in scores], [row[name] for row in scores], label=name, marker=".")
    right.set(xlabel="step", ylabel="note F1, real recordings")
    right.legend(loc="lower right")
    right.grid(visible=True, alpha=0.3)
    figure.savefig(out, metadata={"Date": None} if out.suffix == ".svg" else None)


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
