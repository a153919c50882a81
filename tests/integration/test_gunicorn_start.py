"""What stops a start of gunicorn says so in one sentence, whichever way it was set, and never in a traceback."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.environments import ROOT, clean_environment
from tests.support.gunicorn_server import PATIENCE, GunicornServer, environment

#: Times are bounded here.
pytestmark = pytest.mark.alone


def refused_start(folder: Path, *options: str, program: str = "-m gunicorn", **variables: str) -> str:
    """Start gunicorn with impossible settings and return what it says before it ends."""
    finished = subprocess.run(
        [sys.executable, *program.split(), *options],
        cwd=ROOT,
        env=clean_environment(**environment(folder, **variables)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert finished.returncode == 1
    said = finished.stdout + finished.stderr
    assert "Traceback" not in said
    assert "Booting worker" not in said
    return said


@pytest.fixture
def taken_port() -> Iterator[int]:
    """Return a port that another program listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_start_without_a_secret_says_so_and_ends(tmp_path: Path) -> None:
    """Before any worker is started."""
    assert "Set BETTER_AUTH_SECRET" in refused_start(tmp_path, BETTER_AUTH_SECRET="")


def test_a_folder_of_counts_that_is_missing_says_so_and_ends(tmp_path: Path) -> None:
    """Instead of workers that cannot count."""
    variables = {"FLASK_AUTH_METRICS_PATH": "/metrics", "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "counts")}

    said = refused_start(tmp_path, **variables)

    assert said == "PROMETHEUS_MULTIPROC_DIR must be a folder that exists and that this process may write to.\n"
    assert refused_start(tmp_path, program="gunicorn.conf.py", **variables) == said


@pytest.mark.parametrize("way", ["option", "code"])
def test_counts_that_the_workers_would_not_share_end_the_start(tmp_path: Path, way: str) -> None:
    """The folder for them is made before gunicorn sets its ``--env`` and before the app is made."""
    (tmp_path / "counting.py").write_text('from app import create_app\n\napp = create_app({"AUTH_METRICS": True})\n')
    options = ["--env", "FLASK_AUTH_METRICS_PATH=/metrics"] if way == "option" else ["counting:app"]

    said = refused_start(tmp_path, *options, PYTHONPATH=str(tmp_path))

    assert said.splitlines()[-1].startswith(
        "Set FLASK_AUTH_METRICS_PATH or FLASK_AUTH_METRICS=true in the environment "
    )


@pytest.mark.parametrize(
    ("name", "value", "bounds"),
    [
        ("WEB_CONCURRENCY", "0", "1 to 1000"),
        ("WEB_CONCURRENCY", "1001", "1 to 1000"),
        ("PORT", "http", "1 to 65535"),
        ("PORT", "65536", "1 to 65535"),
        pytest.param("PORT", "9" * 5000, "1 to 65535", id="more digits than Python reads"),
        ("GUNICORN_THREADS", "-1", "1 to 100"),
        ("GUNICORN_THREADS", "101", "1 to 100"),
        ("GUNICORN_TIMEOUT", "3601", "1 to 3600"),
        ("GUNICORN_READ_TIMEOUT", "1.5", "1 to 3600"),
        ("GUNICORN_MAX_REQUESTS", "1000001", "0 to 1000000"),
        ("FLASK_AUTH_MAX_TOKEN_BYTES", "127", "128 to 1048576"),
    ],
)
def test_an_impossible_number_says_so_and_ends(tmp_path: Path, name: str, value: str, bounds: str) -> None:
    """The sentence names the variable and its bounds, and the README of the service has the same bounds."""
    said = refused_start(tmp_path, **{name: value})

    assert said == f"{name} must be a whole number from {bounds}.\n"
    (row,) = [
        line
        for line in (ROOT / "app/README.md").read_text().splitlines()
        if line.startswith("|") and f"`{name}`" in line.split("|")[1]
    ]
    assert bounds in row


@pytest.mark.parametrize(("name", "value"), [("WEB_CONCURRENCY", "two"), ("PORT", "http")])
def test_the_configuration_run_as_a_program_says_what_gunicorn_would_stumble_over(
    tmp_path: Path, name: str, value: str
) -> None:
    """gunicorn reads WEB_CONCURRENCY before its configuration, so a word there ends in its own traceback."""
    said = refused_start(tmp_path, program="gunicorn.conf.py", **{name: value})

    assert said.startswith(f"{name} must be a whole number from 1 to ")
    assert said.count("\n") == 1


def test_a_port_in_use_is_named_and_ends_the_start(tmp_path: Path, taken_port: int) -> None:
    """One line at once, the same sentence when gunicorn gives up, and nothing else."""
    said = refused_start(tmp_path, PORT=str(taken_port))

    other = taken_port + 1 if taken_port < 65535 else taken_port - 1
    sentence = (
        f"Another program listens on port {taken_port} of 127.0.0.1: stop it, or choose a free port "
        f"(PORT={other} gunicorn)."
    )
    starting, waiting, end = said.splitlines()[-3:]
    assert "Starting gunicorn" in starting
    assert waiting.endswith(f"{sentence} Trying again for 5 seconds.")
    assert end == sentence
    assert refused_start(tmp_path, program="gunicorn.conf.py", PORT=str(taken_port)) == (
        f"{sentence}\n".replace("gunicorn", "make serve")
    )


def test_a_port_that_gets_free_soon_is_waited_for(tmp_path: Path) -> None:
    """The processes of a server that was killed go on listening for a moment."""
    server = GunicornServer(tmp_path)
    listener = socket.create_server(("127.0.0.1", server.port))

    def give_way() -> None:
        """Close the port once gunicorn has found it taken, or the test would pass by a slow start."""
        deadline = time.monotonic() + PATIENCE
        while not (is_noticed := "Trying again for 5 seconds." in server.log.read_text()):
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        listener.close()
        assert is_noticed

    server.log.touch()
    with ThreadPoolExecutor() as threads:
        giving_way = threads.submit(give_way)
        with server:
            status, _ = server.call("GET", "/health")
        giving_way.result()

    assert status == 200


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("nobody.invalid", "Name or service not known"),
        ("203.0.113.7", "Cannot assign requested address"),
        ("http://127.0.0.1", "Name or service not known"),
    ],
)
def test_a_host_that_is_not_this_machine_is_named(tmp_path: Path, host: str, reason: str) -> None:
    """With the variables that say where to listen, and the reason."""
    said = refused_start(tmp_path, program="gunicorn.conf.py", HOST=host, PORT="8001")

    assert said == f"Cannot listen on port 8001 of {host} (HOST and PORT): {reason}.\n"


def test_a_host_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Bytes that are no UTF-8: Python reads them as lone surrogates."""
    assert refused_start(tmp_path, program="gunicorn.conf.py", HOST="\udcff").startswith("HOST must be the name or ")


@pytest.mark.parametrize("way", ["option", "environment"])
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--reuse-port", "Leave out --reuse-port (reuse_port): "),
        ("--worker-class sync", "Set GUNICORN_THREADS=1 for --worker-class sync: "),
        ("--worker-class gunicorn.workers.sync.SyncWorker", "Set GUNICORN_THREADS=1 for --worker-class sync: "),
    ],
)
def test_options_that_would_do_harm_are_refused(tmp_path: Path, way: str, options: str, sentence: str) -> None:
    """``reuse_port`` resets connections at a reload; ``sync`` with threads would be plain gthread without a word."""
    said = (
        refused_start(tmp_path, *options.split())
        if way == "option"
        else refused_start(tmp_path, GUNICORN_CMD_ARGS=options)
    )

    assert said.splitlines()[-1].startswith(sentence)
