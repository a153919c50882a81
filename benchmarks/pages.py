"""The two pages of the documentation that show the figures: the few that most readers ask for, and all of them.

On a page, what is made of figures stands between ``<!-- NAME -->`` and ``<!-- /NAME -->``. The author writes the words
around it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from benchmarks.growth import FIRST, LAST
from benchmarks.measurement import Chapter, Figure
from benchmarks.peers import this_library
from benchmarks.processes import USS, WARM
from benchmarks.subjects import OURS
from benchmarks.tables import details, in_order, markdown, number, ratio, table, words

DOCS = Path(__file__).resolve().parent.parent / "docs"

#: Where the chapters and their plots are kept.
FOLDER = DOCS / "benchmarks"

#: The page for everybody, and the one with every figure.
PAGE = DOCS / "performance.md"
TABLES_PAGE = DOCS / "performance-tables.md"

#: What is drawn, and which of its figures.
PLOTTED: dict[str, Callable[[Figure], bool]] = {
    "guard": lambda figure: figure.subject != this_library.UNCACHED,
    "service": lambda _: True,
    "growth": lambda figure: figure.setting.endswith((FIRST, LAST)),
}

Chapters = Mapping[str, Chapter]


def guard_section(chapters: Chapters) -> str:
    """Return what a guard costs, beside the peer that most services use."""
    chapter = chapters["guard"]
    heads = [f"{chapter.unit}, added to a bare route", this_library.NAME, chapter.reference, "ratio"]
    return markdown(heads, _compared(chapter, this_library.NAME))


def denylist_section(chapters: Chapters) -> str:
    """Return what a request pays for each kind of denylist."""
    return table(chapters["denylist"])


def service_section(chapters: Chapters) -> str:
    """Return how many requests the service answers and, if that is known, how even it is."""
    chapter, worst = chapters["service"], chapters.get("service-worst")
    heads, rows = [chapter.unit, OURS, chapter.reference, "ratio"], _compared(chapter, OURS)
    if worst is not None:
        parts = {figure.setting: number(figure.value.median) for figure in worst.figures if figure.subject == OURS}
        heads += [f"{worst.title.lower()}, {worst.unit}"]
        rows = [[*row, parts[row[0]]] for row in rows]
    return markdown(heads, rows)


def growth_section(chapters: Chapters) -> str:
    """Return what a page costs with the fewest and with the most tasks."""
    chapter = chapters["growth"]
    sizes = in_order(figure.subject for figure in chapter.figures)
    few, many = sizes[0], sizes[-1]
    found = {(figure.setting, figure.subject): figure for figure in chapter.figures}
    rows = [
        [setting, number(found[setting, few].value.median), number(figure.value.median), _ratio(figure)]
        for (setting, size), figure in found.items()
        if size == many and setting.endswith((FIRST, LAST))
    ]
    heads = [chapter.unit, few, many, f"ratio to the first page of {few}"]
    return markdown(heads, rows)


def processes_section(chapters: Chapters) -> str:
    """Return what a process takes beside its requests."""
    memory, start = chapters["memory"], chapters["start-up"]
    rows = [row for row in _compared(memory, OURS) if row[0] == f"{USS}, {WARM}"] + _compared(start, OURS)
    units = [memory.unit, *(start.unit for _ in rows[1:])]
    named = [[f"{row[0]}: {unit}", *row[1:]] for row, unit in zip(rows, units, strict=True)]
    return markdown(["", OURS, memory.reference, "ratio"], named)


#: What the page shows, and the chapters that each part is made of.
SECTIONS: dict[str, tuple[tuple[str, ...], Callable[[Chapters], str]]] = {
    "guard": (("guard",), guard_section),
    "denylist": (("denylist",), denylist_section),
    "service": (("service",), service_section),
    "growth": (("growth",), growth_section),
    "processes": (("memory", "start-up"), processes_section),
}


def sections(chapters: Chapters) -> dict[str, str]:
    """Return the tables of the page that these chapters suffice for, by name."""
    return {name: make(chapters) for name, (needed, make) in SECTIONS.items() if chapters.keys() >= set(needed)}


def written(page: str, chapters: Chapters) -> str:
    """Return the text of the page with the figures of these chapters."""
    tables = sections(chapters)
    return rewritten(page, {name: _plot(chapters, name) + table for name, table in tables.items()})


def written_tables(page: str, chapters: Chapters) -> str:
    """Return the text of the page of tables with the figures of these chapters."""
    return rewritten(page, {name: words(chapter) + details(chapter) for name, chapter in chapters.items()})


def rewritten(page: str, blocks: Mapping[str, str]) -> str:
    """Return a page with what stands between the markers of each block replaced.

    Raises:
        ValueError: the page has no place for a block, or two.
    """
    for block, content in blocks.items():
        name = re.escape(block)
        place = re.compile(rf"(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->)", re.DOTALL)
        if len(place.findall(page)) != 1:
            raise ValueError(f"The page needs one <!-- {block} --> and <!-- /{block} --> after it.")
        before, after = place.split(page)
        page = f"{before}\n{content}\n\n{after}"
    return page


def plotted(chapter: Chapter) -> Chapter | None:
    """Return what of a chapter is drawn, or None if it has no plot."""
    is_drawn = PLOTTED.get(chapter.name)
    return None if is_drawn is None else replace(chapter, figures=tuple(filter(is_drawn, chapter.figures)))


def _plot(chapters: Chapters, section: str) -> str:
    """Return the picture that stands above the table of a section; it lies beside the figures."""
    if section not in PLOTTED:
        return ""
    chapter = chapters[section]
    return f"![{chapter.title}: {chapter.unit}](benchmarks/{chapter.name}.svg)\n\n"


def _compared(chapter: Chapter, subject: str) -> list[list[str]]:
    """Return a row for each setting of a chapter: a subject, the reference, and the ratio of the two."""
    found = {(figure.setting, figure.subject): figure for figure in chapter.figures}
    return [
        [setting, number(figure.value.median), number(found[setting, chapter.reference].value.median), _ratio(figure)]
        for (setting, name), figure in found.items()
        if name == subject
    ]


def _ratio(figure: Figure) -> str:
    return "" if figure.ratio is None else ratio(figure.ratio.median)
