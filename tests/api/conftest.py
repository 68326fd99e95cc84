from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from tests.worker.pumped import PumpedServices
from transcriber.performance import Note, Performance, write_midi
from worker.settings import Settings


@pytest.fixture
def services(tmp_path: Path) -> PumpedServices:
    return PumpedServices(Settings(data_dir=tmp_path / "data", max_upload_mb=1))


@pytest.fixture
def client(services: PumpedServices) -> Iterator[TestClient]:
    with TestClient(create_app(services), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def midi(tmp_path: Path) -> bytes:
    """A one-octave scale in quarter notes at 120 a minute."""
    pitches = (60, 62, 64, 65, 67, 69, 71, 72)
    notes = tuple(Note(0.5 * place, 0.5 * place + 0.45, pitch, 70) for place, pitch in enumerate(pitches))
    write_midi(Performance(notes, (), 4.0), tmp_path / "scale.mid")
    return (tmp_path / "scale.mid").read_bytes()
