"""A HAProxy with a configuration of ``docs/database.md``, in which the addresses are those of a test."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.documentation import snippets
from tests.support.programs import Program, find_program, free_port


@contextmanager
def running_haproxy(folder: Path, name: str, servers: Sequence[tuple[int, int]]) -> Iterator[int]:
    """Yield the port on which the section ``name`` of the page listens, and which leads to one of the servers.

    ``servers`` are the ports of each server behind it, and those at which they are asked for their role.
    """
    program, port = find_program("haproxy"), free_port()
    (documented,) = (block for block in snippets("database.md", "haproxy") if block.startswith(f"listen {name}\n"))
    kept = re.sub(r"^    server .*\n", "", documented, flags=re.MULTILINE)
    lines = [
        re.sub(r"(?<=bind 127\.0\.0\.1:)\d+", str(port), kept),
        *(f"    server s{server} 127.0.0.1:{server} check port {asked}\n" for server, asked in servers),
    ]
    configuration = folder / f"{name}.cfg"
    configuration.write_text("".join(lines))
    with Program([program, "-db", "-f", str(configuration)], folder / f"{name}.log") as haproxy:
        # Until it has asked them, it takes each of them for the leader.
        haproxy.wait_until(lambda: haproxy.log.read_text().count(" is DOWN") == len(servers) - 1)
        yield port
