"""A PgBouncer in front of a test's PostgreSQL, with the settings that ``docs/database.md`` gives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.documentation import snippets
from tests.support.postgresql_server import PostgreSQLServer, account
from tests.support.programs import Program, accepts_connections, find_program, folder_for, free_port

#: What the page leaves to the operator: where it listens, where the server is, and who may log in.
_SETTINGS = """
[databases]
* = host=127.0.0.1 port={server_port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
default_pool_size = {pool_size}
"""


@contextmanager
def running_pgbouncer(server: PostgreSQLServer, role: str, *, pool_mode: str, pool_size: int) -> Iterator[str]:
    """Yield the ``DATABASE_URL`` by which a role reaches the database ``tasks`` through a PgBouncer."""
    program, port = find_program("pgbouncer"), free_port()
    (documented,) = (block for block in snippets("database.md", "ini") if "pool_mode" in block)
    with folder_for(account()) as folder:
        users, settings = folder / "users.txt", folder / "pgbouncer.ini"
        users.write_text(f'"{role}" ""\n')
        settings.write_text(
            _SETTINGS.format(server_port=server.port, port=port, users=users, pool_size=pool_size)
            + documented.replace("pool_mode = transaction", f"pool_mode = {pool_mode}")
        )
        with Program([program, str(settings)], folder / "log", account=account()) as pgbouncer:
            pgbouncer.wait_until(lambda: accepts_connections(port))
            yield f"postgresql://{role}@127.0.0.1:{port}/tasks"
