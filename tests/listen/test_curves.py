"""A run's log becomes a picture, whatever its length, and the same log the same picture."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from transcriber.listen.training.curves import draw


@pytest.mark.parametrize("steps", [3, 60])
def test_any_run_is_drawn_and_always_alike(steps: int, tmp_path: Path) -> None:
    losses = [{"step": n, "onset": 1 / (n + 1), "frame": 1.0, "held": 0.5, "offset": 0.3} for n in range(steps)]
    scores = [
        {"step": n, "threshold": 0.4, "maps": 0.9, "maps raw": 0.8, "openings": 0.7, "openings raw": 0.7}
        for n in range(0, steps, 2)
    ]
    log = tmp_path / "log.jsonl"
    log.write_text("\n".join(json.dumps(row) for row in sorted(losses + scores, key=lambda row: row["step"])))
    pictures = [tmp_path / name for name in ("one.svg", "other.svg")]
    for picture in pictures:
        draw(log, picture)
    one, other = (picture.read_text() for picture in pictures)
    assert one == other
    assert "maps raw" in one
    assert "openings" in one
    assert "openings raw" not in one  # no label delays: the same curve twice
