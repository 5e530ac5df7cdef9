"""Erasure of a subject and of a tenant: what is destroyed, what is certified, and what keeps a certificate back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeAlias

import asyncpg
import msgspec
import pytest

from tests.aws.served import Cloud
from tests.erasure.shredding import BACKUPS, EVENT, Bench, bench
from venturi.erasure.certificate import is_genuine
from venturi.erasure.eraser import LONGEST_WAIT
from venturi.erasure.errors import NothingToErase, StillReadable
from venturi.erasure.key_state import KeyState
from venturi.trail.event import hashed
from venturi.vault.errors import Unrecoverable
from venturi.vault.vault import Vault

Scenario: TypeAlias = Callable[[Bench], Awaitable[None]]


class TrustingVault(Vault):
    """Uses a cached key for as long as it is cached."""

    async def is_still_ours(self, tenant: str, subject: str, asked: float) -> bool:
        del tenant, subject, asked
        return True


def play(socket: str, cloud: Cloud, scenario: Scenario, vault: type[Vault] = Vault, cached: float = 5.0) -> None:
    async def played() -> None:
        async with bench(socket, cloud, vault, cached) as on:
            await scenario(on)

    asyncio.run(played())


def test_a_shredded_subject_is_gone_and_everyone_else_is_there(erasure_socket: str, cloud: Cloud) -> None:
    async def scenario(on: Bench) -> None:
        await on.add("r1", "gone")
        await on.add("r2", "gone")
        await on.add("r3", "bystander")
        assert await on.note("r1") == "note of r1"
        await on.eraser.shred("alder", "gone", "steward", EVENT)
        assert [await on.note(each) for each in ("r1", "r2", "r3")] == [None, None, "note of r3"]

    play(erasure_socket, cloud, scenario)


def test_the_certificate_states_two_dates_and_is_signed_over_all_of_it(erasure_socket: str, cloud: Cloud) -> None:
    async def scenario(on: Bench) -> None:
        await on.add("r1", "gone")
        made = await on.eraser.shred("alder", "gone", "steward", EVENT)
        said = made.certificate
        first, second = (datetime.fromisoformat(said[name]) for name in ("unreadable_since", "unrecoverable_from"))
        assert second - first == BACKUPS
        assert (said["subject_hash"], said["key_arn"], made.standing) == (hashed("gone"), on.key, "unreadable")
        assert '"gone"' not in msgspec.json.encode(made).decode()
        assert is_genuine(made, on.signer.public_key())
        other = msgspec.structs.replace(made, certificate={**said, "unrecoverable_from": said["unreadable_since"]})
        assert not is_genuine(other, on.signer.public_key())
        seq = int(said["receipt"].split(".")[0])
        entry = (await on.trail.read(seq - 1, 1)).events[0]
        assert (entry.event["action"], entry.leaf_hash) == ("erasure.certified", said["receipt"].split(".")[1])
        on.now[0] += BACKUPS.total_seconds() + 1
        assert (await on.eraser.certificates("alder", said["id"]))[0].standing == "unrecoverable"

    play(erasure_socket, cloud, scenario)


def test_erasing_a_subject_again_gives_the_same_certificate(erasure_socket: str, cloud: Cloud) -> None:
    async def scenario(on: Bench) -> None:
        await on.add("r1", "gone")
        first = await on.eraser.shred("alder", "gone", "steward", EVENT)
        assert await on.eraser.shred("alder", "gone", "another", EVENT) == first
        assert await on.actions() == ["erasure.requested", "erasure.certified"]

    play(erasure_socket, cloud, scenario)


def test_a_subject_without_a_key_can_not_be_erased(erasure_socket: str, cloud: Cloud) -> None:
    async def scenario(on: Bench) -> None:
        with pytest.raises(NothingToErase):
            await on.eraser.shred("alder", "nobody", "steward", EVENT)
        assert await on.actions() == []

    play(erasure_socket, cloud, scenario)


def test_nothing_is_certified_while_a_reader_can_read_and_the_erasure_goes_on_later(
    erasure_socket: str, cloud: Cloud
) -> None:
    async def scenario(on: Bench) -> None:
        await on.add("r1", "gone")
        on.door.open = True
        with pytest.raises(StillReadable, match="a door"):
            await on.eraser.shred("alder", "gone", "steward", EVENT)
        assert await on.eraser.certificates("alder") == []
        on.door.open = False
        made = await on.eraser.shred("alder", "gone", "steward", EVENT)
        assert made.certificate["kind"] == "subject"

    play(erasure_socket, cloud, scenario)


def test_an_export_link_that_still_works_is_a_reader(erasure_socket: str, cloud: Cloud) -> None:
    async def scenario(on: Bench) -> None:
        await on.add("r1", "gone")
        await on.guard.execute(
            "INSERT INTO exports VALUES ('e', 's3://b/e', 1, 'd', 'w', now(), now() + interval '5 s')"
        )
        with pytest.raises(StillReadable, match="export links"):
            await on.eraser.shred("alder", "gone", "steward", EVENT)

    play(erasure_socket, cloud, scenario)


def test_a_shredded_subject_is_revived_neither_by_a_write_nor_by_a_backup(erasure_socket: str, cloud: Cloud) -> None:
    async def scenario(on: Bench) -> None:
        await on.add("r1", "gone")
        kept = await on.app.fetchval("SELECT wrapped FROM subject_keys")
        await on.eraser.shred("alder", "gone", "steward", EVENT)
        with pytest.raises(Unrecoverable):
            await on.add("r2", "gone")
        with pytest.raises(asyncpg.RaiseError, match="stays shredded"):
            await on.app.execute("UPDATE subject_keys SET wrapped = $1, shredded_at = NULL", kept)
        assert await on.note("r1") is None

    play(erasure_socket, cloud, scenario)


def test_a_certificate_can_not_be_changed(erasure_socket: str, cloud: Cloud) -> None:
    async def scenario(on: Bench) -> None:
        await on.add("r1", "gone")
        await on.eraser.shred("alder", "gone", "steward", EVENT)
        with pytest.raises(asyncpg.RaiseError, match="never changed"):
            await on.guard.execute("UPDATE erasures SET certificate = '{}', signature = ''")

    play(erasure_socket, cloud, scenario)


def test_a_tenant_is_certified_once_its_key_awaits_deletion_and_not_when_it_is_merely_disabled(
    erasure_socket: str, cloud: Cloud
) -> None:
    async def scenario(on: Bench) -> None:
        await on.add("r1", "s1")
        account = cloud.client("alder")
        await on.eraser.begin("alder", "steward", EVENT)
        assert await on.eraser.settle("alder", EVENT) is KeyState.USABLE
        account.disable_key(KeyId=on.key)
        assert await on.eraser.settle("alder", EVENT) is KeyState.DISABLED
        assert await on.eraser.certificates("alder") == []
        account.schedule_key_deletion(KeyId=on.key, PendingWindowInDays=7)
        assert await on.eraser.settle("alder", EVENT) is KeyState.PENDING
        (made,) = await on.eraser.certificates("alder")
        until = datetime.fromisoformat(made.certificate["unrecoverable_from"])
        assert (made.certificate["kind"], made.standing) == ("tenant", "unreadable")
        assert timedelta(0) <= on.at() + LONGEST_WAIT - until < timedelta(seconds=2)

    play(erasure_socket, cloud, scenario, cached=0)


def test_a_certificate_is_withdrawn_when_the_tenant_brings_its_key_back(erasure_socket: str, cloud: Cloud) -> None:
    async def scenario(on: Bench) -> None:
        await on.add("r1", "s1")
        account = cloud.client("alder")
        account.schedule_key_deletion(KeyId=on.key, PendingWindowInDays=7)
        await on.eraser.begin("alder", "steward", EVENT)
        await on.eraser.settle("alder", EVENT)
        account.cancel_key_deletion(KeyId=on.key)
        account.enable_key(KeyId=on.key)
        assert [each.standing for each in await on.eraser.certificates("alder")] == ["withdrawn"]
        assert await on.note("r1") == "note of r1"

    play(erasure_socket, cloud, scenario, cached=0)


def test_a_tenant_is_not_certified_while_a_cached_key_still_reads(erasure_socket: str, cloud: Cloud) -> None:
    async def scenario(on: Bench) -> None:
        await on.add("r1", "s1")
        await on.eraser.begin("alder", "steward", EVENT)
        cloud.client("alder").schedule_key_deletion(KeyId=on.key, PendingWindowInDays=7)
        with pytest.raises(StillReadable, match="vault"):
            await on.eraser.settle("alder", EVENT)

    play(erasure_socket, cloud, scenario, TrustingVault, cached=60)


def test_a_tenants_erasure_is_open_once_however_often_it_is_asked_for(erasure_socket: str, cloud: Cloud) -> None:
    async def scenario(on: Bench) -> None:
        begun = await asyncio.gather(*(on.eraser.begin("alder", f"steward-{n}", EVENT) for n in range(5)))
        assert len({each.id for each in begun}) == 1
        assert await on.actions() == ["erasure.requested"]

    play(erasure_socket, cloud, scenario)
