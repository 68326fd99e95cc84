from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.engrave.scores import study, waltz
from transcriber.engrave import FORMATS, engrave
from transcriber.errors import EngravingError, OptionError
from transcriber.performance import read_midi
from transcriber.score import Score, Words

PRINT_DIGEST = """
import hashlib
from tests.engrave.scores import study
from transcriber.engrave import engrave
files = engrave(*study())
print(hashlib.sha256(b"".join(name.encode() + files[name] for name in sorted(files))).hexdigest())
"""


def test_every_format_gives_its_files(tmp_path: Path) -> None:
    score, performance = study()
    files = engrave(score, performance)
    assert sorted(files) == [".mid", ".musicxml", ".page-1.svg", ".pdf", ".quantized.mid", ".sync.json"]
    assert files[".pdf"].startswith(b"%PDF")
    (tmp_path / "played.mid").write_bytes(files[".mid"])
    played = read_midi(tmp_path / "played.mid")
    assert [note.pitch for note in played.notes] == [note.pitch for note in performance.notes]
    assert played.notes[0].onset_s == pytest.approx(performance.notes[0].onset_s, abs=0.002)


def test_only_what_is_asked_for_is_made() -> None:
    score, performance = waltz()
    assert sorted(engrave(score, performance, ["midi"])) == [".mid", ".quantized.mid"]
    assert sorted(engrave(score, performance, ("svg", "musicxml"))) == [".musicxml", ".page-1.svg"]
    assert engrave(score, performance, ()) == {}


def test_formats_do_not_depend_on_each_other() -> None:
    score, performance = waltz()
    together = engrave(score, performance, FORMATS)
    for name in FORMATS:
        for suffix, content in engrave(score, performance, [name]).items():
            assert together[suffix] == content


def test_the_bytes_repeat_in_another_process() -> None:
    files = engrave(*study())
    digest = hashlib.sha256(b"".join(name.encode() + files[name] for name in sorted(files))).hexdigest()
    other = subprocess.run(
        [sys.executable, "-c", PRINT_DIGEST],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
        env={"PYTHONHASHSEED": "7"},
    )
    assert other.stdout.strip() == digest
    assert other.stderr == ""


def test_words_from_outside_harm_no_file() -> None:
    """Names of files may hold control characters, halves of surrogates, markup and quotes."""
    words = 'a\x00b\x1b \udcff <script>"&\\#{}'
    score, performance = waltz()
    first, *others = score.measures
    noted = replace(first, directions=(*first.directions, Words(Fraction(0), words)))
    score = replace(score, title=words, composer=words, measures=(noted, *others))
    files = engrave(score, performance)
    for suffix in (".musicxml", ".page-1.svg"):
        texts = [text for element in ElementTree.fromstring(files[suffix]).iter() if (text := element.text)]
        assert any('ab  <script>"&\\#{}' in text for text in texts)
    assert files[".pdf"].startswith(b"%PDF")


def test_unknown_formats_and_empty_scores_are_refused() -> None:
    score, performance = waltz()
    with pytest.raises(OptionError, match="'docx'"):
        engrave(score, performance, ["pdf", "docx"])
    with pytest.raises(EngravingError, match="no bar"):
        engrave(Score(()), performance)
