"""Weights for honest figures on notation: twins of those that ship, which know the training compositions alone."""

from __future__ import annotations

import argparse
from pathlib import Path

from transcriber.notate.learned import use_weights

HELD_OUT = Path(__file__).parent / "weights"


def asap_folders() -> frozenset[str]:
    """Folders of ASAP whose compositions these weights do not know."""
    return frozenset((HELD_OUT / "asap.txt").read_text(encoding="ascii").split())


def add_weights(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--shipped",
        action="store_true",
        help="measure the weights that ship; they were taught these compositions, so that figures come out too well",
    )


def take_weights(options: argparse.Namespace) -> None:
    """Before anything is notated."""
    if not options.shipped:
        use_weights(HELD_OUT)
