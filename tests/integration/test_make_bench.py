"""``make bench``, as little of it as possible: everything is measured once, and what comes out can be read and seen."""

from __future__ import annotations

import re
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from benchmarks.measurement import Chapter, load
from benchmarks.pages import PAGE, PLOTTED, SECTIONS, TABLES_PAGE, sections
from tests.support.availability import unavailable
from tests.support.environments import ROOT, run
from tests.support.postgresql_server import PostgreSQLServer, postgresql

__all__ = ["postgresql"]


@pytest.fixture(scope="module")
def measured(
    registry: None, postgresql: PostgreSQLServer, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """The folder of a quick run, and what it printed. Its environment is that of this checkout, made if need be."""
    if shutil.which("wrk") is None:
        unavailable("wrk")
    folder = tmp_path_factory.mktemp("bench") / "figures"
    settings = {"BENCHMARK_POSTGRESQL_URL": postgresql.url("postgres")}
    printed = run(["make", "bench", f"BENCH=--quick --output {folder}"], settings=settings, timeout=600)
    return folder, printed


def chapters(folder: Path) -> list[Chapter]:
    return [load(path) for path in sorted(folder.glob("*.json"))]


def test_every_chapter_has_figures_and_a_table(measured: tuple[Path, str]) -> None:
    """And none of them is an empty one."""
    folder, printed = measured

    assert chapters(folder)
    for chapter in chapters(folder):
        assert chapter.figures
        assert chapter.title in printed
        assert f"| {chapter.unit} |" in printed


def test_each_kind_of_cost_has_a_plot(measured: tuple[Path, str]) -> None:
    """And nothing else: the tables have the rest."""
    pictures = {picture.stem: picture for picture in measured[0].glob("*.svg")}

    assert pictures.keys() == PLOTTED.keys()
    for picture in pictures.values():
        assert ET.parse(picture).getroot().tag.endswith("}svg")  # noqa: S314 - drawn by ourselves a moment ago


def test_the_run_ends_with_what_most_readers_ask_for(measured: tuple[Path, str]) -> None:
    """The tables of the page, of this run."""
    folder, printed = measured
    tables = sections({chapter.name: chapter for chapter in chapters(folder)})

    assert tables.keys() == SECTIONS.keys()
    assert printed.rstrip().endswith("\n\n".join(tables.values()))


def test_every_chapter_tells_where_it_was_measured(measured: tuple[Path, str]) -> None:
    """The machine, and the packages that were compared."""
    for chapter in chapters(measured[0]):
        assert {"processor", "cores", "CPython"} < chapter.versions.keys()


def test_the_guard_is_measured_with_every_algorithm_against_every_peer(measured: tuple[Path, str]) -> None:
    """What a peer cannot do is left out, and said."""
    guard = load(measured[0] / "guard.json")
    settings = {figure.setting for figure in guard.figures}
    subjects = {figure.subject for figure in guard.figures if figure.setting.startswith("RS256")}

    assert settings == {
        f"{algorithm}, token {seen} before"
        for algorithm in ("HS256", "RS256", "ES256", "EdDSA")
        for seen in ("seen", "never seen")
    }
    assert {"this library", "Flask-JWT-Extended", "Authlib", "Flask-HTTPAuth + PyJWT", "axioms-flask"} <= subjects
    assert "axioms-flask does not verify HS256 or EdDSA." in guard.notes


def test_a_plot_holds_no_date_and_is_the_same_each_time(measured: tuple[Path, str], tmp_path: Path) -> None:
    """A plot that changes without its figures would be a change to look at each time."""
    folder, _ = measured
    drawing = "import sys; from pathlib import Path; from benchmarks.report import publish; publish(Path(sys.argv[1]))"
    shutil.copy(folder / "guard.json", tmp_path)

    run([ROOT / ".venv-bench/bin/python", "-c", drawing, tmp_path])

    drawn = (tmp_path / "guard.svg").read_text()
    assert drawn == (folder / "guard.svg").read_text()
    assert re.search(r"\b20\d\d-\d\d-\d\dT", drawn) is None


@pytest.mark.usefixtures("registry")
def test_figures_of_a_quick_run_do_not_get_on_the_page() -> None:
    """They mean nothing: the run refuses to put them where the good ones are."""
    before = [page.read_text() for page in (PAGE, TABLES_PAGE)]

    with pytest.raises(AssertionError, match="its figures mean nothing"):
        run(["make", "bench", "BENCH=--quick"])

    assert [page.read_text() for page in (PAGE, TABLES_PAGE)] == before
