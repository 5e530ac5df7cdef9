"""The pipeline of one jurisdiction: it reads its own store and nothing else, and makes a release or gives a reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from venturi.aggregation.consent.consents import BENCHMARKS
from venturi.aggregation.cube import Cell, Cohort, build
from venturi.aggregation.deidentify import Contribution
from venturi.aggregation.hierarchies import channels, months
from venturi.aggregation.protect import Protector, Published
from venturi.aggregation.release import Release, release
from venturi.aggregation.risk import AcceptanceTest

if TYPE_CHECKING:
    import asyncpg

_Connection: TypeAlias = "asyncpg.Connection[Any] | asyncpg.pool.PoolConnectionProxy[Any]"
# Two runs at a time would each forget the other's release; the number is arbitrary.
_LOCK = 7_460_114


@dataclass(frozen=True)
class Workshop:
    """What a pipeline works with besides its data: the rules, the test, the key that signs, the clock."""

    protector: Protector
    test: AcceptanceTest
    key: Ed25519PrivateKey
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


class AggregationPipeline:
    """Makes the releases of one jurisdiction. `store` is a pool under the pipeline's login to that store alone."""

    def __init__(self, jurisdiction: str, store: asyncpg.Pool, workshop: Workshop) -> None:
        self._jurisdiction, self._store, self._workshop = jurisdiction, store, workshop

    @property
    def test(self) -> AcceptanceTest:
        """The acceptance test that gates every release."""
        return self._workshop.test

    async def run(self, test: AcceptanceTest | None = None) -> Release:
        """Make the next release and keep it. `test` stands in for the usual one. Raises NoRelease."""
        async with self._store.acquire() as connection:
            # On its own: what was withdrawn is gone even if no release comes of this run.
            async with connection.transaction():
                await self.forget_withdrawn(connection)
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
                made = await self.make(connection, test or self.test)
                await self.keep(connection, made)
        return made

    async def make(self, connection: _Connection, test: AcceptanceTest) -> Release:
        """The next release, not yet kept. Raises NoRelease."""
        number = await connection.fetchval("SELECT coalesce(max(number), 0) + 1 FROM releases")
        return release(
            build(await self.contributions(connection), channels(), months()),
            await self.history(connection),
            jurisdiction=self._jurisdiction,
            number=number,
            at=f"{self._workshop.clock():%Y-%m-%dT%H:%M:%SZ}",
            protector=self._workshop.protector,
            test=test,
            key=self._workshop.key,
        )

    async def forget_withdrawn(self, connection: _Connection) -> None:
        """Delete what its source has withdrawn, and every batch that a later one replaced."""
        await connection.execute(
            """
            DELETE FROM contributions gone
            WHERE EXISTS (SELECT FROM withdrawals w
                          WHERE (w.purpose, w.source) = (gone.purpose, gone.source) AND w.arrival > gone.arrival)
               OR EXISTS (SELECT FROM contributions newer
                          WHERE (newer.purpose, newer.source) = (gone.purpose, gone.source)
                            AND newer.batch <> gone.batch AND newer.arrival > gone.arrival)
            """
        )

    async def contributions(self, connection: _Connection) -> list[Contribution]:
        """What stands in the store for the purpose that was consented to, each person once."""
        rows = await connection.fetch(
            "SELECT person, source, channel, month FROM contributions WHERE purpose = $1 ORDER BY source, person",
            BENCHMARKS,
        )
        return [Contribution(row["person"], row["source"], row["channel"], row["month"]) for row in rows]

    async def history(self, connection: _Connection) -> Sequence[Published]:
        """Every earlier release with who was in its cells, oldest first."""
        # A row for each cell: one for each person would take longer to read than the release takes to make.
        rows = await connection.fetch(
            "SELECT number, channel, month, array_agg(source) AS sources, array_agg(person) AS persons"
            " FROM remembered GROUP BY number, channel, month ORDER BY number"
        )
        found: dict[int, dict[Cell, Cohort]] = defaultdict(dict)
        for row in rows:
            members = frozenset(zip(row["sources"], row["persons"], strict=True))
            found[row["number"]][row["channel"], row["month"]] = Cohort(members)
        return [Published(cells) for cells in found.values()]

    async def keep(self, connection: _Connection, made: Release) -> None:
        """Store a release and remember who was in it."""
        await connection.execute(
            "INSERT INTO releases (number, document, signature) VALUES ($1, $2, $3)",
            made.number,
            made.document,
            made.signature,
        )
        await connection.executemany(
            "INSERT INTO remembered (number, channel, month, source, person) VALUES ($1, $2, $3, $4, $5)",
            [
                (made.number, *cell, source, person)
                for cell, cohort in made.remembered.cohorts.items()
                for source, person in cohort.members
            ],
        )
