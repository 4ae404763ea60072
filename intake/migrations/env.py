"""Run by Alembic: the revisions go through the connection (and transaction) that `upgrade` hands over."""

from __future__ import annotations

from alembic import context

from intake.schema import metadata, ours

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata,
                  render_as_batch=True, compare_server_default=True, include_name=ours)
with context.begin_transaction():
    context.run_migrations()
