"""A tenant's trail: durable before it answers, one order of events, and a tree over them that can be proved."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

import asyncpg
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from venturi.postgres.held import Held
from venturi.runtime.gathered import gathered
from venturi.trail import store
from venturi.trail.checkpoint import Checkpoint, origin_of, sign, verifier_key
from venturi.trail.errors import TrailCorrupt, TrailUnavailable
from venturi.trail.event import Event, Unwritable, spelled
from venturi.trail.merkle import Growth, Tree, leaf_hash
from venturi.trail.receipt import ConsistencyProof, Entry, InclusionProof, Page, Receipt, signed_receipt
from venturi.trail.signer import Signer

if TYPE_CHECKING:
    from venturi.trail.store import Connection

__all__ = ["Append", "Receipt", "Trail", "TrailCorrupt", "TrailUnavailable", "Unwritable"]

Append: TypeAlias = Callable[[Event], Awaitable[Receipt]]
"""Adds an event to an open transaction. Its receipt counts once the transaction has ended well."""

_SECONDS = 5.0
_BATCH = 128
_FAULTS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
# One lock per database: there is one trail in each.
_ONE_WRITER = f"SELECT {store.TURN}"
_Waiting: TypeAlias = "tuple[Event, asyncio.Future[Receipt | None], bool]"
"""An event, who waits for it to be durable, and whether with a receipt."""
_Written: TypeAlias = "list[tuple[asyncio.Future[Receipt | None], bool, store.Row]]"


class _Stage:
    """What one transaction is about to add to the tree."""

    def __init__(self, trail: Trail) -> None:
        self.trail = trail
        self.rows: list[store.Row] = []
        self._first = len(trail.tree)
        self._before = store.previous(trail.tree)

    async def append(self, event: Event) -> Receipt:
        """Raises Unwritable for an event that must not be written."""
        return self.trail.receipt(self.add(event, self.trail.time()))

    def add(self, event: Event, logged: str) -> store.Row:
        """The row of an event. Raises Unwritable, and adds nothing, when it must not be written."""
        seq = self._first + len(self.rows)
        body = spelled(event, {"log": self.trail.origin, "seq": seq, "ts_logged": logged, "prev_hash": self._before})
        row = store.Row(seq, leaf_hash(body), store.trace_of(event), body)
        self.rows.append(row)
        self._before = row.leaf_hash.hex()
        return row

    def growth(self) -> Growth:
        """What the rows add to the tree."""
        return self.trail.tree.grown([row.leaf_hash for row in self.rows])


class Trail:
    """One tenant's trail, in the tenant's own database.

    Any number of writers may have it open: a lock in the database lets one write at a time, and each first takes in
    what the others wrote, so the trail never forks. `clock` tells seconds since 1970; `epoch` counts the trees that
    this tenant's trail was begun with.
    """

    def __init__(
        self,
        tenant: str,
        pool: asyncpg.Pool,
        signer: Ed25519PrivateKey,
        clock: Callable[[], float],
        *,
        epoch: int = 1,
    ) -> None:
        self.tenant = tenant
        self.origin = origin_of(tenant, epoch)
        self.tree = Tree()
        self._pool, self._signer, self._clock = pool, Signer(signer), clock
        self._held = Held(pool, _SECONDS)
        self._turn = asyncio.Lock()
        self._waiting: list[_Waiting] = []
        self._writer: asyncio.Task[None] | None = None
        self._logged = ""

    @property
    def verifier_key(self) -> str:
        """The public key, as the tools for C2SP signed notes read it."""
        return verifier_key(self.origin, self._signer.public_key())

    def vouch(self, checkpoint: Checkpoint) -> str:
        """A note over something else than this trail, signed with its key: under a name of its own, so no trail's."""
        if checkpoint.origin == self.origin:
            raise ValueError("a trail's own heads are signed over the trail alone")
        return sign(checkpoint, self._signer)

    def secret(self, purpose: str) -> bytes:
        """32 bytes that whoever holds the key can draw again, and nobody else; never shown."""
        # Ed25519 is deterministic, and what is signed can't be taken for a note: it has no size.
        return hashlib.sha256(self._signer.sign(f"{self.origin}\nsecret\n{purpose}\n".encode())).digest()

    async def open(self) -> None:
        """Read the whole trail and check it. Raises TrailCorrupt when it is not what was written, or
        TrailUnavailable when it can't be read.
        """
        async with self._turn, self._reading() as connection, connection.transaction(isolation="repeatable_read"):
            self.tree, self._logged = Tree(), ""
            await self._take_in(connection)
            await store.check_head(connection, self.tree, self.origin, self._signer.public_key())

    async def append(self, event: Event) -> Receipt:
        """Make an event durable, together with whatever else is waiting.

        Raises Unwritable when it must not be written, TrailUnavailable when it can't be.
        """
        receipt = await self._durable(event, wanted=True)
        assert receipt is not None
        return receipt

    def keep(self, event: Event) -> Awaitable[object]:
        """The same for an event of which nobody gets a receipt, which saves a signature.

        It is under way from now on, also while nobody awaits it yet.
        """
        return self._durable(event, wanted=False)

    def _durable(self, event: Event, *, wanted: bool) -> asyncio.Future[Receipt | None]:
        durable: asyncio.Future[Receipt | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((event, durable, wanted))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all())
        return durable

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[tuple[Connection, Append]]:
        """A transaction in the tenant's database whose events commit with it, or not at all.

        Keep it short: no other event of the tenant is written meanwhile. Raises TrailUnavailable when it can't
        begin or commit, and whatever is raised inside it, after a rollback.
        """
        async with self._staging() as (connection, stage):
            yield connection, stage.append

    async def read(self, after: int, limit: int, trace_id: str | None = None) -> Page:
        """At most `limit` events behind sequence number `after` (-1: from the start). Raises TrailUnavailable."""
        size = len(self.tree)
        async with self._reading() as connection:
            rows = await store.fetch(connection, after, size, limit + 1, trace_id)
        entries = [_entry(row) for row in rows[:limit]]
        return Page(entries, entries[-1].seq if len(rows) > limit else None, size)

    async def checkpoint(self) -> str:
        """The signed head of the tree, a C2SP checkpoint."""
        return self._note(self.tree.root(), len(self.tree))

    async def inclusion(self, seq: int, size: int) -> InclusionProof:
        """That event `seq` is in the tree of `size`. Raises ValueError outside the trail."""
        hashes = [step.hex() for step in self.tree.inclusion(seq, size)]
        return InclusionProof(seq, size, self.tree.leaf(seq).hex(), self.tree.root(size).hex(), hashes)

    async def consistency(self, old: int, new: int) -> ConsistencyProof:
        """That the tree of `new` begins with that of `old`. Raises ValueError outside the trail or for old = 0."""
        hashes = [step.hex() for step in self.tree.consistency(old, new)]
        return ConsistencyProof(old, new, self.tree.root(old).hex(), self.tree.root(new).hex(), hashes)

    def time(self) -> str:
        """When an event is written, as the trail says it: never earlier than the event before it."""
        now = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="microseconds")
        if now > self._logged:
            self._logged = now
        return self._logged

    def receipt(self, row: store.Row) -> Receipt:
        """The signed receipt for a row."""
        return signed_receipt(self.origin, row.seq, row.leaf_hash, self._signer)

    def _note(self, root: bytes, size: int) -> str:
        return sign(Checkpoint(self.origin, size, root), self._signer)

    @contextlib.asynccontextmanager
    async def _reading(self) -> AsyncIterator[Connection]:
        try:
            async with self._pool.acquire(timeout=_SECONDS) as connection:
                yield connection
        except _FAULTS as fault:
            raise TrailUnavailable(f"{self.origin}: {type(fault).__name__}") from fault

    @contextlib.asynccontextmanager
    async def _staging(self) -> AsyncIterator[tuple[Connection, _Stage]]:
        async with self._turn, self._reading() as connection, self._up_to_date(connection) as stage:
            yield connection, stage

    @contextlib.asynccontextmanager
    async def _up_to_date(self, connection: Connection) -> AsyncIterator[_Stage]:
        async with connection.transaction():
            await connection.execute(_ONE_WRITER, timeout=_SECONDS)
            await self._catch_up(connection)
            # Not before: it goes on from where the tree ends now.
            stage = _Stage(self)
            yield stage
            growth = stage.growth()
            if stage.rows:
                await store.write(connection, stage.rows, *self._head_with(growth))
        # Not before the commit: the tree in memory must not hold what the database may have dropped.
        self.tree.accept(growth)

    async def _catch_up(self, connection: Connection) -> None:
        """Take in what other writers wrote, or what we wrote when a commit's answer was lost."""
        known = len(self.tree)
        await self._take_in(connection)
        if len(self.tree) > known:
            await store.check_head(connection, self.tree, self.origin, self._signer.public_key())

    async def _take_in(self, connection: Connection) -> None:
        self._logged = max(await store.load(connection, self.tree, self.origin), self._logged)

    def _head_with(self, growth: Growth) -> tuple[int, str]:
        """Size and signed head of the tree once it has grown."""
        size = growth.size + len(growth.levels[0])
        return size, self._note(growth.root, size)

    async def _write_all(self) -> None:
        while self._waiting:
            batch: list[_Waiting] = []
            try:
                await gathered(lambda: len(self._waiting), _BATCH)
                # Whatever comes in while this batch is on its way to the disk makes up the next one.
                batch, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
                await self._write(batch)
            except Exception as problem:  # every waiting caller has to hear of it, whatever it is
                _refuse(batch, problem)
            except BaseException:
                _refuse([*batch, *self._waiting], TrailUnavailable(f"{self.origin}: the writer was stopped"))
                self._waiting = []
                raise

    async def _write(self, batch: list[_Waiting]) -> None:
        try:
            async with self._turn, self._held as connection:
                written = await self._write_at_once(connection, batch)
                if written is None:
                    async with self._up_to_date(connection) as stage:
                        written = _added(stage, batch)
        except _FAULTS as fault:
            raise TrailUnavailable(f"{self.origin}: {type(fault).__name__}") from fault
        for durable, wanted, row in written:
            if not durable.done():
                durable.set_result(self.receipt(row) if wanted else None)

    async def _write_at_once(self, connection: Connection, batch: list[_Waiting]) -> _Written | None:
        """Write the batch in a single statement, as if nobody else had written; None, and nothing, if somebody has.

        Somebody else's event has the place that the first of ours would take, and the database keeps places apart.
        """
        stage = _Stage(self)
        written = _added(stage, batch)
        if stage.rows:
            growth = stage.growth()
            try:
                await store.write_alone(connection, stage.rows, *self._head_with(growth), seconds=_SECONDS)
            except asyncpg.UniqueViolationError:
                return None
            self.tree.accept(growth)
        return written


def _added(stage: _Stage, batch: list[_Waiting]) -> _Written:
    written: _Written = []
    logged = stage.trail.time()
    for event, durable, wanted in batch:
        try:
            written.append((durable, wanted, stage.add(event, logged)))
        except Unwritable as problem:
            _refuse([(event, durable, wanted)], problem)
    return written


def _refuse(batch: list[_Waiting], problem: Exception) -> None:
    for _, durable, _ in batch:
        if not durable.done():
            durable.set_exception(problem)
            # Who waits hears of it; that somebody gave up, or hears it of another trail first, is nothing to log.
            durable.exception()


def _entry(row: asyncpg.Record) -> Entry:
    return Entry(row["seq"], row["leaf_hash"].hex(), msgspec.json.decode(row["body"], type=dict))
