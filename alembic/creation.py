"""What a store is created with, as it was asked for: grid, parts of its vectors, consent."""

from __future__ import annotations

from alembic import op

from pgvoice.store.keys import DEFAULT_GRID_MS


def grid_ms() -> int:
    """The grid that segments are to be snapped to."""
    return _asked("grid_ms", DEFAULT_GRID_MS)


def partitions() -> int:
    """How many parts the table of vectors is to have; 1 is a plain table."""
    return _asked("partitions", 1)


def consent() -> bool:
    """Whether nobody is to be enrolled without a consent."""
    return bool(_asked("consent", 1))


def _asked(name: str, default: int) -> int:
    config = op.get_context().config
    return default if config is None else int(config.attributes.get(name, default))
