"""The steps of the Dockerfile, done one after the other in a clean Debian root, for machines without a Docker engine.

    python -m eval.image_replay FOLDER [--accelerator cuda] [--bind /opt/wheels] [--bind /etc/ssl/certs]

as root, with `debootstrap` installed. Every stage becomes a folder below FOLDER; the last one is then tried as its
container would be: `doctor` as its user, the service, and its health check. What differs from a build: the base image
is Debian's own Python of the same version, and nothing is cached or packed into layers. `--bind` shows a folder of this
machine, for instance one with packages, in each stage; PIP_* variables are handed on.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Annotated

import typer
from dockerfile_parse import DockerfileParser

PROJECT = Path(__file__).parent.parent
PACKAGES = "python3,python3-venv,ca-certificates"
SUITE = "bookworm"
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
START_S = 120.0


@dataclass
class Stage:
    """A root folder, and what the instructions so far have set."""

    root: Path
    variables: dict[str, str] = field(default_factory=lambda: {"PATH": SYSTEM_PATH, "HOME": "/root"})
    folder: str = "/"
    user: str = "0"
    entry: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)

    def command(self, words: Sequence[str]) -> list[str]:
        inside = f"cd {shlex.quote(self.folder)} && exec {shlex.join(words)}"
        return ["chroot", f"--userspec={self.user}:{self.user}", str(self.root), "/bin/sh", "-c", inside]

    def environment(self) -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if name.startswith("PIP_")} | self.variables

    def run(self, words: Sequence[str]) -> None:
        subprocess.run(self.command(words), env=self.environment(), check=True)

    def expand(self, text: str) -> str:
        return Template(text).safe_substitute(self.variables)


class Replay:
    def __init__(self, folder: Path, arguments: dict[str, str], binds: Sequence[Path]) -> None:
        self.folder, self.arguments = folder, arguments
        self.binds = [Path("/dev"), Path("/proc"), *binds]
        self.stages: dict[str, Stage] = {}
        self.mounted = ExitStack()

    def all(self, dockerfile: Path) -> Stage:
        """Every instruction in order; the last stage. Raises CalledProcessError where a step fails."""
        stage: Stage | None = None
        for step in DockerfileParser(str(dockerfile)).structure:
            instruction, value = step["instruction"], step["value"]
            if instruction == "COMMENT":
                continue
            typer.echo(f"{instruction} {value}")
            if instruction == "FROM":
                stage = self._begin(value)
            elif instruction == "ARG":
                name, _, default = value.partition("=")
                if stage is not None:
                    stage.variables[name] = self.arguments.get(name, default)
            else:
                assert stage is not None
                self._do(stage, instruction, value)
        assert stage is not None
        return stage

    def _begin(self, value: str) -> Stage:
        words = value.split()
        name = words[2] if len(words) == 3 else "final"
        stage = self.stages[name] = Stage(self.folder / name)
        refuse_mounts(stage.root)
        shutil.rmtree(stage.root, ignore_errors=True)
        subprocess.run(["cp", "-a", str(self._base()), str(stage.root)], check=True)
        for source in self.binds:
            target = stage.root / source.relative_to("/")
            target.mkdir(parents=True, exist_ok=True)
            subprocess.run(["mount", "--rbind", str(source), str(target)], check=True)
            self.mounted.callback(subprocess.run, ["umount", "--lazy", str(target)])
        return stage

    def _base(self) -> Path:
        base = self.folder / "base"
        if not base.exists():
            subprocess.run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(base)], check=True)
            (base / "usr/local/bin/python").symlink_to("/usr/bin/python3")
            for configuration in ("/etc/pip.conf", "/etc/resolv.conf", "/etc/hosts"):
                if Path(configuration).exists():
                    shutil.copy(configuration, base / configuration.lstrip("/"))
        return base

    def _do(self, stage: Stage, instruction: str, value: str) -> None:
        if instruction == "RUN":
            stage.run(["/bin/sh", "-ec", value])
        elif instruction == "ENV":
            pairs = (pair.partition("=") for pair in shlex.split(value))
            stage.variables |= {name: stage.expand(text) for name, _, text in pairs}
        elif instruction == "WORKDIR":
            stage.folder = value
            (stage.root / value.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif instruction == "COPY":
            self._copy(stage, value.split())
        elif instruction == "USER":
            stage.user = value
        elif instruction == "ENTRYPOINT":
            stage.entry = json.loads(value)
        elif instruction == "HEALTHCHECK":
            stage.health = json.loads(value[value.index("[") :])
        elif instruction not in ("VOLUME", "EXPOSE"):
            raise typer.BadParameter(f"{instruction} cannot be replayed")

    def _copy(self, stage: Stage, words: list[str]) -> None:
        source = PROJECT
        if words[0].startswith("--from="):
            source = self.stages[words.pop(0).removeprefix("--from=")].root
        *names, target = words
        into = stage.root / str(Path(stage.folder, target)).lstrip("/")
        for name in names:
            whole = source / name.lstrip("/")
            place = into / whole.name if target.endswith("/") else into
            place.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-aT", "--no-preserve=ownership", str(whole), str(place)], check=True)


def refuse_mounts(root: Path) -> None:
    """A replay that was killed leaves this machine's /dev shown below the stage, which would be deleted with it."""
    shown = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    if left := [place for place in shown if Path(place).is_relative_to(root)]:
        raise typer.BadParameter(f"umount these first, left by an earlier replay: {', '.join(left)}")


def try_out(stage: Stage) -> None:
    """As a container of the image would be used."""
    stage.run([*stage.entry, "doctor"])
    with subprocess.Popen(stage.command(stage.entry), env=stage.environment()) as service:
        deadline_s = time.monotonic() + START_S
        while subprocess.run(stage.command(stage.health), env=stage.environment(), capture_output=True).returncode:
            if service.poll() is not None or time.monotonic() > deadline_s:
                raise typer.Exit(1)
            time.sleep(1)
        typer.echo("healthy")
        service.terminate()
        service.wait(30)


def main(
    folder: Annotated[Path, typer.Argument(help="Where the stages are built; several GB.")],
    accelerator: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    bind: Annotated[list[Path] | None, typer.Option(help="A folder of this machine to be seen in every stage.")] = None,
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    replay = Replay(folder.absolute(), {"ACCELERATOR": accelerator}, bind or [])
    with replay.mounted:
        try_out(replay.all(PROJECT / "Dockerfile"))


if __name__ == "__main__":
    typer.run(main)
