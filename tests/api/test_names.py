import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.names import LONGEST_NAME, content_disposition, display_name, media_type, recording_blob
from worker.storage import KEY


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("Étude.mp3", "Étude.mp3"),
        ("../../etc/passwd", "passwd"),
        ("C:\\music\\take 2.wav", "take 2.wav"),
        ("\x00\x1b[31mred.wav", "[31mred.wav"),
        ("‮gpj.wav", "gpj.wav"),
        ("...", "recording"),
        ("", "recording"),
        ("a" * 300 + ".flac", "a" * (LONGEST_NAME - 5) + ".flac"),
        ("🎹 night.m4a", "🎹 night.m4a"),
        ('say "hi"?.ogg', "say hi .ogg"),
    ],
)
def test_shown_name(sent: str, shown: str) -> None:
    assert display_name(sent) == shown


@settings(deadline=None)  # a busy machine is no failure
@given(st.text())
def test_any_name_is_harmless(sent: str) -> None:
    name = display_name(sent)
    assert 0 < len(name) <= LONGEST_NAME
    assert not set(name) & set('/\\\r\n\0"')
    assert display_name(name) == name
    assert KEY.fullmatch("0" * 32 + "/" + recording_blob(name))
    header = content_disposition(name, inline=True)
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2


@pytest.mark.parametrize("blob", ["recording.html", "recording.svgz", "recording.js", "recording", "recording.xml"])
def test_nothing_that_a_browser_runs_is_served_as_such(blob: str) -> None:
    assert media_type(blob) == "application/octet-stream"
