"""The figures as pictures: one SVG for each chapter, a panel for each setting, a bar for each subject.

The same chapter always gives the same file. Text stays text, and the ground is white, so that the picture can be read,
searched and shown on a page of any colour.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure as Drawing

from benchmarks.measurement import Chapter, Figure
from benchmarks.tables import NONE, in_order, number

#: Dark enough beside white, and told apart by eyes of every kind (Okabe and Ito).
_OURS, _REFERENCE, _OTHER = "#0072B2", "#D55E00", "#767676"
_TEXT, _FAINT = "#1F2328", "#D0D7DE"

_STYLE = {
    "svg.hashsalt": "benchmarks",
    "svg.fonttype": "none",
    "font.size": 9,
    "font.family": "sans-serif",
    "text.color": _TEXT,
    "axes.edgecolor": _FAINT,
    "axes.labelcolor": _TEXT,
    "xtick.color": _TEXT,
    "ytick.color": _TEXT,
}

#: Inches of a picture, of one bar, and of what surrounds the bars of a panel.
_WIDTH, _BAR, _PANEL = 10.0, 0.2, 0.45


def draw(chapter: Chapter, folder: Path) -> Path:
    """Draw a chapter as ``NAME.svg`` and return where."""
    settings = in_order(figure.setting for figure in chapter.figures)
    subjects = in_order(figure.subject for figure in chapter.figures)
    columns = min(2, len(settings))
    rows = math.ceil(len(settings) / columns)
    path = folder / f"{chapter.name}.svg"
    with mpl.rc_context(_STYLE):
        height = rows * (_PANEL + _BAR * len(subjects)) + 0.9
        drawing = Drawing(figsize=(_WIDTH, height), facecolor="white")
        drawing.set_layout_engine("constrained", w_pad=0.12, h_pad=0.08)
        drawing.suptitle(f"{chapter.title}: {chapter.unit}", fontweight="bold", fontsize=11)
        panels = list(drawing.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat)
        for panel, setting in zip(panels, settings, strict=False):
            _draw_panel(panel, setting, subjects, chapter)
        for panel in panels[len(settings) :]:
            panel.set_visible(False)
        for panel in panels[max(0, len(settings) - columns) : len(settings)]:
            # The lowest of its column, whether or not it stands in the lowest row.
            panel.tick_params(labelbottom=True)
        drawing.savefig(path, metadata={"Date": None, "Creator": None, "Title": chapter.title})
    return path


def _draw_panel(panel: Any, setting: str, subjects: list[str], chapter: Chapter) -> None:
    """Draw the bars of one setting, the first subject on top, with quartiles as whiskers and medians in figures."""
    found = {figure.subject: figure for figure in chapter.figures if figure.setting == setting}
    highest = max(figure.value.high for figure in chapter.figures)
    panel.set_title(setting, loc="left", fontsize=9, fontweight="bold")
    for place, subject in enumerate(subjects):
        if (figure := found.get(subject)) is not None:
            _draw_bar(panel, place, figure, chapter.reference, gap=highest / 80)
        else:
            panel.text(highest / 80, place, NONE, va="center", fontsize=8)
    panel.set_yticks(range(len(subjects)), subjects)
    panel.set_ylim(len(subjects) - 0.4, -0.6)
    panel.set_xlim(0, highest * 1.12)
    panel.grid(axis="x", color=_FAINT, linewidth=0.6)
    panel.set_axisbelow(True)
    panel.tick_params(length=0)
    panel.spines[["top", "right", "bottom"]].set_visible(False)


def _draw_bar(panel: Any, place: int, figure: Figure, reference: str, gap: float) -> None:
    low, median, high = figure.value.low, figure.value.median, figure.value.high
    whisker = [[median - low], [high - median]]
    panel.barh(place, median, height=0.72, color=_colour(figure.subject, reference))
    panel.errorbar(median, place, xerr=whisker, color=_TEXT, elinewidth=1, capsize=2, capthick=1)
    panel.text(max(high, 0) + gap, place, number(median), va="center", fontsize=8)


def _colour(subject: str, reference: str) -> str:
    if subject.startswith("this "):
        return _OURS
    return _REFERENCE if subject == reference else _OTHER
