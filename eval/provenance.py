"""What a figure came from: versions, checkpoint, commit and machine, so that someone else can get it again."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from eval.systems import System, checkpoint_hash
from transcriber.options import Device

PACKAGES = ("transcriber", "torch", "numpy", "scipy", "mir_eval", "nnAudio", "av", "soxr", "pretty_midi")


def header(data_set: str, system: System, device: Device, jobs: int, options: dict[str, str]) -> dict[str, Any]:
    """`data set`, `system` and `identity` say what was run, the rest where and with what."""
    return {
        "data set": data_set,
        "system": system.name,
        "identity": system.identity,
        "options": options | {"device": device, "jobs": str(jobs)},
        "checkpoint": checkpoint_hash(None) if system.name == "ours" else None,
        **_surroundings(),
    }


def score_header(data_set: str, source: str, options: dict[str, str]) -> dict[str, Any]:
    """Of a run that compares scores; `source` says what they were written down from."""
    return {
        "data set": data_set,
        "system": f"ours, from {source}",
        "options": options,
        "checkpoint": checkpoint_hash(None) if source == "audio" else None,
        **_surroundings(),
    }


def _surroundings() -> dict[str, Any]:
    return {
        "commit": commit(),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
        "machine": machine(),
    }


def commit() -> str | None:
    """The project's commit, with + where files differ from it; None outside a checkout."""
    folder = Path(__file__).parent
    found = []
    for words in (["rev-parse", "--short=12", "HEAD"], ["status", "--porcelain", "--untracked-files=no"]):
        try:
            done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=20)
        except (OSError, subprocess.TimeoutExpired):
            return None
        if done.returncode:
            return None
        found.append(done.stdout.strip())
    return found[0] + ("+" if found[1] else "")


def machine() -> dict[str, str]:
    names = {"system": platform.platform(), "processors": str(os.cpu_count())}
    cpus = Path("/proc/cpuinfo")
    if cpus.exists():
        lines = [line.partition(":")[2].strip() for line in cpus.read_text().splitlines() if "model name" in line]
        if lines:
            names["processor"] = lines[0]
    return names
