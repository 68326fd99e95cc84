"""What is kept of the beats: exact, small, and enough to write the score again without a network."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.notate.test_meter import dance
from transcriber.notate import notate
from transcriber.notate.edits import SetMetre, SetTempoLevel
from transcriber.notate.evidence import decode_evidence, encode_evidence
from transcriber.notate.meter import find_meter, hear_beats
from transcriber.performance import encode_performance
from transcriber.score import TimeSignature


@pytest.mark.parametrize(
    "edits", [(), (SetMetre(TimeSignature(4, 4)),), (SetTempoLevel(TimeSignature(2, 4).measure_q),)]
)
def test_kept_evidence_gives_the_same_score(edits):
    played, _ = dance(3, 12)
    kept = decode_evidence(encode_evidence(hear_beats(played)))
    assert notate(played, edits, evidence=kept) == notate(played, edits)


def test_evidence_is_small_and_always_the_same():
    played, _ = dance(3, 12)
    kept = encode_evidence(hear_beats(played))
    assert kept == encode_evidence(decode_evidence(kept))
    assert len(kept) < 200 * len(played.notes)


def test_evidence_decides_and_not_the_network():
    """With one grid less to choose from, other bars are found."""
    played, _ = dance(3, 12)
    evidence = hear_beats(played)
    halved = type(evidence)(evidence.scores, evidence.grids[1:])
    assert find_meter(played, evidence=halved) != find_meter(played)


def test_no_network_is_loaded_with_evidence(tmp_path: Path):
    played, _ = dance(3, 4)
    (tmp_path / "performance").write_bytes(encode_performance(played))
    (tmp_path / "beats").write_bytes(encode_evidence(hear_beats(played)))
    script = (
        "import sys\nfrom pathlib import Path\n"
        "from transcriber.notate import notate\n"
        "from transcriber.notate.evidence import decode_evidence\n"
        "from transcriber.performance import decode_performance\n"
        "folder = Path(sys.argv[1])\n"
        "played = decode_performance((folder / 'performance').read_bytes())\n"
        "notate(played, evidence=decode_evidence((folder / 'beats').read_bytes()))\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)


@pytest.mark.parametrize("data", [b"", b"nonsense", encode_performance(dance(3, 1)[0])])
def test_other_data_is_refused(data):
    with pytest.raises((ValueError, KeyError, EOFError)):
        decode_evidence(data)
