"""Requests made from the API's own description, by schemathesis against a running service; this is its hook.

    transcriber-serve api --port 8000 --data-dir /tmp/described & SCHEMATHESIS_HOOKS=eval.described_requests \
        schemathesis run http://127.0.0.1:8000/openapi.json --max-examples 50 --continue-on-failure \
        --exclude-path-regex '/events$' --exclude-checks positive_data_acceptance

Left out are streams of events, which end with their job, and the check that whatever fits the description is accepted:
a cursor that nobody gave out, or an empty recording, is refused, in words.
"""

from __future__ import annotations

import schemathesis

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
