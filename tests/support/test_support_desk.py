"""Break-glass by near misses: every case is legal up to its last step, which breaks one rule."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from tests.support.office import ACME, ANN, BOB, GLOBEX, READER, SCOPE, Office, office
from tests.trail.cluster import Database, run
from venturi.settings import SupportSettings
from venturi.support.desk import SupportDesk
from venturi.support.errors import SupportError
from venturi.support.model import SupportRequest, digest_of

Databases = tuple[Database, Database]


async def refused(step: Awaitable[object], code: str) -> None:
    with pytest.raises(SupportError) as refusal:
        await step
    assert refusal.value.code == code


async def state(at: Office, case: dict[str, Any]) -> str:
    return str((await at.desk.get(ANN, case["id"]))["state"])


def test_the_legal_path_gives_access_which_is_recorded_and_announced_before(databases: Databases) -> None:
    async def story() -> None:
        async with office(databases) as at:
            case = await at.ask()
            assert (case["state"], case["ends_at"]) == ("requested", None)
            assert not await at.allows(case)
            approved = await at.approve(case)
            assert approved["state"] == "approved"
            assert not await at.allows(case)
            await at.quiet()
            assert at.topic.events() == ["requested", "approved"]
            active = await at.activate(case)
            assert active["state"] == "active"
            assert active["ends_at"] == approved["ends_at"]
            assert at.topic.events()[-1] == "activated"
            topic, message = at.topic.messages[-1]
            assert topic.endswith("100000000001:n")
            wanted = {"type", "tenant", "request_id", "event", "actor", "scope", "ends_at", "at"}
            assert message.keys() == wanted
            assert (message["tenant"], message["request_id"], message["actor"]) == ("acme", case["id"], "ann")
            assert message["ends_at"] == active["ends_at"]
            grant = await at.desk.authorize(ANN, "acme", case["id"], SCOPE)
            assert (grant.request_id, grant.digest, grant.ticket) == (case["id"], case["digest"], "AUDIT-1")
            actions = [event["action"] for event in await at.told()]
            told = ["requested", "approved", "activating", "activated"]
            assert actions == [f"support.{action}" for action in told]
            assert not await at.told("globex")

    run(story())


def test_a_case_gives_access_to_its_holder_tenant_and_scope_alone(databases: Databases) -> None:
    async def story() -> None:
        async with office(databases) as at:
            case = await at.active()
            assert await at.allows(case)
            assert not await at.allows(case, BOB)
            assert not await at.allows(case, replace(ANN, person="person:who-got-the-account-later"))
            assert not await at.allows(case, replace(BOB, person=ANN.person))
            assert not await at.allows(case, replace(ANN, kind="tenant"))
            assert not await at.allows(case, tenant="globex")
            assert not await at.allows(case, tenant="acme-eu")
            assert not await at.allows(case, scope="audit:read")
            assert not await at.allows({**case, "id": "sr_" + "0" * 32})
            assert not await at.allows({**case, "id": case["id"].upper()})

    run(story())


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_an_id_tells_nothing_and_is_found_by_a_process_that_did_not_make_it(databases: Databases, tenant: str) -> None:
    async def story() -> None:
        async with office(databases) as at:
            desk = at.desk
            other = await at.begin()
            at.desk = desk
            case = await at.ask(tenant)
            assert tenant not in case["id"]
            assert len(case["id"]) == 35
            assert (await other.get(ANN, case["id"]))["digest"] == case["digest"]
            await other.close()

    run(story())


def test_only_the_tenants_approver_approves_and_never_who_asked(databases: Databases) -> None:
    async def story() -> None:
        async with office(databases) as at:
            case = await at.ask()
            desk, ident, digest = at.desk, case["id"], case["digest"]
            for who in (replace(ACME, person=ANN.person), replace(ACME, scopes=frozenset({"audit:read"}))):
                factor = await at.factor(ACME, case, "approve")
                await refused(desk.approve(who, "acme", ident, digest, factor), "INSUFFICIENT_SCOPE")
            factor = await at.factor(ANN, case, "approve")
            await refused(desk.approve(ANN, "acme", ident, digest, factor), "INSUFFICIENT_SCOPE")
            await refused(desk.challenge(GLOBEX, ident, "approve"), "NOT_FOUND")
            factor = await at.factor(ACME, case, "approve")
            await refused(desk.approve(GLOBEX, "globex", ident, digest, factor), "NOT_FOUND")
            await refused(desk.approve(GLOBEX, "acme", ident, digest, factor), "INSUFFICIENT_SCOPE")
            assert await state(at, case) == "requested"
            await at.approve(case)

    run(story())


def test_an_approval_is_for_the_digest_that_was_seen(databases: Databases) -> None:
    async def story() -> None:
        async with office(databases) as at:
            case, other = await at.ask(), await at.ask(seconds=61)
            for digest in (other["digest"], "0" * 64, "", case["digest"].upper(), "\u00e4", None):
                factor = await at.factor(ACME, case, "approve")
                await refused(at.desk.approve(ACME, "acme", case["id"], digest, factor), "CONFLICT")
            assert await state(at, case) == "requested"

    run(story())


def test_the_digest_covers_who_what_where_how_long_and_why(databases: Databases) -> None:
    async def story() -> None:
        async with office(databases) as at:
            case = await at.ask()
            async with at.pools["acme"].acquire() as connection:
                from venturi.support.rows import find

                kept = await find(connection, case["id"])
            assert kept is not None
            assert digest_of(kept) == kept.digest == case["digest"]
            from msgspec.structs import replace as edited

            changes: list[dict[str, Any]] = [
                {"id": "sr_x"},
                {"tenant": "globex"},
                {"requester": "bob"},
                {"requester_person": "person:bob"},
                {"scope": ("audit:read",)},
                {"duration": 61},
                {"reason": "another reason"},
                {"ticket": "AUDIT-2"},
            ]
            assert all(digest_of(edited(kept, **change)) != kept.digest for change in changes)

    run(story())


@pytest.mark.parametrize("column", ["duration = 3600", "scope = '{attributions:read,audit:read}'", "requester = 'bob'"])
def test_a_request_that_is_edited_after_its_approval_gives_nothing(databases: Databases, column: str) -> None:
    async def story() -> None:
        async with office(databases) as at:
            active, approved = await at.active(), await at.approved()
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await at.pools["acme"].execute(f"UPDATE support_requests SET {column}")
            factor = await at.factor(ANN, approved, "activate")
            await databases[0].owner(f"UPDATE support_requests SET {column}")
            assert not await at.allows(active)
            assert not await at.allows(active, BOB)
            with pytest.raises(SupportError):
                await at.desk.activate(ANN, approved["id"], factor)

    run(story())


@pytest.mark.parametrize("verb", ["approve", "activate"])
def test_a_second_factor_counts_for_one_person_step_and_case_once_and_soon(databases: Databases, verb: str) -> None:
    async def story() -> None:
        async with office(databases) as at:
            who = ACME if verb == "approve" else ANN
            make = at.ask if verb == "approve" else at.approved
            case, other = await make(), await make()

            async def step(factor: object) -> dict[str, Any]:
                if verb == "approve":
                    return await at.desk.approve(ACME, "acme", case["id"], case["digest"], factor)
                return await at.desk.activate(ANN, case["id"], factor)

            wrong_verb = "activate" if verb == "approve" else "approve"
            fresh = await at.factor(who, case, verb)
            strange: list[object] = [
                None,
                {},
                "",
                {"challenge": fresh["challenge"]},
                {**fresh, "challenge": "A" * 43},
                {**fresh, "challenge": fresh["challenge"] + "="},
                await at.factor(who, case, verb, signer=BOB),
                await at.factor(who, case, verb, verb=wrong_verb),
                await at.factor(who, case, verb, id=other["id"]),
                await at.factor(who, case, verb, digest=other["digest"]),
                await at.factor(who, case, verb, challenge="A" * 43),
                await at.factor(who, case, wrong_verb),
                await at.factor(who, case, wrong_verb, verb=verb),
                await at.factor(who, other, verb),
                await at.factor(who, other, verb, id=case["id"], digest=case["digest"]),
            ]
            if verb == "approve":
                strange.append(await at.factor(ANN, case, verb, signer=ACME))
            for factor in strange:
                await refused(step(factor), "MFA_REQUIRED")
            stale = await at.factor(who, case, verb)
            at.clock.now += 59.0
            assert (await step(fresh))["state"] in {"approved", "active"}
            at.clock.now += 300.0
            await refused(step(stale), "MFA_REQUIRED")
            await refused(step(fresh), "MFA_REQUIRED")

    run(story())


@pytest.mark.parametrize(("seconds", "fresh"), [(299.0, True), (300.0, False), (301.0, False)])
def test_a_challenge_lasts_five_minutes_at_most(databases: Databases, seconds: float, fresh: bool) -> None:
    async def story() -> None:
        async with office(databases, settings=SupportSettings(challenge_seconds=9_999)) as at:
            case = await at.ask()
            factor = await at.factor(ACME, case, "approve")
            at.clock.now += seconds
            step = at.desk.approve(ACME, "acme", case["id"], case["digest"], factor)
            if fresh:
                assert (await step)["state"] == "approved"
            else:
                await refused(step, "MFA_REQUIRED")

    run(story())


def test_a_challenge_is_used_up_by_a_step_that_is_refused(databases: Databases) -> None:
    async def story() -> None:
        async with office(databases) as at:
            case = await at.ask()
            factor = await at.factor(ANN, case, "activate")
            await refused(at.desk.activate(ANN, case["id"], factor), "NOT_APPROVED")
            await at.approve(case)
            await refused(at.desk.activate(ANN, case["id"], factor), "MFA_REQUIRED")
            misused = await at.factor(ANN, case, "activate")
            await refused(at.desk.activate(BOB, case["id"], misused), "NOT_FOUND")
            await refused(at.desk.activate(ANN, case["id"], misused), "MFA_REQUIRED")
            wrongly_signed = await at.factor(ANN, case, "activate", signer=BOB)
            await refused(at.desk.activate(ANN, case["id"], wrongly_signed), "MFA_REQUIRED")
            assert (await at.activate(case))["state"] == "active"

    run(story())


def test_a_second_factor_that_was_taken_away_is_gone_at_once(databases: Databases) -> None:
    async def story() -> None:
        async with office(databases) as at:
            case = await at.approved()
            factor = await at.factor(ANN, case, "activate")
            del at.keys.private[ANN.id]
            await refused(at.desk.activate(ANN, case["id"], factor), "MFA_REQUIRED")

    run(story())


@pytest.mark.parametrize(("offset", "allowed"), [(59.0, True), (60.0, False), (61.0, False)])
def test_access_ends_at_its_last_second_counted_from_the_approval(
    databases: Databases, offset: float, allowed: bool
) -> None:
    async def story() -> None:
        async with office(databases) as at:
            case = await at.ask(seconds=60)
            at.clock.now += 30
            await at.approve(case)
            at.clock.now += 40
            await at.activate(case)
            at.clock.now += offset - 40
            assert await at.allows(case) is allowed
            assert await state(at, case) == ("active" if allowed else "ended")
            if not allowed:
                await refused(at.activate(case), "CONFLICT")
                assert (await at.told())[-2]["action"] == "support.ended"

    run(story())


def test_setting_the_clock_back_gives_no_time_back_even_after_a_restart(databases: Databases) -> None:
    async def story() -> None:
        async with office(databases) as at:
            case = await at.active(seconds=60)
            at.clock.now += 61
            assert not await at.allows(case)
            at.clock.now -= 3_600
            assert not await at.allows(case)
            late = await at.ask()
            assert late["requested_at"] > case["requested_at"]
            await at.desk.close()
            await at.begin()
            assert not await at.allows(case)

    run(story())


def test_what_nobody_answers_or_uses_lapses(databases: Databases) -> None:
    async def story() -> None:
        async with office(databases, settings=SupportSettings(request_seconds=100)) as at:
            unanswered = await at.ask()
            at.clock.now += 99
            approved = await at.approved(seconds=60)
            at.clock.now += 1
            await refused(at.approve(unanswered), "CONFLICT")
            assert await state(at, unanswered) == "expired"
            at.clock.now += 60
            await refused(at.activate(approved), "CONFLICT")
            assert await state(at, approved) == "expired"

    run(story())


def test_final_states_stay(databases: Databases) -> None:
    async def story() -> None:
        async with office(databases) as at:
            desk = at.desk
            denied, withdrawn, revoked = await at.ask(), await at.ask(), await at.active()
            await desk.deny(ACME, "acme", denied["id"])
            await desk.withdraw(ANN, withdrawn["id"])
            await desk.revoke(ACME, "acme", revoked["id"])
            for case in (denied, withdrawn, revoked):
                before = await state(at, case)
                await refused(at.approve(case), "CONFLICT")
                await refused(at.activate(case), "NOT_APPROVED" if case is denied else "CONFLICT")
                await refused(desk.deny(ACME, "acme", case["id"]), "CONFLICT")
                await refused(desk.withdraw(ANN, case["id"]), "CONFLICT")
                await refused(desk.revoke(ANN, None, case["id"]), "CONFLICT")
                assert await state(at, case) == before
                assert not await at.allows(case)
                with pytest.raises(asyncpg.RaiseError, match="stays so"):
                    await databases[0].owner(f"UPDATE support_requests SET state = 'active' WHERE id = '{case['id']}'")

    run(story())


def test_revoking_ends_access_at_the_next_read_for_tenant_and_holder_alike(databases: Databases) -> None:
    async def story() -> None:
        async with office(databases) as at:
            for who, tenant in ((ACME, "acme"), (ANN, None)):
                case = await at.active()
                await refused(at.desk.revoke(BOB, None, case["id"]), "NOT_FOUND")
                await refused(at.desk.revoke(GLOBEX, "globex", case["id"]), "NOT_FOUND")
                await refused(at.desk.revoke(GLOBEX, None, case["id"]), "NOT_FOUND")
                await refused(at.desk.revoke(READER, "acme", case["id"]), "NOT_FOUND")
                assert await at.allows(case)
                assert (await at.desk.revoke(who, tenant, case["id"]))["state"] == "revoked"
                assert not await at.allows(case)

    run(story())


def test_nobody_sees_a_request_that_is_not_theirs(databases: Databases) -> None:
    async def story() -> None:
        async with office(databases) as at:
            case, foreign = await at.ask(), await at.ask("globex")
            for who in (BOB, GLOBEX, READER):
                await refused(at.desk.get(who, case["id"]), "NOT_FOUND")
                await refused(at.desk.challenge(who, case["id"], "activate"), "NOT_FOUND")
            await refused(at.desk.get(ANN, "sr_" + "0" * 32), "NOT_FOUND")
            await refused(at.desk.withdraw(BOB, case["id"]), "NOT_FOUND")
            await refused(at.desk.challenge(ANN, case["id"], "revoke"), "INVALID_REQUEST")
            assert [seen["id"] for seen in await at.desk.list(ACME, "acme")] == [case["id"]]
            assert [seen["id"] for seen in await at.desk.list(GLOBEX, "globex")] == [foreign["id"]]
            assert await at.desk.list(GLOBEX, "acme") == []
            assert await at.desk.list(READER, "acme") == []

    run(story())


_ASKED: dict[str, Any] = {
    "scope": [SCOPE],
    "duration_seconds": 60,
    "reason": "isolation audit",
    "ticket": "AUDIT-1",
}


_UNASKABLE: list[dict[str, Any]] = [
    {"scope": []},
    {"scope": ["*"]},
    {"scope": [SCOPE, SCOPE]},
    {"scope": ["audit:read"]},
    {"scope": SCOPE},
    {"scope": [["attributions:read"]]},
    {"duration_seconds": 0},
    {"duration_seconds": -1},
    {"duration_seconds": 3_601},
    {"duration_seconds": 60.0},
    {"duration_seconds": float("nan")},
    {"duration_seconds": True},
    {"duration_seconds": "60"},
    {"duration_seconds": 10**30},
    {"reason": ""},
    {"reason": "x"},
    {"reason": " " * 20},
    {"reason": "x" * 501},
    {"reason": "line\r\nbreak in it"},
    {"reason": "colour \x1b[31m in it"},
    {"reason": "separator \u2028 in it"},
    {"reason": "with Bearer abcdefghijklmnopqrstuvwx"},
    {"reason": None},
    {"ticket": ""},
    {"ticket": "A B"},
    {"ticket": "A\n"},
    {"ticket": "AKIAIOSFODNN7EXAMPLE"},
    {"ticket": "x" * 65},
]


def test_what_may_not_be_asked_for_is_refused_before_anything_is_kept(databases: Databases) -> None:
    async def story() -> None:
        async with office(databases) as at:
            for change in _UNASKABLE:
                await refused(at.desk.request(ANN, "acme", **{**_ASKED, **change}), "INVALID_REQUEST")
            assert not await at.told()
            assert await at.pools["acme"].fetchval("SELECT count(*) FROM support_requests") == 0
            for shortest_or_longest in (1, 3_600):
                await at.desk.request(ANN, "acme", **{**_ASKED, "duration_seconds": shortest_or_longest})

    run(story())


def test_a_grant_that_is_found_elsewhere_still_counts_for_its_own_tenant_alone(databases: Databases) -> None:
    class Wide(SupportDesk):
        """Finds a request in whatever database it is."""

        async def looked_up(self, tenant: str, request_id: str) -> SupportRequest | None:
            return await super().looked_up(await self._home(request_id), request_id)

    async def story() -> None:
        async with office(databases, kind=Wide) as at:
            case = await at.active()
            assert await at.allows(case)
            assert not await at.allows(case, tenant="globex")

    run(story())


def test_only_support_asks_and_only_for_a_tenant_that_is(databases: Databases) -> None:
    async def story() -> None:
        async with office(databases) as at:
            for who in (ACME, READER, replace(ACME, scopes=ANN.scopes), replace(ANN, scopes=frozenset())):
                await refused(at.desk.request(who, "acme", **_ASKED), "INSUFFICIENT_SCOPE")
            for tenant in ("acme-eu", "ACME", "acme.", ""):
                await refused(at.desk.request(ANN, tenant, **_ASKED), "NOT_FOUND")

    run(story())


def test_a_refused_step_is_in_the_tenants_trail_with_its_trace_and_without_secrets(databases: Databases) -> None:
    async def story() -> None:
        async with office(databases) as at:
            case = await at.ask()
            trace = "0af7651916cd43dd8448eb211c80319c"
            factor = await at.factor(ANN, case, "activate")
            context = {"trace_id": trace, "request_id": "r-1"}
            await refused(at.desk.activate(BOB, case["id"], factor, context), "NOT_FOUND")
            found = (await at.trails["acme"].read(-1, 10, trace_id=trace)).events
            assert len(found) == 1
            event = found[0].event
            assert (event["action"], event["actor"]["id"]) == ("support.activate", "bob")
            assert (event["decision"]["outcome"], event["decision"]["rule"]) == ("deny", "NOT_FOUND")
            text = str(await at.told())
            assert "isolation audit" not in text
            assert factor["challenge"] not in text
            assert factor["signature"] not in text

    run(story())
