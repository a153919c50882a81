"""The figures as tables in Markdown, and their place on a page.

On the page everything of a chapter stands between ``<!-- NAME -->`` and ``<!-- /NAME -->``; the words around it are
nobody's but the author's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks.measurement import Chapter, Figure, Spread

DOCS = Path(__file__).resolve().parent.parent / "docs"

#: Where the chapters and their plots are kept, and the page that shows them.
FOLDER = DOCS / "benchmarks"
PAGE = DOCS / "performance.md"

#: Stands for a missing figure.
NONE = "–"


def block(chapter: Chapter) -> str:
    """Return all that the page shows of a chapter: its plot, which lies beside the figures, and its words."""
    return f"![{chapter.title}: {chapter.unit}](benchmarks/{chapter.name}.svg)\n\n{words(chapter)}"


def words(chapter: Chapter) -> str:
    """Return what there is to read of a chapter."""
    parts = [
        table(chapter),
        _reading_help(chapter),
        *([_bullets(chapter.notes)] if chapter.notes else []),
        f"<details>\n<summary>Quartiles</summary>\n\n{quartiles(chapter)}\n\n</details>",
        *([_versions(chapter)] if chapter.versions else []),
    ]
    return "\n\n".join(parts)


def table(chapter: Chapter) -> str:
    """Return medians and ratios, a row for each setting and a column for each subject."""
    subjects = in_order(figure.subject for figure in chapter.figures)
    found = {(figure.setting, figure.subject): figure for figure in chapter.figures}
    rows = [
        [setting, *(_cell(found.get((setting, subject))) for subject in subjects)]
        for setting in in_order(figure.setting for figure in chapter.figures)
    ]
    return _markdown([chapter.unit, *subjects], rows)


def quartiles(chapter: Chapter) -> str:
    """Return the whole spread of every figure, a row for each."""
    rows = [
        [figure.setting, figure.subject, *_spread(figure.value, number), *_spread(figure.ratio, ratio)]
        for figure in chapter.figures
    ]
    return _markdown(["", "", chapter.unit, "quartiles", "ratio", "quartiles"], rows)


def rewritten(page: str, chapters: Iterable[Chapter]) -> str:
    """Return a page with what stands between the markers of each chapter replaced.

    Raises:
        ValueError: the page has no place for a chapter.
    """
    for chapter in chapters:
        name = re.escape(chapter.name)
        place = re.compile(rf"(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->)", re.DOTALL)
        if len(place.findall(page)) != 1:
            raise ValueError(f"The page needs one <!-- {chapter.name} --> and <!-- /{chapter.name} --> after it.")
        before, after = place.split(page)
        page = f"{before}\n{block(chapter)}\n\n{after}"
    return page


def in_order(names: Iterable[str]) -> list[str]:
    """Return each name once, in the order in which they first appear."""
    return list(dict.fromkeys(names))


def number(value: float) -> str:
    """Return a value with as many digits as it is good for."""
    if abs(value) >= 10:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 1 else f"{value:.2f}"


def ratio(value: float) -> str:
    """Return a ratio, three digits of those that are small."""
    return f"{value:.3f} ×" if abs(value) < 0.1 else f"{value:.2f} ×"


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return NONE
    if figure.ratio is None:
        return number(figure.value.median)
    return f"{number(figure.value.median)} ({ratio(figure.ratio.median)})"


def _spread(spread: Spread | None, written: Callable[[float], str]) -> list[str]:
    if spread is None:
        return ["", ""]
    return [written(spread.median), f"{written(spread.low)} – {written(spread.high)}"]


def _markdown(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---", *("--:" for _ in heads[1:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _reading_help(chapter: Chapter) -> str:
    help_ = "Medians"
    if any(figure.ratio for figure in chapter.figures):
        help_ += f", and in brackets the median of the ratios to {chapter.reference} in the same round"
    if chapter.noise is not None:
        low, median, high = chapter.noise.low, chapter.noise.median, chapter.noise.high
        help_ += (
            f". Noise: one and the same thing, measured twice in a round, gave ratios of {median:.2f} "
            f"(quartiles {low:.2f} and {high:.2f})"
        )
    return f"{help_}."


def _bullets(notes: Iterable[str]) -> str:
    return "\n".join(f"- {note}" for note in notes)


def _versions(chapter: Chapter) -> str:
    return f"Measured with {', '.join(f'{name} {version}' for name, version in chapter.versions.items())}."
