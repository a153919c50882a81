"""What Alembic runs around the steps: they are taken on the engine handed over by :mod:`app.migrations.commands`.

Always on a live database; printing SQL for later (Alembic's offline mode) is not provided.
"""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Engine

from app.migrations.turns import take_turn
from app.tables import UTCDateTime, metadata

engine: Engine = context.config.attributes["engine"]

is_sqlite = engine.dialect.name == "sqlite"
# On SQLite Alembic begins the transaction: for changes of the schema the driver would not, and half a step would stay.
transactional = engine.execution_options(isolation_level="AUTOCOMMIT") if is_sqlite else engine


def render(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Write a type of ours as the database knows it, since a step outlives the code of the service."""
    return f"sa.{item.impl!r}" if kind == "type" and isinstance(item, UTCDateTime) else False


with transactional.connect() as connection:
    # SQLite changes columns by copying the table, which is what batch mode writes.
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=is_sqlite,
        render_item=render,
        transactional_ddl=True if is_sqlite else None,
    )
    with context.begin_transaction():
        # A step first reads which step was the last: no other process may take one in between. A command that only asks
        # for it ("current") does not wait.
        if not context.get_context().opts.get("dont_mutate", False):
            take_turn(connection)
        context.run_migrations()
