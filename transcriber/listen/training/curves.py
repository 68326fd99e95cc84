"""Draw a training run: python -m transcriber.listen.training.curves runs/notes/log.jsonl curves.svg"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

matplotlib.rcParams["svg.hashsalt"] = "curves"  # the same run gives the same bytes

SMOOTH = 20  # rows of the log


def draw(log: Path, out: Path) -> None:
    """`log` is the log.jsonl of a run: loss rows and validation rows, in order."""
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    losses = [row for row in rows if "onset" in row]
    scores = [row for row in rows if "threshold" in row]
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    window = min(SMOOTH, len(losses))
    for name in ("onset", "frame", "held", "offset"):
        values = np.convolve([row[name] for row in losses], np.ones(window) / window, "valid")
        left.plot([row["step"] for row in losses[len(losses) - len(values) :]], values, label=name, linewidth=0.8)
    left.set(xlabel="step", ylabel=f"loss, mean of {window} rows", yscale="log")
    left.legend()
    for name in sorted(scores[-1].keys() - {"step", "threshold"}):
        if name.endswith(" raw") and all(row[name] == row[name.removesuffix(" raw")] for row in scores):
            continue  # recordings without label delays
        right.plot([row["step"] for row in scores], [row[name] for row in scores], label=name, marker=".")
    right.set(xlabel="step", ylabel="note F1, real recordings")
    right.legend()
    right.grid(visible=True, alpha=0.3)
    figure.savefig(out, metadata={"Date": None} if out.suffix == ".svg" else None)


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
