"""Train the key model: `python -m transcriber.notate.training.keys --data DIR --out keys.safetensors`.

Examples are performances, and scores played by a model of rubato, from their beginning to some point: whole or cut
off, as they are or with a transcriber's errors, and with beats or bars counted twice too fast or too slow. The model
learns the first key signature; which of its two keys is meant, it is free to say as it likes.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn

from transcriber.notate.key import key_fifths
from transcriber.notate.keymodel import VIEWS, key_views, turned
from transcriber.notate.onsets import NoteTable
from transcriber.notate.training.augmentation import mishear
from transcriber.notate.training.corpus import DOWNBEAT, BeatTrack, read_pieces, read_written_pieces
from transcriber.notate.training.rubato import play
from transcriber.notate.training.split import Wanted, add_choice
from transcriber.score import TimeSignature

DRAWS = 8  # examples of each performance
MOST_PERFORMANCES = 3  # of one composition
FEWEST_NOTES = 8
CUT_S = (20.0, 120.0)
WHOLE = 0.5  # share of examples that are not cut off
MISHEARD = 0.5
OTHER_LEVEL = 0.2  # share in which beats are counted at another level; the same for bars
WEIGHTS = {"written": 0.5, "POP909": 0.1}  # of a composition, beside one of a human performance
HIDDEN = 24
DROPOUT = 0.3
BLUR = 0.03  # standard deviation of noise on the views
BATCH = 256
LEARNING_RATE = 5e-3
WARM_UP = 20  # steps
SEED = 0
FIFTHS = key_fifths()
KEYS_OF = torch.from_numpy(np.array([np.flatnonzero(fifths == FIFTHS) for fifths in range(-6, 6)]))


@dataclass(frozen=True, slots=True)
class Example:
    """`seen` (12, VIEWS * 12): the views from each tonic; `signature` 0..11 for six flats to five sharps."""

    source: str
    work_group: int
    seen: NDArray[np.float32]
    signature: int


class KeyNetwork(nn.Module):
    """The trainable twin of `keymodel.key_scores`. (batch, 12, VIEWS * 12) -> (batch, 12 signatures), log odds."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(VIEWS * 12, HIDDEN)
        self.dropout = nn.Dropout(DROPOUT)
        self.leave = nn.Linear(HIDDEN, 2)

    def forward(self, seen: Tensor) -> Tensor:
        active = self.dropout(nn.functional.gelu(self.enter(seen), approximate="tanh"))
        keys = self.leave(active).transpose(1, 2).flatten(1)
        return torch.logsumexp(keys[:, KEYS_OF], dim=2)


def examples(data: Path, wanted: Wanted) -> Iterator[Example]:
    rng = np.random.default_rng(SEED)
    taken: Counter[tuple[str, int]] = Counter()
    for piece in read_pieces(data, wanted):
        work = piece.source, piece.work_group
        taken[work] += 1
        if piece.fifths is not None and taken[work] <= MOST_PERFORMANCES:
            for _ in range(DRAWS):
                yield from _draw(*work, piece.notes, piece.track, piece.fifths, rng)
    for written in read_written_pieces(data, wanted):
        if len(written.beat_q) > FEWEST_NOTES:
            for _ in range(DRAWS):
                yield from _draw("written", written.work_group, *play(written, rng), written.fifths, rng)


def _draw(
    source: str, work_group: int, notes: NoteTable, track: BeatTrack, fifths: int, rng: np.random.Generator
) -> Iterator[Example]:
    """One variation, where the music is long enough."""
    if rng.random() < MISHEARD:
        notes = mishear(notes, rng)
    end_s = notes.onset_s[0] + (np.inf if rng.random() < WHOLE else rng.uniform(*CUT_S))
    count = int(np.searchsorted(notes.onset_s, end_s))
    bar_s = track.time_s[track.kind == DOWNBEAT]
    if count < FEWEST_NOTES or len(bar_s) < 2:
        return
    quarter, bar = (rng.choice([0.5, 2.0]) if rng.random() < OTHER_LEVEL else 1.0 for _ in range(2))
    beat_q = [
        float(TimeSignature(*pair).beat_q) for pair in zip(track.beats.tolist(), track.beat_type.tolist(), strict=True)
    ]
    place_q = np.concatenate([[0], np.cumsum(beat_q[:-1])]) * quarter
    onset_q, offset_q = (_along(times[:count], track.time_s, place_q) for times in (notes.onset_s, notes.offset_s))
    bars = np.floor(_along(notes.onset_s[:count], bar_s, np.arange(len(bar_s)) * bar) + 0.02).astype(np.int64)
    onset_q = np.round(onset_q * 8) / 8  # what is struck together begins together
    seen = turned(key_views(onset_q, offset_q - onset_q, notes.pitch[:count], bars - bars[0]))
    yield Example(source, work_group, seen, (fifths + 6) % 12)


def _along(
    times_s: NDArray[np.float64], known_s: NDArray[np.float64], place: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Places at these times, going on at the mean speed before the first and after the last known time."""
    speed = (place[-1] - place[0]) / (known_s[-1] - known_s[0])
    outside = np.minimum(times_s - known_s[0], 0) + np.maximum(times_s - known_s[-1], 0)
    return np.asarray(np.interp(times_s, known_s, place) + outside * speed)


def train(given: list[Example], steps: int) -> KeyNetwork:
    """AdamW on examples of which every composition has an equal share."""
    torch.manual_seed(SEED)
    network = KeyNetwork()
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=0.05)
    seen = torch.from_numpy(np.stack([example.seen for example in given]))
    wanted = torch.tensor([example.signature for example in given])
    count = Counter((example.source, example.work_group) for example in given)
    chance = torch.tensor(
        [WEIGHTS.get(example.source, 1.0) / count[example.source, example.work_group] for example in given]
    )
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * min(step / WARM_UP, 0.5 + 0.5 * math.cos(math.pi * step / steps))
        chosen = torch.multinomial(chance, BATCH, replacement=True)
        blurred = seen[chosen] + BLUR * torch.randn_like(seen[chosen])
        loss = nn.functional.cross_entropy(network(blurred), wanted[chosen], label_smoothing=0.02)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return network.eval()


def report(network: KeyNetwork, held_out: list[Example]) -> str:
    """Share of right signatures by source, each composition counting once."""
    with torch.inference_mode():
        found = network(torch.from_numpy(np.stack([example.seen for example in held_out]))).argmax(dim=1).tolist()
    right: dict[tuple[str, int], list[bool]] = {}
    for example, answer in zip(held_out, found, strict=True):
        right.setdefault((example.source, example.work_group), []).append(answer == example.signature)
    lines = []
    for source in sorted({source for source, _ in right}):
        means = [np.mean(answers) for (own, _), answers in right.items() if own == source]
        lines.append(f"{source:<18} {len(means):>4} compositions {100 * np.mean(means):5.1f} %")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with performances.npz and score/")
    parser.add_argument("--out", type=Path, required=True, help="file to write")
    parser.add_argument("--steps", type=int, default=2000)
    add_choice(parser)
    options = parser.parse_args()
    torch.set_num_threads(1)
    network = train(list(examples(options.data, options.learn)), options.steps)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: weight.contiguous() for name, weight in network.state_dict().items()}, options.out)
    for part in ("development", "validation"):
        print(f"{part}\n{report(network, list(examples(options.data, part)))}")


if __name__ == "__main__":
    main()
