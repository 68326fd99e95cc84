"""Where notation reads what was learned: the files that ship, or a folder with others of the same names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load

NAMES = (
    "beats.safetensors",
    "metre.safetensors",
    "hands.safetensors",
    "keys.safetensors",
    "voices.safetensors",
    "rhythms.json",
)

_folder: Path | None = None
_was_read = False


def use_weights(folder: Path) -> None:
    """Read from `folder` in this whole process; before anything is notated, since what was read is kept.

    Raises FileNotFoundError where one of NAMES is missing, and RuntimeError where it is too late.
    """
    global _folder
    if folder == _folder:
        return
    missing = [name for name in NAMES if not (folder / name).is_file()]
    if missing:
        raise FileNotFoundError(f"{folder} holds no {', '.join(missing)}")
    if _was_read:
        raise RuntimeError("Weights were read already: another folder must be named before anything is notated.")
    _folder = folder


@contextmanager
def learned_file(name: str) -> Iterator[Path]:
    """One of NAMES as a file, within the block."""
    global _was_read
    _was_read = True
    if _folder is not None:
        yield _folder / name
    else:
        with resources.as_file(resources.files("transcriber.notate") / "weights" / name) as path:
            yield path


@cache
def learned_weights(name: str) -> dict[str, npt.NDArray[np.float32]]:
    """The arrays of one of NAMES, by name."""
    with learned_file(name) as path:
        return load(path.read_bytes())
