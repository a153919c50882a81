"""What the two pages of the documentation show of the figures, and where."""

from __future__ import annotations

import pytest

from benchmarks.growth import FIRST, LAST
from benchmarks.measurement import Chapter, Figure, Spread, figures_of
from benchmarks.pages import plotted, rewritten, sections, written
from benchmarks.peers import this_library
from benchmarks.processes import USS, WARM
from benchmarks.subjects import OURS

GUARD = Chapter(
    "guard",
    "The guard",
    "µs per request",
    "theirs",
    (
        *figures_of("HS256", {this_library.NAME: [10.0], this_library.UNCACHED: [50.0], "theirs": [200.0]}, "theirs"),
        *figures_of("EdDSA", {this_library.NAME: [20.0], "theirs": [100.0]}, "theirs"),
    ),
)
SERVICE = Chapter(
    "service",
    "Load",
    "requests per second",
    "theirs",
    tuple(figures_of("list", {OURS: [900], "theirs": [300]}, "theirs")),
)
WORST = Chapter(
    "service-worst",
    "The worst of 40 bursts",
    "part of the median",
    "theirs",
    (Figure("list", OURS, Spread.of([0.72]), None), Figure("list", "theirs", Spread.of([0.9]), None)),
)
GROWTH = Chapter(
    "growth",
    "Growth",
    "µs per request",
    "10 tasks",
    (
        Figure(f"SQLite: {FIRST}", "10 tasks", Spread.of([100]), None),
        Figure(f"SQLite: {LAST}", "10 tasks", Spread.of([110]), Spread.of([1.1])),
        Figure("SQLite: create", "10 tasks", Spread.of([300]), None),
        Figure(f"SQLite: {FIRST}", "90 tasks", Spread.of([101]), Spread.of([1.01])),
        Figure(f"SQLite: {LAST}", "90 tasks", Spread.of([105]), Spread.of([1.05])),
        Figure("SQLite: create", "90 tasks", Spread.of([330]), Spread.of([1.1])),
    ),
)
MEMORY = Chapter(
    "memory", "Memory", "MB", "theirs", tuple(figures_of(f"{USS}, {WARM}", {OURS: [20], "theirs": [60]}, "theirs"))
)
START = Chapter(
    "start-up", "Start", "seconds", "theirs", tuple(figures_of("app", {OURS: [0.5], "theirs": [1]}, "theirs"))
)

CHAPTERS = {chapter.name: chapter for chapter in (GUARD, SERVICE, WORST, GROWTH, MEMORY, START)}


def test_a_guard_is_compared_with_the_peer_in_each_setting() -> None:
    """The other subjects are on the page of tables."""
    assert sections(CHAPTERS)["guard"].splitlines() == [
        "| µs per request, added to a bare route | this library | theirs | ratio |",
        "| --- | --: | --: | --: |",
        "| HS256 | 10 | 200 | 0.050 × |",
        "| EdDSA | 20 | 100 | 0.20 × |",
    ]


def test_each_denylist_is_compared_with_none() -> None:
    """What a request pays for it, as a whole and as a ratio."""
    values = {"no denylist": [100.0], "in Redis": [250.0]}
    chapter = Chapter("denylist", "Denylist", "µs", "no denylist", tuple(figures_of("seen", values, "no denylist")))

    assert sections({"denylist": chapter})["denylist"].splitlines()[2:] == ["| seen | 100 | 250 (2.50 ×) |"]


def test_a_row_of_the_service_tells_its_worst_burst() -> None:
    """A median hides a service that stalls now and then."""
    assert sections(CHAPTERS)["service"].splitlines() == [
        f"| requests per second | {OURS} | theirs | ratio | the worst of 40 bursts, part of the median |",
        "| --- | --: | --: | --: | --: |",
        "| list | 900 | 300 | 3.00 × | 0.72 |",
    ]


def test_requests_are_shown_without_a_worst_burst() -> None:
    """An earlier run did not look for it."""
    assert sections({"service": SERVICE})["service"].splitlines()[2] == "| list | 900 | 300 | 3.00 × |"


def test_pages_of_many_tasks_are_compared_with_the_first_page_of_few() -> None:
    """The last page too; what is no page is left to the page of tables."""
    assert sections(CHAPTERS)["growth"].splitlines() == [
        "| µs per request | 10 tasks | 90 tasks | ratio to the first page of 10 tasks |",
        "| --- | --: | --: | --: |",
        f"| SQLite: {FIRST} | 100 | 101 | 1.01 × |",
        f"| SQLite: {LAST} | 110 | 105 | 1.05 × |",
    ]


def test_memory_and_start_stand_in_one_table() -> None:
    """Each with its unit."""
    assert sections(CHAPTERS)["processes"].splitlines() == [
        f"|  | {OURS} | theirs | ratio |",
        "| --- | --: | --: | --: |",
        f"| {USS}, {WARM}: MB | 20 | 60 | 0.33 × |",
        "| app: seconds | 0.50 | 1.0 | 0.50 × |",
    ]


def test_a_section_needs_all_of_its_chapters() -> None:
    """A run of one part leaves the others as they are."""
    assert sections({"guard": GUARD, "memory": MEMORY}).keys() == {"guard"}


def test_a_section_has_its_plot_above_its_table() -> None:
    """Described by what it shows and in which unit, for readers who cannot see it."""
    page = "<!-- guard -->\n<!-- /guard -->\n"

    made = written(page, {"guard": GUARD})

    assert made.startswith("<!-- guard -->\n\n![The guard: µs per request](benchmarks/guard.svg)\n\n| µs per request,")


def test_a_plot_shows_what_its_section_is_about() -> None:
    """The rest would make its bars too small to read."""
    guard, growth = plotted(GUARD), plotted(GROWTH)

    assert guard is not None
    assert {figure.subject for figure in guard.figures} == {this_library.NAME, "theirs"}
    assert growth is not None
    assert {figure.setting for figure in growth.figures} == {f"SQLite: {FIRST}", f"SQLite: {LAST}"}
    assert plotted(MEMORY) is None


def test_a_page_keeps_its_words_and_gets_new_figures() -> None:
    """What stood between the markers before is gone."""
    page = "# Page\n\n<!-- example -->\nold\n<!-- /example -->\n\nWords.\n"

    made = rewritten(page, {"example": "new"})

    assert made == "# Page\n\n<!-- example -->\n\nnew\n\n<!-- /example -->\n\nWords.\n"
    assert rewritten(made, {"example": "new"}) == made


@pytest.mark.parametrize("page", ["# Page\n", "<!-- example -->\n<!-- /example -->\n" * 2], ids=["none", "two"])
def test_a_page_needs_one_place_for_each_block(page: str) -> None:
    """Figures that nobody would see are a mistake, and so are two copies."""
    with pytest.raises(ValueError, match="needs one <!-- example -->"):
        rewritten(page, {"example": "new"})
