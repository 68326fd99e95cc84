"""The evidence file: any few seconds of it come back as they were heard, and name what was nearly written."""

import io

import numpy as np
import pytest

from transcriber.evidence import (
    BLOCK_FRAMES,
    FRAME,
    ONSET,
    SPECTRUM,
    Curves,
    EvidenceWriter,
    Window,
    alternatives,
    read_window,
)
from transcriber.performance import Note

FRAME_S = 0.02


def curves(frames: int, seed: int = 0) -> Curves:
    rng = np.random.default_rng(seed)
    onset, frame = rng.random((2, frames, 88)).astype(np.float16)
    return Curves(onset, frame, (-100 * rng.random((frames, 88))).astype(np.float16))


def stored(*stretches: Curves, latency_s: float = 0.0) -> io.BytesIO:
    writer = EvidenceWriter(FRAME_S, latency_s)
    for stretch in stretches:
        writer.add(stretch)
    return io.BytesIO(writer.data())


@pytest.mark.parametrize("first", [0, 1, BLOCK_FRAMES - 1, BLOCK_FRAMES, 2 * BLOCK_FRAMES + 7])
@pytest.mark.parametrize("frames", [1, 5, BLOCK_FRAMES + 3])
def test_any_window_comes_back(first: int, frames: int) -> None:
    """Whatever the stretches were that it came in by."""
    whole = curves(3 * BLOCK_FRAMES + 20)
    cuts = [Curves(*(curve[a:b] for curve in whole)) for a, b in ((0, 3), (3, 400), (400, 401), (401, 770))]
    window = read_window(stored(*cuts), first * FRAME_S + 1e-4, (first + frames) * FRAME_S - 1e-4)
    assert window.start_s == pytest.approx(first * FRAME_S)
    last = min(first + frames, len(whole.onset))
    assert window.levels.shape == (last - first, 3, 88)
    for kind, curve in ((ONSET, whole.onset), (FRAME, whole.frame)):
        np.testing.assert_allclose(window.levels[:, kind] / 255, curve[first:last].astype(float), atol=0.003)
    np.testing.assert_allclose(window.levels[:, SPECTRUM] / 2.55 - 100, whole.spectrum[first:last], atol=0.25)


@pytest.mark.parametrize(("start_s", "end_s", "frames"), [(1.9, 5.0, 5), (2.0, 3.0, 0), (50.0, 60.0, 0)])
def test_window_beyond_the_end(start_s: float, end_s: float, frames: int) -> None:
    assert len(read_window(stored(curves(100)), start_s, end_s).levels) == frames


def test_latency_is_taken_off() -> None:
    window = read_window(stored(curves(100), latency_s=0.005), 1.0, 1.2)
    assert window.start_s == pytest.approx(50 * FRAME_S - 0.005)


def test_silence_takes_hardly_any_room() -> None:
    quiet = np.zeros((6000, 88), np.float16)
    assert len(stored(Curves(quiet, quiet, quiet - 100)).getvalue()) < 20_000


@pytest.mark.parametrize("data", [b"", b"nonsense\n", b'{"version": 9}\n'])
def test_another_file_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011, the sentence is for the log
        read_window(io.BytesIO(data), 0.0, 1.0)


def window_with(*strokes: tuple[int, int, float]) -> Window:
    """Peaks as (frame, pitch, strength) from 10 s on."""
    levels = np.zeros((30, 3, 88), np.uint8)
    for at, pitch, strength in strokes:
        levels[at, ONSET, pitch - 21] = round(255 * strength)
    return Window(10.0, FRAME_S, levels)


def test_what_was_nearly_written() -> None:
    chosen, known = Note(10.2, 10.5, 60, 70), Note(10.2, 10.5, 64, 70)
    window = window_with((10, 60, 0.9), (10, 64, 0.8), (10, 72, 0.4), (11, 61, 0.2), (9, 67, 0.3), (10, 50, 0.02),
                         (25, 72, 0.9), (16, 60, 0.1))  # fmt: skip
    found = alternatives(window, chosen, [chosen, known])
    assert [(other.pitch, other.relation) for other in found] == [
        (72, "octave"),
        (67, "beside"),
        (61, "semitone"),
        (60, "again"),
    ]
    assert found[0].strength == pytest.approx(0.4, abs=0.002)
    assert found[0].onset_s == pytest.approx(10.2)
