"""What tests of several parts share."""

import pytest

from transcriber.notate import learned


@pytest.fixture
def nothing_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if no learned weights had been read yet, nor another folder named."""
    monkeypatch.setattr(learned, "_folder", None)
    monkeypatch.setattr(learned, "_was_read", False)
