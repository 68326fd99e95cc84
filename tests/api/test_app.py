import json
import subprocess
import sys

from fastapi.testclient import TestClient

from api.openapi import FILE, description

HEAVY = ("torch", "nnAudio", "music21", "verovio", "scipy", "av")


def test_api_process_never_loads_the_network() -> None:
    """In a fresh interpreter, up to an app that answers."""
    script = (
        "import sys, json, tempfile\n"
        "from pathlib import Path\n"
        "from api.serve import create_app, Services, Settings\n"
        "create_app(Services(Settings(data_dir=Path(tempfile.mkdtemp())))).openapi()\n"
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout) == []


def test_openapi_names_every_route_and_its_problems(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert set(paths) == {
        "/v1/transcriptions",
        "/v1/transcriptions/batch",
        "/v1/transcriptions/{id}",
        "/v1/transcriptions/{id}/events",
        "/v1/transcriptions/{id}/evidence",
        "/v1/transcriptions/{id}/recording",
        "/v1/transcriptions/{id}/score",
        "/v1/transcriptions/{id}/share",
        "/v1/transcriptions/{id}/{name}",
        "/v1/shared/{word}",
        "/v1/shared/{word}/evidence",
        "/v1/shared/{word}/recording",
        "/v1/shared/{word}/{name}",
        "/v1/uploads",
        "/v1/uploads/{id}",
        "/healthz",
        "/readyz",
        "/metrics",
    }
    upload = paths["/v1/transcriptions"]["post"]
    assert {"202", "400", "413", "415", "422"} <= set(upload["responses"])
    form = upload["requestBody"]["content"]["multipart/form-data"]["schema"]
    view = {"level", "chords", "note_names", "fingering", "pedal", "transpose", "size"}
    assert set(form["properties"]) == {"recording", "title", "composer", "metre", "key", "webhook", *view}
    del paths["/readyz"]  # its 503 is an answer, not a refusal
    for path in paths.values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                if status >= "400":
                    assert set(response["content"]) == {"application/problem+json"}


def test_checked_in_description_is_that_of_the_application() -> None:
    assert json.loads(FILE.read_text()) == description(), "run `python -m api.openapi`"
