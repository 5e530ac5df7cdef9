"""From records to a signed release: only with consent, only in one jurisdiction, and as if never there once revoked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from tests.aggregation.conftest import HOMES, NOW, Ground, PlainVault
from venturi.aggregation import panel
from venturi.aggregation.consent.consents import BENCHMARKS, Author, Consents, NoConsent
from venturi.aggregation.consent.pseudonym_keys import PseudonymKeys
from venturi.aggregation.egress import Egress
from venturi.aggregation.pipeline import AggregationPipeline, Workshop
from venturi.aggregation.protect import Protector, Rules
from venturi.aggregation.release import NoRelease, Release
from venturi.aggregation.risk import AcceptanceTest, Thresholds

ANN = Author("alder.approver", "person:ann", "a" * 32)
BOTH = ["channel", "month"]


class Scene:
    """The whole way, with a panel in both stores."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.consents = Consents(ground.guards, ground.trails, lambda: NOW)
        entries = {name: store.egress for name, store in ground.stores.items()}
        keys = PseudonymKeys(ground.guards, PlainVault())
        self.egress = Egress(HOMES, entries, ground.shelf, self.consents, keys)
        self.pipelines = {
            name: AggregationPipeline(name, store.pipeline, self.workshop(store.key))
            for name, store in ground.stores.items()
        }

    def workshop(self, key: Any) -> Workshop:
        return Workshop(Protector(Rules()), AcceptanceTest(Thresholds()), key, lambda: NOW)

    async def contributes(self, tenant: str) -> int:
        await self.consents.give(tenant, BENCHMARKS, BOTH, ANN)
        return await self.egress.contribute(tenant, BENCHMARKS)

    async def revokes(self, tenant: str) -> None:
        await self.consents.revoke(tenant, BENCHMARKS, ANN)
        await self.egress.withdraw(tenant, BENCHMARKS)

    async def cells(self, jurisdiction: str = "non-eu") -> dict[tuple[str, str], int]:
        return shown(await self.pipelines[jurisdiction].run())


def shown(made: Release) -> dict[tuple[str, str], int]:
    return {(cell["channel"], cell["month"]): cell["count"] for cell in json.loads(made.document)["cells"]}


@pytest.fixture
def played(open_ground: Any) -> Callable[[Callable[[Scene], Awaitable[None]]], None]:
    def play(act: Callable[[Scene], Awaitable[None]]) -> None:
        async def whole() -> None:
            async with open_ground() as ground:
                for jurisdiction, store in ground.stores.items():
                    await panel.seat(jurisdiction, store.egress, "2026-03")
                await act(Scene(ground))

        asyncio.run(whole())

    return play


def test_a_revoked_contribution_leaves_as_if_it_had_never_been_there(played: Any) -> None:
    async def act(scene: Scene) -> None:
        scene.ground.shelf.add("alder", "search", range(8))
        before = await scene.cells()
        assert await scene.contributes("alder") == 8
        during = await scene.cells()
        assert during["paid", "2026-03"] == before["paid", "2026-03"] + 8
        await scene.revokes("alder")
        assert await scene.cells() == before
        source = (await scene.egress.deidentifier("alder")).source()
        assert not [row for row in await scene.ground.seen("non-eu") if source in row]

    played(act)


def test_what_was_never_consented_to_never_leaves(played: Any) -> None:
    async def act(scene: Scene) -> None:
        scene.ground.shelf.add("alder", "search", range(8))
        before = await scene.ground.seen("non-eu")
        with pytest.raises(NoConsent):
            await scene.egress.contribute("alder", BENCHMARKS)
        await scene.consents.give("alder", "training", BOTH, ANN)
        with pytest.raises(NoConsent):
            await scene.egress.contribute("alder", BENCHMARKS)
        assert await scene.ground.seen("non-eu") == before

    played(act)


def test_data_of_one_jurisdiction_change_nothing_in_the_other(played: Any) -> None:
    async def act(scene: Scene) -> None:
        for tenant in HOMES:
            scene.ground.shelf.add(tenant, "search", range(20))
        eu, non_eu = await scene.cells("eu"), await scene.cells("non-eu")
        await scene.contributes("cedar")
        assert await scene.cells("non-eu") == non_eu
        assert await scene.cells("eu") != eu
        changed = await scene.cells("eu")
        await scene.contributes("alder")
        assert await scene.cells("eu") == changed
        assert await scene.cells("non-eu") != non_eu

    played(act)


def test_two_persons_who_come_hold_their_cells_back(played: Any) -> None:
    async def act(scene: Scene) -> None:
        scene.ground.shelf.add("alder", "search", range(2))
        before = await scene.cells()
        await scene.contributes("alder")
        after = await scene.cells()
        assert ("paid", "2026-03") in before.keys() - after.keys()
        assert all(after[cell] == before[cell] for cell in after.keys() & before.keys())

    played(act)


def test_a_person_who_converts_often_is_one_person(played: Any) -> None:
    async def act(scene: Scene) -> None:
        scene.ground.shelf.add("alder", "search", range(2), times=6)
        scene.ground.shelf.add("alder", "email", range(2), times=6)
        assert await scene.contributes("alder") == 2

    played(act)


def test_a_second_contribution_replaces_the_first(played: Any) -> None:
    async def act(scene: Scene) -> None:
        scene.ground.shelf.add("alder", "search", range(8))
        await scene.contributes("alder")
        once = await scene.cells()
        await scene.contributes("alder")
        assert await scene.cells() == once

    played(act)


def test_nothing_that_names_a_tenant_or_a_person_reaches_the_store(played: Any) -> None:
    async def act(scene: Scene) -> None:
        scene.ground.shelf.add("alder", "search", range(8))
        await scene.contributes("alder")
        text = repr([await scene.ground.seen("non-eu", t) for t in ("contributions", "withdrawals", "remembered")])
        assert "search" in text
        assert not [name for name in ("alder", "sub_", "att_", "cnry", "tp", "cv") if name in text]

    played(act)


def test_an_attribute_outside_the_scope_does_not_leave(played: Any) -> None:
    async def act(scene: Scene) -> None:
        scene.ground.shelf.add("alder", "search", range(8))
        await scene.consents.give("alder", BENCHMARKS, ["month"], ANN)
        await scene.egress.contribute("alder", BENCHMARKS)
        source = (await scene.egress.deidentifier("alder")).source()
        mine = [row for row in await scene.ground.seen("non-eu") if source in row]
        assert {row[-2:] for row in mine} == {("other", "2026-03")}

    played(act)


def test_every_change_of_consent_stands_in_the_trail(played: Any) -> None:
    async def act(scene: Scene) -> None:
        await scene.consents.give("alder", BENCHMARKS, BOTH, ANN)
        await scene.consents.revoke("alder", BENCHMARKS, ANN)
        page = await scene.ground.trails["alder"].read(-1, 10, ANN.trace_id)
        events = [entry.event for entry in page.events]
        assert [event["kind"] for event in events] == ["aggregation.consent.given", "aggregation.consent.revoked"]
        last = await scene.consents.last("alder", BENCHMARKS)
        assert last is not None
        assert last.revoked_at == NOW

    played(act)


def test_consent_that_cannot_be_recorded_is_not_given(played: Any) -> None:
    async def act(scene: Scene) -> None:
        with pytest.raises(ValueError, match="secret"):
            await scene.consents.give("alder", BENCHMARKS, BOTH, Author("p", "bearer " + "x" * 40))
        assert await scene.consents.last("alder", BENCHMARKS) is None

    played(act)


@pytest.mark.parametrize("scope", [[], ["name"], ["channel", "name"]])
def test_consent_says_what_it_covers(played: Any, scope: list[str]) -> None:
    async def act(scene: Scene) -> None:
        with pytest.raises(ValueError, match="scope"):
            await scene.consents.give("alder", BENCHMARKS, scope, ANN)

    played(act)


def test_a_withdrawal_that_was_lost_is_repeated_before_a_run(played: Any) -> None:
    async def act(scene: Scene) -> None:
        scene.ground.shelf.add("alder", "search", range(8))
        before = await scene.cells()
        await scene.contributes("alder")
        await scene.consents.revoke("alder", BENCHMARKS, ANN)
        await scene.egress.settle("non-eu", BENCHMARKS)
        assert await scene.cells() == before

    played(act)


def test_no_release_is_kept_when_the_acceptance_test_refuses(played: Any) -> None:
    async def act(scene: Scene) -> None:
        await scene.cells()
        pipeline = scene.pipelines["non-eu"]
        with pytest.raises(NoRelease, match="marketer"):
            await pipeline.run(pipeline.test.tightened(marketer=0.0))
        assert len(await scene.ground.seen("non-eu", "releases")) == 1

    played(act)


def test_egress_is_a_one_way_street(played: Any) -> None:
    async def act(scene: Scene) -> None:
        store = scene.ground.stores["eu"]
        for pool, statement in (
            (store.egress, "SELECT * FROM contributions"),
            (store.egress, "DELETE FROM contributions"),
            (store.pipeline, "UPDATE contributions SET channel = 'search'"),
            (store.pipeline, "DELETE FROM releases"),
            (store.reader, "SELECT * FROM contributions"),
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await pool.execute(statement)

    played(act)


def test_a_tightened_test_is_never_a_looser_one() -> None:
    assert AcceptanceTest(Thresholds()).tightened(marketer=0.9).thresholds == Thresholds()
