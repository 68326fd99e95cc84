"""Where a setup keeps its files, looked at past the service: a folder, or a bucket of an S3-compatible server."""

from __future__ import annotations

import http.client
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import fsspec

Blobs = dict[str, dict[str, int]]  # of every job that has any: the names and sizes of its files

BUCKET = "transcriber"
PREFIX = f"{BUCKET}/files"
ACCESS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


class Files(Protocol):
    def blobs(self) -> Blobs: ...

    def unfinished(self) -> list[str]:
        """What was begun and is no blob."""
        ...


@dataclass(frozen=True)
class FolderFiles:
    root: Path

    def blobs(self) -> Blobs:
        return {
            folder.name: {path.name: path.stat().st_size for path in folder.iterdir()}
            for folder in self.root.iterdir()
            if not folder.name.startswith(".")
        }

    def unfinished(self) -> list[str]:
        return [path.name for path in (self.root / ".incoming").iterdir()]


@dataclass(frozen=True)
class BucketFiles:
    address: str  # of the server

    def blobs(self) -> Blobs:
        found: Blobs = {}
        for path, told in self._server().find(PREFIX, detail=True).items():
            job, _, name = path.removeprefix(f"{PREFIX}/").partition("/")
            found.setdefault(job, {})[name] = int(told["size"])
        return found

    def unfinished(self) -> list[str]:
        answer = self._server().call_s3("list_multipart_uploads", Bucket=BUCKET)
        return [str(upload["Key"]) for upload in answer.get("Uploads", [])]

    def make(self) -> None:
        """An empty bucket. Raises OSError while the server does not answer."""
        connection = http.client.HTTPConnection(self.address.removeprefix("http://"), timeout=5)
        connection.request("PUT", f"/{BUCKET}", headers={"Host": "s3.us-east-1.amazonaws.com"})
        status = connection.getresponse().status
        connection.close()
        if status != 200:
            raise ConnectionError(f"the bucket was not made: {status}")

    def settings(self) -> dict[str, str]:
        return {**ACCESS, "AWS_ENDPOINT_URL_S3": self.address, "TRANSCRIBER_STORAGE": f"s3://{PREFIX}"}

    def _server(self) -> Any:
        return fsspec.filesystem(
            "s3",
            key=ACCESS["AWS_ACCESS_KEY_ID"],
            secret=ACCESS["AWS_SECRET_ACCESS_KEY"],
            endpoint_url=self.address,
            use_listings_cache=False,
        )


def s3_server(port: int) -> list[str]:
    """The command of moto's server, from an environment of its own that MOTO_SERVER names, or from the path."""
    program = os.environ.get("MOTO_SERVER") or shutil.which("moto_server") or "moto_server"
    return [program, "--host", "127.0.0.1", "--port", str(port)]
