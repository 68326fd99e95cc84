"""Figures from the literature to set beside one's own: F1 in percent, ends of notes with the pedal's extension.

They are on each paper's own frame rate, and some on older versions of the data. A dash means that the paper does not
give the figure.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """F1 on one data set's test recordings."""

    system: str
    data: str
    frame: float | None
    note: float | None
    note_offset: float | None
    note_offset_velocity: float | None
    source: str


FIGURES = (
    Published(
        "Onsets and Frames (2018)",
        "MAPS ENSTDk",
        78.30,
        82.29,
        50.22,
        35.39,
        "Hawthorne et al., Onsets and Frames: dual-objective piano transcription, ISMIR 2018, arXiv:1710.11153",
    ),
    Published(
        "High-resolution (Kong et al. 2021)",
        "MAESTRO v2 test",
        89.62,
        96.72,
        82.47,
        80.92,
        "Kong et al., High-resolution piano transcription with pedals, TASLP 2021, arXiv:2010.01815",
    ),
    Published(
        "HPPNet-sp (2022)",
        "MAESTRO v3 test",
        93.15,
        97.18,
        83.80,
        82.24,
        "Wei et al., HPPNet, ISMIR 2022, table 3, arXiv:2208.14339",
    ),
    Published(
        "HPPNet-sp (2022)",
        "MAPS ENSTDk",
        87.56,
        86.63,
        64.39,
        59.77,
        "HPPNet, table 4: trained on MAESTRO",
    ),
    Published(
        "hFT-Transformer (2023)",
        "MAESTRO v3 test",
        93.24,
        97.44,
        90.53,
        89.48,
        "Toyama et al., Automatic piano transcription with hierarchical frequency-time transformer, ISMIR 2023, "
        "arXiv:2307.04305",
    ),
    Published(
        "Transkun V2 (2024)",
        "MAESTRO v3 test",
        95.30,
        98.32,
        93.49,
        92.96,
        "Yan and Duan, Scoring time intervals, ISMIR 2024, arXiv:2404.09466; model cards of the Transkun repository",
    ),
    Published(
        "Transkun V2 (2024)",
        "MAPS ENSTDk, label onsets realigned",
        85.35,
        88.49,
        64.61,
        44.46,
        "model cards of the Transkun repository",
    ),
    Published(
        "Transkun V2, with augmentation (2024)",
        "MAPS ENSTDk, label onsets realigned",
        88.43,
        92.19,
        69.75,
        54.95,
        "model cards of the Transkun repository",
    ),
)

SCORES = (
    "Of scores: Liu et al., Performance MIDI-to-score conversion by neural beat tracking (PM2S), ISMIR 2022: "
    "MV2H and the F1 of beats and downbeats",
    "Of scores: Beyer and Dai, End-to-end piano performance-MIDI to score conversion with transformers "
    "(MIDI2ScoreTransformer), ISMIR 2024, arXiv:2410.00210: MUSTER and ScoreSimilarity on ASAP",
    "Of rhythm alone, the beats being given: Transformer-based rhythm quantization of performance MIDI using beat "
    "annotations, 2026, arXiv:2604.22290: onset F1 97.3 %, note values 83.3 % right, on ASAP",
)
"""Whose figures a table of scores would be compared with; their measures and splits differ from ours."""
