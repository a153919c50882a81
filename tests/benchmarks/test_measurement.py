"""How samples become figures: quartiles, ratios of the same round, turns in changing order, chapters that are kept."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from benchmarks.measurement import Chapter, Figure, Spread, figures_of, in_turns, load


def test_a_spread_is_the_quartiles_of_the_samples() -> None:
    """Those of the samples themselves, which are all there is."""
    assert Spread.of([4.0, 1.0, 3.0, 2.0, 5.0]) == Spread(2.0, 3.0, 4.0)


def test_a_single_sample_spreads_over_nothing() -> None:
    """A quick run takes one."""
    assert Spread.of([7.0]) == Spread(7.0, 7.0, 7.0)


def order_of(rounds: int) -> tuple[list[str], dict[str, list[float]]]:
    """Return in which order three subjects are measured, and their samples."""
    calls: list[str] = []

    def measured(name: str) -> float:
        calls.append(name)
        return float(len(calls))

    samples = in_turns({name: partial(measured, name) for name in "abc"}, rounds)
    return calls, samples


def test_every_subject_is_measured_once_in_every_round() -> None:
    """However the rounds are ordered."""
    calls, samples = order_of(rounds=4)

    assert {name: len(taken) for name, taken in samples.items()} == {"a": 4, "b": 4, "c": 4}
    assert [sorted(calls[first : first + 3]) for first in range(0, 12, 3)] == [["a", "b", "c"]] * 4


def test_no_subject_always_follows_the_same_one() -> None:
    """It would be measured with what the other one leaves behind."""
    calls, _ = order_of(rounds=30)

    assert {calls[place - 1] for place in range(1, 90) if calls[place] == "a"} >= {"b", "c"}


def test_the_order_is_the_same_in_every_run() -> None:
    """So that two runs differ in what is measured alone."""
    assert order_of(rounds=5) == order_of(rounds=5)


def test_a_ratio_compares_samples_of_the_same_round() -> None:
    """A slow round slows both, and the ratio does not see it."""
    figures = figures_of("get", {"ours": [1.0, 10.0, 2.0], "theirs": [2.0, 20.0, 4.0]}, reference="theirs")

    assert figures == [
        Figure("get", "ours", Spread(1.5, 2.0, 6.0), Spread(0.5, 0.5, 0.5)),
        Figure("get", "theirs", Spread(3.0, 4.0, 12.0), None),
    ]


def test_a_subject_of_fewer_rounds_is_compared_in_those() -> None:
    """The first ones: the reference has gone on without it."""
    (ours, _) = figures_of("get", {"ours": [4.0, 6.0], "theirs": [2.0, 3.0, 99.0]}, reference="theirs")

    assert ours.ratio == Spread(2.0, 2.0, 2.0)


def test_there_is_no_ratio_where_the_reference_cannot_do_it() -> None:
    """The values stand by themselves then."""
    (figure,) = figures_of("get", {"ours": [1.0]}, reference="theirs")

    assert figure.ratio is None


@pytest.mark.parametrize("noise", [None, Spread(0.98, 1.0, 1.02)], ids=["without noise", "with noise"])
def test_a_chapter_is_read_as_it_was_saved(tmp_path: Path, noise: Spread | None) -> None:
    """Every field of it."""
    chapter = Chapter(
        name="example",
        title="An example",
        unit="µs",
        reference="theirs",
        figures=tuple(figures_of("get", {"ours": [1.0], "theirs": [2.0]}, reference="theirs")),
        notes=("A note.",),
        versions={"Flask": "3.1"},
        noise=noise,
    )

    path = chapter.save(tmp_path)

    assert path.name == "example.json"
    assert load(path) == chapter
