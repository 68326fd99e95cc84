"""A system's answers for every file of a data set, scored file by file, on several processors, to be taken up again.

A run is a folder. `run.json` says what was run; `files/NAME.json.gz` holds one file's reference, answer, scores and
times, written whole or not at all, so that a run that was stopped goes on where it ended. A stored result counts only
as long as the files that it came from have not changed.

A file of the data set that cannot be used (missing, unreadable, empty, mismatched) is named and counted, and not
scored. A file for which the system has no answer is scored as an empty answer, and named too: a system must not look
better for failing where it is hard.
"""

from __future__ import annotations

import gzip
import json
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from eval.labeldelay import label_delay_s
from eval.notes import Counts, Reference, scores_of
from eval.references import UnusableFile, delayed, read_reference, sound_of
from eval.systems import Answer, System, SystemFailure
from transcriber.errors import TranscriberError
from transcriber.performance import Performance, decode_performance, encode_performance

FORMAT = 1  # of the stored results; a change makes older ones be computed again
MOST_DISAGREEMENT_S = 1.0  # between the length of a recording and what its data set says; MAESTRO's own stay below 0.1
MOST_OVERHANG_S = 5.0  # of the last release beyond the end of the sound; released keys outlast cut recordings a little
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Item:
    """One recording of a data set. `name` is its path within it, without suffix.

    `duration_s` and `rates` are what the data set says of its sound, where it does. `delay_s` is how early the labels
    are known to be; `aligns` asks for it to be measured.
    """

    name: str
    audio: Path
    labels: Path
    duration_s: float | None = None
    rates: tuple[int, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)
    delay_s: float | None = None
    aligns: bool = False


@dataclass(frozen=True)
class Result:
    """One scored file. `aligned` are the scores with the constant delay of its labels removed, where one is known."""

    name: str
    facts: dict[str, str]
    duration_s: float
    wall_s: float
    cpu_s: float
    warnings: tuple[str, ...]
    failure: str | None
    scores: dict[str, Counts]
    delay_s: float | None
    aligned: dict[str, Counts] | None
    reference: Reference
    estimate: Performance


@dataclass(frozen=True)
class Problem:
    """A file that could not be scored, and why."""

    name: str
    kind: str
    message: str


@dataclass(frozen=True)
class Run:
    """What a run has to say: results in the order of the items, problems in the same order."""

    header: dict[str, Any]
    results: tuple[Result, ...]
    problems: tuple[Problem, ...]


class OtherRun(Exception):
    """The folder holds results of something else."""


Progress = Callable[[Item, Result | Problem], None]


def run(
    items: Sequence[Item],
    system: System,
    folder: Path,
    header: dict[str, Any],
    *,
    jobs: int = 1,
    on_result: Progress | None = None,
) -> Run:
    """Every item scored; what `folder` holds already is taken from there.

    Raises OtherRun where the folder belongs to another system or data set. An interruption leaves what is done.
    """
    tell = on_result or (lambda item, result: None)
    _open_folder(folder, header)
    found: dict[str, Result | Problem] = {}
    waiting = []
    for item in items:
        stored = _stored(folder, item, system)
        if stored is None:
            waiting.append(item)
        else:
            found[item.name] = stored
            tell(item, stored)
    with workers(min(jobs, len(waiting))) as pool:
        futures = {pool.submit(_evaluate_and_store, item, system, folder): item for item in waiting}
        for future in as_completed(futures):
            item = futures[future]
            found[item.name] = future.result()
            tell(item, found[item.name])
    ordered = [found[item.name] for item in items]
    return Run(
        header,
        tuple(outcome for outcome in ordered if isinstance(outcome, Result)),
        tuple(outcome for outcome in ordered if isinstance(outcome, Problem)),
    )


def load_run(folder: Path) -> Run:
    """A run from its folder alone, without the data set. Raises FileNotFoundError where it is none."""
    header = json.loads((folder / "run.json").read_text())
    results = [decode(path.read_bytes())[1] for path in sorted((folder / "files").rglob("*.json.gz"))]
    problems = [Problem(**entry) for entry in header.pop("problems", [])]
    wanted = set(header.pop("scored", []))
    return Run(header, tuple(result for result in results if result.name in wanted), tuple(problems))


def close_run(folder: Path, finished: Run) -> None:
    """Note in `run.json` which files belong to the run, once it is complete."""
    header = finished.header | {
        "scored": [result.name for result in finished.results],
        "problems": [asdict(problem) for problem in finished.problems],
    }
    _write(folder / "run.json", json.dumps(header, indent=1).encode())


def evaluate(item: Item, system: System) -> Result | Problem:
    """Check, hear and score one file."""
    try:
        played = read_reference(item.labels)
        duration_s, warnings = _checked_sound(item, played)
    except UnusableFile as cause:
        return Problem(item.name, cause.kind, str(cause))
    try:
        answer, failure = system.answer(item.audio, item.name), None
    except SystemFailure as cause:
        answer, failure = Answer(Performance(())), str(cause)
    delay_s = item.delay_s
    if delay_s is None and item.aligns:
        try:
            delay_s = label_delay_s(item.audio, played.performance)
        except TranscriberError as cause:
            return Problem(item.name, "unreadable", f"{item.audio.name} cannot be read: {cause.message}")
    return Result(
        name=item.name,
        facts=item.facts,
        duration_s=duration_s,
        wall_s=answer.wall_s,
        cpu_s=answer.cpu_s,
        warnings=(*warnings, *answer.warnings),
        failure=failure,
        scores=scores_of(played, answer.performance),
        delay_s=delay_s,
        aligned=None if delay_s is None else scores_of(delayed(played, delay_s), answer.performance),
        reference=played,
        estimate=answer.performance,
    )


def encode(result: Result, origin: dict[str, Any]) -> bytes:
    """Gzipped JSON, byte for byte the same for the same result."""
    stored = {
        "format": FORMAT,
        "origin": origin,
        "name": result.name,
        "facts": result.facts,
        "duration_s": result.duration_s,
        "wall_s": result.wall_s,
        "cpu_s": result.cpu_s,
        "warnings": result.warnings,
        "failure": result.failure,
        "scores": _plain(result.scores),
        "delay_s": result.delay_s,
        "aligned": None if result.aligned is None else _plain(result.aligned),
        "knows_keys": result.reference.knows_keys,
        "reference": json.loads(encode_performance(result.reference.performance)),
        "estimate": json.loads(encode_performance(result.estimate)),
    }
    return gzip.compress(json.dumps(stored, separators=(",", ":")).encode(), compresslevel=3, mtime=0)


def decode(data: bytes) -> tuple[dict[str, Any], Result]:
    """What it came from, and the result. Raises ValueError, KeyError or OSError for anything else."""
    stored = json.loads(gzip.decompress(data))
    if stored["format"] != FORMAT:
        raise ValueError(f"format {stored['format']} instead of {FORMAT}")
    result = Result(
        name=stored["name"],
        facts=stored["facts"],
        duration_s=stored["duration_s"],
        wall_s=stored["wall_s"],
        cpu_s=stored["cpu_s"],
        warnings=tuple(stored["warnings"]),
        failure=stored["failure"],
        scores=_counts(stored["scores"]),
        delay_s=stored["delay_s"],
        aligned=None if stored["aligned"] is None else _counts(stored["aligned"]),
        reference=Reference(decode_performance(json.dumps(stored["reference"]).encode()), stored["knows_keys"]),
        estimate=decode_performance(json.dumps(stored["estimate"]).encode()),
    )
    return stored["origin"], result


def _checked_sound(item: Item, played: Reference) -> tuple[float, tuple[str, ...]]:
    """Length of the sound, and what is odd about it. Raises UnusableFile where it cannot belong to the labels."""
    duration_s, rate = sound_of(item.audio)
    if item.duration_s is not None and abs(duration_s - item.duration_s) > MOST_DISAGREEMENT_S:
        raise UnusableFile(
            "mismatched",
            f"{item.audio.name} lasts {duration_s:.1f} s at {rate} Hz; the data set says {item.duration_s:.1f} s",
        )
    last_s = max(note.onset_s for note in played.performance.notes)
    if last_s > duration_s + MOST_OVERHANG_S:
        raise UnusableFile(
            "mismatched", f"{item.audio.name} lasts {duration_s:.1f} s; its labels go on until {last_s:.1f} s"
        )
    if item.rates and rate not in item.rates:
        published = " or ".join(str(value) for value in item.rates)
        return duration_s, (f"{item.audio.name} has a sample rate of {rate} Hz; it was published at {published} Hz.",)
    return duration_s, ()


@contextmanager
def workers(count: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that use one thread each, since they share the processors among themselves.

    Even one file at a time is heard in a process of its own: an interruption then reaches this one, which only waits,
    and not the middle of a decoder that swallows it. Files at hand are finished and stored before it is passed on.
    """
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(THREADS)
    context = get_context("forkserver")
    context.set_forkserver_preload(["eval.runner"])  # what every worker needs is imported once
    pool = ProcessPoolExecutor(max(1, count), context, _ignore_interrupts)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _ignore_interrupts() -> None:
    """Ctrl-C reaches every process of the terminal; the first one decides, and the others finish their file."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _evaluate_and_store(item: Item, system: System, folder: Path) -> Result | Problem:
    origin = _origin(item, system)
    outcome = evaluate(item, system)
    if isinstance(outcome, Result) and outcome.failure is None:
        _write(_place(folder, item.name), encode(outcome, origin))
    return outcome


def _stored(folder: Path, item: Item, system: System) -> Result | None:
    try:
        origin, result = decode(_place(folder, item.name).read_bytes())
    except (OSError, ValueError, KeyError, EOFError):
        return None
    return result if origin == _origin(item, system) else None


def _origin(item: Item, system: System) -> dict[str, Any]:
    """What a result depends on, besides the system itself."""
    stamps = [stamp(path) for path in (item.audio, item.labels, system.answer_file(item.name))]
    return {"files": stamps, "delay_s": item.delay_s, "aligns": item.aligns}


def stamp(path: Path | None) -> list[int] | None:
    """Size and time of a file, by which its change is noticed; None where there is none."""
    try:
        status = path.stat() if path is not None else None
    except OSError:
        return None
    return None if status is None else [status.st_size, status.st_mtime_ns]


def _open_folder(folder: Path, header: dict[str, Any]) -> None:
    place = folder / "run.json"
    if place.exists():
        known = json.loads(place.read_text())
        for key in ("data set", "system", "identity"):
            if known.get(key) != header[key]:
                raise OtherRun(
                    f"{folder} holds a run with another {key} ({known.get(key)} instead of {header[key]}); "
                    "choose another folder with --out, or remove it."
                )
        return
    _write(place, json.dumps(header, indent=1).encode())


def _place(folder: Path, name: str) -> Path:
    return folder / "files" / f"{name}.json.gz"


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.write_bytes(data)
    partial.replace(path)


def _plain(scores: dict[str, Counts]) -> dict[str, list[int]]:
    return {name: [counts.right, counts.estimated, counts.reference] for name, counts in scores.items()}


def _counts(stored: dict[str, list[int]]) -> dict[str, Counts]:
    return {name: Counts(*values) for name, values in stored.items()}
