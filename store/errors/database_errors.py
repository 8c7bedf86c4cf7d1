"""The database cannot be used, or stopped in the middle of a step."""

from __future__ import annotations

from pgvoice.store.errors.base import PgvoiceError


class DatabaseError(PgvoiceError):
    """The database cannot be used as it is."""


class DatabaseUnreachable(DatabaseError):
    """No server answers at the database URL, or the server refuses the connection."""


class WrongPassword(DatabaseUnreachable):
    """The server refused the user or the password."""


class EmbeddedServerError(DatabaseError):
    """The embedded Postgres is not installed, did not start, or cannot use its folder."""


class PgvectorMissing(DatabaseError):
    """The server does not have pgvector."""


class PgvectorTooOld(DatabaseError):
    """The database's pgvector is older than pgvoice needs."""


class PgvectorOutdated(UserWarning):
    """The database's pgvector has faults that a newer one does not have; not an error."""


class PgvectorCrashed(DatabaseError):
    """The server died in a vector function: its processor is too old for its pgvector."""


class ExtensionForbidden(DatabaseError):
    """The database user may not create the extension ``vector``."""


class SchemaForbidden(DatabaseError):
    """The database user may not create, read or change pgvoice's schemas."""


class PrivilegeMissing(SchemaForbidden):
    """The database user lacks a privilege that one of pgvoice's roles has."""

    def __init__(self, answer: str, role: str, grant: str) -> None:
        super().__init__(
            f"this database user may not do that ({answer}): it needs the role {role}: `{grant}`"
        )
        self.answer = answer


class OpenedToRead(PrivilegeMissing):
    """The store was opened as a role that may only read."""

    def __init__(self, answer: str, role: str) -> None:
        SchemaForbidden.__init__(
            self,
            f"this store was opened as {role}, which may not do that ({answer}): open it without a"
            " role",
        )
        self.answer = answer


class RoleMissing(DatabaseError):
    """The role to open a store with does not exist, has no rights here, or is not the user's."""


class SchemaOpen(DatabaseError):
    """Somebody else may create, or created, what pgvoice's functions might call."""


class RolesForbidden(DatabaseError):
    """The database user may not create the roles, or may not grant them their rights."""


class SchemaMismatch(DatabaseError):
    """The tables or functions are missing, or are those of an older or newer pgvoice."""


class DatabaseStopped(DatabaseError):
    """The server gave up in the middle of a step; nothing of that step is stored."""

    #: What happened, and what helps.
    what = "the database gave up ({answer}): run it again"

    def __init__(self, answer: str) -> None:
        super().__init__(self.what.format(answer=answer))
        self.answer = answer


class ConnectionLost(DatabaseStopped):
    """The server was stopped, crashed, or ended the connection."""

    what = (
        "the database went away ({answer}): everything stored before is kept; run it again when"
        " the server is back"
    )


class DatabaseFull(DatabaseStopped):
    """The server ran out of disk space, of memory, or of a limit that was set for it."""

    what = (
        "the database server has no room left ({answer}): nothing of this step was stored; make"
        " room there, then run it again"
    )


class DatabaseTimeout(DatabaseStopped):
    """A step took longer than the server allows, or somebody cancelled it."""

    what = (
        "the database server stopped waiting ({answer}): nothing of this step was stored; run it"
        " again, or raise the time-out in parentheses for this user"
    )


class LockHeld(DatabaseTimeout):
    """Somebody else held a lock for longer than pgvoice or the user waits."""

    def __init__(self, what: str, seconds: float, holder: str | None, process: int | None) -> None:
        self.answer = f"a lock was not free for {seconds:g} s"
        ending = "" if process is None else f" (`SELECT pg_terminate_backend({process})`)"
        PgvoiceError.__init__(
            self,
            f"{what} waited {seconds:g} s for {holder or 'somebody else'}: nothing of this step was"
            f" stored; run it again when that is done, end it{ending}, or set a longer lock_timeout"
            " for this user",
        )


class DatabaseDeadlock(DatabaseStopped):
    """The server cancelled a transaction because it conflicted with others."""

    what = (
        "the database server cancelled this step in favour of another one ({answer}): nothing of"
        " it was stored; run it again"
    )


class IndexBusy(PgvoiceError):
    """Another index is being built in this database."""

    def __init__(self) -> None:
        super().__init__(
            "another index is being built in this database: wait until it is done"
            " (`pgvoice index status`), or stop it"
        )


class TargetInUse(DatabaseError):
    """The database to copy a store into already has rows."""


class CopyDiffers(DatabaseError):
    """The rows that arrived are not the rows that were sent, so the copy was undone."""
