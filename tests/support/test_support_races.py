"""Two things at once: one wins, and no order of events gives more than was approved."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from tests.support.office import ACME, ANN, Office, office
from tests.trail.cluster import Database, run
from venturi.support.errors import SupportError
from venturi.trail.errors import TrailUnavailable

Databases = tuple[Database, Database]


async def outcome(step: Awaitable[dict[str, Any]]) -> str:
    try:
        return str((await step)["state"])
    except SupportError as refused:
        return refused.code


async def second_process(at: Office) -> Office:
    """Another process on the same databases."""
    other = Office(at.pools, clock=at.clock, topic=at.topic, keys=at.keys)
    await other.begin()
    return other


def test_of_two_activations_at_once_one_begins_whichever_process_they_reach(databases: Databases) -> None:
    async def story() -> None:
        async with office(databases) as at:
            other = await second_process(at)
            at.topic.seconds = 0.02
            for _ in range(5):
                case = await at.approved()
                factors = [await at.factor(ANN, case, "activate") for _ in range(4)]
                desks = [at.desk, other.desk] * 2
                got = await asyncio.gather(
                    *(outcome(desk.activate(ANN, case["id"], f)) for desk, f in zip(desks, factors, strict=True))
                )
                assert sorted(got) == ["CONFLICT", "CONFLICT", "CONFLICT", "active"]
                begun = [message for _, message in at.topic.messages if message["event"] == "activated"]
                assert [message["request_id"] for message in begun].count(case["id"]) == 1
                ends = (await at.desk.get(ANN, case["id"]))["ends_at"]
                at.clock.now += 5
                assert await outcome(at.activate(case)) == "CONFLICT"
                assert (await at.desk.get(ANN, case["id"]))["ends_at"] == ends
            await other.desk.close()

    run(story())


def test_of_two_steps_with_one_challenge_one_counts(databases: Databases) -> None:
    async def story() -> None:
        async with office(databases) as at:
            other = await second_process(at)
            case = await at.approved()
            factor = await at.factor(ANN, case, "activate")
            got = await asyncio.gather(
                *(outcome(desk.activate(ANN, case["id"], factor)) for desk in (at.desk, other.desk))
            )
            assert sorted(got) == ["MFA_REQUIRED", "active"]
            await other.desk.close()

    run(story())


def test_of_a_yes_and_a_no_at_once_one_counts(databases: Databases) -> None:
    async def story() -> None:
        async with office(databases) as at:
            other = await second_process(at)
            for _ in range(5):
                case = await at.ask()
                factor = await at.factor(ACME, case, "approve")
                got = await asyncio.gather(
                    outcome(at.desk.approve(ACME, "acme", case["id"], case["digest"], factor)),
                    outcome(other.desk.deny(ACME, "acme", case["id"])),
                )
                assert sorted(got) in (["CONFLICT", "approved"], ["CONFLICT", "denied"])
            await other.desk.close()

    run(story())


def test_a_revocation_while_the_tenant_is_being_told_wins(databases: Databases) -> None:
    async def story() -> None:
        async with office(databases) as at:
            case = await at.approved()
            factor = await at.factor(ANN, case, "activate")
            await at.quiet()
            at.topic.seconds = 1.0
            at.topic.reached.clear()
            activation = asyncio.create_task(outcome(at.desk.activate(ANN, case["id"], factor)))
            await at.topic.reached.wait()
            assert not await at.allows(case)
            assert (await at.desk.revoke(ACME, "acme", case["id"]))["state"] == "revoked"
            assert await activation == "CONFLICT"
            assert not await at.allows(case)

    run(story())


def test_access_does_not_begin_when_the_tenant_can_not_be_told(databases: Databases) -> None:
    async def story() -> None:
        async with office(databases) as at:
            case = await at.approved()
            at.topic.fails = True
            assert await outcome(at.activate(case)) == "NOTICE_UNAVAILABLE"
            assert (await at.desk.get(ANN, case["id"]))["state"] == "approved"
            assert not await at.allows(case)
            assert (await at.told())[-1]["decision"]["rule"] == "NOTICE_UNAVAILABLE"
            at.topic.fails = False
            assert await outcome(at.activate(case)) == "active"
            assert at.topic.events().count("activated") == 1
            assert await at.allows(case)

    run(story())


def test_an_access_whose_notice_was_not_noted_as_sent_gives_nothing(databases: Databases) -> None:
    async def story() -> None:
        async with office(databases) as at:
            case = await at.active()
            assert await at.allows(case)
            await at.quiet()
            await databases[0].owner("UPDATE support_outbox SET sent_at = NULL WHERE event = 'activated'")
            assert not await at.allows(case)

    run(story())


def test_an_activation_that_died_half_way_can_be_repeated_after_a_while(databases: Databases) -> None:
    async def story() -> None:
        async with office(databases) as at:
            case = await at.approved(seconds=600)
            factor = await at.factor(ANN, case, "activate")
            await at.quiet()
            at.topic.seconds = 30.0
            at.topic.reached.clear()
            dying = asyncio.create_task(at.desk.activate(ANN, case["id"], factor))
            await at.topic.reached.wait()
            dying.cancel()
            at.topic.seconds = 0.0
            assert await outcome(at.activate(case)) == "CONFLICT"
            at.clock.now += 15
            assert await outcome(at.activate(case)) == "active"

    run(story())


def test_notices_that_wait_are_sent_by_the_next_process(databases: Databases) -> None:
    async def story() -> None:
        async with office(databases) as at:
            at.topic.fails = True
            case = await at.ask()
            await at.desk.deny(ACME, "acme", case["id"])
            await at.quiet()
            assert at.topic.events() == []
            at.topic.fails = False
            await at.desk.close()
            await at.begin()
            await at.quiet()
            assert at.topic.events() == ["requested", "denied"]
            assert await at.pools["acme"].fetchval("SELECT count(*) FROM support_outbox WHERE sent_at IS NULL") == 0

    run(story())


@pytest.mark.parametrize("table", ["trail_events", "support_outbox"])
def test_no_step_is_taken_that_can_not_be_recorded_and_announced(databases: Databases, table: str) -> None:
    async def story() -> None:
        async with office(databases) as at:
            asked, approved, active = await at.ask(), await at.approved(), await at.active()
            factor = await at.factor(ANN, approved, "activate")
            await databases[0].owner(f"REVOKE INSERT ON {table} FROM guard")
            with pytest.raises(TrailUnavailable):
                await at.ask()
            with pytest.raises(TrailUnavailable):
                await at.approve(asked)
            with pytest.raises(TrailUnavailable):
                await at.desk.activate(ANN, approved["id"], factor)
            with pytest.raises(TrailUnavailable):
                await at.desk.deny(ACME, "acme", asked["id"])
            await databases[0].owner(f"GRANT INSERT ON {table} TO guard")
            for case, state in ((asked, "requested"), (approved, "approved"), (active, "active")):
                assert (await at.desk.get(ANN, case["id"]))["state"] == state
            assert "activated" not in [m["event"] for _, m in at.topic.messages if m["request_id"] == approved["id"]]

    run(story())


def test_the_end_of_an_access_is_written_down_when_it_comes(databases: Databases) -> None:
    async def story() -> None:
        async with office(databases) as at:
            case = await at.active(seconds=1)
            at.clock.now += 1
            # Nobody asks; the desk's own timer, which runs in real time, finds the clock at the end.
            deadline = asyncio.get_running_loop().time() + 20
            while (await at.told())[-1]["action"] != "support.ended":
                assert asyncio.get_running_loop().time() < deadline
                await asyncio.sleep(0.1)
            await at.quiet()
            assert at.topic.events()[-1] == "ended"
            assert not await at.allows(case)

    run(story())


def test_a_restart_keeps_what_was_decided(databases: Databases) -> None:
    async def story() -> None:
        async with office(databases) as at:
            active, revoked, approved = await at.active(), await at.active(), await at.approved()
            await at.desk.revoke(ACME, "acme", revoked["id"])
            await at.desk.close()
            await at.begin()
            assert await at.allows(active)
            assert not await at.allows(revoked)
            assert await outcome(at.activate(approved)) == "active"
            at.clock.now += 60
            assert not await at.allows(active)

    run(story())
