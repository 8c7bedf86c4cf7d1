"""${message}.

Revision ID: ${up_revision}
"""

from __future__ import annotations

from alembic import op
${imports if imports else ""}
from pgvoice.migrations import function_files

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    function_files.drop(op.get_bind())
% if downgrades:
    ${downgrades}
% endif
