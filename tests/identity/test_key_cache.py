"""How keys are kept: rotation works at once, withdrawal soon, and an outage lets nobody in."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.identity.served import Issuing, Verifying, issuers
from venturi.identity.principal import InvalidToken


@pytest.fixture
def quick(issuing: Issuing) -> Iterator[Verifying]:
    made = Verifying(issuing.trusted("alder"), fresh=0.1, stale=0.3, pause=0.05)
    yield made
    made.close()


def test_rotation_works_at_once_in_both_directions(issuing: Issuing, quick: Verifying) -> None:
    old = issuing.token("alder")
    quick.verify(old)
    for _ in range(3):
        issuing.rotate("alder")
        quick.verify(issuing.token("alder"))
    quick.verify(old)


def test_a_withdrawn_key_is_gone_soon(issuing: Issuing, quick: Verifying) -> None:
    old = issuing.token("alder")
    quick.verify(old)
    issuing.rotate("alder", {"withdraw": True})
    time.sleep(0.4)
    with pytest.raises(InvalidToken, match="no such key"):
        quick.verify(old)
    quick.verify(issuing.token("alder"))


def test_a_flood_of_unknown_kids_does_not_flood_the_issuer(
    issuing: Issuing, quick: Verifying, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    from venturi.identity.keys import KeyCache

    asked: list[float] = []
    body = KeyCache._body

    async def counted(cache: KeyCache, url: str) -> bytes:
        asked.append(time.monotonic())
        return await body(cache, url)

    monkeypatch.setattr(KeyCache, "_body", counted)
    (issuer,) = issuing.trusted("alder").values()

    async def flood() -> None:
        assert set(await asyncio.gather(*(quick.keys.find(issuer, str(n)) for n in range(200)))) == {None}

    quick.run(flood())
    assert len(asked) <= 3


def test_an_outage_is_ridden_out_for_a_moment_and_then_lets_nobody_in() -> None:
    with issuers() as running:
        made = Verifying(running.trusted("alder"), fresh=0.1, stale=1.0, pause=0.05)
        token = running.token("alder")
        made.verify(token)
    made.verify(token)
    time.sleep(1.1)
    with pytest.raises(InvalidToken, match="can't be had"):
        made.verify(token)
    made.close()
