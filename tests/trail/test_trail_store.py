"""The trail against a real database: durable, in one order, grouped, and never forked."""

from __future__ import annotations

import asyncio
import time

import asyncpg
import msgspec
import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.trail.cluster import Database, run
from venturi.trail.checkpoint import verify
from venturi.trail.errors import TrailCorrupt, TrailUnavailable
from venturi.trail.event import Unwritable
from venturi.trail.merkle import extends, includes, leaf_hash
from venturi.trail.receipt import is_genuine
from venturi.trail.trail import Trail

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
TRACE = "0af7651916cd43dd8448eb211c80319c"


def event(number: int, trace_id: str | None = None) -> dict[str, object]:
    return {"kind": "request", "number": number, "trace": {"trace_id": trace_id}}


async def opened(pool: asyncpg.Pool, tenant: str = "acme") -> Trail:
    trail = Trail(tenant, pool, KEY, time.time)
    await trail.open()
    return trail


def test_an_event_is_durable_and_its_receipt_is_genuine_when_append_returns(database: Database) -> None:
    async def story() -> None:
        async with database.pool() as pool, database.pool() as other:
            trail = await opened(pool)
            receipt = await trail.append(event(1))
            assert is_genuine(receipt, trail.origin, KEY.public_key())
            assert not is_genuine(msgspec.structs.replace(receipt, seq=7), trail.origin, KEY.public_key())
            stored = await other.fetchrow("SELECT * FROM trail_events")
            assert stored is not None
            assert stored["seq"] == receipt.seq == 0
            assert leaf_hash(stored["body"].encode()) == receipt.leaf_hash
            seq, leaf, signature = receipt.header().split(".")
            assert (seq, leaf, len(signature)) == ("0", receipt.leaf_hash.hex(), 86)

    run(story())


def test_a_reader_can_recompute_every_leaf_and_prove_it_against_the_checkpoint(database: Database) -> None:
    async def story() -> None:
        async with database.pool() as pool:
            trail = await opened(pool)
            for number in range(9):
                await trail.append(event(number))
            head = verify(await trail.checkpoint(), trail.origin, KEY.public_key())
            page = await trail.read(-1, 100)
            assert (head.size, page.size, page.next) == (9, 9, None)
            for entry in page.events:
                leaf = leaf_hash(rfc8785.dumps(entry.event))
                assert leaf.hex() == entry.leaf_hash
                proof = await trail.inclusion(entry.seq, 9)
                path = [bytes.fromhex(step) for step in proof.hashes]
                assert includes(head.root, 9, entry.seq, leaf, path)
            told = [entry.event["prev_hash"] for entry in page.events[1:]]
            assert told == [entry.leaf_hash for entry in page.events[:-1]]
            grown = await trail.consistency(5, 9)
            steps = [bytes.fromhex(step) for step in grown.hashes]
            assert extends(5, bytes.fromhex(grown.old_root), 9, head.root, steps)
            with pytest.raises(ValueError, match="consistency"):
                await trail.consistency(0, 9)

    run(story())


def test_pages_follow_each_other_and_a_trace_is_found_alone(database: Database) -> None:
    async def story() -> None:
        async with database.pool() as pool:
            trail = await opened(pool)
            for number in range(7):
                await trail.append(event(number, TRACE if number % 3 == 0 else None))
            seen, after = [], -1
            while True:
                page = await trail.read(after, 3)
                seen += [entry.event["number"] for entry in page.events]
                if page.next is None:
                    break
                after = page.next
            assert seen == list(range(7))
            found = await trail.read(-1, 10, trace_id=TRACE)
            assert [entry.seq for entry in found.events] == [0, 3, 6]
            assert not (await trail.read(-1, 10, trace_id=TRACE[::-1])).events

    run(story())


def test_concurrent_events_share_transactions_and_get_places_without_gaps(database: Database) -> None:
    async def story() -> None:
        async with database.pool() as pool:
            trail = await opened(pool)
            receipts = await asyncio.gather(*(trail.append(event(number)) for number in range(200)))
            assert sorted(receipt.seq for receipt in receipts) == list(range(200))
            heads = await pool.fetchval("SELECT count(*) FROM trail_heads")
            assert heads <= 3
            page = await trail.read(-1, 500)
            by_seq = {receipt.seq: receipt.leaf_hash.hex() for receipt in receipts}
            assert {entry.seq: entry.leaf_hash for entry in page.events} == by_seq

    run(story())


def test_events_that_come_one_after_the_other_go_with_the_first(database: Database) -> None:
    async def story() -> None:
        async with database.pool() as pool:
            trail = await opened(pool)
            coming = []
            for number in range(30):
                coming.append(asyncio.create_task(trail.append(event(number))))
                await asyncio.sleep(0)
            assert [receipt.seq for receipt in await asyncio.gather(*coming)] == list(range(30))
            assert await pool.fetchval("SELECT count(*) FROM trail_heads") == 1

    run(story())


def test_everybody_hears_of_it_when_the_writer_is_stopped_before_it_begins(database: Database) -> None:
    async def story() -> None:
        async with database.pool() as pool:
            trail = await opened(pool)
            kept = trail.keep(event(1))
            await asyncio.sleep(0)
            assert trail._writer is not None
            trail._writer.cancel()
            with pytest.raises(TrailUnavailable):
                await asyncio.wait_for(kept, 5)
            assert (await trail.append(event(2))).seq == 0

    run(story())


def test_two_writers_on_one_trail_make_one_tree(database: Database) -> None:
    async def story() -> None:
        async with database.pool() as one, database.pool() as two:
            writers = [await opened(one), await opened(two)]
            await asyncio.gather(*(writers[n % 2].append(event(n)) for n in range(40)))
            for _ in range(10):
                await asyncio.gather(*(writer.append(event(0)) for writer in writers))
            third = await opened(one)
            assert len(third.tree) == 60
            longest = max(writers, key=lambda writer: len(writer.tree))
            assert longest.tree.root() == third.tree.root()
            shorter = min(writers, key=lambda writer: len(writer.tree)).tree
            assert shorter.root() == third.tree.root(len(shorter))

    run(story())


def test_a_batch_whose_connection_is_killed_is_refused_whole_and_the_trail_goes_on(database: Database) -> None:
    async def story() -> None:
        async with database.pool() as pool:
            trail = await opened(pool)
            await trail.append(event(0))

            async def killed() -> None:
                async with trail.transaction() as (connection, append):
                    await append(event(1))
                    backend = await connection.fetchval("SELECT pg_backend_pid()")
                    await database.owner(f"SELECT pg_terminate_backend({backend})")
                    await asyncio.sleep(0.05)

            with pytest.raises(TrailUnavailable):
                await killed()
            assert len(trail.tree) == 1
            assert (await trail.append(event(2))).seq == 1
            reopened = await opened(pool)
            assert reopened.tree.root() == trail.tree.root()

    run(story())


def test_killing_backends_under_load_loses_nothing_that_was_acknowledged(database: Database) -> None:
    async def story() -> None:
        async with database.pool() as pool:
            trail = await opened(pool)
            acknowledged: dict[int, str] = {}
            refused = 0

            over, through = asyncio.Event(), asyncio.Event()

            async def appender(number: int) -> None:
                nonlocal refused
                while not over.is_set():
                    try:
                        receipt = await trail.append(event(number))
                        acknowledged[receipt.seq] = receipt.leaf_hash.hex()
                        through.set()
                    except TrailUnavailable:
                        refused += 1

            async def killer() -> None:
                for _ in range(6):
                    # Kill only a trail that works again, or none of it would ever get through.
                    through.clear()
                    await through.wait()
                    await database.owner(
                        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database.name}'"
                        " AND usename = 'guard'"
                    )
                over.set()

            await asyncio.gather(killer(), *(appender(number) for number in range(16)))
            assert refused > 0
            assert acknowledged
        async with database.pool() as pool:
            after = await opened(pool)
            stored = {entry.seq: entry.leaf_hash for entry in (await after.read(-1, 100_000)).events}
            assert acknowledged.items() <= stored.items()
            await after.append(event(-1))
            assert (await opened(pool)).tree.root() == after.tree.root()

    run(story())


def test_a_commit_whose_answer_was_lost_does_not_fork_the_trail(database: Database) -> None:
    async def story() -> None:
        async with database.pool() as pool:
            trail = await opened(pool)
            await trail.append(event(0))
            # What the memory of a writer is like when COMMIT arrived and its answer did not.
            elsewhere = await opened(pool)
            await elsewhere.append(event(1))
            assert len(trail.tree) == 1
            assert (await trail.append(event(2))).seq == 2
            assert (await opened(pool)).tree.root() == trail.tree.root()

    run(story())


def test_nobody_takes_the_place_of_an_event_whose_transaction_is_open(database: Database) -> None:
    async def story() -> None:
        async with database.pool() as one, database.pool() as two:
            slow, quick = await opened(one), await opened(two)
            async with slow.transaction() as (_, append):
                first = await append(event(0))
                appending = asyncio.create_task(quick.append(event(1)))
                await asyncio.sleep(0.2)
                assert not appending.done(), "it wrote between an event and its commit"
            assert (first.seq, (await appending).seq) == (0, 1)
            assert (await opened(one)).tree.root() == quick.tree.root()

    run(story())


def test_what_is_raised_inside_a_transaction_leaves_nothing_behind(database: Database) -> None:
    async def story() -> None:
        async with database.pool() as pool:
            trail = await opened(pool)

            async def failing() -> None:
                async with trail.transaction() as (_, append):
                    await append(event(0))
                    raise KeyError

            with pytest.raises(KeyError):
                await failing()
            assert (await trail.append(event(1))).seq == 0
            assert [entry.event["number"] for entry in (await trail.read(-1, 9)).events] == [1]

    run(story())


def test_an_unwritable_event_is_refused_alone(database: Database) -> None:
    async def story() -> None:
        async with database.pool() as pool:
            trail = await opened(pool)
            results = await asyncio.gather(
                trail.append(event(0)),
                trail.append({"token": "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.sig"}),
                # Found only when the event is spelt out.
                trail.append({"number": float("nan")}),
                trail.append(event(1)),
                return_exceptions=True,
            )
            assert [type(result) for result in results[1:3]] == [Unwritable, Unwritable]
            assert len(trail.tree) == 2

    run(story())


def test_without_a_database_nothing_is_recorded(database: Database) -> None:
    async def story() -> None:
        async with database.pool() as pool:
            trail = await opened(pool)
            await database.owner("REVOKE INSERT ON trail_events FROM guard")
            with pytest.raises(TrailUnavailable):
                await trail.append(event(0))
            await database.owner("GRANT INSERT ON trail_events TO guard")
            assert (await trail.append(event(0))).seq == 0

    run(story())


@pytest.mark.parametrize("verb", ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "TRUNCATE {0}"])
@pytest.mark.parametrize(("table", "column"), [("trail_events", "seq"), ("trail_heads", "size")])
def test_nobody_changes_what_was_written(database: Database, verb: str, table: str, column: str) -> None:
    async def story() -> None:
        async with database.pool() as pool:
            await (await opened(pool)).append(event(0))
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await pool.execute(verb.format(table, column))
            with pytest.raises(asyncpg.RaiseError, match="append-only"):
                await database.owner(verb.format(table, column))

    run(story())


_TAMPERINGS = {
    "edited": "UPDATE trail_events SET body = replace(body, '\"number\":1', '\"number\":9') WHERE seq = 1",
    "dropped": "DELETE FROM trail_events WHERE seq = 1",
    "truncated": "DELETE FROM trail_events WHERE seq = 2",
    "refiled": "UPDATE trail_events SET trace_id = 'x' WHERE seq = 1",
    "swapped": "UPDATE trail_events a SET leaf_hash = b.leaf_hash, body = b.body FROM trail_events b"
    " WHERE a.seq + b.seq = 3 AND a.seq IN (1, 2)",
    "re-hashed": "UPDATE trail_events SET body = replace(body, '\"number\":2', '\"number\":9'),"
    " leaf_hash = sha256('\\x00'::bytea || convert_to(replace(body, '\"number\":2', '\"number\":9'), 'UTF8'))"
    " WHERE seq = 2",
    "unsigned": "DELETE FROM trail_heads WHERE size = 3",
    "head forged": "UPDATE trail_heads SET note = (SELECT note FROM trail_heads WHERE size = 2) WHERE size = 3",
    "no heads": "DELETE FROM trail_heads",
}


@pytest.mark.parametrize("tampering", _TAMPERINGS.values(), ids=list(_TAMPERINGS))
def test_a_trail_that_was_tampered_with_does_not_open(database: Database, tampering: str) -> None:
    async def story() -> None:
        async with database.pool() as pool:
            trail = await opened(pool)
            for number in range(3):
                await trail.append(event(number))
            await opened(pool)
            await database.owner("SET session_replication_role = replica", tampering)
            with pytest.raises(TrailCorrupt):
                await opened(pool)

    run(story())


def test_a_trail_does_not_open_under_another_name_or_key(database: Database) -> None:
    async def story() -> None:
        async with database.pool() as pool:
            await (await opened(pool)).append(event(0))
            with pytest.raises(TrailCorrupt):
                await opened(pool, tenant="globex")
            stranger = Trail("acme", pool, Ed25519PrivateKey.generate(), time.time)
            with pytest.raises(TrailCorrupt):
                await stranger.open()

    run(story())


def test_the_trail_never_tells_an_earlier_time_than_before(database: Database) -> None:
    async def story() -> None:
        async with database.pool() as pool:
            clock = [1_800_000_000.0]
            trail = Trail("acme", pool, KEY, lambda: clock[0])
            await trail.open()
            await trail.append(event(0))
            clock[0] -= 3_600
            await trail.append(event(1))
            again = Trail("acme", pool, KEY, lambda: clock[0])
            await again.open()
            await again.append(event(2))
            times = [entry.event["ts_logged"] for entry in (await again.read(-1, 9)).events]
            assert len(set(times)) == 1

    run(story())
