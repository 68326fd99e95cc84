"""Whether a client takes gzip, by its Accept-Encoding (RFC 9110, section 12.5.3)."""

from __future__ import annotations

import re

from starlette.datastructures import Headers

CODING = re.compile(r"\s*([^\s;]+)\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?))?\s*", re.IGNORECASE)


def takes_gzip(headers: Headers) -> bool:
    """Named itself, or by `*`, with a weight that is not 0; a part that makes no sense names nothing."""
    parts = ",".join(headers.getlist("accept-encoding")).split(",")
    weights = {found[1].lower(): float(found[2] or 1) for part in parts if (found := CODING.fullmatch(part))}
    return weights.get("gzip", weights.get("*", 0.0)) > 0
