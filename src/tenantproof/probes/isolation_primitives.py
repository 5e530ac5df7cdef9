"""Tries what separate stores must withstand: a tenant's login at another's database, another's records in one's own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import ClassVar

from tenantproof.clients.postgres import Rows, ask
from tenantproof.clients.redaction import digest, one_line
from tenantproof.clients.target import Target
from tenantproof.clients.wire import new_probe
from tenantproof.model.errors import UsageError
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import ABSENT, PERMITTED, PRESENT, REFUSED, UNANSWERED, UNCLEAR, Outcome
from tenantproof.model.profile import Database, Tenant
from tenantproof.probes.event_streams import EventStreams
from tenantproof.probes.probe import Probe
from tenantproof.probes.resolution import StageA
from tenantproof.probes.trail_heads import TrailHeads
from tenantproof.probes.trail_integrity import TrailIntegrity
from tenantproof.probes.trail_receipts import TrailReceipts
from tenantproof.probes.trail_scope import Trails
from tenantproof.probes.trail_sinks import TrailSinks
from tenantproof.probes.trail_sizes import TrailSizes

__all__ = [
    "EventStreams",
    "StageA",
    "Stores",
    "TrailHeads",
    "TrailIntegrity",
    "TrailReceipts",
    "TrailSinks",
    "TrailSizes",
    "Trails",
]

# SQLSTATE classes in which PostgreSQL says no: authorization (28), privilege (42501), no such database (3D000).
_NO = ("28", "42501", "3D000")
_TABLES = """
SELECT quote_ident(table_schema) || '.' || quote_ident(table_name) FROM information_schema.tables
WHERE table_schema NOT IN ('pg_catalog', 'information_schema')
  AND has_table_privilege(quote_ident(table_schema) || '.' || quote_ident(table_name), 'SELECT')
ORDER BY 1
"""


class Stores(Probe):
    """The tenants' databases, seen through the logins that the profile lends."""

    needs: ClassVar[frozenset[str]] = frozenset({"stores"})

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self.tenants = [tenant for tenant in target.profile.tenants if tenant.database]

    def pairs(self) -> list[tuple[Tenant, Tenant]]:
        """Every ordered (attacker, victim)."""
        return list(permutations(self.tenants, 2))

    def enter(self, attacker: Tenant, victim: Tenant) -> Observation:
        """The attacker's own login, used on the victim's database."""
        rows = self._ask(attacker, "SELECT current_database()", database=_login(victim).database)
        return self._seen(
            f"{attacker.id} logs in to the database of {victim.id}",
            PERMITTED if rows.rows else _refusal(rows),
            attacker,
            rows,
            unit=Unit(attacker.id, victim.id, "connect", "own login"),
        )

    def enter_commons(self, attacker: Tenant) -> Iterator[Observation]:
        """The attacker's own login, used on the databases that every server has."""
        for shared in ("postgres", "template1"):
            rows = self._ask(attacker, "SELECT current_database()", database=shared)
            outcome = PERMITTED if rows.rows else _refusal(rows)
            unit = Unit(attacker.id, "", "connect", shared)
            yield self._seen(f"{attacker.id} logs in to {shared}", outcome, attacker, rows, unit=unit)

    def own_records(self, tenant: Tenant) -> Observation:
        """Whether the tenant's own records are in its own database; they must be, or the search sees nothing."""
        return self._search(tenant, tenant)

    def foreign_records(self, tenant: Tenant, other: Tenant) -> Observation:
        """Whether any record of the other tenant is in a table of this tenant's database."""
        return self._search(tenant, other)

    def same_database(self, one: Tenant, other: Tenant) -> Observation:
        """Whether two tenants' logins end up in one and the same database of one server."""
        places = [self._ask(tenant, _PLACE) for tenant in (one, other)]
        failed = next((rows for rows in places if not rows.rows), None)
        outcome = _refusal(failed) if failed else PRESENT if places[0].rows == places[1].rows else ABSENT
        unit = Unit(one.id, other.id, "place", "identity of the database")
        return self._seen(f"{one.id} and {other.id} share a database", outcome, one, places[0], unit=unit)

    def _search(self, tenant: Tenant, owner: Tenant) -> Observation:
        ids = [record.id for record in owner.records]
        tables = self._ask(tenant, _TABLES)
        unit = None if tenant is owner else Unit(tenant.id, owner.id, "search", "every readable table")
        what = f"{tenant.id} looks for records of {owner.id} in its own database"
        if not tables.rows:
            return self._seen(what, _refusal(tables), tenant, tables, unit=unit)
        for (table,) in tables.rows:
            # The whole row as text, so that the search knows nothing of the target's columns.
            found = self._ask(
                tenant,
                f"SELECT count(*) FROM {table} t WHERE t::text LIKE ANY ($1::text[])",  # noqa: S608  # quoted by the server
                [f"%{ident}%" for ident in ids],
            )
            if found.failure or found.refused:
                return self._seen(what, _refusal(found), tenant, found, unit=unit)
            if found.rows[0][0]:
                return self._seen(what, PRESENT, tenant, found, unit=unit, notes=(f"in {one_line(str(table), 80)}",))
        return self._seen(what, ABSENT, tenant, tables, unit=unit)

    def _ask(self, tenant: Tenant, statement: str, *values: object, database: str = "") -> Rows:
        self.target.wire.pace.wait()
        seconds = self.target.profile.safety.timeout_seconds
        return ask(_login(tenant), statement, *values, database=database, seconds=seconds)

    def _seen(
        self,
        what: str,
        outcome: Outcome,
        tenant: Tenant,
        rows: Rows,
        *,
        unit: Unit | None = None,
        notes: tuple[str, ...] = (),
    ) -> Observation:
        said = rows.refused or rows.failure or f"{len(rows.rows)} rows"
        return Observation(
            probe=new_probe(),
            what=what,
            outcome=outcome,
            principal=_login(tenant).user,
            response=said,
            response_digest=digest(repr(rows.rows)),
            at=rows.at,
            seconds=rows.seconds,
            unit=unit,
            notes=notes,
        )


_PLACE = "SELECT current_database()::text, (SELECT system_identifier::text FROM pg_control_system())"


def _login(tenant: Tenant) -> Database:
    if tenant.database is None:
        raise UsageError(f"tenant {tenant.id!r} has no [tenants.database]; add its login to the profile")
    return tenant.database


def _refusal(rows: Rows) -> Outcome:
    """REFUSED when the server itself said no; anything else is no refusal."""
    if rows.refused:
        return REFUSED if rows.refused.startswith(_NO) else UNCLEAR
    return UNANSWERED if rows.failure else UNCLEAR
