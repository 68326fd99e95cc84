"""Whether each part of an installation works, found out by using it once."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from kombu.exceptions import OperationalError

from transcriber.errors import NoNotes, TranscriberError
from worker.child import ChildFault
from worker.queues import BROKER_WAIT_S
from worker.schema import MIGRATIONS
from worker.services import Services

LEAST_FREE_BYTES = 5 * 1024**3  # a few of the largest uploads and their results
PROBE = b"probe"


class Unfit(Exception):
    """A part that does not work; the sentence says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`problem` is None where the part works."""

    part: str
    problem: str | None


Check = Callable[[Services], None]


def find_out(services: Services, checks: dict[str, Check]) -> list[Finding]:
    return [Finding(part, _problem(services, check)) for part, check in checks.items()]


def _problem(services: Services, check: Check) -> str | None:
    try:
        check(services)
    except (Unfit, TranscriberError) as error:
        return str(error)
    except (ChildFault, OperationalError, OSError, ValueError, sa.exc.SQLAlchemyError) as error:
        first_line = (str(error).strip().splitlines() or [""])[0]
        return f"{type(error).__name__}: {first_line}"
    return None


def check_database(services: Services) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    newest = ScriptDirectory.from_config(config).get_current_head()
    with services.engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    if found != newest:
        raise Unfit(f"The database is at revision {found}, not {newest}; run `transcriber-serve migrate`.")


def check_storage(services: Services) -> None:
    """Write, read and delete."""
    id = uuid.uuid4().hex
    try:
        with services.storage.create(f"{id}/probe") as file:
            file.write(PROBE)
        with services.storage.open(f"{id}/probe") as file:
            if file.read() != PROBE:
                raise Unfit("The storage does not give back what was written to it.")
    finally:
        services.storage.delete(id)


def check_broker(services: Services) -> None:
    with services.celery.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, interval_start=0, timeout=BROKER_WAIT_S)


def check_space(services: Services) -> None:
    if "://" in services.settings.storage_address:
        return
    folder = Path(services.settings.storage_address)
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE_BYTES:
        raise Unfit(f"Only {free / 1e9:.1f} GB are free below {folder}; make room or set TRANSCRIBER_STORAGE.")


def check_model_files(services: Services) -> None:
    from importlib.util import find_spec

    for package in ("transcriber.listen", "transcriber.notate"):
        spec = find_spec(package)
        folders = list(spec.submodule_search_locations or ()) if spec else []
        if not any(entry.endswith(".safetensors") for folder in folders for entry in os.listdir(f"{folder}/weights")):
            raise Unfit(f"The weights of {package} are missing; install the package again.")


def check_decoder(services: Services) -> None:
    """A second of a tone through the decoder's child process."""
    import math
    import struct
    import tempfile

    from worker.decoding import decode

    sound = b"".join(struct.pack("<h", round(9000 * math.sin(0.2 * place))) for place in range(16_000))
    head = struct.pack("<4sI8sIHHIIHH4sI", b"RIFF", 36 + len(sound), b"WAVEfmt ", 16, 1, 1, 16_000, 32_000, 2, 16,
                       b"data", len(sound))  # fmt: skip
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        file.write(head + sound)
        file.flush()
        decode(Path(file.name), longest_s=60.0)


def check_listening(services: Services) -> None:
    from worker.stages import warm_up

    warm_up(services.settings.device, services.settings.checkpoint)


def check_engraving(services: Services) -> None:
    """Five notes, from notation to the files of a score."""
    from transcriber.notate import notate
    from transcriber.performance import Note, Performance
    from worker.engraving import engraver

    notes = tuple(Note(0.5 * place, 0.5 * place + 0.4, 60 + place, 70) for place in range(5))
    played = Performance(notes, (), 3.0)
    with engraver() as press:
        press.begin(notate(played), played)
        files = press.files()
    if ".pdf" not in files:
        raise NoNotes("Engraving gave no PDF.")


READINESS: dict[str, Check] = {
    "database": check_database,
    "storage": check_storage,
    "broker": check_broker,
    "model": check_model_files,
}
EVERYTHING: dict[str, Check] = {
    "space": check_space,
    **READINESS,
    "decoding": check_decoder,
    "listening": check_listening,
    "engraving": check_engraving,
}
