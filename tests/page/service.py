"""The real service within the test's process: real stages and the real model, worked through by one thread."""

import contextlib
import queue
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.api.live import serving
from tests.worker.pumped import PumpedServices
from worker.job import Task
from worker.settings import Settings
from worker.tasks import perform


class WorkedServices(PumpedServices):
    """Services whose messages a thread works through, unless `held`."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.waiting: queue.Queue[Task | None] = queue.Queue()
        self.held = threading.Event()  # set: nothing is worked on
        self.worker = threading.Thread(target=self._work)

    def send(self, id: str, task: Task) -> bool:
        self.waiting.put(task)
        return True

    def _work(self) -> None:
        while (task := self.waiting.get()) is not None:
            while self.held.is_set():
                self.held.wait(0.05)
                threading.Event().wait(0.05)
            perform(self, task)

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        self.worker.start()
        try:
            yield
        finally:
            self.held.clear()
            self.waiting.put(None)
            self.worker.join()
            self.jobs.engine.dispose()


@contextlib.contextmanager
def running(folder: Path) -> Iterator[tuple[WorkedServices, str]]:
    """The services and the address where the page is."""
    services = WorkedServices(Settings(data_dir=folder / "data", max_upload_mb=20))
    with services.working(), serving(services) as address:
        yield services, address
