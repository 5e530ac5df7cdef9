"""Looks principals up by issuer and subject, in the control database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from venturi.postgres.held import Held
from venturi.runtime.gathered import gathered

if TYPE_CHECKING:
    import asyncpg

_COLUMNS = "issuer, subject, id, tenant, kind, person, mfa_public_key"
_ALL_OF = f"""
    SELECT {_COLUMNS} FROM unnest($1::text[], $2::text[]) AS asked (issuer, subject)
    JOIN principals USING (issuer, subject)
"""  # noqa: S608  # our own constant
_TOGETHER = 128
_Name: TypeAlias = tuple[str, str]
"""Issuer and subject."""


class DirectoryRow(msgspec.Struct, frozen=True):
    """One principal: `tenant` is None for the vendor's own people, `mfa_public_key` a P-256 public key in PEM."""

    issuer: str
    subject: str
    id: str
    tenant: str | None
    kind: str
    person: str
    mfa_public_key: str | None


_Asked: TypeAlias = dict[_Name, list[asyncio.Future[DirectoryRow | None]]]


class Directory:
    """The table of principals. The only place that says which tenant a subject belongs to.

    Nothing of it is remembered. Look-ups that come while a query is under way wait for the next and share it: one that
    began before they came could still show somebody who has been withdrawn since.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._held = Held(pool)
        self._asked: _Asked = {}
        self._asking: asyncio.Task[None] | None = None

    async def find(self, issuer: str, subject: str) -> DirectoryRow | None:
        """The principal that this issuer knows by this subject, or None. Raises what the database does."""
        # Everybody gets a future of its own, so that who gives up takes nobody else along.
        row: asyncio.Future[DirectoryRow | None] = asyncio.get_running_loop().create_future()
        self._asked.setdefault((issuer, subject), []).append(row)
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        return await row

    async def rows(self, names: Iterable[_Name]) -> list[DirectoryRow]:
        """Those of these principals that there are, in one query that begins now."""
        issuers, subjects = zip(*names, strict=True)
        async with self._held as connection:
            return [DirectoryRow(*row.values()) for row in await connection.fetch(_ALL_OF, issuers, subjects)]

    async def _ask(self) -> None:
        while self._asked:
            asked: _Asked = {}
            try:
                await gathered(lambda: sum(map(len, self._asked.values())), _TOGETHER)
                asked, self._asked = self._asked, {}
                found = {(row.issuer, row.subject): row for row in await self.rows(asked)}
            except Exception as problem:  # everybody who waits has to hear of it, whatever it is
                _fail(asked, problem)
            except BaseException:
                for given_up in (asked, self._asked):
                    _fail(given_up, ConnectionAbortedError("the look-up was given up"))
                self._asked = {}
                raise
            else:
                _tell(asked, found)

    async def principal(self, principal_id: str) -> DirectoryRow | None:
        """The principal with this id, or None."""
        row = await self._pool.fetchrow(
            f"SELECT {_COLUMNS} FROM principals WHERE id = $1",  # noqa: S608  # our own constant
            principal_id,
        )
        return None if row is None else DirectoryRow(*row.values())

    async def mfa_public_key(self, principal_id: str) -> str | None:
        """The principal's second-factor key (PEM), or None when it has none."""
        row = await self.principal(principal_id)
        return None if row is None else row.mfa_public_key


def _tell(asked: _Asked, found: dict[_Name, DirectoryRow]) -> None:
    for name, waiting in asked.items():
        row = found.get(name)
        for future in waiting:
            if not future.done():
                future.set_result(row)


def _fail(asked: _Asked, problem: Exception) -> None:
    for waiting in asked.values():
        for future in waiting:
            if not future.done():
                future.set_exception(problem)
