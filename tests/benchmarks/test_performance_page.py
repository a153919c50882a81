"""``docs/performance.md`` shows the figures that are kept beside it, and no others."""

from __future__ import annotations

import re

from benchmarks.measurement import load
from benchmarks.tables import FOLDER, PAGE, rewritten

TEXT = PAGE.read_text()
CHAPTERS = [load(path) for path in sorted(FOLDER.glob("*.json"))]


def test_the_tables_are_those_of_the_kept_figures() -> None:
    """``python -m benchmarks.report`` writes them; nobody else does."""
    assert CHAPTERS
    assert rewritten(TEXT, CHAPTERS) == TEXT


def test_a_place_without_kept_figures_is_empty() -> None:
    """Nobody writes figures by hand."""
    places = dict(re.findall(r"^<!-- ([\w-]+) -->\n(.*?)^<!-- /\1 -->$", TEXT, re.MULTILINE | re.DOTALL))

    assert {name for name, content in places.items() if content} == {chapter.name for chapter in CHAPTERS}


def test_every_chapter_has_its_plot() -> None:
    """Drawn from the figures, with the names of all subjects as text."""
    for chapter in CHAPTERS:
        picture = (FOLDER / f"{chapter.name}.svg").read_text()
        assert all(f">{figure.subject}</text>" in picture for figure in chapter.figures)
        assert all(f">{figure.setting}</text>" in picture for figure in chapter.figures)
