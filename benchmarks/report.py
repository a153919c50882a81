"""The figures as people read them: a plot of each chapter, and the tables on ``docs/performance.md``.

    python -m benchmarks.report

does it anew from the chapters that are saved, without measuring.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.measurement import load
from benchmarks.plots import draw
from benchmarks.tables import FOLDER, PAGE, rewritten


def publish(folder: Path) -> None:
    """Draw the chapters that a folder holds; if it is the one of the page, write its tables there."""
    chapters = [load(path) for path in sorted(folder.glob("*.json"))]
    for chapter in chapters:
        draw(chapter, folder)
    if folder.resolve() == FOLDER:
        PAGE.write_text(rewritten(PAGE.read_text(), chapters))


if __name__ == "__main__":
    publish(FOLDER)
