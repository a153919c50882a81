"""The figures of a chapter as tables in Markdown, with the words that belong to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from benchmarks.measurement import Chapter, Figure, Spread

#: Stands for a missing figure.
NONE = "–"


def words(chapter: Chapter) -> str:
    """Return what there is to read of a chapter, the quartiles aside."""
    parts = [
        table(chapter),
        *([_reading_help(chapter)] if _spreads(chapter) else []),
        *([_bullets(chapter.notes)] if chapter.notes else []),
        *([_versions(chapter)] if chapter.versions else []),
    ]
    return "\n\n".join(parts)


def details(chapter: Chapter) -> str:
    """Return the quartiles, folded up; nothing if each figure is a single sample."""
    if not _spreads(chapter):
        return ""
    return f"\n\n<details>\n<summary>Quartiles</summary>\n\n{quartiles(chapter)}\n\n</details>"


def table(chapter: Chapter) -> str:
    """Return medians and ratios, a row for each setting and a column for each subject."""
    subjects = in_order(figure.subject for figure in chapter.figures)
    found = {(figure.setting, figure.subject): figure for figure in chapter.figures}
    rows = [
        [setting, *(_cell(found.get((setting, subject))) for subject in subjects)]
        for setting in in_order(figure.setting for figure in chapter.figures)
    ]
    return markdown([chapter.unit, *subjects], rows)


def quartiles(chapter: Chapter) -> str:
    """Return the whole spread of every figure, a row for each."""
    rows = [
        [figure.setting, figure.subject, *_spread(figure.value, number), *_spread(figure.ratio, ratio)]
        for figure in chapter.figures
    ]
    return markdown(["", "", chapter.unit, "quartiles", "ratio", "quartiles"], rows)


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


def _spreads(chapter: Chapter) -> bool:
    return any(figure.value.low != figure.value.high for figure in chapter.figures)


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


def markdown(heads: list[str], rows: list[list[str]]) -> str:
    """Return a table whose first column holds texts, and the others numbers."""
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
