"""Bursts of requests from wrk, an HTTP load generator in C: many connections that are kept open, one thread."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_name("load.lua")

CONNECTIONS = 16

#: Seconds after which wrk takes a request for lost.
PATIENCE = 10


@dataclass(frozen=True, slots=True)
class Burst:
    """What one burst came to; every request in it was answered, and with success."""

    requests: int
    seconds: float
    #: Seconds in which 99 of 100 requests were answered.
    p99: float


@dataclass(frozen=True, slots=True)
class Request:
    """One request as wrk sends it, over and over."""

    path: str
    headers: Mapping[str, str]
    method: str = "GET"
    body: str = ""

    def dump(self) -> bytes:
        """Return the request as it goes over the wire (RFC 9112 §2.1)."""
        headers = {"Host": "127.0.0.1", **self.headers}
        if self.body:
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(self.body.encode()))}
        lines = [f"{self.method} {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return ("\r\n".join(lines) + "\r\n\r\n" + self.body).encode()


def write_requests(file: Path, requests: Sequence[Request]) -> None:
    """Write requests so that :data:`SCRIPT` finds each by its length."""
    dumped = [request.dump() for request in requests]
    lines = [f"{len(dumped)}\n".encode(), *(f"{len(one)}\n".encode() + one for one in dumped)]
    file.write_bytes(b"".join(lines))


def fire(origin: str, requests: Path, seconds: float) -> Burst:
    """Send the requests of a file in turn for so long.

    Raises:
        RuntimeError: a request was not answered, or not with success, so the figures would mean nothing.
    """
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", "-d1h", f"--timeout={PATIENCE}s", "-s", str(SCRIPT), origin]
    process = subprocess.Popen(  # noqa: S603 - our own arguments, and no shell
        [*command, "--", str(requests)], stdout=subprocess.PIPE, text=True
    )
    try:
        time.sleep(seconds)
    finally:
        # wrk counts in whole seconds; told to stop, it sums up at once.
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=PATIENCE + 5)
    try:
        said = json.loads(output.splitlines()[-1])
    except (IndexError, ValueError) as error:
        raise RuntimeError(f"wrk ended without a summary: {output}") from error
    if said["refused"] or said["broken"] or not said["requests"]:
        raise RuntimeError(f"Of the requests to {origin} not all were answered with success: {said}")
    return Burst(said["requests"], said["seconds"], said["p99"])
