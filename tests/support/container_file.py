"""A container file as it can be tried where no container engine is: its steps run in a folder, one after the other.

The folder is the root of the image: paths below ``/srv`` and ``/opt`` lead there. The rest of the base image is this
machine. ``.dockerignore`` is read by Docker's own library for Python.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

from docker.utils.build import exclude_paths

from tests.support.environments import run

_STEP = re.compile(r"^(?P<name>[A-Z]+) (?P<rest>(?:.*\\\n)*.*)$", re.MULTILINE)

#: Where programs of the base image are.
BASE_PATH = os.pathsep.join(("/usr/local/bin", "/usr/bin", "/bin"))


@dataclass(frozen=True)
class Stage:
    """What is between one ``FROM`` and the next."""

    image: str
    name: str | None
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        """Return what the steps of a kind say."""
        return [rest for kind, rest in self.steps if kind == name]

    def last(self, name: str) -> str:
        """Return what the last step of a kind says: the one that counts."""
        return self.all(name)[-1]

    def command(self, name: str = "CMD") -> list[str]:
        """Return the program and arguments of a ``CMD``, or of the ``CMD`` of a ``HEALTHCHECK``, in exec form."""
        command: list[str] = json.loads(self.last(name).split("CMD ")[-1])
        return command

    def variables(self) -> dict[str, str]:
        """Return what ``ENV`` sets, with the path of the base image for ``$PATH``."""
        pairs = [pair.partition("=") for rest in self.all("ENV") for pair in rest.split()]
        return {name: value.replace("$PATH", BASE_PATH) for name, _, value in pairs}


def stages(text: str) -> list[Stage]:
    """Read a container file; comments and the line ends inside a step are gone."""
    found: list[Stage] = []
    for step in _STEP.finditer(re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)):
        rest = re.sub(r"\s*\\\n\s*", " ", step["rest"])
        if step["name"] == "FROM":
            image, _, name = rest.partition(" AS ")
            found.append(Stage(image, name or None))
        else:
            found[-1].steps.append((step["name"], rest))
    return found


def context_of(folder: Path) -> set[str]:
    """Return the files that a build in this folder can copy."""
    patterns = [line.strip() for line in (folder / ".dockerignore").read_text().splitlines()]
    patterns = [line for line in patterns if line and not line.startswith("#")]
    return {name for name in exclude_paths(str(folder), patterns) if (folder / name).is_file()}


class Image:
    """What a build leaves in a folder; it is built when it is made."""

    def __init__(self, text: str, context: Path, folder: Path, base: Path = Path(sys.executable).parent) -> None:
        """``context`` is the folder that is built in; ``base`` holds the ``python`` and ``pip`` of the base image."""
        self.root = folder / "root"
        self._base = base
        self._context = context
        self._files = context_of(context)
        self._stages = stages(text)
        for stage in self._stages:
            self._build(stage)

    @property
    def result(self) -> Stage:
        """The stage that is run."""
        return self._stages[-1]

    def here(self, text: str) -> str:
        """Return a text with the folder in front of each path of the image."""
        return re.sub(r"(?<![\w./])/(?=srv/|opt/)", f"{self.root}/", text)

    @property
    def folder(self) -> Path:
        """Where its command starts."""
        return Path(self.here(f"{self.result.last('WORKDIR')}/"))

    @property
    def variables(self) -> dict[str, str]:
        """The environment of its command."""
        return {name: self.here(value) for name, value in self.result.variables().items()}

    def files(self) -> dict[str, int]:
        """Return each file and when it was changed, to see whether anything was written."""
        return {str(path.relative_to(self.root)): path.stat().st_mtime_ns for path in self.root.rglob("*")}

    def _build(self, stage: Stage) -> None:
        """Every stage has this folder while it is built, because virtual environments hold their own path."""
        self.root.mkdir(parents=True)
        workdir = Path(self.here(f"{stage.last('WORKDIR')}/"))
        workdir.mkdir(parents=True)
        for kind, rest in stage.steps:
            if kind == "COPY":
                self._copy(rest.split(), workdir)
            elif kind == "RUN":
                settings = {name: self.here(value) for name, value in stage.variables().items()}
                path = os.pathsep.join((str(self._base), BASE_PATH))
                run(["sh", "-euc", self.here(rest)], cwd=workdir, settings={"PATH": path, **settings})
        if stage.name:
            self.root.rename(self.root.with_name(stage.name))

    def _copy(self, words: list[str], workdir: Path) -> None:
        *sources, target = words
        destination = workdir / self.here(target)
        if sources[0].startswith("--from="):
            stage = self.root.with_name(sources[0].removeprefix("--from="))
            shutil.copytree(stage / sources[1].removeprefix("/"), destination, symlinks=True)
            return
        for source in sources:
            inside = {name: name for name in self._files if name == source}
            inside |= {name: name.removeprefix(f"{source}/") for name in self._files if name.startswith(f"{source}/")}
            assert inside, f"the build finds no {source}"
            for name, below in inside.items():
                file = destination / below
                file.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self._context / name, file)
