"""The fuzz targets, with a few thousand inputs each: the same ones each time. ``make fuzz`` is for longer runs."""

from __future__ import annotations

import platform
import re
import sys
from pathlib import Path

import pytest

from fuzz.__main__ import TARGETS, main
from tests.support.environments import ROOT, clone, run

#: Inputs of a short run. The seed decides which ones.
INPUTS = 1000

#: Seconds for one input are not counted: a busy machine may stop a process for a while.
ENDLESS = 3600


#: The marker of atheris in pyproject.toml says the same.
IS_INSTALLED = (sys.platform, platform.machine(), sys.implementation.name) == ("linux", "x86_64", "cpython")

needs_atheris = pytest.mark.skipif(not IS_INSTALLED, reason="skipped: atheris has no wheel for this platform")


def fuzz(folder: Path, *arguments: object, cwd: Path = ROOT) -> str:
    """Run the fuzzer with the same seed as ever, and return what it printed."""
    options = ("--runs", INPUTS, "--seed", 1, "--slowest", ENDLESS, "--folder", folder, *arguments)
    return run([sys.executable, "-m", "fuzz", *map(str, options)], cwd=cwd)


@needs_atheris
@pytest.mark.parametrize("target", TARGETS)
def test_a_target_holds_for_every_input_of_a_short_run(target: str, tmp_path: Path) -> None:
    """And the run tells how many that were."""
    printed = fuzz(tmp_path, target)

    (tried,) = re.findall(rf"^{target} +([\d,]+) inputs", printed, re.MULTILINE)
    assert int(tried.replace(",", "")) >= INPUTS
    assert list((tmp_path / "corpus" / target).iterdir())
    assert list((tmp_path / "found").iterdir()) == []


def test_every_module_of_a_target_is_run_by_the_command() -> None:
    """A target that no command runs would be forgotten."""
    modules = {path.stem for path in (ROOT / "fuzz" / "targets").glob("*.py")}

    assert modules - {"__init__"} == {*TARGETS}


@needs_atheris
def test_a_fault_is_found_and_kept_and_can_be_tried_again(tmp_path: Path) -> None:
    """Here one that is planted: base64url that is not canonical, so that a token has several spellings."""
    folder, kept = clone(tmp_path / "clone"), tmp_path / "kept"
    module = folder / "auth" / "tokens" / "compact_jws.py"
    code = module.read_text()
    module.write_text(code.replace("if overhang and segment", "if overhang > 3 and segment"))
    assert module.read_text() != code

    with pytest.raises(AssertionError, match=r"token_text .*FOUND\n[^$]*AssertionError"):
        fuzz(kept, "token_text", "--runs", 20_000, cwd=folder)
    (found,) = (kept / "found").iterdir()
    with pytest.raises(AssertionError, match="Uncaught Python exception"):
        fuzz(kept, "token_text", "--input", found, cwd=folder)

    assert "Executed" in fuzz(kept, "token_text", "--input", found)


@needs_atheris
@pytest.mark.parametrize("targets", [[], ["cursors", "settings"]], ids=["none", "two"])
def test_an_input_is_tried_by_one_target(targets: list[str]) -> None:
    """It means nothing to another."""
    with pytest.raises(SystemExit, match=r"^Say which one target is to try the input\."):
        main([*targets, "--input", "found"])


def test_without_atheris_the_command_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """A traceback for each target would not."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    with pytest.raises(SystemExit, match=r"^atheris is not installed; it has wheels for Linux on x86-64 only\."):
        main([])


def test_a_target_that_is_not_there_is_refused_with_those_that_are() -> None:
    """Before anything is started."""
    with pytest.raises(
        SystemExit, match=r"^There is no target cursor; there are authorization, .*, cursors, settings\."
    ):
        main(["cursor"])
