"""A sample of the thousands of mutants that `eval.recording_fuzz` and `eval.request_fuzz` make."""

import sys
from pathlib import Path

import pytest

from eval import recording_fuzz, request_fuzz
from eval.mutation import mutant
from eval.recording_fuzz import fuzz, read_apart, seeds
from tests.api.live import serving
from tests.worker.pumped import PumpedServices
from worker.settings import Settings


def test_undamaged_seeds_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = [seed for _, seed in seeds()]
    assert len(data) == len(set(data)) > 10
    monkeypatch.setattr(recording_fuzz, "mutant", lambda seeds, number: (number, seeds[number]))
    assert read_apart(range(len(data)), tmp_path) == ["read"] * len(data)


def test_mutants_are_refused_in_words_or_read() -> None:
    report = fuzz(120)
    assert report["wrong"] == {}
    outcomes = report["outcomes"]
    assert isinstance(outcomes, dict)
    assert sum(outcomes.values()) == 120
    assert len(outcomes) > 3


def test_midi_header_that_claims_gigabytes_takes_none(tmp_path: Path) -> None:
    """Mutant 563: its header's length field says 4 GB."""
    assert read_apart(range(563, 564), tmp_path) == ["not-midi"]


@pytest.mark.parametrize(
    ("act", "told"),
    [
        ("raise KeyError('x')", "WRONG KeyError"),
        ("os.kill(os.getpid(), 9)", "WRONG ended by SIGKILL"),
        ("Path(path).with_name('other').write_bytes(b'x')", "WRONG wrote ['other']"),
        ("bytearray(2 * MEMORY_BYTES)", "WRONG out of memory"),
    ],
)
def test_a_reader_that_goes_wrong_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: str, told: str
) -> None:
    def broken(path: Path, **_: object) -> None:
        exec(act, vars(recording_fuzz) | {"path": path})

    monkeypatch.setattr(recording_fuzz, "load", broken)
    number = next(number for number in range(99) if mutant([s for _, s in seeds()], number)[0] == 0)
    assert read_apart(range(number, number + 1), tmp_path)[0].startswith(told)


def test_a_number_names_a_mutant_for_good() -> None:
    data = [bytes(range(256)) * 40, b"other" * 100]
    made = [mutant(data, number) for number in range(50)]
    assert made == [mutant(data, number) for number in range(50)]
    assert len({bytes(damaged) for _, damaged in made}) > 45
    assert {chosen for chosen, _ in made} == {0, 1}


def test_damaged_requests_are_answered_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_fuzz, "ANSWER_WAIT_S", 2.0)
    services = PumpedServices(Settings(data_dir=tmp_path / "data", max_upload_mb=1))
    with serving(services) as address:
        host, _, port = address.removeprefix("http://").rpartition(":")
        report = request_fuzz.fuzz(host, int(port), 40)
    assert report["wrong"] == {}
    statuses = report["statuses"]
    assert isinstance(statuses, dict)
    assert statuses["404"] > 5
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize(
    ("received", "fault"),
    [
        (b"HTTP/1.1 500 X\r\n\r\n", "status 500"),
        (b"HTTP/1.1 200 OK\r\n\r\nTraceback (most recent call last)", "a traceback"),
        (b"HTTP/1.1 200 OK\r\nX-Injected: yes\r\n\r\n", "a header of the request's making"),
        (b"HTTP/1.1 404 X\r\ncontent-type: text/html\r\n\r\nno", "status 404 that is no problem"),
        (b"SSH-2.0", "an answer that is no HTTP"),
        (b"HTTP/1.1 404 X\r\ncontent-type: application/problem+json\r\n\r\n{}", None),
        (b"", None),
    ],
)
def test_what_is_wrong_with_an_answer(received: bytes, fault: str | None) -> None:
    assert request_fuzz.judged(received)[1] == fault


@pytest.mark.parametrize("text", ["http://127.0.0.1:8000", "127.0.0.1", ":8000", "127.0.0.1:http"])
def test_what_is_no_address_is_said_at_once(
    text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["request_fuzz", text])
    with pytest.raises(SystemExit) as left:
        request_fuzz.main()
    assert left.value.code == 2
    assert "no host:port" in capsys.readouterr().err
