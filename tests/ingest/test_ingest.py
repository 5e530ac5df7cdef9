"""A batch is answered for once it is durable, and the same key always means the same batch."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any, cast

import pytest
from starlette.requests import Request

from tests.resolution.ground import Place, conversion, fresh_place, touch, vault_of
from tests.trail.cluster import run
from venturi.api.errors import ApiError
from venturi.api.exchange import Exchange
from venturi.ingest.envelope import unseal
from venturi.ingest.events import Batch
from venturi.ingest.ingest import Ingest, KeyReused
from venturi.ingest.routes import Events
from venturi.streams.errors import StreamUnavailable

BATCH = Batch(events=(touch("t1"), conversion("c1")))


class Shelf:
    """A stream in memory; it fails as often as it is told to, after taking `taken` messages."""

    def __init__(self, failures: int = 0, taken: int = 0) -> None:
        self.messages: list[bytes] = []
        self.failures, self.taken = failures, taken

    async def publish(self, tenant: str, messages: Sequence[bytes], /) -> None:
        if self.failures:
            self.failures -= 1
            self.messages += messages[: self.taken]
            raise StreamUnavailable("no")
        self.messages += messages


@pytest.fixture
def place(socket: str) -> Place:
    return fresh_place(socket, "acme")


def test_a_batch_lies_in_the_stream_in_its_order(place: Place) -> None:
    shelf = Shelf()

    async def body() -> list[Any]:
        async with place.pool() as pool:
            vault = vault_of("acme", pool)
            accepted = await Ingest({"acme": pool}, vault, shelf).accept("acme", "key-00001", BATCH)
            assert accepted.accepted == 2
            return [await unseal(vault, "acme", message) for message in shelf.messages]

    assert run(body()) == list(BATCH.events)


def test_the_same_key_gets_the_same_answer_and_sends_nothing_twice(place: Place) -> None:
    shelf = Shelf()

    async def body() -> None:
        async with place.pool() as pool:
            first = await Ingest({"acme": pool}, vault_of("acme", pool), shelf).accept("acme", "key-00001", BATCH)
            # Another process, as after a restart.
            again = await Ingest({"acme": pool}, vault_of("acme", pool), shelf).accept("acme", "key-00001", BATCH)
            assert first == again
            other = await Ingest({"acme": pool}, vault_of("acme", pool), shelf).accept("acme", "key-00002", BATCH)
            assert other.batch != first.batch

    run(body())
    assert len(shelf.messages) == 4


def test_the_same_key_for_another_batch_is_refused(place: Place) -> None:
    shelf = Shelf()

    async def body() -> None:
        async with place.pool() as pool:
            ingest = Ingest({"acme": pool}, vault_of("acme", pool), shelf)
            await ingest.accept("acme", "key-00001", BATCH)
            with pytest.raises(KeyReused):
                await ingest.accept("acme", "key-00001", Batch(events=BATCH.events[:1]))

    run(body())
    assert len(shelf.messages) == 2


@pytest.mark.parametrize("taken", [0, 1, 2])
def test_a_batch_that_failed_halfway_is_completed_by_sending_it_again(place: Place, taken: int) -> None:
    shelf = Shelf(failures=1, taken=taken)

    async def body() -> set[str]:
        async with place.pool() as pool:
            vault = vault_of("acme", pool)
            ingest = Ingest({"acme": pool}, vault, shelf)
            with pytest.raises(StreamUnavailable):
                await ingest.accept("acme", "key-00001", BATCH)
            assert await pool.fetchval("SELECT durable_at FROM ingest_batches") is None
            await ingest.accept("acme", "key-00001", BATCH)
            return {(await unseal(vault, "acme", message)).id for message in shelf.messages}

    assert run(body()) == {"t1", "c1"}


def test_many_at_once_under_one_key_are_one_batch(place: Place) -> None:
    async def body() -> set[str]:
        async with place.pool() as pool:
            ingest = Ingest({"acme": pool}, vault_of("acme", pool), Shelf())
            answers = await asyncio.gather(*(ingest.accept("acme", "key-00001", BATCH) for _ in range(8)))
            return {answer.batch for answer in answers}

    assert len(run(body())) == 1


def exchange(body: object, key: str | None = "key-00001") -> Exchange:
    """What the route gets to see of a request."""
    headers = [(b"content-type", b"application/json"), *([(b"idempotency-key", key.encode())] if key else [])]
    made = Exchange(
        Request({"type": "http", "headers": headers}), method="POST", path="/v1/tenants/acme/events", target="acme"
    )
    made.body = json.dumps(body).encode()
    return made


GOOD: dict[str, Any] = {
    "kind": "touchpoint",
    "id": "t1",
    "subject_id": "s1",
    "channel": "email",
    "occurred_at": "2026-03-01T12:00:00Z",
}
SALE: dict[str, Any] = {**{key: GOOD[key] for key in ("subject_id", "occurred_at")}, "kind": "conversion", "id": "c1"}


@pytest.mark.parametrize(
    "events",
    [
        [],
        {},
        None,
        "events",
        [GOOD] * 2,
        [GOOD | {"id": f"t{number}"} for number in range(501)],
        [GOOD | {"kind": "click"}],
        [GOOD | {"more": 1}],
        [GOOD | {"id": ""}],
        [GOOD | {"id": "x" * 129}],
        [GOOD | {"id": "t1\n"}],
        [GOOD | {"id": 7}],
        [GOOD | {"subject_id": "~stream"}],
        [GOOD | {"subject_id": "\u017f"}],
        # Nobody could ask for the erasure of these: they have no spelling in a path that is read in one way alone.
        [GOOD | {"subject_id": "somebody@example.com"}],
        [GOOD | {"subject_id": "a.b"}],
        [GOOD | {"subject_id": "s" * 65}],
        [GOOD | {"channel": "E-Mail"}],
        [GOOD | {"occurred_at": "2026-03-01T12:00:00"}],
        [GOOD | {"occurred_at": "yesterday"}],
        [GOOD | {"occurred_at": "0001-01-01T00:00:00+23:59"}],
        [GOOD | {"occurred_at": "9999-12-31T23:59:59-23:59"}],
        [SALE | {"value": -1}],
        [SALE | {"value": "10"}],
        [SALE | {"value": 1e300}],
        [SALE],
        [[]],
        [None],
    ],
)
def test_what_is_not_a_batch_is_refused_before_anything_is_done(events: object) -> None:
    route = Events(cast("Ingest", None)).accept
    with pytest.raises(ApiError) as refused:
        asyncio.run(route(exchange({"events": events})))
    assert (refused.value.status, refused.value.code) == (400, "INVALID_REQUEST")


@pytest.mark.parametrize("key", [None, "short", "x" * 129, "key with space", "schlüssel-1", ".-leading-dot"])
def test_a_batch_needs_a_usable_key(key: str | None) -> None:
    with pytest.raises(ApiError) as refused:
        asyncio.run(Events(cast("Ingest", None)).accept(exchange({"events": [GOOD]}, key)))
    assert (refused.value.status, refused.value.code) == (400, "INVALID_REQUEST")


def test_the_route_answers_202_then_the_same_then_409(place: Place) -> None:
    async def body() -> list[tuple[int, bytes]]:
        async with place.pool() as pool:
            route = Events(Ingest({"acme": pool}, vault_of("acme", pool), Shelf())).accept
            first = await route(exchange({"events": [GOOD, SALE | {"value": 10}]}))
            again = await route(exchange({"events": [GOOD, SALE | {"value": 10.0}]}))
            with pytest.raises(ApiError) as refused:
                await route(exchange({"events": [GOOD]}))
            assert (refused.value.status, refused.value.code) == (409, "CONFLICT")
            return [(answer.status, answer.body) for answer in (first, again)]

    first, again = run(body())
    assert first == again
    assert first[0] == 202
    assert json.loads(first[1])["accepted"] == 2


def test_nothing_is_taken_in_about_a_subject_that_was_erased(place: Place) -> None:
    async def body() -> ApiError:
        async with place.pool() as pool:
            vault = vault_of("acme", pool)
            await vault.seal("acme", "s1", "r", "note", "x")
            await vault.shred("acme", "s1")
            with pytest.raises(ApiError) as refused:
                await Events(Ingest({"acme": pool}, vault, Shelf())).accept(exchange({"events": [GOOD]}))
            return refused.value

    assert run(body()).status == 409
