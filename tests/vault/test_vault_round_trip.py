"""The vault over a served KMS and a real database: what opens, what does not, and what is gone for good."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
import pytest

from tests.aws.served import IDENTITIES, Cloud
from tests.vault.conftest import OpenPools, Pools
from venturi.settings import AwsClientSettings
from venturi.vault.cache import DataKeyCache
from venturi.vault.errors import KeyUnavailable, Tampered, Unrecoverable, VaultError
from venturi.vault.freshness import one_request
from venturi.vault.kms import DataKey, Kms
from venturi.vault.vault import Vault

PLACE = ("alder", "s1", "r1", "note")


class CountedKms(Kms):
    """KMS that remembers how often it was asked."""

    def __init__(self, settings: AwsClientSettings) -> None:
        super().__init__(settings)
        self.calls: Counter[str] = Counter()
        self.pause = 0.0

    async def generate_data_key(self, key_arn: str, context: Mapping[str, str]) -> DataKey:
        self.calls["generate"] += 1
        return await super().generate_data_key(key_arn, context)

    async def decrypt(self, key_arn: str, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        self.calls["decrypt"] += 1
        await asyncio.sleep(self.pause)
        return await super().decrypt(key_arn, wrapped, context)


@dataclass
class Bench:
    """One vault, and a second one like another process would have."""

    kms: CountedKms
    pools: Pools
    vault: Vault
    elsewhere: Vault
    keys: dict[str, str]


@asynccontextmanager
async def bench(cloud: Cloud, keys: dict[str, str], open_pools: OpenPools) -> AsyncIterator[Bench]:
    known = IDENTITIES["workload"]
    kms = CountedKms(
        AwsClientSettings(
            endpoint=cloud.endpoint, access_key_id=known.access_key_id, secret_access_key=known.secret_access_key
        )
    )
    try:
        async with open_pools() as pools:
            yield Bench(kms, pools, Vault(kms, keys, pools), Vault(kms, keys, pools, DataKeyCache(0)), keys)
    finally:
        kms.close()


def test_a_field_comes_back_here_and_in_another_process(
    cloud: Cloud, key_arns: dict[str, str], open_pools: OpenPools
) -> None:
    async def scenario() -> None:
        async with bench(cloud, key_arns, open_pools) as on:
            blob = await on.vault.seal(*PLACE, "a secret, žluť")
            assert b"secret" not in blob
            assert await on.vault.open(*PLACE, blob) == "a secret, žluť"
            assert await on.elsewhere.open(*PLACE, blob) == "a secret, žluť"
            assert blob != await on.vault.seal(*PLACE, "a secret, žluť")

    asyncio.run(scenario())


def test_a_field_opens_in_its_own_place_only(cloud: Cloud, key_arns: dict[str, str], open_pools: OpenPools) -> None:
    async def scenario() -> None:
        async with bench(cloud, key_arns, open_pools) as on:
            blob = await on.vault.seal(*PLACE, "x")
            for tenant, subject in (("alder", "s2"), ("birch", "s1")):
                await on.vault.seal(tenant, subject, "r1", "note", "y")
            for position, other in enumerate(("birch", "s2", "r2", "channel")):
                place = list(PLACE)
                place[position] = other
                with pytest.raises(Tampered):
                    await on.vault.open(place[0], place[1], place[2], place[3], blob)
            with pytest.raises(Tampered):  # the same text, cut elsewhere
                await on.vault.open("alder", "s1", "r1n", "ote", blob)

    asyncio.run(scenario())


def test_any_changed_byte_is_noticed(cloud: Cloud, key_arns: dict[str, str], open_pools: OpenPools) -> None:
    async def scenario() -> None:
        async with bench(cloud, key_arns, open_pools) as on:
            blob = await on.vault.seal(*PLACE, "x")
            changed = [blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :] for at in range(len(blob))]
            for broken in (*changed, blob[:-1], b"", b"\x01"):
                with pytest.raises(Tampered):
                    await on.vault.open(*PLACE, broken)

    asyncio.run(scenario())


def test_a_wrapped_key_moved_to_another_subject_does_not_unwrap(
    cloud: Cloud, key_arns: dict[str, str], open_pools: OpenPools
) -> None:
    async def scenario() -> None:
        async with bench(cloud, key_arns, open_pools) as on:
            blob = await on.vault.seal(*PLACE, "x")
            await on.pools["alder"].execute(
                "INSERT INTO subject_keys (subject, wrapped, key_arn) SELECT 's9', wrapped, key_arn FROM subject_keys"
            )
            with pytest.raises(KeyUnavailable, match="InvalidCiphertext"):
                await on.vault.open("alder", "s9", "r1", "note", blob)

    asyncio.run(scenario())


def test_a_shredded_subject_is_gone_at_once_and_for_good_and_its_neighbour_is_not(
    cloud: Cloud, key_arns: dict[str, str], open_pools: OpenPools
) -> None:
    async def scenario() -> None:
        async with bench(cloud, key_arns, open_pools) as on:
            blob = await on.vault.seal(*PLACE, "x")
            beside = await on.vault.seal("alder", "s2", "r2", "note", "y")
            assert await on.vault.shred("alder", "s1")
            for vault in (on.vault, on.elsewhere):
                with pytest.raises(Unrecoverable):
                    await vault.open(*PLACE, blob)
                with pytest.raises(Unrecoverable):  # or a late write would bring the subject back
                    await vault.seal(*PLACE, "x")
            assert await on.vault.open("alder", "s2", "r2", "note", beside) == "y"
            assert not await on.vault.shred("alder", "s1")

    asyncio.run(scenario())


def test_a_key_that_is_being_fetched_as_its_subject_is_shredded_is_not_kept(
    cloud: Cloud, key_arns: dict[str, str], open_pools: OpenPools
) -> None:
    async def scenario() -> None:
        async with bench(cloud, key_arns, open_pools) as on:
            blob = await on.elsewhere.seal(*PLACE, "x")
            beside = await on.vault.seal("alder", "s2", "r2", "note", "y")
            on.kms.pause = 0.1
            reading = asyncio.create_task(on.vault.open(*PLACE, blob))
            await asyncio.sleep(0.03)
            assert await on.vault.shred("alder", "s1")
            await reading
            with one_request():  # which asks KMS for its first key of a tenant, and believes the cache from then on
                assert await on.vault.open("alder", "s2", "r2", "note", beside) == "y"
                with pytest.raises(Unrecoverable):
                    await on.vault.open(*PLACE, blob)

    asyncio.run(scenario())


def test_a_disabled_key_closes_the_tenant_and_empties_the_cache(
    cloud: Cloud, key_arns: dict[str, str], open_pools: OpenPools
) -> None:
    async def scenario() -> None:
        async with bench(cloud, key_arns, open_pools) as on:
            blob = await on.vault.seal(*PLACE, "x")
            other = await on.vault.seal("birch", "s1", "r1", "note", "y")
            cloud.client("alder").disable_key(KeyId=on.keys["alder"])
            assert await on.vault.open(*PLACE, blob) == "x"  # cached, for seconds
            with pytest.raises(KeyUnavailable, match="Disabled"):
                await on.vault.seal("alder", "new", "r2", "note", "z")
            with pytest.raises(KeyUnavailable, match="Disabled"):
                await on.vault.open(*PLACE, blob)
            assert await on.vault.open("birch", "s1", "r1", "note", other) == "y"
            cloud.client("alder").enable_key(KeyId=on.keys["alder"])
            assert await on.vault.open(*PLACE, blob) == "x"

    asyncio.run(scenario())


def test_a_disabled_key_is_obeyed_at_once_by_every_new_request(
    cloud: Cloud, key_arns: dict[str, str], open_pools: OpenPools
) -> None:
    async def play() -> None:
        async with bench(cloud, key_arns, open_pools) as on:
            blob = await on.vault.seal(*PLACE, "x")
            with one_request():
                assert await on.vault.open(*PLACE, blob) == "x"
                cloud.client("alder", "kms").disable_key(KeyId=key_arns["alder"])
                assert await on.vault.open(*PLACE, blob) == "x"  # one request sees one state
            with one_request(), pytest.raises(KeyUnavailable):
                await on.vault.open(*PLACE, blob)

    asyncio.run(play())


def test_many_fields_of_one_subject_cost_one_call(
    cloud: Cloud, key_arns: dict[str, str], open_pools: OpenPools
) -> None:
    async def scenario() -> None:
        async with bench(cloud, key_arns, open_pools) as on:
            await asyncio.gather(*(on.vault.seal("alder", "s1", f"r{n}", "note", "x") for n in range(20)))
            assert on.kms.calls == {"generate": 1}

    asyncio.run(scenario())


def test_two_processes_that_write_a_subject_first_agree_on_its_key(
    cloud: Cloud, key_arns: dict[str, str], open_pools: OpenPools
) -> None:
    async def scenario() -> None:
        async with bench(cloud, key_arns, open_pools) as on:
            one, two = await asyncio.gather(on.vault.seal(*PLACE, "1"), on.elsewhere.seal(*PLACE, "2"))
            assert await on.elsewhere.open(*PLACE, one) == "1"
            assert await on.vault.open(*PLACE, two) == "2"

    asyncio.run(scenario())


def test_the_vendor_cannot_seal_for_one_tenant_under_anothers_key(
    cloud: Cloud, key_arns: dict[str, str], open_pools: OpenPools
) -> None:
    async def scenario() -> None:
        async with bench(cloud, key_arns, open_pools) as on:
            crossed = Vault(on.kms, {"alder": on.keys["birch"]}, on.pools)
            with pytest.raises(KeyUnavailable, match="AccessDenied"):
                await crossed.seal(*PLACE, "x")

    asyncio.run(scenario())


def test_the_application_cannot_delete_a_tombstone(
    cloud: Cloud, key_arns: dict[str, str], open_pools: OpenPools
) -> None:
    async def scenario() -> None:
        async with bench(cloud, key_arns, open_pools) as on:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await on.pools["alder"].execute("DELETE FROM subject_keys")

    asyncio.run(scenario())


def test_an_unreachable_kms_is_an_unavailable_key_and_not_a_lost_one() -> None:
    async def scenario() -> None:
        settings = AwsClientSettings(endpoint="http://127.0.0.1:9", access_key_id="AKIA", secret_access_key="x")
        kms = Kms(settings)
        with pytest.raises(KeyUnavailable, match="can't be reached") as caught:
            await kms.decrypt("arn:aws:kms:us-east-1:100000000001:key/k", b"x", {})
        assert isinstance(caught.value, VaultError)
        kms.close()

    asyncio.run(scenario())


def test_the_cache_holds_few_keys_for_a_short_time() -> None:
    now = [0.0]
    cache = DataKeyCache(seconds=5, size=2, clock=lambda: now[0])
    for subject in ("a", "b", "c"):
        cache.keep("alder", subject, subject.encode())
    assert [cache.find("alder", subject) for subject in ("a", "b", "c")] == [None, b"b", b"c"]
    now[0] = 5.0
    assert cache.find("alder", "b") is None
    cache.keep("alder", "d", b"d")
    cache.keep("birch", "d", b"e")
    cache.forget("alder")
    assert (cache.find("alder", "d"), cache.find("birch", "d")) == (None, b"e")
