"""The engraver: several questions on one score, and one that waits loaded."""

import os
from collections.abc import Iterator

import pytest

from tests.engrave.scores import waltz
from transcriber.engrave import engrave
from transcriber.errors import EngravingError
from transcriber.score import Score
from worker.engraving import Presses


@pytest.fixture
def presses() -> Iterator[Presses]:
    presses = Presses()
    yield presses
    if presses._waiting is not None:
        presses._waiting.end()


def test_pages_first_and_the_rest_of_the_same_score(presses: Presses) -> None:
    score, played = waltz()
    with presses.engraver() as press:
        press.begin(score, played)
        first = press.files(("svg", "sync"))
        rest = press.files(("musicxml", "pdf", "midi"))
    assert {**first, **rest} == engrave(score, played)
    assert set(first) == {".page-1.svg", ".sync.json"}


def test_the_next_one_is_loaded_before_it_is_needed(presses: Presses) -> None:
    presses.keep_ready()
    waiting = presses._waiting
    assert waiting is not None
    with presses.engraver() as press:
        assert press._child is waiting
        press.begin(*waltz())
        assert press.files(("musicxml",))
    assert not waiting.is_alive()
    assert presses._waiting is not None
    assert presses._waiting is not waiting


def test_one_that_died_while_it_waited_is_replaced(presses: Presses) -> None:
    presses.keep_ready()
    assert presses._waiting is not None
    os.kill(presses._waiting._process.pid, 9)
    presses._waiting._process.wait()
    with presses.engraver() as press:
        press.begin(*waltz())
        assert press.files(("musicxml",))


def test_a_fault_ends_that_score_alone(presses: Presses) -> None:
    presses.keep_ready()
    _, played = waltz()
    with presses.engraver() as press:
        press.begin(Score(()), played)
        with pytest.raises(EngravingError):
            press.files()
    with presses.engraver() as press:
        press.begin(*waltz())
        assert press.files(("musicxml",))
