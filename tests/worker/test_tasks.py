"""How a task ends: each way leaves one clear row, and files only where a job still wants them."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

import worker.tasks as tasks
from tests.worker.pumped import PumpedServices, queue_job
from transcriber.errors import EngravingError, NotAudio
from transcriber.options import Device
from worker.job import MAX_ATTEMPTS, Job, Stage, State, Task
from worker.lease import TOOK_TOO_LONG, Lease, LeaseLost, Stopping
from worker.settings import Settings
from worker.stages import Heard, Report, Written
from worker.storage import BucketStorage, Storage, write_blob
from worker.sweeper import Sweeper
from worker.tasks import perform

Listen = Callable[[Job, Storage, Device, float, Report], Heard]


def hear(
    job: Job, storage: Storage, device: Device, max_duration_s: float, report: Report, checkpoint: Path | None = None
) -> Heard:
    report(Stage.LISTEN, 0.5)
    write_blob(storage, f"{job.id}/performance.json", b"{}")
    return Heard(("The end is missing.",), 12.0)


def write(job: Job, storage: Storage, report: Report) -> Written:
    report(Stage.ENGRAVE, 0.5)
    write_blob(storage, f"{job.id}/score.pdf", b"%PDF")
    return Written({"score.pdf": 4}, 12.0)


@pytest.fixture
def settings(either: Settings) -> Settings:
    return either


@pytest.fixture(autouse=True)
def quick_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "listen_to", hear)
    monkeypatch.setattr(tasks, "write_down", write)
    monkeypatch.setattr(tasks, "RETRY_WAIT_S", (0.0, 0.0))


def listen_with(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Listening does `act` and then reports."""

    def listen(
        job: Job,
        storage: Storage,
        device: Device,
        max_duration_s: float,
        report: Report,
        checkpoint: Path | None = None,
    ) -> Heard:
        act()
        report(Stage.LISTEN, 0.7)
        return hear(job, storage, device, max_duration_s, report)

    monkeypatch.setattr(tasks, "listen_to", listen)


def blobs(services: PumpedServices) -> list[str]:
    if isinstance(services.storage, BucketStorage):
        services.storage.fs.invalidate_cache()
        return [str(path) for path in services.storage.fs.find(services.storage.root)]
    root = Path(services.settings.storage_address)
    return [str(path) for path in root.rglob("*") if path.is_file()]


def raising(error: BaseException) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


def test_recording_is_listened_to_and_then_written_down(services: PumpedServices, job: Job) -> None:
    services.send(job.id, Task.LISTEN)
    services.pump()
    done = services.job(job.id)
    assert (done.state, done.stage, dict(done.files)) == (State.DONE, Stage.ENGRAVE, {"score.pdf": 4})
    assert done.warnings == ("The end is missing.",)
    assert done.duration_s == 12.0


def test_midi_file_goes_straight_to_notation(services: PumpedServices, monkeypatch: pytest.MonkeyPatch) -> None:
    listen_with(monkeypatch, raising(AssertionError("a MIDI file is not listened to")))
    job = queue_job(services.jobs, is_midi=True)
    services.send(job.id, job.task)
    services.pump()
    assert services.job(job.id).state is State.DONE


def test_repeated_and_stray_messages_do_nothing(services: PumpedServices, job: Job) -> None:
    messages = [(job.id, Task.LISTEN), (job.id, Task.NOTATE), (job.id, Task.LISTEN), ("0" * 32, Task.LISTEN)]
    services.sent = messages * 2
    services.pump()
    assert services.job(job.id).state is State.DONE
    assert services.job(job.id).attempts == 1


def test_fault_of_the_recording_is_not_tried_again(
    services: PumpedServices, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    listen_with(monkeypatch, raising(NotAudio("This is not a recording.")))
    services.send(job.id, Task.LISTEN)
    services.pump()
    failed = services.job(job.id)
    assert (failed.state, failed.attempts) == (State.FAILED, 1)
    assert (failed.error_code, failed.error_message) == ("not-audio", "This is not a recording.")


@pytest.mark.parametrize(
    ("error", "code"),
    [(ZeroDivisionError("secret"), "internal-error"), (EngravingError("No page."), "engraving-failed")],
)
def test_fault_of_the_machine_is_tried_three_times_and_then_told(
    services: PumpedServices, job: Job, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    listen_with(monkeypatch, raising(error))
    with capture_logs() as logs:
        for attempt in range(1, MAX_ATTEMPTS + 1):
            assert services.job(job.id).state is State.QUEUED
            services.send(job.id, Task.LISTEN)
            services.pump()
            assert services.job(job.id).attempts == attempt
    failed = services.job(job.id)
    assert (failed.state, failed.error_code) == (State.FAILED, code)
    assert "secret" not in (failed.error_message or "")
    assert len([line for line in logs if line["event"] == "task failed" and line["exc_info"]]) == MAX_ATTEMPTS


def test_passing_fault_of_the_machine_is_forgotten(
    services: PumpedServices, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = iter([OSError("disk away")])

    def act() -> None:
        for fault in faults:
            raise fault

    listen_with(monkeypatch, act)
    for _ in range(2):
        services.send(job.id, Task.LISTEN)
        services.pump()
    assert services.job(job.id).state is State.DONE


def test_database_that_is_away_costs_a_message_and_no_job(
    services: PumpedServices, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(task: Task, owner: str) -> None:
        raise OperationalError("UPDATE jobs", {}, OSError("connection refused"))

    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(services.jobs, "claim", away)
        perform(services, Task.LISTEN)
    assert [(line["event"], line["error"]) for line in logs] == [("database unreachable", "connection refused")]
    perform(services, Task.LISTEN)
    assert services.job(job.id).task is Task.NOTATE


def test_stopping_worker_hands_the_job_back_uncounted(
    services: PumpedServices, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    listen_with(monkeypatch, services.stopping.set)
    services.send(job.id, Task.LISTEN)
    services.pump()
    assert (services.job(job.id).state, services.job(job.id).attempts) == (State.QUEUED, 0)
    services.stopping.clear()
    monkeypatch.setattr(tasks, "listen_to", hear)
    Sweeper(services.jobs, services.storage, services.send).sweep()
    services.pump()
    assert services.job(job.id).state is State.DONE


def test_worker_told_to_exit_hands_the_job_back(
    services: PumpedServices, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    listen_with(monkeypatch, raising(SystemExit(0)))
    services.send(job.id, Task.LISTEN)
    with pytest.raises(SystemExit):
        services.pump()
    assert (services.job(job.id).state, services.job(job.id).attempts) == (State.QUEUED, 0)


def test_job_deleted_during_work_leaves_neither_row_nor_file(
    services: PumpedServices, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_blob(services.storage, f"{job.id}/recording.wav", b"RIFF")
    listen_with(monkeypatch, lambda: assert_true(services.jobs.cancel(job.id, "")))
    services.send(job.id, Task.LISTEN)
    services.pump()
    assert blobs(services) == []
    assert services.jobs.get(job.id, "") is None
    assert services.jobs.removable() == []
    assert services.sent == []


def assert_true(value: bool) -> None:
    assert value


def test_worker_that_lost_its_lease_leaves_the_result_of_the_other(
    services: PumpedServices, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtake() -> None:
        services.jobs.expire(tasks.process_name())
        services.jobs.requeue_stale()
        assert services.jobs.claim(Task.LISTEN, "other") is not None
        assert services.jobs.advance(job.id, "other", Task.NOTATE, [], 3.0) is not None

    listen_with(monkeypatch, overtake)
    services.send(job.id, Task.LISTEN)
    services.pump()
    assert services.job(job.id).duration_s == 3.0
    assert services.job(job.id).task is Task.NOTATE


def running(services: PumpedServices, job: Job) -> Job:
    claimed = services.jobs.claim(Task.LISTEN, "me")
    assert claimed is not None
    return claimed


def test_lease_tells_the_work_that_the_job_was_deleted(services: PumpedServices, job: Job) -> None:
    with Lease(services.jobs, running(services, job), "me", threading.Event(), 60.0, beat_s=0.01) as lease:
        lease.report(Stage.LISTEN, 0.25)
        wait_until(lambda: services.job(job.id).progress == 0.25)
        services.jobs.cancel(job.id, "")
        with pytest.raises(LeaseLost):
            report_until_stopped(lease)


def test_lease_tells_the_work_that_the_worker_is_stopping(services: PumpedServices, job: Job) -> None:
    stopping = threading.Event()
    with Lease(services.jobs, running(services, job), "me", stopping, 60.0) as lease:
        lease.report(Stage.LISTEN)
        stopping.set()
        with pytest.raises(Stopping):
            lease.report(Stage.LISTEN)


def test_overlong_work_fails_the_job_and_ends_the_process(
    services: PumpedServices, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = threading.Event()
    monkeypatch.setattr("worker.lease.os.kill", lambda pid, signal: killed.set())
    with Lease(services.jobs, running(services, job), "me", threading.Event(), 0.02, beat_s=0.01):
        assert killed.wait(30)
    assert services.job(job.id).error_code == TOOK_TOO_LONG


def report_until_stopped(lease: Lease) -> None:
    for _ in range(3000):
        lease.report(Stage.LISTEN, 0.5)
        threading.Event().wait(0.01)


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(3000):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("waited 30 s in vain")
