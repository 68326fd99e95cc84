"""What listening costs and what bounds it, on one core, in one run.

    python -m eval.profile_listen [--checkpoint FILE] [--minutes 1 --minutes 10 ...]

CPU-seconds for each second of audio by part; multiply-adds, and how far the network is from what the same core reaches
in a matrix product; time from starting Python to the first note; with `--minutes`, the peak memory of reading
and transcribing recordings of those lengths. The recording is the example of the repository, repeated.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import soundfile
import torch
import typer
from torch.utils.flop_counter import FlopCounterMode

from transcriber.audio import load
from transcriber.listen import check, level
from transcriber.listen.checkpoint import SHIPPED
from transcriber.listen.checkpoint import load as load_checkpoint
from transcriber.listen.context import in_context
from transcriber.listen.decode import decode
from transcriber.listen.features import FRAME_S, HOP, SAMPLE_RATE, Spectrograms
from transcriber.listen.infer import BORDER_FRAMES, CHUNK_FRAMES, WINDOW_FRAMES, answered, chunks, cut
from transcriber.listen.touch import weighed
from transcriber.listen.tuning import find_tuning
from transcriber.precision import autocast, multiplies_bfloat16

EXAMPLE = Path(__file__).parent.parent / "examples" / "minuet.m4a"
REPEATS = 5  # of each measurement; the fastest counts, the others met other work on the machine
MATRIX = 2048
PROFILED_S = 60
FIRST_NOTE = """
import sys, time
from eval.timed_listener import peak_mb
from transcriber.audio import load
from transcriber.listen import listen
from pathlib import Path
recording = load(sys.argv[1])
notes = listen(recording, device="cpu", checkpoint=Path(sys.argv[2])).notes
print(len(notes), time.process_time(), peak_mb())
"""


def fastest(work: Callable[[], object]) -> float:
    """CPU-seconds of the fastest of REPEATS runs."""
    taken = []
    for _ in range(REPEATS):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return min(taken)


@torch.no_grad()
def costs(checkpoint: Path) -> None:
    model = load_checkpoint(checkpoint)
    spectrograms = Spectrograms()
    samples = np.resize(load(EXAMPLE).samples, PROFILED_S * SAMPLE_RATE)
    chunk = chunks(len(samples) // HOP + 1)[1]
    sound = torch.from_numpy(cut(samples, chunk) * np.float32(level.gain(samples)))[None]
    pictures = spectrograms(sound)[:, :, WINDOW_FRAMES:-WINDOW_FRAMES]
    answers = list(answered(samples, model.network, spectrograms, torch.device("cpu")))
    curves = list(in_context(answers, model.network.reader))

    def answer() -> object:
        with autocast(torch.device("cpu")):
            return model.network(pictures)

    kept_s = (chunk.kept.stop - chunk.kept.start) * FRAME_S
    notes = decode(curves, model.decoder).notes
    listened = {
        "features": fastest(lambda: spectrograms(sound)) / kept_s,
        "network": fastest(answer) / kept_s,
        "context": fastest(lambda: list(in_context(answers, model.network.reader))) / PROFILED_S,
        "decoding": fastest(lambda: decode(check.Tally().passing(curves), model.decoder)) / PROFILED_S,
        "velocities": fastest(lambda: weighed(notes)) / PROFILED_S,
        "tuning": fastest(lambda: find_tuning(samples)) / PROFILED_S,
        "noise and clipping": fastest(lambda: (check.signal_to_noise(samples), check.clipped_share(samples)))
        / PROFILED_S,
    }
    typer.echo("CPU-seconds for each second of audio:")
    for name, seconds in (*listened.items(), ("all", sum(listened.values()))):
        typer.echo(f"  {name:20} {seconds:.4f}  {seconds / sum(listened.values()):4.0%}")
    share = 2 * BORDER_FRAMES / (CHUNK_FRAMES + 2 * BORDER_FRAMES)
    typer.echo(f"  {share:.0%} of features and network are borders that chunks share")

    with FlopCounterMode(display=False) as counter:
        answer()
    operations = counter.get_total_flops()
    matrix = torch.randn(MATRIX, MATRIX)
    if multiplies_bfloat16(torch.device("cpu")):
        matrix = matrix.bfloat16()
    peak = 2 * MATRIX**3 / fastest(lambda: matrix @ matrix)
    reached = operations / (listened["network"] * kept_s)
    typer.echo(
        f"network: {operations / 2 / kept_s / 1e9:.2f} G multiply-adds for each second of audio, "
        f"{reached / 2e9:.0f} G/s reached, {peak / 2e9:.0f} G/s in a {matrix.dtype} product of {MATRIX} x {MATRIX}: "
        f"{reached / peak:.0%} of the arithmetic limit"
    )


def footprint(checkpoint: Path, seconds: float) -> tuple[int, float, float, float]:
    """Notes, wall and CPU seconds, and peak MB of a fresh process that transcribes a recording of `seconds`."""
    samples = load(EXAMPLE).samples
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.wav"
        soundfile.write(path, np.resize(samples, round(seconds * SAMPLE_RATE)), SAMPLE_RATE)
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", FIRST_NOTE, str(path), str(checkpoint)], capture_output=True, text=True, check=True
        )
        wall_s = time.monotonic() - started
    notes, cpu_s, megabytes = done.stdout.split()
    return int(notes), wall_s, float(cpu_s), float(megabytes)


def main(
    checkpoint: Annotated[Path, typer.Option(help="A trained note model.")] = SHIPPED,
    minutes: Annotated[list[float] | None, typer.Option(help="Measure the memory for a recording this long.")] = None,
) -> None:
    torch.set_num_threads(1)
    costs(checkpoint)
    notes, wall_s, cpu_s, megabytes = footprint(checkpoint, 5.0)
    typer.echo(f"start-up to the notes of 5 s: {wall_s:.1f} s ({cpu_s:.1f} CPU-seconds), {megabytes:.0f} MB")
    for length in minutes or ():
        notes, wall_s, cpu_s, megabytes = footprint(checkpoint, 60 * length)
        sound = 60 * length * SAMPLE_RATE * 4 / 2**20
        typer.echo(
            f"{length:g} min: {notes} notes, {megabytes:.0f} MB at most, {megabytes - sound:.0f} MB without the sound, "
            f"{cpu_s / length / 60:.3f} CPU-seconds for each second"
        )


if __name__ == "__main__":
    typer.run(main)
