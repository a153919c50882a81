"""What the repository says about itself: its metadata, its commands, and the names of its tests."""

from __future__ import annotations

import ast
import functools
import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

#: The table ``[project]`` of pyproject.toml.
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

#: The versions of CPython that users are promised.
PYTHONS: list[str] = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))


def make_targets() -> set[str]:
    """Return what make can be asked for by name."""
    phony = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return set(" ".join(phony).split()) | {f"test-on-{version}" for version in PYTHONS}


@functools.cache
def names_of_tests() -> Counter[str]:
    """Return how often each name of a function is used in the modules of tests."""
    trees = [ast.parse(file.read_text()) for file in sorted((ROOT / "tests").rglob("test_*.py"))]
    functions = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return Counter(function.name for function in functions)
