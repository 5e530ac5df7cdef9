"""Binds a verified token to a principal, and by that to a tenant."""

from __future__ import annotations

from venturi.identity.directory import Directory, DirectoryRow
from venturi.identity.principal import Principal, UnknownPrincipal, Verified


class Binding:
    """The directory decides who a subject is; nothing in the token can widen it."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def bind(self, verified: Verified) -> Principal:
        """The principal behind a verified token. Raises UnknownPrincipal when the directory holds none."""
        row = await self._directory.find(verified.issuer, verified.subject)
        if row is None:
            raise UnknownPrincipal("the directory holds no such subject of this issuer")
        return Principal(row.id, self.tenant(row, verified), row.kind, row.person, verified.scopes)

    def tenant(self, row: DirectoryRow, verified: Verified) -> str | None:  # noqa: ARG002  # what an override may misuse
        """The principal's tenant: from the directory, whatever the token claims."""
        return row.tenant
