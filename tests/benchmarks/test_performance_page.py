"""The pages on performance show the figures that are kept beside them, and no others."""

from __future__ import annotations

import re

import pytest

from benchmarks.measurement import load
from benchmarks.pages import FOLDER, PAGE, PLOTTED, TABLES_PAGE, plotted, sections, written, written_tables

PAGES = [pytest.param(page.read_text(), id=page.name) for page in (PAGE, TABLES_PAGE)]
CHAPTERS = {chapter.name: chapter for chapter in map(load, sorted(FOLDER.glob("*.json")))}


def blocks(page: str) -> dict[str, str]:
    """Return what stands between the markers of a page, by name."""
    return dict(re.findall(r"^<!-- ([\w-]+) -->\n(.*?)^<!-- /\1 -->$", page, re.MULTILINE | re.DOTALL))


def test_the_pages_show_the_kept_figures() -> None:
    """``python -m benchmarks.report`` writes them; nobody else does."""
    assert CHAPTERS
    assert written(PAGE.read_text(), CHAPTERS) == PAGE.read_text()
    assert written_tables(TABLES_PAGE.read_text(), CHAPTERS) == TABLES_PAGE.read_text()


def test_a_place_without_kept_figures_is_empty() -> None:
    """Nobody writes figures by hand."""
    filled = [{name for name, content in blocks(page.read_text()).items() if content} for page in (PAGE, TABLES_PAGE)]

    assert filled == [sections(CHAPTERS).keys(), CHAPTERS.keys()]


@pytest.mark.parametrize("page", PAGES)
def test_the_words_of_a_page_hold_no_figures(page: str) -> None:
    """A figure in a sentence would stay when a run brings another one."""
    words = re.sub(r"^<!-- ([\w-]+) -->\n.*?^<!-- /\1 -->$", "", page, flags=re.MULTILINE | re.DOTALL)

    assert re.findall(r"[\d.,]+ ?(?:×|µs|ms|MB|%|requests per second)", words) == []


def test_the_page_has_a_plot_for_each_kind_of_cost() -> None:
    """Drawn from the figures, with the names of all subjects as text."""
    assert {picture.stem for picture in FOLDER.glob("*.svg")} == PLOTTED.keys()
    for name in PLOTTED:
        drawn = plotted(CHAPTERS[name])
        assert drawn is not None
        picture = (FOLDER / f"{name}.svg").read_text()
        assert f"](benchmarks/{name}.svg)" in PAGE.read_text()
        assert all(f">{figure.subject}</text>" in picture for figure in drawn.figures)
        assert all(f">{figure.setting}</text>" in picture for figure in drawn.figures)
