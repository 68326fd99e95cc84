"""Gzip goes to whoever takes it, and to nobody else."""

import pytest
from starlette.datastructures import Headers

from api.packing import takes_gzip


@pytest.mark.parametrize(
    ("accepted", "takes"),
    [
        (["gzip"], True),
        (["GZIP ; Q=0.5"], True),
        (["br, gzip;q=0.8"], True),
        (["br", "gzip"], True),
        (["*"], True),
        (["gzip;q=0"], False),
        (["gzip;q=0.000, *"], False),
        (["br, *;q=0"], False),
        (["not-gzip"], False),
        (["gzip;q=all"], False),
        ([""], False),
        ([], False),
    ],
)
def test_whoever_names_gzip_with_a_weight_takes_it(accepted: list[str], takes: bool) -> None:
    headers = Headers(raw=[(b"accept-encoding", value.encode()) for value in accepted])
    assert takes_gzip(headers) is takes
