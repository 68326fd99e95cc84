"""Where recordings, stage results and scores lie: a folder, or a bucket behind fsspec.

A blob is named `<job id>/<name>`, appears whole or not at all, and is deleted with everything else of its job.
"""

from __future__ import annotations

import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

import fsspec

from worker.temporary import temporary_folder

JOB_ID = re.compile(r"[0-9a-f]{32}")
KEY = re.compile(JOB_ID.pattern + r"/[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
INCOMING = ".incoming"  # of a folder: files being written; no job id looks like it
COPIED_BYTES = 1024 * 1024  # at a time
STALE_INCOMING_S = 24 * 3600.0  # four times the longest upload


class BlobMissing(LookupError):
    """There is no such blob."""


class Writable(Protocol):
    def create(self, key: str) -> AbstractContextManager[BinaryIO]:
        """A file to write to; it becomes the blob when the block ends well and nothing when it does not.

        Raises BlobMissing where everything of its job was deleted meanwhile.
        """
        ...


class Storage(Writable, Protocol):
    def open(self, key: str) -> BinaryIO:
        """The blob, seekable. Raises BlobMissing."""
        ...

    def size(self, key: str) -> int:
        """In bytes. Raises BlobMissing."""
        ...

    def as_file(self, key: str) -> AbstractContextManager[Path]:
        """The blob as a file that lives as long as the block. Raises BlobMissing."""
        ...

    def delete(self, job_id: str) -> None:
        """Delete every blob of the job, and what was written of any; nothing happens where there is none."""
        ...

    def drop(self, key: str) -> None:
        """Delete one blob; nothing happens where there is none."""
        ...

    def names(self, job_id: str) -> list[str]:
        """Of every blob of the job."""
        ...

    def job_ids(self) -> list[str]:
        """Of every job that has a blob."""
        ...

    def discard_stale(self) -> int:
        """Delete what broken-off writes left behind; returns how many files."""
        ...


def open_storage(address: str) -> Storage:
    """A folder path, or any address that fsspec knows, such as s3://bucket/prefix."""
    if "://" in address:
        return BucketStorage(address)
    return FolderStorage(Path(address))


def read_blob(storage: Storage, key: str) -> bytes:
    with storage.open(key) as file:
        return file.read()


def write_blob(storage: Storage, key: str, data: bytes) -> None:
    with storage.create(key) as file:
        file.write(data)


def copy_blob(storage: Storage, source: str, target: str) -> None:
    """Raises BlobMissing."""
    with storage.open(source) as original, storage.create(target) as copy:
        shutil.copyfileobj(original, copy, COPIED_BYTES)


class Discarding:
    """Takes blobs and keeps nothing: for an upload that is only compared."""

    @contextmanager
    def create(self, key: str) -> Iterator[BinaryIO]:
        with open(os.devnull, "wb") as file:
            yield file


class FolderStorage:
    """Blobs as files below one folder, written elsewhere on the same disk and renamed into place.

    What is being written has its job's id in its name, so that it is deleted with the job wherever its writer was
    killed.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / INCOMING).mkdir(parents=True, exist_ok=True)

    @contextmanager
    def create(self, key: str) -> Iterator[BinaryIO]:
        target = self._path(key)
        incoming = self.root / INCOMING / f"{target.parent.name}.{uuid.uuid4().hex}"
        try:
            with incoming.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            target.parent.mkdir(exist_ok=True)
            try:
                incoming.replace(target)
            except FileNotFoundError as cause:
                raise BlobMissing(key) from cause
        finally:
            incoming.unlink(missing_ok=True)

    def open(self, key: str) -> BinaryIO:
        try:
            return self._path(key).open("rb")
        except FileNotFoundError as cause:
            raise BlobMissing(key) from cause

    def size(self, key: str) -> int:
        try:
            return self._path(key).stat().st_size
        except FileNotFoundError as cause:
            raise BlobMissing(key) from cause

    @contextmanager
    def as_file(self, key: str) -> Iterator[Path]:
        path = self._path(key)
        if not path.is_file():
            raise BlobMissing(key)
        yield path

    def delete(self, job_id: str) -> None:
        folder = self._path(f"{job_id}/any").parent
        for unfinished in (self.root / INCOMING).glob(f"{job_id}.*"):
            unfinished.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)

    def drop(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)

    def names(self, job_id: str) -> list[str]:
        try:
            with os.scandir(self._path(f"{job_id}/any").parent) as entries:
                return [entry.name for entry in entries]
        except FileNotFoundError:
            return []

    def job_ids(self) -> list[str]:
        with os.scandir(self.root) as entries:
            return [entry.name for entry in entries if JOB_ID.fullmatch(entry.name)]

    def discard_stale(self) -> int:
        oldest = time.time() - STALE_INCOMING_S
        with os.scandir(self.root / INCOMING) as entries:
            stale = [Path(entry) for entry in entries if entry.stat().st_mtime < oldest]
        for path in stale:
            path.unlink(missing_ok=True)
        return len(stale)

    def _path(self, key: str) -> Path:
        return self.root / _checked(key)


class BucketStorage:
    """Blobs in an S3-compatible bucket or any other fsspec filesystem, whose uploads appear only when complete."""

    def __init__(self, address: str) -> None:
        fs, root = fsspec.core.url_to_fs(address, use_listings_cache=False)
        self.fs: Any = fs
        self.root: str = root.rstrip("/")

    @contextmanager
    def create(self, key: str) -> Iterator[BinaryIO]:
        file = self.fs.open(self._path(key), "wb", autocommit=False)
        try:
            yield cast(BinaryIO, file)
            file.close()
        except BaseException:
            file.discard()
            file.forced = True  # or the garbage collector would upload what was buffered
            raise
        file.commit()

    def open(self, key: str) -> BinaryIO:
        try:
            return cast(BinaryIO, self.fs.open(self._path(key), "rb"))
        except FileNotFoundError as cause:
            raise BlobMissing(key) from cause

    def size(self, key: str) -> int:
        try:
            return int(self.fs.size(self._path(key)))
        except FileNotFoundError as cause:
            raise BlobMissing(key) from cause

    @contextmanager
    def as_file(self, key: str) -> Iterator[Path]:
        with temporary_folder() as folder, self.open(key) as source:
            path = folder / key.rpartition("/")[2]
            with path.open("wb") as target:
                shutil.copyfileobj(source, target, COPIED_BYTES)
            yield path

    def delete(self, job_id: str) -> None:
        folder = self._path(f"{job_id}/any").rpartition("/")[0]
        self._abort(folder)
        with suppress(FileNotFoundError):
            self.fs.rm(folder, recursive=True)

    def _abort(self, folder: str) -> None:
        """Drop the parts of S3 uploads whose writer was killed: no listing shows them, and they are kept for ever."""
        if not hasattr(self.fs, "call_s3"):
            return
        bucket, _, prefix = folder.partition("/")
        for begun in self.fs.call_s3("list_multipart_uploads", Bucket=bucket, Prefix=f"{prefix}/").get("Uploads", ()):
            with suppress(FileNotFoundError):  # it has ended meanwhile
                self.fs.call_s3("abort_multipart_upload", Bucket=bucket, Key=begun["Key"], UploadId=begun["UploadId"])

    def drop(self, key: str) -> None:
        with suppress(FileNotFoundError):
            self.fs.rm_file(self._path(key))

    def names(self, job_id: str) -> list[str]:
        try:
            paths = self.fs.ls(self._path(f"{job_id}/any").rpartition("/")[0], detail=False, refresh=True)
        except FileNotFoundError:
            return []
        return [path.rpartition("/")[2] for path in paths]

    def job_ids(self) -> list[str]:
        try:
            paths = self.fs.ls(self.root, detail=False)
        except FileNotFoundError:
            return []
        return [name for path in paths if JOB_ID.fullmatch(name := path.rstrip("/").rpartition("/")[2])]

    def discard_stale(self) -> int:
        """What `delete` did not find, as its job was lost with the database, a rule of the bucket is to delete."""
        return 0

    def _path(self, key: str) -> str:
        return f"{self.root}/{_checked(key)}"


def _checked(key: str) -> str:
    """Keys are made by this program alone; a key of another form is a fault, and no path may leave the root."""
    if not KEY.fullmatch(key):
        raise ValueError(f"not a blob's name: {key!r}")
    return key
