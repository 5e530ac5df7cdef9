"""The aggregation stores, seen through lent logins: who may enter, who may read, and what lies in them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable

import ahocorasick

from tenantproof.clients.postgres import Rows, ask
from tenantproof.clients.redaction import digest, one_line
from tenantproof.clients.target import Target
from tenantproof.model.aggregation_profile import Aggregation
from tenantproof.model.observation import Observation, Unit
from tenantproof.model.outcome import ABSENT, PERMITTED, PRESENT, REFUSED, UNANSWERED, UNCLEAR, Outcome
from tenantproof.model.profile import Database, Tenant
from tenantproof.probes.cohorts import Member
from tenantproof.probes.sighting import new_probe

# SQLSTATE classes in which PostgreSQL says no: authorization (28), privilege (42501), no such database (3D000).
_NO = ("28", "42501", "3D000")
_WHERE = "SELECT current_database()"
_TABLES = """
SELECT quote_ident(table_schema) || '.' || quote_ident(table_name) FROM information_schema.tables
WHERE table_schema NOT IN ('pg_catalog', 'information_schema')
  AND has_table_privilege(quote_ident(table_schema) || '.' || quote_ident(table_name), 'SELECT')
ORDER BY 1
"""
_MOST_ROWS, _SEARCH_SECONDS = 1_000_000, 60.0
_DIGEST_DIGITS = 16
"""Hex digits of a digest that are looked for: a shortened one is found too."""


class Stores:
    """All aggregation stores of the profile."""

    def __init__(self, target: Target, told: Aggregation) -> None:
        self._told = told
        self.tenants = [tenant for tenant in target.profile.tenants if tenant.database]

    def members(self, jurisdiction: str) -> list[Member] | None:
        """Everybody who counts in the next release, as the lent auditor sees it; None when it can't be read."""
        store = self._told.stores[jurisdiction]
        rows = ask(store.auditor, store.members)
        if rows.failure or rows.refused:
            return None
        return [tuple(map(str, row)) for row in rows.rows]

    def audited(self, jurisdiction: str) -> Observation:
        """The lent auditor enters the store: it is there."""
        return self._enter(self._told.stores[jurisdiction].auditor, f"the auditor enters the store of {jurisdiction}")

    def own(self, tenant: Tenant) -> Observation:
        """A tenant's login enters the tenant's own database."""
        return self._enter(_login(tenant), f"{tenant.id} enters its own database")

    def tenant_enters(self, tenant: Tenant, jurisdiction: str) -> Observation:
        """A tenant's login is used on an aggregation store."""
        return self._enter(
            _login(tenant),
            f"{tenant.id} enters the store of {jurisdiction}",
            database=self._told.stores[jurisdiction].auditor.database,
            unit=Unit(tenant.id, jurisdiction, "connect", "own login"),
        )

    def egress_reads(self, jurisdiction: str) -> Observation | None:
        """The login that contributions come in by reads them; None when it is not lent."""
        store = self._told.stores[jurisdiction]
        what = f"the way into the store of {jurisdiction} is used to read"
        return None if store.egress is None else self._seen(what, store.egress, ask(store.egress, store.members))

    def pipeline(self, jurisdiction: str) -> Observation:
        """The pipeline's login enters its own store. Raises UsageError when it is not lent."""
        return self._enter(self._pipeline(jurisdiction), f"the pipeline of {jurisdiction} enters its own store")

    def pipeline_enters(self, jurisdiction: str, tenant: Tenant) -> Observation:
        """The pipeline's login is used on a tenant's database."""
        return self._enter(
            self._pipeline(jurisdiction),
            f"the pipeline of {jurisdiction} enters the database of {tenant.id}",
            database=_login(tenant).database,
            unit=Unit(jurisdiction, tenant.id, "connect", "pipeline login"),
        )

    def pipeline_crosses(self, jurisdiction: str, other: str) -> Observation:
        """The pipeline's login is used on the store of another jurisdiction."""
        return self._enter(
            self._pipeline(jurisdiction),
            f"the pipeline of {jurisdiction} enters the store of {other}",
            database=self._told.stores[other].auditor.database,
            unit=Unit(jurisdiction, other, "connect", "pipeline login"),
        )

    def lent(self) -> list[str]:
        """Jurisdictions whose pipeline's login is lent."""
        return [name for name, store in self._told.stores.items() if store.pipeline]

    def arrived(self, what: str, jurisdiction: str, before: Iterable[Member] | None) -> tuple[Observation, int]:
        """Present, if members are in the store who were not there before; and how many."""
        login, now = self._told.stores[jurisdiction].auditor, self.members(jurisdiction)
        if now is None or before is None:
            return self._told_of(what, login, UNANSWERED, "the store can't be read"), 0
        fresh = len({member[:2] for member in now} - {member[:2] for member in before})
        return self._told_of(what, login, PRESENT if fresh else ABSENT, f"{fresh} persons"), fresh

    def searched(self, what: str, jurisdiction: str, wanted: Iterable[str]) -> Observation:
        """Present, if one of the texts stands in a readable table of the store: plainly, encoded, or as a digest."""
        login = self._told.stores[jurisdiction].auditor
        guises = {guise.lower() for text in wanted for guise in _guises(text)}
        tables = ask(login, _TABLES)
        if not tables.rows:
            return self._told_of(what, login, _refusal(tables), tables.refused or tables.failure or "no tables")
        automaton = _automaton(guises)
        for (table,) in tables.rows:
            # All guises in one pass here; the server would compare every row with every one of thousands.
            rows = ask(login, f"SELECT t::text FROM {table} t LIMIT {_MOST_ROWS + 1}", seconds=_SEARCH_SECONDS)  # noqa: S608  # quoted by the server
            if rows.failure or rows.refused:
                return self._told_of(what, login, _refusal(rows), rows.refused or rows.failure)
            if found := sum(_stands_in(automaton, str(row)) for (row,) in rows.rows):
                return self._told_of(what, login, PRESENT, f"{found} rows of {table}")
            if len(rows.rows) > _MOST_ROWS:
                return self._told_of(what, login, UNCLEAR, f"{table} has more than {_MOST_ROWS} rows")
        return self._told_of(what, login, ABSENT, f"{len(tables.rows)} tables, {len(guises)} guises")

    def _pipeline(self, jurisdiction: str) -> Database:
        login = self._told.stores[jurisdiction].pipeline
        assert login is not None, "ask lent() first"
        return login

    def _enter(self, login: Database, what: str, *, database: str = "", unit: Unit | None = None) -> Observation:
        return self._seen(what, login, ask(login, _WHERE, database=database), unit)

    def _seen(self, what: str, login: Database, rows: Rows, unit: Unit | None = None) -> Observation:
        said = rows.refused or rows.failure or f"{len(rows.rows)} rows"
        # A statement that went through was permitted, whether or not there was anything to read.
        outcome = _refusal(rows) if rows.refused or rows.failure else PERMITTED
        return self._told_of(what, login, outcome, said, unit)

    def _told_of(
        self, what: str, login: Database, outcome: Outcome, said: str, unit: Unit | None = None
    ) -> Observation:
        return Observation(
            probe=new_probe(),
            what=what,
            outcome=outcome,
            principal=login.user,
            request=f"postgresql://{login.host}:{login.port}",
            response=one_line(said),
            response_digest=digest(said),
            unit=unit,
            notes=(one_line(said),),
        )


def _login(tenant: Tenant) -> Database:
    assert tenant.database is not None, "only tenants with a lent login are asked"
    return tenant.database


def _refusal(rows: Rows) -> Outcome:
    """Refused when the server itself said no; anything else is no refusal."""
    if rows.refused:
        return REFUSED if rows.refused.startswith(_NO) else UNCLEAR
    return UNANSWERED if rows.failure else UNCLEAR


def _guises(text: str) -> list[str]:
    """The text, its encodings, and the digests that anybody can recompute."""
    octets = text.encode()
    digests = [hashlib.new(name, octets).hexdigest()[:_DIGEST_DIGITS] for name in ("sha256", "sha1", "md5", "sha512")]
    encoded = [octets.hex(), base64.b64encode(octets).decode().rstrip("=")]
    return [text, *encoded, *digests]


def _automaton(words: Iterable[str]) -> ahocorasick.Automaton:
    made = ahocorasick.Automaton()
    for word in words:
        made.add_word(word, word)
    made.make_automaton()
    return made


def _stands_in(automaton: ahocorasick.Automaton, row: str) -> bool:
    return any(True for _ in automaton.iter(row.lower()))
