"""Run by Alembic: brings the connection it was handed to the wanted revision, in the caller's transaction."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
context.run_migrations()
