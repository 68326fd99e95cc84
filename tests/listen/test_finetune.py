"""A note model learns from a folder, goes on after an interruption, and is never made worse."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.recordings import piano_like, wav
from transcriber.errors import TrainingDataError
from transcriber.listen import checkpoint as checkpoints
from transcriber.listen.features import FRAME_S, SAMPLE_RATE
from transcriber.listen.network import ONSET, OnsetFrameNetwork
from transcriber.listen.training import finetune as finetuning
from transcriber.listen.training.finetune import FinetuneConfig, Outcome, blended, finetune
from transcriber.listen.training.recordings import LabelledRecording
from transcriber.listen.training.takeexamples import TakeExamples, retuned
from transcriber.listen.training.validation import Validated
from transcriber.performance import Note, Performance, write_midi

CPU = torch.device("cpu")
CONFIG = FinetuneConfig(steps=2, batch=1, seconds=2.0)


@pytest.fixture(scope="module")
def start() -> checkpoints.Checkpoint:
    return checkpoints.load()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two takes of eight seconds on a synthetic piano."""
    root = tmp_path_factory.mktemp("takes")
    rng = np.random.default_rng(0)
    for name in ("one", "two"):
        notes = [(0.5 + 0.4 * index, 0.85 + 0.4 * index, int(rng.integers(48, 84))) for index in range(18)]
        (root / f"{name}.wav").write_bytes(wav(piano_like(notes)))
        played = tuple(Note(on, off, pitch, 80) for on, off, pitch in notes)
        write_midi(Performance(played, (), 8.0), root / f"{name}.mid")
    return root


def run(
    folder: Path, start: checkpoints.Checkpoint, work: Path, config: FinetuneConfig = CONFIG
) -> tuple[Outcome, str]:
    said: list[str] = []
    outcome = finetune(folder, start, work, config, CPU, say=said.append, on_progress=lambda doing, share: None)
    return outcome, "\n".join(said)


def weights(model: checkpoints.Checkpoint) -> torch.Tensor:
    return torch.cat([value.flatten().float() for value in model.network.state_dict().values()])


def test_training_changes_the_model_it_began_with_and_not_the_start(
    folder: Path, start: checkpoints.Checkpoint, tmp_path: Path
) -> None:
    untouched = weights(start).clone()
    outcome, said = run(folder, start, tmp_path / "work", replace(CONFIG, rate=1e-3))
    torch.testing.assert_close(weights(start), untouched, rtol=0, atol=0)
    assert outcome.steps == 2
    assert "Learning from 0.1 minutes of 1 recording, checking with 0.1 minutes of 1 recording." in said
    assert outcome.after.score >= outcome.before.score
    assert outcome.improved == (not torch.equal(weights(outcome.model), untouched))


def test_a_model_made_worse_is_thrown_away(folder: Path, start: checkpoints.Checkpoint, tmp_path: Path) -> None:
    """A learning rate that ruins any network: the start is what remains."""
    outcome, said = run(folder, start, tmp_path / "work", replace(CONFIG, rate=3.0))
    assert not outcome.improved
    assert torch.equal(weights(outcome.model), weights(start))
    assert outcome.after == outcome.before
    assert "After 2 steps: note F1 0." in said


def test_a_blend_lies_between_its_parents(start: checkpoints.Checkpoint) -> None:
    other = copy.deepcopy(start)
    with torch.no_grad():
        for weight in other.network.parameters():
            weight.add_(1.0)
    middle = blended(start.network, other.network, 0.25)
    for first, blend in zip(start.network.parameters(), middle.parameters(), strict=True):
        torch.testing.assert_close(blend, first + 0.25)


def test_as_little_as_needed_is_kept_of_what_was_learned(
    folder: Path, start: checkpoints.Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scores that grow with the distance from the start: half-way for most of the gain, all the way if asked to."""
    origin, checks = weights(start), []

    def grade(sets: object, network: OnsetFrameNetwork, *rest: object) -> Validated:
        moved = float((weights(replace(start, network=network)) - origin).abs().sum())
        checks.append(moved)
        score = 0.5 + 0.4 * min(1.0, 1.8 * moved / max(checks)) if moved else 0.5
        return Validated(start.decoder, {"own": score}, {})

    monkeypatch.setattr(finetuning, "validate", grade)
    config = replace(CONFIG, rate=1e-2, steps=1)
    blend, said = run(folder, start, tmp_path / "blend", config)
    assert "50% of what was learned is kept" in said
    assert blend.after.score == pytest.approx(0.86, abs=0.01)
    whole, _ = run(folder, start, tmp_path / "whole", replace(config, specialised=True))
    far, near = ((weights(outcome.model) - origin).abs().sum() for outcome in (whole, blend))
    assert float(near / far) == pytest.approx(0.5, abs=0.05)


def test_the_confidence_is_fitted_to_what_was_learned_where_there_are_notes_enough(
    folder: Path, start: checkpoints.Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two steps at a gentle rate, which the check is made to like."""
    scores = iter([0.5, *[0.9] * 20])
    monkeypatch.setattr(finetuning, "validate", lambda *given: Validated(start.decoder, {"own": next(scores)}, {}))
    few, _ = run(folder, start, tmp_path / "few")
    assert few.improved
    assert few.model.decoder == few.after.decoder == start.decoder
    scores = iter([0.5, *[0.9] * 20])
    monkeypatch.setattr(finetuning, "FEWEST_JUDGED", 10)
    enough, _ = run(folder, start, tmp_path / "enough")
    fitted, own = enough.model.decoder.calibration, start.decoder.calibration
    assert fitted != own
    assert len(fitted.weights) == len(own.weights)
    assert enough.after.decoder == enough.model.decoder
    assert enough.after.score != 0.9, "the figure is that of the fitted confidence"


def test_an_interrupted_training_goes_on_where_it_stopped(
    folder: Path, start: checkpoints.Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finetuning, "STORE_EVERY_S", 0.0)
    work, steps = tmp_path / "work", []

    def interrupt(doing: str, share: float) -> None:
        if doing == "training":
            steps.append(share)
            if len(steps) == 3:
                raise KeyboardInterrupt

    config = replace(CONFIG, steps=4)
    with pytest.raises(KeyboardInterrupt):
        finetune(folder, start, work, config, CPU, say=lambda line: None, on_progress=interrupt)
    assert steps == [0.25, 0.5, 0.75]
    outcome, said = run(folder, start, work, config)
    assert outcome.steps == 4
    assert "Before" not in said  # what was checked is not checked again


def test_a_work_folder_of_other_recordings_is_refused(
    folder: Path, start: checkpoints.Checkpoint, tmp_path: Path
) -> None:
    run(folder, start, tmp_path / "work")
    other = tmp_path / "other"
    other.mkdir()
    for path in folder.iterdir():
        (other / path.name.replace("one", "three")).write_bytes(path.read_bytes())
    with pytest.raises(TrainingDataError, match="other recordings"):
        run(other, start, tmp_path / "work")


def test_where_no_label_fits_nothing_is_learned(folder: Path, start: checkpoints.Checkpoint, tmp_path: Path) -> None:
    swapped = tmp_path / "swapped"
    swapped.mkdir()
    for name, other in (("one", "two"), ("two", "one")):
        (swapped / f"{name}.wav").write_bytes((folder / f"{name}.wav").read_bytes())
        (swapped / f"{name}.mid").write_bytes((folder / f"{other}.mid").read_bytes())
    with pytest.raises(TrainingDataError, match="No recording is left"):
        run(swapped, start, tmp_path / "work")


def click() -> LabelledRecording:
    sound = np.zeros(4 * SAMPLE_RATE, np.int16)
    sound[2 * SAMPLE_RATE] = 20_000
    return LabelledRecording("click", sound, np.array([[2.0, 2.5, 2.5, 60, 80]]), [(1.0, 3.0)])


def test_a_faster_tape_moves_sound_and_labels_alike() -> None:
    for ratio in (0.98, 1.0, 1.03):
        sound, segment = retuned(click(), 3.5, ratio, np.random.default_rng(1))
        assert segment.seconds == 3.5
        assert np.abs(sound).argmax() / SAMPLE_RATE == pytest.approx(segment.notes[0, 0], abs=1e-3)
        assert segment.pedals is not None
        assert segment.pedals[0][1] - segment.pedals[0][0] == pytest.approx(2.0 / ratio)


def test_examples_have_their_onset_where_it_sounds() -> None:
    stream = iter(TakeExamples([click()], 4.0, seed=0))
    for _ in range(8):
        samples, keys, _ = next(stream)
        assert samples.shape == (4 * SAMPLE_RATE,)
        onset_s = float(keys[ONSET, :, 60 - 21].argmax()) * FRAME_S
        assert float(samples.abs().argmax()) / SAMPLE_RATE == pytest.approx(onset_s, abs=FRAME_S)
