"""The figures as people read them: plots, ``docs/performance.md`` and ``docs/performance-tables.md``.

    python -m benchmarks.report

does it anew from the chapters that are saved, without measuring.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.measurement import load
from benchmarks.pages import FOLDER, PAGE, TABLES_PAGE, plotted, sections, written, written_tables
from benchmarks.plots import draw


def publish(folder: Path) -> str:
    """Draw what a folder holds, and return the figures that most readers ask for.

    If the folder is the one of the documentation, write both pages.
    """
    chapters = {chapter.name: chapter for chapter in map(load, sorted(folder.glob("*.json")))}
    for chapter in chapters.values():
        if (drawn := plotted(chapter)) is not None:
            draw(drawn, folder)
    if folder.resolve() == FOLDER:
        PAGE.write_text(written(PAGE.read_text(), chapters))
        TABLES_PAGE.write_text(written_tables(TABLES_PAGE.read_text(), chapters))
    return "\n\n".join(sections(chapters).values())


if __name__ == "__main__":
    publish(FOLDER)
