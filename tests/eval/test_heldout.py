"""Figures on notation are measured with weights that do not know the compositions, unless the others are asked for."""

import argparse
import hashlib
import sys

import pytest

from eval import beats, bench_notate, heldout, notation
from transcriber.notate import learned
from transcriber.notate.learned import NAMES, learned_file

pytestmark = pytest.mark.usefixtures("nothing_read")


def digests():
    found = {}
    for name in NAMES:
        with learned_file(name) as path:
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def taken(*words):
    parser = argparse.ArgumentParser()
    heldout.add_weights(parser)
    heldout.take_weights(parser.parse_args(words))
    return digests()


def test_the_twins_are_other_weights_than_those_that_ship(monkeypatch):
    twins = taken()
    monkeypatch.setattr(learned, "_folder", None)
    shipped = digests()
    assert all(twins[name] != shipped[name] for name in NAMES)


def test_what_ships_can_be_asked_for():
    assert taken("--shipped") == digests()


class TakenError(Exception):
    pass


@pytest.mark.parametrize("module", [beats, notation, bench_notate])
def test_every_command_on_notation_takes_them(module, monkeypatch, tmp_path):
    def take(options):
        assert not options.shipped
        raise TakenError

    monkeypatch.setattr(module, "take_weights", take)
    monkeypatch.setattr(sys, "argv", ["command", "--data", str(tmp_path)])
    with pytest.raises(TakenError):
        module.main()


def test_folders_of_asap_that_were_set_aside():
    folders = heldout.asap_folders()
    assert len(folders) == 25
    assert "Bach/Fugue/bwv_866" in folders
