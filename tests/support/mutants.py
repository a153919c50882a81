"""How well the tests hold the modules that decide about a request: ``python -m tests.support.mutants`` asks mutmut.

mutmut changes the modules that ``pyproject.toml`` names, in one small way at a time, and runs the tests that reach the
changed function. A change that no test notices is a surviving mutant. ``surviving_mutants.toml`` explains those that
make no difference; any other survivor fails the run, and so does an explanation of a mutant that does not survive.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code

from tests.support.environments import ROOT, clean_environment

#: The share of the mutants of each module that the tests have to kill; the others have to be explained.
LEAST_KILLED = 0.95

#: pytest starts once for each mutant, and sooner without the plugins that none of these tests needs.
_FEW_PLUGINS = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "_hypothesis_pytestplugin"}

#: The tests of claims take long, for they try every part of a token. The other modules have tests of their own.
CLAIMS = ["auth.tokens.claims.*"]
HELD_BY_THEIR_OWN_TESTS = [
    "auth.rules.*",
    "auth.path_rules.*",
    "auth.step_up.*",
    "auth.wire.bearer.*",
    "auth.wire.logout_request.*",
    "auth.tokens.compact_jws.*",
    "auth.tokens.logout_token.*",
    "auth.keys.*",
]
WITHOUT_CLAIMS = " ".join(
    f"--deselect tests/auth/{name}.py"
    for name in (
        "test_several_issuers",
        "tokens/test_claims",
        "tokens/test_kinds",
        "tokens/test_profiles",
        "tokens/test_verifier",
    )
)

EXPLANATIONS = Path(__file__).with_name("surviving_mutants.toml")


@dataclass(frozen=True, slots=True)
class Change:
    """What a mutant changes, without the number that mutmut gives it: numbers move with every edit of the function."""

    function: str
    before: str
    after: str

    def __str__(self) -> str:
        """Return the change as it is shown, and as an entry of ``surviving_mutants.toml`` writes it."""
        return f"{self.function}\n    - {self.before}\n    + {self.after}"


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mutant of a run."""

    name: str
    module: str
    #: What mutmut says of it: ``killed``, ``survived``, ``timeout``, ``no tests``, ``not checked`` and the like.
    status: str

    @property
    def killed(self) -> bool:
        """Whether the tests noticed; one that never ends is noticed as well."""
        return self.status in {"killed", "timeout"}

    @property
    def function(self) -> str:
        """The function that it changes, with its module."""
        return self.name.rpartition("__mutmut_")[0]

    def change(self) -> Change:
        """Return what it changes. The current folder is the one in which mutmut ran."""
        lines = get_diff_for_mutant(self.name, path=self.module).splitlines()[2:]
        before, after = (" ".join(line[1:].strip() for line in lines if line[0] == sign) for sign in "-+")
        return Change(self.function, before, after)


def explained() -> dict[Change, str]:
    """Return the survivors that make no difference, each with the reason."""
    entries = tomllib.loads(EXPLANATIONS.read_text(encoding="utf-8"))["survivor"]
    return {Change(entry["function"], entry["before"], entry["after"]): entry["because"] for entry in entries}


def run_mutmut(folder: Path, patterns: Sequence[str], *, quiet: bool, **variables: str) -> list[Mutant]:
    """Make every mutant anew, test those whose names match a pattern, or all, and return the tested ones."""
    shutil.rmtree(folder / "mutants", ignore_errors=True)
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", "2", *patterns]
    environment = clean_environment(**_FEW_PLUGINS, **variables)
    finished = subprocess.run(command, cwd=folder, env=environment, check=False, text=True, capture_output=quiet)
    if finished.returncode:
        raise RuntimeError(f"mutmut failed: {(finished.stdout or '')[-4000:]}{finished.stderr or ''}")
    return [mutant for mutant in all_mutants(folder) if mutant.status != "not checked"]


def all_mutants(folder: Path) -> list[Mutant]:
    """Return every mutant that mutmut has made in a folder, tested or not."""
    return sorted(_read(folder / "mutants"), key=lambda mutant: (mutant.module, mutant.name))


def _read(made: Path) -> Iterator[Mutant]:
    for file in made.rglob("*.py.meta"):
        module = str(file.relative_to(made)).removesuffix(".meta")
        for name, exit_code in json.loads(file.read_text())["exit_code_by_key"].items():
            yield Mutant(name, module, status_by_exit_code[exit_code])


def complaints(tested: Sequence[Mutant], *, complete: bool) -> list[str]:
    """Say which survivors are not explained and, if every mutant was tested, what else is wrong.

    That is an explanation without a survivor, or a module of which too few mutants were killed. The current folder is
    the one in which mutmut ran.
    """
    reasons = explained()
    survivors = {mutant.change(): mutant for mutant in tested if not mutant.killed}
    found = [
        f"{mutant.name}: {mutant.status}\n  {change}" for change, mutant in survivors.items() if change not in reasons
    ]
    if complete:
        found += [f"explained, but no survivor:\n  {change}" for change in reasons if change not in survivors]
        found += [
            f"{module}: fewer than {LEAST_KILLED:.0%} were killed"
            for module, mutants in _by_module(tested).items()
            if _score(mutants) < LEAST_KILLED
        ]
    return found


def table(tested: Sequence[Mutant]) -> str:
    """Return how many mutants of each module were killed."""
    lines = [f"{'module':<34}{'mutants':>8}{'killed':>8}{'survived':>10}{'score':>8}"]
    for title, mutants in {**_by_module(tested), "together": tested}.items():
        killed = sum(mutant.killed for mutant in mutants)
        lines.append(f"{title:<34}{len(mutants):>8}{killed:>8}{len(mutants) - killed:>10}{_score(mutants):>8.1%}")
    return "\n".join(lines)


def _by_module(tested: Sequence[Mutant]) -> dict[str, Sequence[Mutant]]:
    modules = sorted({mutant.module for mutant in tested})
    return {module: [mutant for mutant in tested if mutant.module == module] for module in modules}


def _score(mutants: Sequence[Mutant]) -> float:
    return sum(mutant.killed for mutant in mutants) / len(mutants)


def main(patterns: Sequence[str]) -> int:
    """Test the mutants whose names match a pattern, or all of them, print what came of it, and return the exit code."""
    quiet = not sys.stdout.isatty()
    if patterns:
        tested = run_mutmut(ROOT, patterns, quiet=quiet)
    else:
        tested = run_mutmut(ROOT, HELD_BY_THEIR_OWN_TESTS, quiet=quiet, PYTEST_ADDOPTS=WITHOUT_CLAIMS)
        tested += run_mutmut(ROOT, CLAIMS, quiet=quiet)
    with contextlib.chdir(ROOT):
        found = complaints(tested, complete=not patterns)
    print(*found, table(tested), sep="\n\n")  # noqa: T201  # a program for the terminal
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
