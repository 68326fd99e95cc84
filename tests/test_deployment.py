"""Dockerfile, compose.yaml and the Kubernetes manifests name only what the service knows."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml
from dockerfile_parse import DockerfileParser
from fastapi.testclient import TestClient
from typer.main import get_command

from api.app import create_app
from api.serve import Part, serve
from tests.worker.pumped import PumpedServices, queue_job
from worker.settings import PREFIX, Settings

ROOT = Path(__file__).parent.parent
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
MANIFESTS = list(yaml.safe_load_all((ROOT / "docs" / "deploy" / "kubernetes.yaml").read_text()))
DOCKERFILE = DockerfileParser(str(ROOT / "Dockerfile")).structure
OUR_SERVICES = {name: told for name, told in COMPOSE["services"].items() if told["image"] == "transcriber"}
POD_OWNERS = {told["metadata"]["name"]: told for told in MANIFESTS if told["kind"] in ("Deployment", "Job")}
GIVEN = {"POSTGRES_PASSWORD": "secret"}


def interpolated(text: str) -> str:
    """As compose does it: ${NAME}, ${NAME:-default}, ${NAME:?what to do}."""

    def value(found: re.Match[str]) -> str:
        name, kind, rest = found["name"], found["kind"], found["rest"]
        assert name in GIVEN or kind == ":-", f"{name} has no default"
        return GIVEN.get(name, rest or "")

    return re.sub(r"\$\{(?P<name>\w+)(?:(?P<kind>:[-?])(?P<rest>[^}]*))?\}", value, text)


def understood(words: list[str]) -> Part:
    """The part of `transcriber-serve` that these arguments start; fails where they are not understood."""
    import typer

    app = typer.Typer()
    app.command()(serve)
    context = get_command(app).make_context("transcriber-serve", [interpolated(word) for word in words])
    return Part(context.params["part"])


def settings_of(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """As a process started with these variables, and no others, would have them; unknown ones fail."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    ours = {name: interpolated(value) for name, value in environment.items() if name.startswith(PREFIX)}
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    assert set(ours) <= known
    for name, value in ours.items():
        monkeypatch.setenv(name, value)
    return Settings()


@pytest.mark.parametrize("name", OUR_SERVICES)
def test_a_service_of_compose_is_understood(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told = OUR_SERVICES[name]
    assert understood(told["command"]).value == name
    settings = settings_of(told["environment"], monkeypatch)
    assert sa.make_url(settings.database_url).host == "postgres"
    assert settings.broker_url.startswith("redis://redis:")
    if name != "migrate":
        (mount,) = told["volumes"]
        volume, _, place = mount.partition(":")
        assert volume in COMPOSE["volumes"]
        assert Path(settings.storage).is_relative_to(place)


def test_compose_waits_for_services_that_say_when_they_are_ready() -> None:
    for name, told in COMPOSE["services"].items():
        for other, wanted in told.get("depends_on", {}).items():
            awaited = COMPOSE["services"][other]
            if wanted["condition"] == "service_healthy":
                assert "test" in awaited["healthcheck"], (name, other)
            else:
                assert "restart" not in awaited, f"{other} never completes"
    assert set(OUR_SERVICES) == {"api", "listen", "notate", "sweep", "migrate"}


def test_redis_and_postgres_keep_what_they_are_told() -> None:
    assert COMPOSE["services"]["redis"]["command"][-2:] == ["--appendonly", "yes"]
    for name in ("redis", "postgres"):
        assert COMPOSE["services"][name]["volumes"][0].partition(":")[0] in COMPOSE["volumes"]


def instructions(name: str, stage: int) -> list[str]:
    """The values of one instruction in one stage, counted from 0."""
    found: list[list[str]] = []
    for step in DOCKERFILE:
        if step["instruction"] == "FROM":
            found.append([])
        elif step["instruction"] == name and found:
            found[-1].append(step["value"])
    return found[stage]


def test_the_image_is_built_from_what_is_there() -> None:
    for value in instructions("COPY", 0):
        *sources, _ = value.split()
        for source in sources:
            assert (ROOT / source).exists()
    copied = {value.split()[0] for value in instructions("COPY", 0)}
    assert {"transcriber", "worker", "api", "eval"} <= copied


def test_the_image_runs_as_nobody_in_particular_and_says_whether_it_is_well(tmp_path: Path) -> None:
    (user,) = instructions("USER", -1)
    assert int(user) > 0
    (health,) = instructions("HEALTHCHECK", -1)
    path = re.search(r"http://127\.0\.0\.1:(\d+)(/\w+)", health)
    assert path is not None
    assert path[1] in instructions("EXPOSE", -1)
    services = PumpedServices(Settings(data_dir=tmp_path))
    assert TestClient(create_app(services)).get(path[2]).status_code == 200


def test_the_environment_of_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = " ".join(instructions("ENV", -1)).split()
    settings = settings_of(dict(pair.split("=", 1) for pair in pairs), monkeypatch)
    assert (settings.host, settings.data_dir, settings.log_format) == ("0.0.0.0", Path("/data"), "json")
    assert instructions("VOLUME", -1) == ["/data"]


def containers() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    for name, told in POD_OWNERS.items():
        pod = told["spec"]["template"]["spec"]
        for container in pod["containers"]:
            yield name, pod, container


@pytest.mark.parametrize(("name", "pod", "container"), list(containers()))
def test_a_container_of_the_cluster_is_understood(name: str, pod: dict[str, Any], container: dict[str, Any]) -> None:
    assert understood(container["args"]).value == container["name"] == name.removeprefix("transcriber-")
    (user,) = instructions("USER", -1)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == int(user)
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert {tuple(source) for source in container["envFrom"]} == {("configMapRef",), ("secretRef",)}
    volumes = {volume["name"] for volume in pod.get("volumes", [])}
    assert {mount["name"] for mount in container.get("volumeMounts", [])} == volumes


def test_settings_of_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    (told,) = [told for told in MANIFESTS if told["kind"] == "ConfigMap"]
    settings = settings_of(told["data"], monkeypatch)
    assert settings.keys
    assert settings.storage.startswith("s3://")


def test_the_cluster_grows_with_the_jobs_that_wait(tmp_path: Path) -> None:
    """Every query that KEDA asks is one that the job table answers."""
    services = PumpedServices(Settings(data_dir=tmp_path))
    queue_job(services.jobs)
    scaled = [told for told in MANIFESTS if told["kind"] == "ScaledObject"]
    for told in scaled:
        assert told["spec"]["scaleTargetRef"]["name"] in POD_OWNERS
        (trigger,) = told["spec"]["triggers"]
        with services.engine.connect() as connection:
            waiting = connection.execute(sa.text(trigger["metadata"]["query"])).scalar()
        assert waiting == (1 if told["metadata"]["name"].endswith("listen") else 0)
    assert len(scaled) == 2


def test_one_image_of_one_version() -> None:
    from importlib.metadata import version

    tags = {container["image"].partition(":")[2] for _, _, container in containers()}
    assert {tag.removesuffix("-cuda") for tag in tags} == {version("transcriber")}


def test_an_unknown_option_would_be_noticed() -> None:
    with pytest.raises(Exception, match=r"(?i)no such option"):
        understood(["api", "--colour", "red"])
