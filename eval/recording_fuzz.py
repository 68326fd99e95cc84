"""Thousands of damaged recordings and MIDI files, read as the service reads them: each is read or refused in words.

    python -m eval.recording_fuzz --count 10000
    python -m eval.recording_fuzz --only 4711 --keep mutant.bin      (one again, and its file)

Mutants are read under limits on memory and time, in processes that die alone. Counted are recordings read, refusals by
code, and what must not happen (exit status 1): another exception than the library's, a result that is no recording, a
process that crashes or runs out of its limits, a file that was written.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from functools import cache
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream

from eval.mutation import mutant
from eval.service_recordings import midi_scale
from transcriber.audio import load
from transcriber.errors import TranscriberError
from transcriber.files import MIDI_SIGNATURE
from transcriber.performance import read_midi

LONGEST_S = 60.0
MEMORY_BYTES = 1024**3 + 512 * 1024**2  # above what the service allows its decoder for an hour, with this process's own
CPU_S = 60  # as the service allows at least
SEED_S = 0.4
TOGETHER = 200  # mutants in one process
LONGEST_LINE = 500
WRONG = "WRONG"
RATE = 48_000
# Container and codec of each kind of file that a phone, a browser or a studio sends.
KINDS = (
    ("wav", "pcm_s16le"),
    ("wav", "pcm_f32le"),
    ("wav", "adpcm_ms"),
    ("w64", "pcm_s24le"),
    ("aiff", "pcm_s16be"),
    ("au", "pcm_s16be"),
    ("caf", "pcm_s16le"),
    ("flac", "flac"),
    ("mp3", "libmp3lame"),
    ("adts", "aac"),
    ("mp4", "aac"),
    ("mov", "alac"),
    ("ogg", "libopus"),
    ("webm", "libopus"),
    ("matroska", "flac"),
    ("avi", "mp3"),
)


@cache
def seeds() -> list[tuple[str, bytes]]:
    """A short undamaged file of each kind, and a MIDI file."""
    made = [(f"{container} {codec}", encoded(container, codec)) for container, codec in KINDS]
    return [*made, ("midi", midi_scale(0))]


def encoded(container: str, codec: str) -> bytes:
    """Two decaying tones."""
    times = np.arange(round(SEED_S * RATE)) / RATE
    sound = np.stack([0.5 * np.exp(-3 * times) * np.sin(2 * np.pi * pitch * times) for pitch in (440, 660)])
    data = io.BytesIO()
    with av.open(data, "w", format=container) as file:
        stream = file.add_stream(codec, rate=RATE, layout="stereo")
        assert isinstance(stream, AudioStream)
        to_codec = av.AudioResampler(
            stream.codec_context.format.name, "stereo", RATE, stream.codec_context.frame_size or None
        )
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound, np.float32), "fltp", "stereo")
        frame.sample_rate, frame.pts = RATE, 0
        for converted in [*to_codec.resample(frame), *to_codec.resample(None), None]:
            for packet in stream.encode(converted):
                file.mux(packet)
    return data.getvalue()


def read(path: Path) -> str:
    """What came of it, in a word: `read`, the code of a refusal, or a sentence on what must not happen."""
    try:
        if path.read_bytes()[: len(MIDI_SIGNATURE)] == MIDI_SIGNATURE:
            notes = read_midi(path).notes
            sound = all(note.offset_s > note.onset_s >= 0 for note in notes) and bool(notes)
        else:
            samples = load(path, longest_s=LONGEST_S).samples
            sound = samples.dtype == np.float32 and samples.ndim == 1 and bool(np.isfinite(samples).all())
    except TranscriberError as refusal:
        return (
            refusal.code if refusal.message.endswith(".") else f"{WRONG} refused without a sentence: {refusal.message}"
        )
    except MemoryError:
        return f"{WRONG} out of memory"
    except Exception as error:  # noqa: BLE001, finding these is the purpose
        return f"{WRONG} {type(error).__name__} at {_where(error)}"
    return "read" if sound else f"{WRONG} result"


def _where(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.lineno}: {error}"


def read_apart(mutants: range, folder: Path) -> list[str]:
    """The outcomes of these, read in a forked process; where it ends early, the last is how it ended."""
    receiving, telling = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(receiving)
            _read_all(mutants, folder, telling)
        finally:
            os._exit(0)
    os.close(telling)
    with os.fdopen(receiving, "rb") as pipe:
        outcomes = pipe.read().decode(errors="replace").splitlines()
    _, status = os.waitpid(child, 0)
    if len(outcomes) < len(mutants):
        ended = f"by {signal.Signals(os.WTERMSIG(status)).name}" if os.WIFSIGNALED(status) else "without a word"
        outcomes.append(f"{WRONG} ended {ended}")
    return outcomes


def _read_all(mutants: range, folder: Path, telling: int) -> None:
    """The child's side: a line for each."""
    data = [seed for _, seed in seeds()]
    path = folder / "recording"
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number in mutants:
        path.write_bytes(mutant(data, number)[1])
        used_s = math.ceil(time.process_time())
        resource.setrlimit(resource.RLIMIT_CPU, (used_s + CPU_S, resource.RLIM_INFINITY))
        outcome = read(path).replace("\n", " ")[:LONGEST_LINE]
        if others := sorted(set(os.listdir(folder)) - {path.name}):
            outcome = f"{WRONG} wrote {others}"
        os.write(telling, outcome.encode() + b"\n")


def fuzz(count: int, first: int = 0) -> dict[str, object]:
    """`count` mutants from number `first` on: how many of each outcome, and the numbers of those that went wrong."""
    names = [name for name, _ in seeds()]
    data = [seed for _, seed in seeds()]
    outcomes: Counter[str] = Counter()
    wrong: dict[str, list[str]] = {}
    started_s = time.monotonic()
    number, end = first, first + count
    with tempfile.TemporaryDirectory(prefix="transcriber-fuzz-") as folder:
        while number < end:
            for outcome in read_apart(range(number, min(number + TOGETHER, end)), Path(folder)):
                outcomes[outcome.split(" ")[0]] += 1
                if outcome.startswith(WRONG):
                    wrong.setdefault(outcome, []).append(f"{number} ({names[mutant(data, number)[0]]})")
                number += 1
    took_s = round(time.monotonic() - started_s, 1)
    return {
        "count": count,
        "seeds": len(names),
        "outcomes": dict(outcomes.most_common()),
        "took_s": took_s,
        "wrong": wrong,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first mutant")
    parser.add_argument("--only", type=int, help="one mutant, in this process")
    parser.add_argument("--keep", type=Path, help="where to write that one")
    options = parser.parse_args()
    if options.only is not None:
        chosen, damaged = mutant([data for _, data in seeds()], options.only)
        path = options.keep or Path(tempfile.mkdtemp()) / "recording"
        path.write_bytes(damaged)
        print(seeds()[chosen][0], path, read(path))
        return
    report = fuzz(options.count, options.first)
    print(json.dumps(report, indent=1))
    sys.exit(1 if report["wrong"] else 0)


if __name__ == "__main__":
    main()
