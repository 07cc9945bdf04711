"""Alembic's door: runs the revisions on the connection that `shared/runtime/migrations.py` hands over."""

from alembic import context
from sqlalchemy import Connection

connection: Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=None,
    version_table="revision",
    version_table_schema="runtime",
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
