"""Corrections, views and names: accepted or refused at once, and never a moment without the last good files."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

import worker.tasks as tasks
from tests.worker.pumped import PumpedServices
from transcriber.errors import EngravingError
from transcriber.performance import Note, Performance, encode_performance
from worker.job import Job, State, Task, result_blob
from worker.stages import Report, Show, Written
from worker.storage import Storage, write_blob

URL = "/v1/transcriptions"
PLAYED = Performance(tuple(Note(0.5 * place, 0.5 * place + 0.4, 60 + place, 70) for place in range(8)), (), 4.0)
PAGES, LATER = ("score.page-1.svg", "score.sync.json"), ("score.pdf", "score.musicxml")


def idle(job: Job) -> None:
    """Nothing happens."""


class Press:
    """Draws what was asked for as text; does `between` after the pages, and `before` before them."""

    def __init__(self) -> None:
        self.drawn: list[int] = []
        self.before: Callable[[Job], None] = idle
        self.between: Callable[[Job], None] = idle

    def __call__(self, job: Job, storage: Storage, report: Report, show: Show | None = None) -> Written:
        self.drawn.append(job.drawing)
        write_blob(storage, f"{job.id}/performance.json", encode_performance(PLAYED))
        self.before(job)
        files = self.store(job, storage, PAGES)
        if show is not None:
            show(files)
        self.between(job)
        return Written(files | self.store(job, storage, LATER), 4.0)

    def store(self, job: Job, storage: Storage, names: tuple[str, ...]) -> dict[str, int]:
        text = f"{job.wishes.printed('title')} {len(job.wishes.edits)} {job.wishes.view.level}".encode()
        for name in names:
            write_blob(storage, f"{job.id}/{result_blob(name, job.drawing)}", text)
        return dict.fromkeys(names, len(text))


@pytest.fixture
def press(monkeypatch: pytest.MonkeyPatch) -> Press:
    press = Press()
    monkeypatch.setattr(tasks, "write_down", press)
    monkeypatch.setattr(tasks, "RETRY_WAIT_S", (0.0, 0.0))
    monkeypatch.setattr("worker.corrections.played", lambda job, storage: PLAYED)
    return press


@pytest.fixture
def done(client: TestClient, services: PumpedServices, press: Press, midi: bytes) -> Iterator[str]:
    """The address of a finished job."""
    files = {"recording": ("scale.mid", midi)}
    location = client.post(URL, files=files, data={"title": "Scale", "level": "simple"}).headers["location"]
    services.pump()
    yield location
    services.jobs.engine.dispose()


def put(client: TestClient, job: str, *edits: dict[str, Any], base: int = 0, **view: Any) -> Any:
    return client.put(f"{job}/score", json={"edits": list(edits), "view": view, "base": base})


def text(client: TestClient, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return answer.text


LEFT = {"edit": "hand", "source": 3, "hand": "left"}


def test_old_pages_until_the_new_ones(client: TestClient, services: PumpedServices, done: str) -> None:
    before = client.get(done).json()
    assert (before["state"], before["revision"], before["drawn"], before["may_edit"]) == ("done", 0, 0, True)
    assert before["view"]["level"] == "simple"
    changed = put(client, done, LEFT, chords=True).json()
    assert (changed["state"], changed["revision"], changed["drawn"]) == ("done", 1, 0)
    assert (changed["edits"], changed["view"]["chords"], changed["view"]["level"]) == ([LEFT], True, "full")
    assert changed["links"] == before["links"]
    assert text(client, changed["links"]["pdf"]) == "Scale 0 simple"
    services.pump()
    after = client.get(done).json()
    assert (after["state"], after["revision"], after["drawn"], after["redraw_error"]) == ("done", 1, 1, None)
    assert [text(client, after["links"][name]) for name in ("pdf", "sync")] == ["Scale 1 full"] * 2
    assert text(client, f"{done}/score.pdf") == "Scale 1 full"
    assert before["finished_at"] == after["finished_at"]


def test_pages_are_there_before_the_rest(client: TestClient, services: PumpedServices, press: Press, done: str) -> None:
    seen: list[dict[str, Any]] = []

    def look(job: Job) -> None:
        seen.append(client.get(done).json())
        assert text(client, seen[-1]["links"]["pages"][0]) == "Scale 1 full"
        late = client.get(f"{done}/score.pdf")
        assert (late.status_code, late.json()["code"]) == (409, "not-finished")

    press.between = look
    put(client, done, LEFT)
    services.pump()
    assert (seen[0]["state"], seen[0]["drawn"], seen[0]["links"]["pdf"]) == ("done", 1, None)
    assert client.get(done).json()["links"]["pdf"] == f"{done}/score.pdf?drawn=1"


def test_a_link_never_shows_another_revision(client: TestClient, services: PumpedServices, done: str) -> None:
    put(client, done, LEFT)
    services.pump()
    link = client.get(done).json()["links"]["pages"][0]
    put(client, done, base=1)
    assert text(client, link) == "Scale 1 full"
    services.pump()
    stale = client.get(link)
    assert (stale.status_code, stale.json()["code"]) == (409, "redrawn")


def test_files_of_earlier_revisions_are_deleted(client: TestClient, services: PumpedServices, done: str) -> None:
    for base in range(3):
        put(client, done, LEFT, base=base)
        services.pump()
    names = services.storage.names(done.rpartition("/")[2])
    assert {name.partition(".")[0] for name in names if "score" in name} == {"r3"}
    assert {"recording.mid", "performance.json"} <= set(names)


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        ({"edit": "hand", "source": 99, "hand": "left"}, "edit-conflict"),
        ({"edit": "respell", "source": 0, "step": "D", "alter": 0}, "edit-conflict"),
        ({"edit": "nonsense"}, "edit-conflict"),
        ({"edit": "key", "fifths": 40}, "edit-conflict"),
    ],
)
def test_impossible_edit_changes_nothing(
    client: TestClient, services: PumpedServices, done: str, edit: dict[str, Any], code: str
) -> None:
    before = client.get(done).json()
    answer = put(client, done, LEFT, edit)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert client.get(done).json() == before
    assert services.sent == []


@pytest.mark.parametrize("view", [{"level": "hard"}, {"transpose": 13}, {"size": 3}, {"colour": "red"}])
def test_impossible_view(client: TestClient, done: str, view: dict[str, Any]) -> None:
    assert put(client, done, **view).status_code == 422
    assert client.get(done).json()["revision"] == 0


def test_all_notes_deleted(client: TestClient, done: str) -> None:
    answer = put(client, done, *({"edit": "delete", "source": source} for source in range(8)))
    assert (answer.status_code, answer.json()["code"]) == (422, "no-notes")


def test_two_who_correct_at_once(client: TestClient, done: str) -> None:
    assert put(client, done, LEFT).status_code == 200
    late = put(client, done, base=0)
    assert (late.status_code, late.json()["code"]) == (409, "changed-meanwhile")
    assert client.get(done).json()["edits"] == [LEFT]


def test_unfinished_score_is_not_corrected(client: TestClient, press: Press, midi: bytes) -> None:
    job = client.post(URL, files={"recording": ("scale.mid", midi)}).headers["location"]
    answer = put(client, job)
    assert (answer.status_code, answer.json()["code"]) == (409, "not-finished")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"edits": {}, "base": 0}', b'{"edits": []}'])
def test_bodies_that_make_no_sense(client: TestClient, done: str, body: bytes) -> None:
    assert client.put(f"{done}/score", content=body).status_code == 422


def test_body_too_large(client: TestClient, done: str) -> None:
    answer = client.put(f"{done}/score", content=b" " * (1024 * 1024 + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "file-too-large")


def test_changed_again_while_it_is_drawn(client: TestClient, services: PumpedServices, press: Press, done: str) -> None:
    """Whatever is asked for while a worker draws is drawn next, and the last wish wins."""

    def hurry(job: Job) -> None:
        if job.drawing == 1:
            assert put(client, done, LEFT, LEFT, base=1).status_code == 200
            assert put(client, done, LEFT, base=2, level="simple").status_code == 200

    press.before = hurry
    put(client, done, LEFT)
    services.pump()
    assert press.drawn == [0, 1, 3]
    after = client.get(done).json()
    assert (after["revision"], after["drawn"]) == (3, 3)
    assert text(client, after["links"]["pdf"]) == "Scale 1 simple"


def failing_once(press: Press, error: Exception, times: int = 99) -> None:
    left = [times]

    def fail(job: Job) -> None:
        if job.drawing == 1 and left[0]:
            left[0] -= 1
            raise error

    press.before = fail


@pytest.mark.parametrize(
    ("error", "code"), [(EngravingError("It cannot be drawn."), "engraving-failed"), (ValueError(), "internal-error")]
)
def test_a_change_that_cannot_be_drawn_leaves_everything_as_it_was(
    client: TestClient, services: PumpedServices, press: Press, done: str, error: Exception, code: str
) -> None:
    failing_once(press, error)
    put(client, done, LEFT)
    services.pump()
    while services.job(done.rpartition("/")[2]).state is not State.DONE:
        services.sweeper.sweep()
        services.pump()
    after = client.get(done).json()
    assert (after["state"], after["error"], after["redraw_error"]["code"]) == ("done", None, code)
    assert (after["revision"], after["drawn"]) == (1, 0)
    assert text(client, after["links"]["pdf"]) == "Scale 0 simple"
    assert put(client, done, base=1).json()["redraw_error"] is None
    services.pump()
    assert client.get(done).json()["drawn"] == 2


def test_a_fault_is_tried_again(client: TestClient, services: PumpedServices, press: Press, done: str) -> None:
    failing_once(press, ValueError("a hiccup"), times=2)
    put(client, done, LEFT)
    services.pump()
    for _ in range(2):
        services.sweeper.sweep()
        services.pump()
    assert client.get(done).json()["drawn"] == 1


def test_a_worker_lost_three_times_leaves_everything_as_it_was(
    client: TestClient, services: PumpedServices, done: str
) -> None:
    put(client, done, LEFT)
    services.sent.clear()
    for attempt in range(3):
        job = services.jobs.claim(Task.NOTATE, f"lost-{attempt}")
        assert job is not None
        services.jobs.expire(f"lost-{attempt}")
        services.jobs.requeue_stale()
        services.jobs.fail_poison()
    after = client.get(done).json()
    assert (after["state"], after["redraw_error"]["code"], after["drawn"]) == ("done", "worker-lost", 0)
    assert text(client, after["links"]["pdf"]) == "Scale 0 simple"


def test_a_redraw_goes_before_waiting_jobs(
    client: TestClient, services: PumpedServices, press: Press, done: str, midi: bytes
) -> None:
    client.post(URL, files={"recording": ("other.mid", midi)})
    put(client, done, LEFT)
    services.pump()
    assert press.drawn == [0, 1, 0]


def test_deleted_while_it_waits_to_be_redrawn(client: TestClient, services: PumpedServices, done: str) -> None:
    put(client, done, LEFT)
    assert client.delete(done).status_code == 204
    services.pump()
    assert client.get(done).status_code == 404
    assert services.storage.names(done.rpartition("/")[2]) == []


def test_rename(client: TestClient, services: PumpedServices, done: str) -> None:
    put(client, done, LEFT, {"edit": "title", "text": "From an edit"})
    services.pump()
    assert client.get(done).json()["title"] == "From an edit"
    renamed = client.patch(done, json={"title": "New\nname"}).json()
    assert (renamed["title"], renamed["composer"], renamed["edits"], renamed["revision"]) == ("New name", "", [LEFT], 2)
    services.pump()
    assert text(client, f"{done}/score.pdf") == "New name 1 full"
    assert client.patch(done, json={"composer": "x" * 201}).status_code == 422
    assert client.patch(done, json={"colour": "red"}).status_code == 422


def test_renamed_before_it_is_finished(client: TestClient, services: PumpedServices, press: Press, midi: bytes) -> None:
    waiting = client.post(URL, files={"recording": ("scale.mid", midi)}).headers["location"]
    assert client.patch(waiting, json={"title": "Early"}).json()["state"] == "queued"

    def again(job: Job) -> None:
        if job.drawing == 1:
            assert client.patch(waiting, json={"title": "Late"}).json()["state"] == "running"

    press.before = again
    services.pump()
    assert press.drawn == [1, 2]
    assert text(client, client.get(waiting).json()["links"]["pdf"]) == "Late 0 full"


def test_a_webhook_tells_of_the_first_end_only(
    client: TestClient, services: PumpedServices, press: Press, done: str
) -> None:
    id = done.rpartition("/")[2]
    services.jobs.changes(tasks_row(id), webhook="https://example.org/", webhook_due=None)
    put(client, done, LEFT)
    services.pump()
    with services.jobs.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT webhook_due FROM jobs").scalar() is None


def tasks_row(id: str) -> Any:
    from worker.schema import jobs

    return jobs.c.id == id


def test_events_follow_a_redraw(client: TestClient, services: PumpedServices, done: str) -> None:
    put(client, done, LEFT)
    services.pump()
    with client.stream("GET", f"{done}/events") as stream:
        told = [line for line in stream.iter_lines() if line.startswith("data: ")]
    assert '"drawn": 1' in told[-1]


def test_same_upload_again_is_not_given_the_corrected_score(
    client: TestClient, services: PumpedServices, press: Press, done: str, midi: bytes
) -> None:
    put(client, done, LEFT)
    services.pump()
    again = client.post(URL, files={"recording": ("scale.mid", midi)}, data={"title": "Scale", "level": "simple"})
    assert again.json()["state"] == "queued"
    services.pump()
    assert text(client, f"{again.headers['location']}/score.pdf") == "Scale 0 simple"


@pytest.mark.parametrize(
    ("field", "value"), [("level", "hard"), ("chords", "perhaps"), ("transpose", "1.5"), ("size", "huge")]
)
def test_view_of_an_upload_is_checked(
    client: TestClient, press: Press, midi: bytes, field: str, value: str, tmp_path: Path
) -> None:
    answer = client.post(URL, files={"recording": ("scale.mid", midi)}, data={field: value})
    assert (answer.status_code, answer.json()["code"]) == (422, "bad-option")


def test_view_of_an_upload(client: TestClient, press: Press, midi: bytes) -> None:
    data = {"level": "simple", "chords": "on", "transpose": "-2", "size": "large", "pedal": "false", "fingering": ""}
    view = client.post(URL, files={"recording": ("scale.mid", midi)}, data=data).json()["view"]
    assert view == {
        "level": "simple",
        "chords": True,
        "note_names": False,
        "fingering": False,
        "pedal": False,
        "transpose": -2,
        "size": "large",
    }


def test_an_upload_repeated_after_a_correction_is_still_the_same(
    client: TestClient, services: PumpedServices, press: Press, midi: bytes
) -> None:
    send: dict[str, Any] = {"files": {"recording": ("scale.mid", midi)}, "headers": {"Idempotency-Key": "1"}}
    job = client.post(URL, **send).headers["location"]
    services.pump()
    put(client, job, LEFT)
    again = client.post(URL, **send)
    assert (again.status_code, again.headers["location"]) == (202, job)


def test_pages_stay_where_the_rest_cannot_be_made(
    client: TestClient, services: PumpedServices, press: Press, done: str
) -> None:
    def fail(job: Job) -> None:
        raise EngravingError("The PDF cannot be made.")

    press.between = fail
    put(client, done, LEFT)
    services.pump()
    after = client.get(done).json()
    assert (after["state"], after["drawn"], after["redraw_error"]["code"]) == ("done", 1, "engraving-failed")
    assert text(client, after["links"]["pages"][0]) == "Scale 1 full"
    assert after["links"]["pdf"] is None
    assert client.get(f"{done}/score.pdf").status_code == 404
