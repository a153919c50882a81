"""What Alembic runs around the steps: they are taken on the engine handed over by :mod:`app.migrations.commands`.

Always on a live database; printing SQL for later (Alembic's offline mode) is not provided.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import Engine

from app.tasks.models import metadata

engine: Engine = context.config.attributes["engine"]

with engine.connect() as connection:
    # SQLite changes columns by copying the table, which is what batch mode writes.
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=engine.dialect.name == "sqlite")
    with context.begin_transaction():
        context.run_migrations()
