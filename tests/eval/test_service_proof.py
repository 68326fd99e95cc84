"""What load and chaos report: that they count what was lost, and notice whatever must not be."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
import typer
from sqlalchemy.exc import OperationalError

import worker.tasks as tasks
from eval import chaos_clients
from eval.chaos_clients import Outcome, send_in_pieces
from eval.image_replay import refuse_mounts
from eval.service_chaos import findings, remains
from eval.service_files import FolderFiles
from eval.service_load import load
from eval.service_memory import MemoryWatch
from eval.service_setup import Setup, Supervised
from tests.api.live import serving
from tests.worker.pumped import PumpedServices, queue_job
from tests.worker.test_tasks import hear, write
from worker.job import Task
from worker.schema import jobs
from worker.settings import Settings
from worker.storage import read_blob, write_blob


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PumpedServices:
    monkeypatch.setattr(tasks, "listen_to", hear)
    monkeypatch.setattr(tasks, "write_down", write)
    return PumpedServices(Settings(data_dir=tmp_path / "data", host="0.0.0.0"))


@pytest.fixture
def setup(services: PumpedServices, tmp_path: Path) -> Setup:
    """Its only process has logged that its only job is done."""
    id = queue_job(services.jobs).id
    services.send(id, Task.LISTEN)
    services.pump()
    files = FolderFiles(Path(services.settings.storage_address))
    (tmp_path / "temporary").mkdir()
    setup = Setup("", files, tmp_path / "temporary", services.settings.database)
    setup.processes["all"] = Supervised("all", [], {}, tmp_path / "all.log")
    setup.processes["all"].log.write_text(json.dumps({"event": "job done", "job": id}) + "\n")
    return setup


def only_id(services: PumpedServices) -> str:
    with services.engine.connect() as connection:
        return str(connection.execute(sa.select(jobs.c.id)).scalar_one())


def changed(**values: object) -> Callable[[PumpedServices, Setup], None]:
    def change(services: PumpedServices, setup: Setup) -> None:
        with services.engine.begin() as connection:
            connection.execute(sa.update(jobs).values(**values))

    return change


def stored(id: str | None, name: str) -> Callable[[PumpedServices, Setup], None]:
    return lambda services, setup: write_blob(services.storage, f"{id or only_id(services)}/{name}", b"x")


def ended_again(services: PumpedServices, setup: Setup) -> None:
    log = setup.processes["all"].log
    log.write_text(log.read_text() * 2)


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (None, None),
        (changed(state="running"), "is running"),
        (changed(state="failed"), "failed without a reason"),
        (changed(owner="host/1/a"), "still has an owner"),
        (ended_again, "ended 2 times"),
        (lambda services, _: services.storage.drop(f"{only_id(services)}/score.pdf"), "lacks ['score.pdf']"),
        (stored(None, "piece-0-abc"), "keeps 1 pieces"),
        (stored("f" * 32, "score.pdf"), "which is no job"),
        (lambda services, _: queue_job(services.jobs), "1 recordings made 2 jobs"),
    ],
)
def test_what_must_not_be_is_told(
    services: PumpedServices, setup: Setup, harm: Callable[[PumpedServices, Setup], None] | None, told: str | None
) -> None:
    outcome = Outcome(jobs={0: only_id(services)})
    if harm is not None:
        harm(services, setup)
    wrong = findings(setup, outcome, 1)["wrong"]
    assert (wrong == []) if told is None else any(told in sentence for sentence in wrong), wrong


def test_whatever_remains_is_told(services: PumpedServices, setup: Setup) -> None:
    (setup.temporary / "recording.wav").touch()
    assert [what.split(" ")[0] for what in remains(setup)] == ["row", "files", "temporary"]


def test_an_upload_in_pieces_goes_on_where_it_broke(services: PumpedServices, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chaos_clients, "PIECE_BYTES", 10)
    monkeypatch.setattr(chaos_clients, "PIECE_WAIT_S", 0.0)
    monkeypatch.setattr(chaos_clients, "RETRY_WAIT_S", 0.0)
    real, calls = services.uploads.add, []

    def add(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 3:
            raise OperationalError("UPDATE jobs", {}, OSError("connection refused"))
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(services.uploads, "add", add)
    outcome, data = Outcome(), bytes(range(45))
    with serving(services) as address:
        id = send_in_pieces(address, "a.wav", data, outcome)
    assert read_blob(services.storage, f"{id}/recording.wav") == data
    assert (outcome.resumed, outcome.begun_anew, dict(outcome.repeats)) == (1, 0, {"piece: 503": 1})


@pytest.fixture
def pumping(services: PumpedServices) -> Iterator[None]:
    """A worker."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.02):
            services.pump()

    worker = threading.Thread(target=work)
    worker.start()
    yield
    stop.set()
    worker.join()


@pytest.mark.usefixtures("pumping")
def test_load_counts_every_job_once(services: PumpedServices, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.service_load.POLL_S", 0.02)
    monkeypatch.setattr("eval.service_load.IDLE_PROBES", 5)
    with serving(services) as address:
        report = load(address, {"service": os.getpid()}, jobs=6, clients=3, midi_share=1.0)
    assert (report["accepted"], report["done"], report["lost"], report["doubled"], report["refused"]) == (
        6,
        6,
        0,
        0,
        [],
    )
    assert report["answers"] >= 6
    assert len(report["memory_mb"]["service"]["own"]) == 5


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")
def test_memory_of_a_process_and_of_those_below_it() -> None:
    watch = MemoryWatch({"tests": os.getpid()})
    watch.look()
    holding = "data = b'x' * 50_000_000; print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", holding], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        watch.look()
        child.communicate(b"\n")
    before, after = watch.looks["tests"]["below"]
    assert 45 < after - before < 150
    assert watch.looks["tests"]["own"][0] > 20


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for mounts in /proc")
def test_a_folder_in_which_another_is_shown_is_not_deleted(tmp_path: Path) -> None:
    refuse_mounts(tmp_path)
    with pytest.raises(typer.BadParameter, match="umount"):
        refuse_mounts(Path("/"))
