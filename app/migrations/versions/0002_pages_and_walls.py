"""Index every list, remember how a task was created, and let PostgreSQL keep the rows of users apart.

Revision 0002, after 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INDEXES = {
    f"ix_tasks_user_id_completed_{key}_id": ["user_id", "completed", key, "id"]
    for key in ("created_at", "updated_at", "title")
}

POLICY = """
    CREATE POLICY tasks_of_their_user ON tasks
    USING (user_id = current_setting('app.user_id', true))
    WITH CHECK (user_id = current_setting('app.user_id', true))
"""


def upgrade() -> None:
    """Add what is new; the order of texts becomes that of code points, which no operating system changes."""
    op.add_column("tasks", sa.Column("creation", sa.LargeBinary(16), nullable=True))
    if is_postgresql():
        order_texts("C")
    for name, columns in INDEXES.items():
        op.create_index(name, "tasks", columns)
    if is_postgresql():
        op.execute("ALTER TABLE tasks ENABLE ROW LEVEL SECURITY")
        # For the owner of the table as well, unless that is a superuser.
        op.execute("ALTER TABLE tasks FORCE ROW LEVEL SECURITY")
        op.execute(POLICY)


def downgrade() -> None:
    """Take it all away again; the tasks stay."""
    if is_postgresql():
        op.execute("DROP POLICY tasks_of_their_user ON tasks")
        op.execute("ALTER TABLE tasks NO FORCE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE tasks DISABLE ROW LEVEL SECURITY")
    for name in INDEXES:
        op.drop_index(name, "tasks")
    if is_postgresql():
        order_texts("default")
    op.drop_column("tasks", "creation")


def is_postgresql() -> bool:
    """Tell whether the step is taken on PostgreSQL, or what speaks its protocol."""
    return op.get_bind().dialect.name == "postgresql"


def order_texts(collation: str) -> None:
    """Change the order of the sorted columns. This rebuilds their indexes, but not the table."""
    op.execute(f'ALTER TABLE tasks ALTER COLUMN user_id TYPE text COLLATE "{collation}"')
    op.execute(f'ALTER TABLE tasks ALTER COLUMN title TYPE varchar(255) COLLATE "{collation}"')
