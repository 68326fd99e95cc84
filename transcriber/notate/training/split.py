"""Which compositions are trained on, tuned on and reported on: the one rule that every trained part of notation shares.

The unit is the composition (`work_group` in the data's metadata): all performances, arrangements and scores of one
composition fall into the same part, so that no reported figure comes from music that was heard in training. The weights
that ship were taught everything in the same way (`all`); figures are those of their twins that know the `train` part.
"""

from __future__ import annotations

import argparse
import zlib
from typing import Literal

Part = Literal["train", "development", "validation"]
Wanted = Part | Literal["all"]

BUCKETS = 20


def part(work_group: int) -> Part:
    """85 % of the compositions train weights, 5 % tune decoders (development), 10 % are only reported on."""
    bucket = zlib.crc32(str(work_group).encode()) % BUCKETS
    if bucket == 0:
        return "development"
    return "validation" if bucket <= 2 else "train"


def is_wanted(work_group: int, wanted: Wanted) -> bool:
    return wanted in ("all", part(work_group))


def add_choice(parser: argparse.ArgumentParser) -> None:
    """`--learn train|all`, the compositions that a training learns from."""
    parser.add_argument(
        "--learn",
        choices=("train", "all"),
        default="train",
        help="all: also what figures are measured on, for shipping",
    )
