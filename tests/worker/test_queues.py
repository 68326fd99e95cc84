"""Messages of the embedded queue, through Celery and Kombu as the service uses them."""

import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any

import pytest

from worker.job import Task
from worker.queues import create_celery, task_name
from worker.services import Services
from worker.settings import Settings


@pytest.fixture
def channel(settings: Settings) -> Iterator[Any]:
    with create_celery(settings).connection_for_read() as connection:
        yield connection.default_channel


def take(channel: Any, task: Task) -> str:
    """The job id of the next message."""
    message = channel._get(task.value)
    assert message["headers"]["task"] == task_name(task)
    id = message["headers"]["argsrepr"].strip("()[]',\"")
    assert isinstance(id, str)
    return id


def test_messages_are_kept_apart_and_in_order(settings: Settings, channel: Any) -> None:
    services = Services(settings)
    for id, task in (("a", Task.LISTEN), ("b", Task.NOTATE), ("c", Task.LISTEN)):
        assert services.send(id, task)
    assert [take(channel, Task.LISTEN), take(channel, Task.LISTEN), take(channel, Task.NOTATE)] == ["a", "c", "b"]
    for task in Task:
        with pytest.raises(Empty):
            channel._get(task.value)
    assert list((settings.data_dir / "queue").iterdir()) == []


def test_damaged_message_harms_no_worker(settings: Settings, channel: Any) -> None:
    folder = settings.data_dir / "queue"
    (folder / f"{0:020}_x.listen.msg").write_bytes(b"")
    (folder / f"{1:020}_x.listen.msg").write_bytes(b"\xff{")
    Services(settings).send("a", Task.LISTEN)
    assert take(channel, Task.LISTEN) == "a"
    assert list(folder.iterdir()) == []


def test_every_message_reaches_one_reader_only(settings: Settings) -> None:
    services = Services(settings)
    taken: list[str] = []

    def read() -> None:
        with create_celery(settings).connection_for_read() as connection:
            while len(taken) < 40:
                try:
                    taken.append(take(connection.default_channel, Task.LISTEN))
                except Empty:
                    continue

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(40):
        services.send(f"job{number}", Task.LISTEN)
    for reader in readers:
        reader.join()
    assert sorted(taken) == sorted(f"job{number}" for number in range(40))


def test_queue_lies_in_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    services = Services(Settings(data_dir=tmp_path))
    services.send("a", Task.NOTATE)
    assert not list(elsewhere.iterdir())
    assert [path.suffix for path in (tmp_path / "queue").iterdir()] == [".msg"]
