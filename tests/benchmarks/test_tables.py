"""The tables: what stands in them for a chapter."""

from __future__ import annotations

import pytest

from benchmarks.measurement import Chapter, Figure, Spread, figures_of
from benchmarks.tables import details, number, quartiles, ratio, table, words

FIGURES = (
    *figures_of("list of 20", {"ours": [10.0, 11.0, 12.0], "theirs": [200.0, 220.0, 240.0]}, reference="theirs"),
    *figures_of("create", {"theirs": [1234.5], "bare": [0.25]}, reference="theirs"),
)

CHAPTER = Chapter(
    name="example",
    title="An example",
    unit="µs per request",
    reference="theirs",
    figures=FIGURES,
    notes=("Ours creates nothing.",),
    versions={"processor": "Quick One", "Flask": "3.1"},
    noise=Spread(0.98, 1.0, 1.03),
)


def test_a_table_has_a_row_for_each_setting_and_a_column_for_each_subject() -> None:
    """In the order of the figures; a dash where a subject was not measured."""
    assert table(CHAPTER).splitlines() == [
        "| µs per request | ours | theirs | bare |",
        "| --- | --: | --: | --: |",
        "| list of 20 | 11 (0.050 ×) | 220 | – |",
        "| create | – | 1,234 | 0.25 (0.000 ×) |",
    ]


def test_the_quartiles_have_a_row_for_each_figure() -> None:
    """The reference has no ratio to itself."""
    lines = quartiles(CHAPTER).splitlines()

    assert lines[2] == "| list of 20 | ours | 11 | 10 – 12 | 0.050 × | 0.050 × – 0.050 × |"
    assert lines[3] == "| list of 20 | theirs | 220 | 210 – 230 |  |  |"
    assert len(lines) == 2 + len(FIGURES)


def test_the_words_tell_what_noise_notes_and_versions_there_were() -> None:
    """Readers of the figures need them."""
    told = words(CHAPTER)

    assert "ratios to theirs in the same round" in told
    assert "gave ratios of 1.00 (quartiles 0.98 and 1.03)" in told
    assert "\n- Ours creates nothing.\n" in told
    assert told.endswith("Measured with processor Quick One, Flask 3.1.")


def test_the_words_are_silent_on_what_there_is_none_of() -> None:
    """No ratios, no noise, no notes, no versions."""
    alone = Chapter("one", "One", "MB", "theirs", (Figure("idle", "ours", Spread(1, 2, 3), None),))

    told = words(alone)

    assert told.endswith("\n\nMedians.")
    assert "Measured with" not in told
    assert "\n- " not in told


@pytest.mark.parametrize(
    ("value", "written"),
    [(123_456.7, "123,457"), (12.34, "12"), (9.87, "9.9"), (0.456, "0.46"), (-0.3, "-0.30"), (-25.4, "-25")],
)
def test_a_number_has_as_many_digits_as_it_is_good_for(value: float, written: str) -> None:
    """Two or three of them."""
    assert number(value) == written


@pytest.mark.parametrize(("value", "written"), [(0.0512, "0.051 ×"), (0.254, "0.25 ×"), (3.456, "3.46 ×")])
def test_a_small_ratio_has_three_digits(value: float, written: str) -> None:
    """Targets of a few hundredths are told apart."""
    assert ratio(value) == written


def test_single_samples_have_no_medians_and_no_quartiles() -> None:
    """The worst of many bursts is one of them."""
    single = Chapter("worst", "Worst", "part", "theirs", (Figure("list", "ours", Spread.of([0.7]), None),))

    assert "Medians" not in words(single)
    assert details(single) == ""


def test_the_quartiles_are_folded_up() -> None:
    """They are for readers who doubt a figure, and longer than all else."""
    folded = details(CHAPTER)

    assert folded.startswith("\n\n<details>\n<summary>Quartiles</summary>\n\n")
    assert quartiles(CHAPTER) in folded
