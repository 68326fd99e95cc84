"""A made-up data set in ASAP's layout whose printed scores are this project's own: against themselves all is right."""

from __future__ import annotations

import csv
import json
import os
import shutil
from dataclasses import replace
from fractions import Fraction
from xml.etree import ElementTree

import pytest
import typer
from typer.testing import CliRunner

from eval import report
from eval.asap import evaluate, figures, kept_in, main, measure, read_pieces
from eval.performedscore import played_bars, reference_notes
from eval.printed import UnreadableScore, read_printed
from eval.runner import Problem
from eval.scoreruns import Comparison, ScoreRun, close_score_run, load_score_run
from tests.notate.test_meter import dance
from transcriber.engrave import engrave
from transcriber.notate import notate
from transcriber.notate.edits import SetMetre
from transcriber.performance import read_midi, write_midi
from transcriber.score import TimeSignature

PERFECT = (
    *("mv2h", "mv2h multi-pitch", "mv2h voice", "mv2h meter", "mv2h value", "mv2h harmony"),
    *("beat", "downbeat", "time signature", "metre"),
    *("staff", "key", "key notes", "spelling", "position"),
)


@pytest.fixture(scope="module")
def waltz():
    return dance(3, 12)[0]


def annotations(score):
    """As ASAP would annotate `score`: every beat, every bar line, and which printed bar begins there."""
    downbeats = [measure.beat_times_s[0] for measure in score.measures]
    return {
        "performance_beats": sorted({time_s for measure in score.measures for time_s in measure.beat_times_s}),
        "performance_downbeats": downbeats,
        "downbeats_score_map": list(range(len(score.measures))),
        "score_and_performance_aligned": True,
    }


@pytest.fixture(scope="module")
def root(tmp_path_factory, waltz):
    folder = tmp_path_factory.mktemp("asap-dataset")
    piece = folder / "Nobody" / "Waltz"
    piece.mkdir(parents=True)
    write_midi(waltz, piece / "Player01.mid")
    score = notate(read_midi(piece / "Player01.mid"))
    (piece / "xml_score.musicxml").write_bytes(engrave(score, waltz, ("musicxml",))[".musicxml"])
    stored = {
        "Nobody/Waltz/Player01.mid": annotations(score),
        "Nobody/Waltz/Player02.mid": annotations(score),
        "Nobody/Waltz/Player03.mid": annotations(score) | {"score_and_performance_aligned": False},
    }
    (folder / "asap_annotations.json").write_text(json.dumps(stored))
    names = ("composer", "title", "xml_score", "midi_performance", "audio_performance")
    with (folder / "metadata.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        for player in ("Player01", "Player02", "Player03"):
            row = ("Nobody", "Waltz", "Nobody/Waltz/xml_score.musicxml", f"Nobody/Waltz/{player}.mid", "")
            writer.writerow(dict(zip(names, row, strict=True)))
    return folder


def test_a_score_against_itself_is_right_in_everything(root):
    found = evaluate(read_pieces(root)[0], "midi", "cpu")
    assert {name: found.figures[name] for name in PERFECT} == pytest.approx(dict.fromkeys(PERFECT, 1.0))
    assert found.figures["grace false"] == 0


def test_another_metre_is_wrong_where_it_must_be(root, waltz):
    piece = read_pieces(root)[0]
    bars = played_bars(read_printed(piece.score), piece.annotations)
    found = figures(bars, waltz, notate(waltz, (SetMetre(TimeSignature(4, 4)),)))
    assert found["mv2h multi-pitch"] == 1.0
    assert found["time signature"] == found["metre"] == 0.0
    assert found["downbeat"] < 0.5
    assert found["position"] < 0.6
    assert found["spelling"] > 0.9


def test_bars_that_were_repeated_are_compared_twice(root):
    piece = read_pieces(root)[0]
    printed = read_printed(piece.score)
    step_s = 1.5
    twice = {
        "performance_downbeats": [step_s * index for index in range(4)],
        "performance_beats": [0.5 * index for index in range(12)],
        "downbeats_score_map": [1, 2, "1", 2],
    }
    bars = played_bars(printed, twice)
    notes = reference_notes(bars)
    assert len(notes) == 2 * (len(printed[1].notes) + len(printed[2].notes))
    first = [note for note in notes if note.bar == 0]
    again = [note for note in notes if note.bar == 2]
    assert [(n.printed, n.start_s + 2 * step_s) for n in first] == [(n.printed, n.start_s) for n in again]


def test_ties_are_joined_and_pickups_counted_from_the_bar_line(tmp_path):
    (tmp_path / "score.xml").write_text(
        """<score-partwise><part id="P1">
        <measure number="0"><attributes><divisions>2</divisions><key><fifths>-3</fifths><mode>minor</mode></key>
          <time><beats>3</beats><beat-type>4</beat-type></time></attributes>
          <note><pitch><step>G</step><octave>4</octave></pitch><duration>2</duration><voice>1</voice><staff>1</staff>
            <tie type="start"/></note></measure>
        <measure number="1"><note><pitch><step>G</step><octave>4</octave></pitch><duration>4</duration>
            <voice>1</voice><staff>1</staff><tie type="stop"/></note>
          <note><pitch><step>E</step><alter>-1</alter><octave>4</octave></pitch><duration>2</duration><voice>1</voice>
            <staff>1</staff></note>
          <backup><duration>6</duration></backup>
          <note><pitch><step>C</step><octave>3</octave></pitch><duration>6</duration><voice>5</voice>
            <staff>2</staff></note></measure></part></score-partwise>"""
    )
    printed = read_printed(tmp_path / "score.xml")
    bars = played_bars(
        printed,
        {
            "performance_downbeats": [1.0, 1.6],
            "performance_beats": [1.0, 1.6, 2.2, 2.8],
            "downbeats_score_map": [0, 1],
        },
    )
    assert bars[0].missing_q == 2
    notes = {note.printed.pitch: note for note in reference_notes(bars)}
    assert notes[67].length_q == Fraction(3)
    assert (notes[67].start_s, notes[67].end_s) == pytest.approx((1.0, 2.8))
    assert (notes[63].start_s, notes[63].end_s) == pytest.approx((2.8, 3.4))
    assert (notes[63].printed.step, notes[63].printed.alter) == ("E", -1)
    assert (notes[48].printed.staff, notes[48].start_s) == (1, pytest.approx(1.6))


def command(module, *words):
    app = typer.Typer()
    app.command()(module.main if hasattr(module, "main") else module)
    return CliRunner().invoke(app, [str(word) for word in words])


def test_what_cannot_be_compared_is_named_and_counted(root, tmp_path):
    done = command(main, "--root", root, "--out", tmp_path, "--jobs", "1")
    assert done.exit_code == 1
    assert "missing  Nobody/Waltz/Player02: Player02.mid does not exist" in done.stdout
    assert "mismatched  Nobody/Waltz/Player03: its annotations do not follow the score" in done.stdout
    assert "1 of 3 performances compared." in done.stdout
    stored = json.loads((tmp_path / "run.json").read_text())
    assert stored["figures"]["mv2h"]["mean"] == pytest.approx(1.0)


def test_a_run_that_was_stopped_goes_on_and_what_changed_is_compared_again(root, tmp_path):
    pieces = read_pieces(root)[:1]
    names = [piece.name for piece in pieces]
    told = []

    def measured():
        found, _ = measure(pieces, "midi", "cpu", 1, kept_in(tmp_path, pieces, "midi"), lambda: told.append(1))
        return found

    first = measured()
    ledger = tmp_path / "performances.jsonl"
    with ledger.open("a") as file:
        file.write(ledger.read_text()[:40])  # as an interruption leaves it
    (known,) = kept_in(tmp_path, pieces, "midi").load(names).values()
    assert known.figures == pytest.approx(first[0].figures, nan_ok=True)
    before = ledger.read_text()
    assert measured()[0].figures == pytest.approx(known.figures, nan_ok=True)
    assert ledger.read_text() == before
    assert len(told) == 2

    assert kept_in(tmp_path, pieces, "audio").load(names) == {}
    altered = [replace(pieces[0], annotations=pieces[0].annotations | {"performance_beats": []})]
    assert kept_in(tmp_path, altered, "midi").load(names) == {}
    os.utime(pieces[0].midi, ns=(1, 1))
    assert kept_in(tmp_path, pieces, "midi").load(names) == {}


@pytest.fixture
def two_runs(tmp_path):
    """The same three performances, of which the second run wrote two better and one worse."""

    def figures_of(mv2h):
        return {"mv2h": mv2h, "beat": mv2h - 0.05, "position": 0.5, "staff": 0.9, "grace recall": float("nan")}

    for name, values in (("a", (0.7, 0.8, 0.9)), ("b", (0.8, 0.85, 0.88))):
        (tmp_path / name).mkdir()
        found = tuple(
            Comparison(f"{composer}/{index}", composer, figures_of(mv2h))
            for index, (composer, mv2h) in enumerate(zip(("Bach", "Bach", "<Liszt>"), values, strict=True))
        )
        header = {"data set": "ASAP", "system": f"run {name}", "options": {"source": "midi"}}
        close_score_run(tmp_path / name, ScoreRun(header, found, (Problem("lost", "missing", "lost.mid"),)))
    return tmp_path / "a", tmp_path / "b"


def test_a_run_of_scores_comes_back_from_its_folder(two_runs):
    found = load_score_run(two_runs[0])
    assert [comparison.figures["mv2h"] for comparison in found.comparisons] == [0.7, 0.8, 0.9]
    assert found.problems == (Problem("lost", "missing", "lost.mid"),)
    assert found.header["system"] == "run a"


def test_the_page_of_scores_holds_everything_and_loads_nothing(two_runs):
    done = command(report, two_runs[0])
    assert done.exit_code == 0, done.output
    page = (two_runs[0] / "report.html").read_text(encoding="utf-8")
    assert "src=" not in page
    assert "<script" not in page
    assert "&lt;Liszt&gt;" in page
    assert "<b>missing</b> lost: lost.mid" in page
    for words in ("Accuracy", "By composer", "worst first", "PM2S", "How to get these figures again"):
        assert words in page
    for svg in page.split("<svg")[1:]:
        ElementTree.fromstring("<svg" + svg.partition("</svg>")[0] + "</svg>")
    numbers = json.loads((two_runs[0] / "report.json").read_text())
    assert numbers["figures"]["mv2h"]["mean"] == pytest.approx(0.8)
    assert numbers["composers"]["Bach"]["performances"] == 2
    assert numbers["composers"]["Bach"]["figures"]["mv2h"] == pytest.approx(0.75)
    assert numbers["performances"][0]["figures"]["grace recall"] is None


def test_two_runs_of_scores_show_what_changed(two_runs, tmp_path):
    done = command(report, *two_runs, "--out", tmp_path / "page.html")
    assert done.exit_code == 0, done.output
    assert "2 / 1 of 3" in done.stdout
    changes = json.loads((tmp_path / "page.json").read_text())["compared with"]["differences"]
    assert changes["mv2h"]["mean"] == pytest.approx((0.1 + 0.05 - 0.02) / 3)
    assert changes["staff"]["better"] == changes["staff"]["worse"] == 0
    assert "grace recall" not in changes
    assert "MV2H of the performances that changed most" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_notes_and_scores_are_not_compared(two_runs, tmp_path):
    notes = tmp_path / "notes"
    (notes / "files").mkdir(parents=True)
    (notes / "run.json").write_text(json.dumps({"data set": "x", "system": "y", "identity": "z"}))
    done = command(report, notes, two_runs[0])
    assert done.exit_code == 2
    assert "two of a kind" in done.output


@pytest.mark.parametrize("text", ["", "<score-timewise/>", "<score-partwise></score-partwise>"])
def test_files_that_are_no_scores_are_refused(tmp_path, text):
    (tmp_path / "score.xml").write_text(text)
    with pytest.raises(UnreadableScore, match=r"score\.xml"):
        read_printed(tmp_path / "score.xml")


def test_only_compositions_that_were_set_aside_are_measured_with_weights_that_do_not_know_them(root, tmp_path):
    set_aside = shutil.copytree(root, tmp_path / "asap-dataset")
    shutil.copytree(root / "Nobody" / "Waltz", set_aside / "Bach" / "Fugue" / "bwv_866")
    for name in ("asap_annotations.json", "metadata.csv"):
        stored = (set_aside / name).read_text()
        (set_aside / name).write_text(stored.replace("Nobody/Waltz/Player01", "Bach/Fugue/bwv_866/Player01"))
    out = tmp_path / "run"
    shown = command(main, "--root", set_aside, "--held-out", "--jobs", "1", "--out", out)
    assert shown.exit_code == 0, shown.output
    found = load_score_run(out)
    assert [comparison.name for comparison in found.comparisons] == ["Bach/Fugue/bwv_866/Player01"]
    assert found.header["options"]["held out"] == "True"
