"""What is said about where a measurement took place."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path

from benchmarks import machine


def test_the_versions_name_the_machine_and_what_was_measured() -> None:
    """A figure without them means nothing."""
    told = machine.versions("Flask")

    assert told["processor"]
    assert int(told["cores"]) >= 1
    assert told["CPython"] == platform.python_version()
    assert told["Flask"] == version("Flask")


def test_the_processor_is_its_model(tmp_path: Path) -> None:
    """As Linux tells it."""
    described = tmp_path / "cpuinfo"
    described.write_text("vendor_id\t: X\nmodel name\t: Quick One 3000\nmodel name\t: Quick One 3000\n")

    assert machine.processor(described) == "Quick One 3000"


def test_a_machine_that_does_not_tell_is_named_by_its_architecture(tmp_path: Path) -> None:
    """Some processors have no model name, some systems no such file."""
    described = tmp_path / "cpuinfo"
    assert machine.processor(described) == platform.machine()

    described.write_text("Processor\t: 0\n")

    assert machine.processor(described) == platform.machine()
