"""The schema of the database, step by step (Alembic), and the ``flask db`` commands that take the steps.

What the schema is now stands in :mod:`app.tasks.models`; a test holds that both agree.
"""
