"""The command line: `transcribe RECORDING... -o DIR`.

Paths of written files go to standard output, everything else to standard error. Exit status: 0 if every recording was
written, 1 if any failed, 2 for a wrong command line, 130 after Ctrl-C.
"""

from __future__ import annotations

import os
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from transcriber import Options, TranscriberError, transcribe
from transcriber import Progress as Report
from transcriber.errors import OptionError
from transcriber.files import stem_for
from transcriber.options import FORMATS, Device, Level, Size

if TYPE_CHECKING:
    from transcriber.notate.edits import Edit
    from transcriber.score import Score

STAGES = {"read": "reading", "listen": "listening", "notate": "writing down", "engrave": "engraving"}
MIDI_RESULTS = (".mid", ".quantized.mid")
LONGEST_SHOWN_NAME = 60  # characters: leaves room for the message on one line of a wide terminal

app = typer.Typer(add_completion=False)


@app.command()
def command(
    recordings: Annotated[
        list[Path], typer.Argument(metavar="RECORDING", help="Audio, video or MIDI files.", show_default=False)
    ],
    directory: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the results.")] = Path(
        "scores"
    ),
    formats: Annotated[
        str, typer.Option(metavar="LIST", help="Which results to write, with commas between.")
    ] = ",".join(FORMATS),
    title: Annotated[
        str | None, typer.Option(help="Printed above the score; the file's name if left out.", show_default=False)
    ] = None,
    composer: Annotated[str, typer.Option(help="Printed at the right.", show_default=False)] = "",
    metre: Annotated[
        str | None, typer.Option(metavar="3/4", help="Time signature, if known.", show_default=False)
    ] = None,
    key: Annotated[
        str | None, typer.Option(metavar="'Bb major'", help="Key signature, if known.", show_default=False)
    ] = None,
    level: Annotated[Level, typer.Option(help="simple: for learners.")] = "full",
    chords: Annotated[bool, typer.Option("--chords", help="Print chord symbols above the staff.")] = False,
    note_names: Annotated[bool, typer.Option("--note-names", help="Print a letter for every note.")] = False,
    fingering: Annotated[bool, typer.Option("--fingering", help="Print a finger for every note.")] = False,
    pedal: Annotated[bool, typer.Option(help="Print pedal marks.")] = True,
    transpose: Annotated[
        int, typer.Option(metavar="SEMITONES", help="Write it higher, or lower with a minus.", show_default=False)
    ] = 0,
    size: Annotated[Size, typer.Option(help="large: for beginners; largest: for a telephone.")] = "normal",
    device: Annotated[Device, typer.Option(help="Where the network runs.")] = "auto",
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            metavar="MODEL.safetensors",
            help="Note model of your own.",
            exists=True,
            dir_okay=False,
            show_default=False,
        ),
    ] = None,
    edits: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help="Corrections.", exists=True, dir_okay=False, show_default=False),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show failures only.")] = False,
    _version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=lambda shown: _show_version(shown), help="Show and end."),
    ] = False,
) -> None:
    """Write sheet music from piano recordings."""
    try:
        options = Options(
            formats=tuple(name.strip() for name in formats.split(",") if name.strip()),
            title=title,
            composer=composer,
            metre=metre,
            key=key,
            level=level,
            chords=chords,
            note_names=note_names,
            fingering=fingering,
            pedal=pedal,
            transpose=transpose,
            size=size,
            device=device,
            checkpoint=checkpoint,
            edits=_read_edits(edits),
        )
        stems = distinct_stems(recordings)
        if "midi" in options.formats:
            _keep_recordings(recordings, directory, stems)
    except TranscriberError as error:
        raise typer.BadParameter(error.message) from error
    console = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)
    try:
        failures = sum(
            not _written(recording, directory, stem, options, console, quiet)
            for recording, stem in zip(recordings, stems, strict=True)
        )
    except KeyboardInterrupt:
        console.print("Stopped.")
        raise typer.Exit(130) from None
    raise typer.Exit(1 if failures else 0)


def main() -> None:
    app()


def _read_edits(path: Path | None) -> tuple[Edit, ...]:
    if path is None:
        return ()
    from transcriber.notate.edits import parse_edits

    return parse_edits(path.read_bytes())


def distinct_stems(recordings: list[Path]) -> list[str]:
    """What each recording's results are named after: two of one name, in any case, become NAME and NAME-2."""
    stems: list[str] = []
    taken: set[str] = set()
    for recording in recordings:
        stem = candidate = stem_for(recording.name)
        number = 1
        while candidate.casefold() in taken:
            number += 1
            candidate = f"{stem}-{number}"
        taken.add(candidate.casefold())
        stems.append(candidate)
    return stems


def _keep_recordings(recordings: list[Path], directory: Path, stems: list[str]) -> None:
    """A MIDI recording may have the name of a result, its own or another's. Raises OptionError."""
    results = {os.path.realpath(directory / f"{stem}{suffix}") for stem in stems for suffix in MIDI_RESULTS}
    for recording in recordings:
        if os.path.realpath(recording) in results and os.path.exists(recording):
            raise OptionError(f"A result would replace the recording {recording}; choose another folder with -o.")


def printable(text: str, longest: int) -> str:
    """Text that can neither move the cursor nor fill the screen: it may come from a stranger's file name."""
    shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return shown if len(shown) <= longest else f"{shown[: longest // 2]}…{shown[-longest // 2 :]}"


def _written(recording: Path, directory: Path, stem: str, options: Options, console: Console, quiet: bool) -> bool:
    """Transcribe one recording; a failure is told in one line and must not keep the others from being done."""
    name = printable(recording.name or str(recording), LONGEST_SHOWN_NAME)
    try:
        with _progress(name, console, quiet) as report:
            transcription = transcribe(recording, options, report)
            paths = transcription.write(directory, options.formats, stem, report)
    except TranscriberError as error:
        console.print(f"{name}: {error.message} [{error.code}]")
        return False
    except Exception:  # noqa: BLE001 - whatever else goes wrong belongs in a log, not on a musician's screen
        console.print(f"{name}: an unexpected error; please report it with the file {_log_error()} [internal-error]")
        return False
    for warning in () if quiet else transcription.warnings:
        console.print(f"{name}: warning: {warning}")
    if console.is_terminal and not quiet and options.metre is None:
        console.print(f"{name}: {_metres_in_words(transcription.score)}")
    for path in paths:
        typer.echo(path)
    return True


def _metres_in_words(score: Score) -> str:
    """In which metre it is written, and how to get another."""
    written, _ = Counter(measure.time for measure in score.measures).most_common(1)[0]
    *others, last = map(str, score.other_metres)
    choice = f"{', '.join(others)} or {last}" if others else last
    return f"written in {written}; if the bars are wrong, try --metre {choice}"


@contextmanager
def _progress(name: str, console: Console, quiet: bool) -> Iterator[Report]:
    """A bar that starts afresh for every stage; nothing where standard error is no terminal."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn())
    with Progress(
        *columns, console=console, transient=True, redirect_stdout=False, disable=quiet or not console.is_terminal
    ) as bars:
        bar = bars.add_task(name, total=1.0)
        yield lambda stage, share: bars.update(bar, description=f"{name}: {STAGES[stage]}", completed=share)


def _log_error() -> Path:
    with tempfile.NamedTemporaryFile("w", prefix="transcribe-", suffix=".log", delete=False, encoding="utf-8") as log:
        traceback.print_exc(file=log)
    return Path(log.name)


def _show_version(shown: bool) -> None:
    if shown:
        from importlib.metadata import version

        typer.echo(version("transcriber"))
        raise typer.Exit
