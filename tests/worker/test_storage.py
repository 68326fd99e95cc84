import contextlib
import os
from pathlib import Path

import pytest

from worker.storage import (
    INCOMING,
    STALE_INCOMING_S,
    BlobMissing,
    BucketStorage,
    FolderStorage,
    Storage,
    open_storage,
    read_blob,
    write_blob,
)

JOB = "0" * 31 + "1"
OTHER_JOB = "0" * 31 + "2"


@pytest.fixture(params=["folder", "bucket", pytest.param("s3", marks=pytest.mark.s3)])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """A folder, a local disk behind fsspec, which too shows a file only once it is complete, and S3."""
    if request.param == "folder":
        return open_storage(str(tmp_path / "files"))
    if request.param == "s3":
        return open_storage(request.getfixturevalue("bucket"))
    for job in (JOB, OTHER_JOB):
        (tmp_path / "bucket" / job).mkdir(parents=True)
    return open_storage(f"file://{tmp_path}/bucket")


def test_blob_comes_back(storage: Storage) -> None:
    write_blob(storage, f"{JOB}/score.pdf", b"%PDF" * 1000)
    assert read_blob(storage, f"{JOB}/score.pdf") == b"%PDF" * 1000
    assert storage.size(f"{JOB}/score.pdf") == 4000
    with storage.open(f"{JOB}/score.pdf") as file:
        file.seek(3998)
        assert file.read() == b"DF"
    with storage.as_file(f"{JOB}/score.pdf") as path:
        assert path.name == "score.pdf"
        assert path.stat().st_size == 4000


def test_broken_off_write_leaves_nothing(storage: Storage) -> None:
    with contextlib.suppress(ConnectionError), storage.create(f"{JOB}/recording.wav") as file:
        file.write(b"RIFF")
        raise ConnectionError
    with pytest.raises(BlobMissing):
        storage.size(f"{JOB}/recording.wav")
    if isinstance(storage, FolderStorage):
        assert list((storage.root / INCOMING).iterdir()) == []


def test_blob_is_replaced_whole(storage: Storage) -> None:
    write_blob(storage, f"{JOB}/score.pdf", b"a longer first version")
    write_blob(storage, f"{JOB}/score.pdf", b"short")
    assert read_blob(storage, f"{JOB}/score.pdf") == b"short"


def test_delete_takes_the_whole_job_and_no_other(storage: Storage) -> None:
    for key in (f"{JOB}/a", f"{JOB}/b", f"{OTHER_JOB}/a"):
        write_blob(storage, key, b"x")
    storage.delete(JOB)
    storage.delete(JOB)
    for key in (f"{JOB}/a", f"{JOB}/b"):
        with pytest.raises(BlobMissing):
            storage.open(key)
        with pytest.raises(BlobMissing), storage.as_file(key):
            pass
    assert read_blob(storage, f"{OTHER_JOB}/a") == b"x"


def test_one_blob_is_dropped_and_its_job_still_told_of(storage: Storage) -> None:
    for key in (f"{JOB}/a", f"{JOB}/b", f"{OTHER_JOB}/a"):
        write_blob(storage, key, b"x")
    storage.drop(f"{JOB}/a")
    storage.drop(f"{JOB}/a")
    with pytest.raises(BlobMissing):
        storage.open(f"{JOB}/a")
    assert read_blob(storage, f"{JOB}/b") == b"x"
    assert sorted(storage.job_ids()) == [JOB, OTHER_JOB]


@pytest.mark.parametrize(
    "key", ["../x", f"{JOB}/../x", f"{JOB}/a/b", f"{JOB}/.x", "short/x", JOB, f"{JOB}/", f"{JOB}/a\n"]
)
def test_no_key_leaves_the_root(storage: Storage, key: str) -> None:
    with pytest.raises(ValueError, match="not a blob's name"):
        write_blob(storage, key, b"x")
    with pytest.raises(ValueError, match="not a blob's name"):
        storage.open(key)


def test_files_of_a_dead_process_are_discarded_and_those_of_a_living_one_kept(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    old, fresh = tmp_path / INCOMING / "old", tmp_path / INCOMING / "fresh"
    old.write_bytes(b"x")
    fresh.write_bytes(b"x")
    long_ago = fresh.stat().st_mtime - STALE_INCOMING_S - 1
    os.utime(old, (long_ago, long_ago))
    assert storage.discard_stale() == 1
    assert fresh.exists()
    assert not old.exists()


def test_what_a_killed_process_was_writing_is_deleted_with_its_job(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    lost, other = contextlib.ExitStack(), contextlib.ExitStack()
    for stack, job in ((lost, JOB), (other, OTHER_JOB)):
        stack.enter_context(storage.create(f"{job}/recording.wav")).write(b"RIFF")
    storage.delete(JOB)
    assert len(list((tmp_path / INCOMING).iterdir())) == 1
    with pytest.raises(BlobMissing):
        lost.close()
    other.close()
    assert storage.names(JOB) == []
    assert read_blob(storage, f"{OTHER_JOB}/recording.wav") == b"RIFF"


@pytest.mark.s3
def test_nor_are_parts_of_it_kept_in_a_bucket(request: pytest.FixtureRequest) -> None:
    storage = open_storage(request.getfixturevalue("bucket"))
    assert isinstance(storage, BucketStorage)
    bucket = storage.root.partition("/")[0]
    begun = [storage.fs.open(f"{storage.root}/{job}/a", "wb", autocommit=False) for job in (JOB, OTHER_JOB)]
    for file in begun:
        file.write(b"x" * 6_000_000)
        file.flush(force=True)
    assert len(storage.fs.call_s3("list_multipart_uploads", Bucket=bucket)["Uploads"]) == 2
    storage.delete(JOB)
    (left,) = storage.fs.call_s3("list_multipart_uploads", Bucket=bucket)["Uploads"]
    assert OTHER_JOB in left["Key"]
    for file in begun:
        file.closed = True  # or the garbage collector would go on with them


def test_names_of_a_jobs_blobs(storage: Storage) -> None:
    assert storage.names(JOB) == storage.names("f" * 32) == []
    for key in (f"{JOB}/r1.score.pdf", f"{JOB}/score.pdf", f"{OTHER_JOB}/score.pdf"):
        write_blob(storage, key, b"x")
    assert sorted(storage.names(JOB)) == ["r1.score.pdf", "score.pdf"]
    storage.drop(f"{JOB}/score.pdf")
    assert storage.names(JOB) == ["r1.score.pdf"]
