"""The client of the README does what the README says, against the service."""

import re
from pathlib import Path

import pytest

import worker.tasks as tasks
from tests.api.live import serving
from tests.worker.pumped import PumpedServices
from tests.worker.test_tasks import hear, write

ROOT = Path(__file__).parent.parent.parent
(CLIENT,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


@pytest.fixture(autouse=True)
def quick_work(monkeypatch: pytest.MonkeyPatch, services: PumpedServices) -> None:
    """A worker that works while the client sleeps."""
    monkeypatch.setattr(tasks, "listen_to", hear)
    monkeypatch.setattr(tasks, "write_down", write)
    monkeypatch.setattr("time.sleep", lambda _: services.pump())


@pytest.mark.filterwarnings("ignore:unclosed file")
def test_it_brings_the_score(services: PumpedServices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "minuet.m4a").write_bytes(b"sound")
    with serving(services) as address:
        assert "http://localhost:8000" in CLIENT
        exec(CLIENT.replace("http://localhost:8000", address), {})
    assert (tmp_path / "minuet.pdf").read_bytes() == b"%PDF"
