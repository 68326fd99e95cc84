"""Memory of a running service's processes, looked at several times so that growth shows."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from eval.service_setup import descendants

KIB = 1024


def resident_mb(pid: int) -> float:
    """Resident memory of one process. Raises OSError where it is gone."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / KIB for line in lines if line.startswith("VmRSS"))


def proportional_mb(pid: int) -> float:
    """Memory of one process, what it shares counted by its share, so that those of a tree add up."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) / KIB for line in lines if line.startswith("Pss:"))


class MemoryWatch:
    """Of each named process, in MB: its own resident memory, and that of everything below it."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = pids
        self.looks: dict[str, dict[str, list[float]]] = {name: {"own": [], "below": []} for name in pids}

    def look(self) -> None:
        for name, pid in self._pids.items():
            below = 0.0
            for child in descendants(pid):
                with suppress(OSError):  # it has ended since
                    below += proportional_mb(child)
            self.looks[name]["own"].append(round(resident_mb(pid), 1))
            self.looks[name]["below"].append(round(below, 1))
