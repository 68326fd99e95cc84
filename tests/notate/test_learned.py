"""What was learned is read from the package, or in a whole process from a folder that was named in time."""

import pytest

from transcriber.notate.learned import NAMES, learned_file, use_weights

pytestmark = pytest.mark.usefixtures("nothing_read")


@pytest.fixture
def others(tmp_path):
    for name in NAMES:
        (tmp_path / name).write_text(name)
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_all_of_it_ships(name):
    with learned_file(name) as path:
        assert path.stat().st_size > 1000


def test_another_folder_takes_its_place(others):
    use_weights(others)
    use_weights(others)
    for name in NAMES:
        with learned_file(name) as path:
            assert path.read_text() == name


def test_a_folder_that_lacks_a_file_is_refused(others):
    (others / NAMES[1]).unlink()
    with pytest.raises(FileNotFoundError, match=NAMES[1]):
        use_weights(others)


def test_it_is_too_late_once_something_was_read(others):
    with learned_file(NAMES[0]):
        pass
    with pytest.raises(RuntimeError, match="before anything is notated"):
        use_weights(others)
