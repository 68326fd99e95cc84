"""What is played around a note says whether it was played: everything that may be an onset is read together.

    every key and frame        the network's reading of it, some numbers of its last state
    each peak of the onsets    the curves around it, and the reading there and a little later
    attend                     peaks within 4 s see one another, by their distance in time and in pitch
    out                        the log odds that a note begins, for each peak

The network hears 0.7 s to each side and knows no more of the music. Chords that return, figures that go on, a room that
rings and noise that is always there show only over seconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from transcriber.listen.calibration import log_odds
from transcriber.listen.decode import AnyCurve, Probabilities, StoredCurve, peaks
from transcriber.performance import KEYS

LEAST_PEAK = 0.05  # the lowest that is read
BEFORE, AFTER = 3, 8  # frames of the curves that are seen around a peak
LATER = 4  # frames from a peak to the second reading
ODDS_SCALE = 3.0
CURVES = (2 * BEFORE + 1) + 3 * (BEFORE + AFTER + 1) + 1  # of onset; frame, held and offset; the velocity
# Upper ends of the distances in time that are told apart, in frames of 20 ms: beyond the last, peaks are not seen.
DISTANCES = (1.5, 2.5, 4.5, 7.5, 12.5, 18.5, 25.5, 35.5, 50.5, 70.5, 100.5, 140.5, 200.5)
REACH = int(DISTANCES[-1])
FARTHEST_KEYS = 37  # three octaves and a semitone: what is farther away counts as that
MOST_PEAKS = 2000  # read at once: 31 s of music hold some 400; of noise that holds more, the lowest are left out
VIEW = 128  # peaks of a recording that look around at a time
WIDTH, HEADS, LAYERS, INNER = 64, 4, 2, 128
DROPOUT = 0.1


class Peaks(NamedTuple):
    """What may be an onset, in order of time: `frame` and `key` (peaks,), `seen` (peaks, CURVES + 2 * readings)."""

    frame: NDArray[np.int64]
    key: NDArray[np.int64]
    seen: NDArray[np.float32]


class Reader(nn.Module):
    """Attention over peaks; shape: (peaks, CURVES + 2 * readings) to log odds (peaks,), or with a batch before them."""

    def __init__(self, readings: int) -> None:
        super().__init__()
        self.enter = nn.Linear(CURVES + 2 * readings, WIDTH)
        self.place = nn.Embedding(KEYS, WIDTH)
        nn.init.normal_(self.place.weight, std=0.05)
        self.first = nn.Sequential(nn.Linear(WIDTH, INNER), nn.GELU(), nn.Linear(INNER, WIDTH))
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH)
        self.leave = nn.Linear(WIDTH, 1)
        self.direct = nn.Linear(CURVES, 1)

    def forward(self, seen: Tensor, frame: Tensor, key: Tensor) -> Tensor:
        """frame, key: whole numbers (..., peaks), frames rising. One of -1 marks peaks that fill up a batch."""
        state = self.enter(seen) + self.place(key)
        state = state + self.first(state)
        views = list(_views(frame))
        places = [
            _places(frame[..., own], frame[..., others], key[..., own], key[..., others]) for own, others in views
        ]
        for layer in self.layers:
            parts = [
                layer(state[..., own, :], state[..., others, :], *place)
                for (own, others), place in zip(views, places, strict=True)
            ]
            state = torch.cat(parts, dim=-2)
        odds: Tensor = self.leave(self.norm(state)) + self.direct(seen[..., :CURVES])
        return odds[..., 0]


def _views(frame: Tensor) -> Iterator[tuple[slice, slice]]:
    """A few peaks of a recording at a time, and those that they can see: far fewer pairs than all with all."""
    if frame.dim() > 1:
        yield slice(None), slice(None)
        return
    for first in range(0, len(frame), VIEW):
        own = frame[first : first + VIEW]
        bounds = torch.stack((own[0] - REACH, own[-1] + REACH + 1))
        start, stop = torch.searchsorted(frame, bounds).tolist()
        yield slice(first, first + len(own)), slice(start, stop)


def _places(frame: Tensor, other_frame: Tensor, key: Tensor, other_key: Tensor) -> tuple[Tensor, Tensor]:
    """Where the others lie in a layer's table of distances, and which are out of sight. Shape: (..., own, others)."""
    later = other_frame[..., None, :] - frame[..., :, None]
    far = torch.bucketize(later.abs().float(), torch.tensor(DISTANCES, device=later.device), out_int32=True)
    hidden = (far >= len(DISTANCES)) | (other_frame < 0)[..., None, :]
    far = far.clamp(max=len(DISTANCES))
    higher = (other_key[..., None, :] - key[..., :, None]).clamp(-FARTHEST_KEYS, FARTHEST_KEYS) + FARTHEST_KEYS
    return (torch.where(later < 0, -far, far) + len(DISTANCES)) * (2 * FARTHEST_KEYS + 1) + higher.int(), hidden


class Layer(nn.Module):
    """Attention whose weights lean on the distance of two peaks, and a mix."""

    def __init__(self) -> None:
        super().__init__()
        self.nearness = nn.Embedding((2 * len(DISTANCES) + 1) * (2 * FARTHEST_KEYS + 1), HEADS)
        nn.init.zeros_(self.nearness.weight)
        self.attend_norm, self.mix_norm = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.ask = nn.Linear(WIDTH, 3 * WIDTH)
        self.answer = nn.Linear(WIDTH, WIDTH)
        self.mix = nn.Sequential(nn.Linear(WIDTH, INNER), nn.GELU(), nn.Dropout(DROPOUT), nn.Linear(INNER, WIDTH))
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, state: Tensor, others: Tensor, place: Tensor, hidden: Tensor) -> Tensor:
        query, _, _ = self._asked(state)
        _, key, value = self._asked(others)
        bias = self.nearness(place).movedim(-1, -3).masked_fill(hidden[..., None, :, :], -1e4)
        found = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        state = state + self.dropout(self.answer(found.transpose(-3, -2).flatten(-2)))
        mixed: Tensor = self.mix(self.mix_norm(state))
        return state + mixed

    def _asked(self, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values. Shape: (..., HEADS, peaks, WIDTH / HEADS) each."""
        asked: Tensor = self.ask(self.attend_norm(state))
        query, key, value = asked.view(*asked.shape[:-1], 3, HEADS, WIDTH // HEADS).unbind(dim=-3)
        return query.transpose(-3, -2), key.transpose(-3, -2), value.transpose(-3, -2)


class Stretch(NamedTuple):
    """Successive frames of a recording, not yet read: `reading` (frames, KEYS, readings)."""

    curves: Probabilities
    reading: AnyCurve


def find_peaks(curves: Probabilities, reading: AnyCurve, first: int, last: int) -> Peaks:
    """Those in frames first <= frame < last, which have at least AFTER frames to each side; frames count from 0."""
    at, key = np.nonzero(peaks(curves.onset[first - 1 : last + 1].astype(np.float32), LEAST_PEAK)[1:-1])
    at += first
    onset = [curves.onset[at + near, key] for near in range(-BEFORE, BEFORE + 1)]
    sounding = [
        curve[at + near, key]
        for curve in (curves.frame, curves.held, curves.offset)
        for near in range(-BEFORE, AFTER + 1)
    ]
    chances = np.stack([*onset, *sounding], axis=1).astype(np.float32)
    velocity = np.stack([curves.velocity[at + near, key] for near in (-1, 0, 1)]).astype(np.float32).mean(axis=0)
    seen = np.concatenate(
        (
            log_odds(chances) / ODDS_SCALE,
            2 * velocity[:, None] - 1,
            reading[at, key].astype(np.float32),
            reading[at + LATER, key].astype(np.float32),
        ),
        axis=1,
    )
    return Peaks(at, key, seen)


def in_context(stretches: Iterable[Stretch], reader: Reader | None) -> Iterator[Probabilities]:
    """The curves of each stretch with `context`, once enough is known of what follows it."""
    if reader is None:
        for curves, _ in stretches:
            yield curves
        return
    pages = _Pages(reader)
    for stretch in stretches:
        pages.add(stretch)
        yield from pages.ready()
    pages.end()
    yield from pages.ready()


class _Pages:
    """Stretches that wait for what follows them, and all peaks that they can see."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._waiting: deque[tuple[int, Probabilities]] = deque()  # first frame, curves
        self._tail: Stretch | None = None  # the frames around the end of what is known
        self._known = -AFTER  # frames in which all peaks were found: 2 * AFTER silent ones stand before the first
        self._frames = 0
        self._ended = False
        self._peaks: list[Peaks] = []

    def add(self, stretch: Stretch) -> None:
        if len(stretch.curves.onset):
            self._waiting.append((self._frames, stretch.curves))
            self._frames += len(stretch.curves.onset)
            self._find(stretch)

    def end(self) -> None:
        if self._tail is not None:
            self._find(silence(AFTER, self._tail))
        self._ended = True

    def ready(self) -> Iterator[Probabilities]:
        span = LAYERS * REACH  # what a peak sees depends on what those see that it sees
        while self._waiting:
            first, curves = self._waiting[0]
            last = first + len(curves.onset)
            if not self._ended and self._known < last + span:
                return
            self._waiting.popleft()
            self._peaks = [found for found in self._peaks if len(found.frame) and found.frame[-1] >= first - span]
            yield curves._replace(context=self._read(first, last, span))

    def _find(self, stretch: Stretch) -> None:
        """The peaks of all frames that have AFTER others behind them."""
        block = joined(self._tail or silence(2 * AFTER, stretch), stretch)
        length = len(block.reading)
        found = find_peaks(block.curves, block.reading, AFTER, length - AFTER)
        self._peaks.append(found._replace(frame=found.frame - AFTER + self._known))
        self._known += length - 2 * AFTER
        self._tail = Stretch(
            Probabilities(*(curve[-2 * AFTER :] for curve in block.curves)), block.reading[-2 * AFTER :]
        )

    @torch.inference_mode()
    def _read(self, first: int, last: int, span: int) -> StoredCurve:
        context = np.zeros((last - first, KEYS), np.float16)
        if not self._peaks:
            return context
        frame, key, seen = (np.concatenate(column) for column in zip(*self._peaks, strict=True))
        near = np.flatnonzero((frame >= first - span) & (frame < last + span))
        if len(near) > MOST_PEAKS:
            near = np.sort(near[np.argsort(seen[near, BEFORE])[-MOST_PEAKS:]])
        if len(near):
            frame, key, seen = frame[near], key[near], seen[near]
            device = self._reader.leave.weight.device
            odds = self._reader(*(torch.from_numpy(column).to(device) for column in (seen, frame, key)))
            own = (frame >= first) & (frame < last)
            context[frame[own] - first, key[own]] = odds.float().cpu().numpy()[own]
        return context


def padded(stretch: Stretch) -> Stretch:
    """With AFTER silent frames before and behind it."""
    quiet = silence(AFTER, stretch)
    return joined(quiet, stretch, quiet)


def joined(*stretches: Stretch) -> Stretch:
    curves = (np.concatenate(parts) for parts in zip(*(stretch.curves for stretch in stretches), strict=True))
    return Stretch(Probabilities(*curves), np.concatenate([stretch.reading for stretch in stretches]))


def silence(frames: int, like: Stretch) -> Stretch:
    curves = Probabilities(*(np.zeros((frames, *curve.shape[1:]), curve.dtype) for curve in like.curves))
    return Stretch(curves, np.zeros((frames, *like.reading.shape[1:]), like.reading.dtype))
