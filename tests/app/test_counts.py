"""The folder of the counts: whose it is, what is removed from it, and what happens if there can be none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.counts import OWN_VARIABLE, VARIABLE, CountsFolder
from tests.support.environments import ROOT, clean_environment

OWN = {"counter_7.db", "gauge_livemin_7.db", "histogram_12.db", "summary_1.db"}
FOREIGN = {"tasks.db", "counter_of_visits.db", "my_counter_7.db", "gauge_7.db", "counter_7.db.bak", "histogram.db"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of the operator that is named in the environment, with files of several origins."""
    folder = tmp_path / "counts"
    folder.mkdir()
    for name in OWN | FOREIGN:
        (folder / name).touch()
    monkeypatch.setenv(VARIABLE, str(folder))
    monkeypatch.delenv(OWN_VARIABLE, raising=False)
    return folder


def begun(*, replacing: bool) -> None:
    counts = CountsFolder()
    counts.prepare("/nowhere")
    counts.begin(os.getuid(), os.getgid(), replacing=replacing)


def test_a_start_removes_the_files_of_prometheus_client_and_no_other(folder: Path) -> None:
    """A database of the operator stays."""
    begun(replacing=False)

    assert {file.name for file in folder.iterdir()} == FOREIGN


def test_a_server_that_replaces_another_removes_nothing(folder: Path) -> None:
    """The other one still counts."""
    begun(replacing=True)

    assert {file.name for file in folder.iterdir()} == OWN | FOREIGN


def test_a_folder_of_the_operator_may_have_any_name(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that begins like ours."""
    named = folder.rename(tmp_path / "tasks-metrics-of-the-operator")
    monkeypatch.setenv(VARIABLE, str(named))

    CountsFolder().prepare("/nowhere")

    assert os.environ[VARIABLE] == str(named)


@pytest.mark.parametrize("name", ["missing", "file"])
def test_a_folder_that_is_none_stops_the_start(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one sentence."""
    (tmp_path / "file").touch()
    monkeypatch.setenv(VARIABLE, str(tmp_path / name))

    with pytest.raises(SystemExit, match=r"^PROMETHEUS_MULTIPROC_DIR must be a folder that exists"):
        CountsFolder().prepare("/nowhere")


PROGRAM = """\
import os, sys
from pathlib import Path
from app.counts import VARIABLE, CountsFolder
shared, inherited = sys.argv[1], os.environ[VARIABLE]
counts = CountsFolder()
counts.prepare(shared)
folder = Path(os.environ[VARIABLE])
counts.prepare(shared)
assert folder == Path(os.environ[VARIABLE]) != Path(inherited)
print(folder.parent, flush=True)
# The server goes on in a child (--daemon), and has a child of its own: the worker.
if server := os.fork():
    os.waitpid(server, 0)
    print(folder.exists())
    sys.stdout.flush()
    os._exit(0)
counts.begin(os.getuid(), os.getgid(), replacing=False)
if worker := os.fork():
    os.waitpid(worker, 0)
    print(folder.exists())
else:
    folder.rmdir()
    counts.enter(os.getuid(), os.getgid())
"""


@pytest.mark.parametrize("inherited", ["", "/tmp/tasks-metrics-of-another"], ids=["empty", "of the server before"])  # noqa: S108
def test_a_folder_of_our_own_lives_as_long_as_the_server(tmp_path: Path, inherited: str) -> None:
    """Neither the end of the process that began with --daemon nor that of a worker removes it; a worker renews it."""
    variables = {VARIABLE: inherited, OWN_VARIABLE: inherited, "TMPDIR": "", "PYTHONPATH": str(ROOT)}
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        env=clean_environment(**variables),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    # Where it was made, and whether it was there after the end of the worker and of the server.
    assert finished.stdout.split() == [str(tmp_path), "True", "False"]


def test_without_shared_memory_the_folder_is_made_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where TMPDIR says."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.setenv(OWN_VARIABLE, "")
    CountsFolder().prepare("/nowhere")

    assert Path(os.environ[VARIABLE]).parent == tmp_path


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give folders away")
def test_the_folder_is_given_to_the_user_of_the_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If gunicorn has ``--user``, and also if a worker makes it again."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.setenv(OWN_VARIABLE, "")
    counts = CountsFolder()
    counts.prepare("/nowhere")
    folder = Path(os.environ[VARIABLE])
    counts.begin(12345, 12346, replacing=False)
    first = folder.stat()
    folder.rmdir()
    counts.enter(12345, 12346)
    second = folder.stat()

    assert (first.st_uid, first.st_gid) == (second.st_uid, second.st_gid) == (12345, 12346)
