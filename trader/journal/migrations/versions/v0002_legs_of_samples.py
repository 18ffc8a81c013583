"""A sample also holds what each leg's prices and greeks were. Samples of before have none.

Once shipped this file is never edited: a later change is a later migration.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("samples", sa.Column("legs", sa.Text))
