"""Codes and security keys: RFC 6238 to the letter, and every way in which one may nearly count."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.office import base64url
from tests.trail.cluster import Database, run
from venturi.identity import schema
from venturi.support.enrolments import LOCKED_SECONDS, MOST_FAILURES, Enrolments, sealed
from venturi.support.mfa import Assertion, Code, SecondFactor, Signed, read, statement
from venturi.support.totp import code_of, matching_step, step_at
from venturi.support.webauthn import Ceremony

SEED = b"12345678901234567890"
NOW = 1_800_000_000.0
KEY, OTHER = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
SEALING = b"k" * 32
CREDENTIAL = base64url(b"credential of ann")
RP, ORIGIN = "venturi.example", "https://console.venturi.example"
CHALLENGE = base64url(b"c" * 32)
STEP = ("approve", "sr_1", "sha256:0")
SAID = statement(*STEP, CHALLENGE)


@pytest.mark.parametrize(
    ("now", "code"),
    [
        # RFC 6238 appendix B, the last six digits of each.
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_codes_are_those_of_the_rfc(now: int, code: str) -> None:
    assert code_of(SEED, step_at(now)) == code


def test_counters_are_those_of_the_rfc_before_it() -> None:
    # RFC 4226 appendix D.
    codes = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"]
    assert [code_of(SEED, step) for step in range(10)] == codes


def test_the_latest_of_equal_steps_is_used_up() -> None:
    assert matching_step(SEED, code_of(SEED, 7), (6, 7, 8)) == 7
    assert matching_step(SEED, code_of(SEED, 7), (7, 7)) == 7
    assert matching_step(SEED, "000000", ()) is None


@dataclass
class People:
    """Ann and Bob with a code and a key each, and a clock."""

    pool: asyncpg.Pool
    admin: asyncpg.Connection[Any]
    now: float = NOW
    factor: SecondFactor = field(init=False)

    def __post_init__(self) -> None:
        async def none(principal: str) -> str | None:
            del principal
            return None

        enrolments = Enrolments(self.pool, SEALING)
        self.factor = SecondFactor(none, enrolments, (RP, ORIGIN), lambda: self.now)

    async def counts(self, assertion: Assertion, who: str = "ann", step: tuple[str, str, str] = STEP) -> bool:
        return await self.factor.verify(who, *step, assertion)

    async def says(self, code: str, who: str = "ann") -> bool:
        return await self.counts(Code(CHALLENGE, code), who)


@asynccontextmanager
async def people(database: Database) -> AsyncIterator[People]:
    admin = await asyncpg.connect(**database.login("postgres"))
    try:
        for each in (*schema.STATEMENTS, *(grant.format(role="guard") for _, grant in schema.GRANTS)):
            await admin.execute(each)
        for name, key in (("ann", KEY), ("bob", OTHER)):
            await admin.execute("INSERT INTO principals VALUES ('i', $1, $1, NULL, 'support', $1, NULL)", name)
            rows = (
                ("totp", "", sealed(SEALING, name, secret_of(name))),
                ("webauthn", CREDENTIAL if name == "ann" else base64url(b"credential of bob"), pem(key)),
            )
            for row in rows:
                await admin.execute("INSERT INTO second_factors VALUES ($1, $2, $3, $4)", name, *row)
        async with database.pool() as pool:
            yield People(pool, admin)
    finally:
        await admin.close()


def secret_of(name: str) -> bytes:
    return hashlib.sha1(name.encode(), usedforsecurity=False).digest()


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def code(steps: int = 0, who: str = "ann", now: float = NOW) -> str:
    return code_of(secret_of(who), step_at(now) + steps)


def test_a_code_counts_once_and_none_before_it_any_more(database: Database) -> None:
    async def body() -> None:
        async with people(database) as office:
            assert await office.says(code(-1))
            assert not await office.says(code(-1))
            assert await office.says(code(1))
            assert not await office.says(code(0)), "an earlier step than the last one that was used"
            assert not await office.says(code(1))
            office.now += 30
            assert await office.says(code(2))

    run(body())


def test_a_code_of_another_time_or_person_or_spelling_counts_for_nothing(database: Database) -> None:
    async def body() -> None:
        async with people(database) as office:
            for wrong in (
                "",
                "12345",
                "1234567",
                code() + "\n",
                " " + code(),
                "\uff11\uff12\uff13\uff14\uff15\uff16",
                code()[:-1],
                "0x1234",
            ):
                assert not await office.says(wrong)
            for wrong in (code(-2), code(2), code(0, "bob")):
                assert not await office.says(wrong)
            assert not await office.says(code(), "nobody")
            assert await office.says(code())
            assert await office.says(code(0, "bob"), "bob")

    run(body())


def test_whoever_guesses_is_locked_out_for_a_while_and_nobody_else_is(database: Database) -> None:
    async def body() -> None:
        async with people(database) as office:
            wrong = next(f"{number:06d}" for number in range(9) if f"{number:06d}" not in {code(n) for n in (-1, 0, 1)})
            for _ in range(MOST_FAILURES):
                assert not await office.says(wrong)
            assert not await office.says(code()), "the right one comes too late"
            assert await office.says(code(0, "bob"), "bob")
            office.now += LOCKED_SECONDS + 1
            assert await office.says(code(now=office.now))

    run(body())


def test_of_many_who_say_one_code_at_once_one_is_believed(database: Database) -> None:
    async def body() -> None:
        import asyncio

        async with people(database) as office:
            said = await asyncio.gather(*(office.says(code()) for _ in range(4)))
            assert sorted(said) == [False, False, False, True]

    run(body())


def test_a_secret_in_anothers_row_is_no_secret(database: Database) -> None:
    async def body() -> None:
        async with people(database) as office:
            await office.admin.execute(
                "UPDATE second_factors SET material = (SELECT material FROM second_factors WHERE principal = 'bob'"
                " AND kind = 'totp') WHERE principal = 'ann' AND kind = 'totp'"
            )
            assert not await office.says(code(0, "bob"))
            assert not await office.says(code_of(b"", step_at(NOW)))

    run(body())


def test_no_counter_goes_back_whoever_writes_it(database: Database) -> None:
    async def body() -> None:
        async with people(database) as office:
            assert await office.says(code())
            with pytest.raises(asyncpg.RaiseError, match="never counts back"):
                await office.admin.execute("UPDATE second_factors SET counter = 3 WHERE kind = 'totp'")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await office.pool.execute("UPDATE second_factors SET material = ''")

    run(body())


@dataclass(frozen=True)
class Browser:
    """Makes an assertion as it should be, or with one thing otherwise."""

    kind: object = "webauthn.get"
    challenge: str = ""
    origin: object = ORIGIN
    more: tuple[tuple[str, object], ...] = ()
    rp: str = RP
    flags: int = 0x05
    counter: int = 1
    tail: bytes = b""
    key: ec.EllipticCurvePrivateKey = KEY
    credential: str = CREDENTIAL
    garble: Callable[[bytes], bytes] = bytes
    said: bytes = SAID

    def sign(self) -> Signed:
        client = {"type": self.kind, "challenge": self.challenge or base64url(hashlib.sha256(self.said).digest())}
        client |= {"origin": self.origin, "crossOrigin": False, **dict(self.more)}
        client_data = json.dumps(client).encode()
        flags = bytes([self.flags])
        data = hashlib.sha256(self.rp.encode()).digest() + flags + self.counter.to_bytes(4) + self.tail
        signature = self.garble(self.key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(SHA256())))
        return Signed(CHALLENGE, base64url(signature), self.credential, base64url(client_data), base64url(data))


GOOD = Browser()
NEARLY: dict[str, Browser] = {
    "a registration": replace(GOOD, kind="webauthn.create"),
    "no type": replace(GOOD, kind=None),
    "the challenge as it was given out": replace(GOOD, challenge=CHALLENGE),
    "the digest of the request alone": replace(GOOD, challenge=base64url(hashlib.sha256(b"sha256:0").digest())),
    "another step": replace(GOOD, said=statement("activate", *STEP[1:], CHALLENGE)),
    "another request": replace(GOOD, said=statement("approve", "sr_2", STEP[2], CHALLENGE)),
    "another digest": replace(GOOD, said=statement("approve", "sr_1", "sha256:1", CHALLENGE)),
    "another challenge": replace(GOOD, said=statement(*STEP, base64url(b"d" * 32))),
    "another origin": replace(GOOD, origin="https://console.venturi.example.evil.example"),
    "an origin without TLS": replace(GOOD, origin="http://console.venturi.example"),
    "an origin with a port": replace(GOOD, origin=ORIGIN + ":8443"),
    "a list of origins": replace(GOOD, origin=[ORIGIN]),
    "from inside of another page": replace(GOOD, more=(("crossOrigin", True),)),
    "under another page": replace(GOOD, more=(("topOrigin", "https://evil.example"),)),
    "another relying party": replace(GOOD, rp="evil.example"),
    "the origin for the relying party": replace(GOOD, rp=ORIGIN),
    "nobody present": replace(GOOD, flags=0x04),
    "nobody verified": replace(GOOD, flags=0x01),
    "attested data announced": replace(GOOD, flags=0x45),
    "extensions announced": replace(GOOD, flags=0x85),
    "something behind": replace(GOOD, tail=b"\xa0"),
    "somebody else's key": replace(GOOD, key=OTHER),
    "somebody else's credential": replace(GOOD, credential=base64url(b"credential of bob"), key=OTHER),
    "a credential of nobody": replace(GOOD, credential=base64url(b"credential of cyd")),
    "a signature with a bit turned": replace(GOOD, garble=lambda raw: raw[:-1] + bytes([raw[-1] ^ 1])),
    "a signature as r and s": replace(GOOD, garble=lambda raw: raw[4:36] + raw[-32:]),
    "no signature": replace(GOOD, garble=lambda _: b""),
}


def test_what_is_nearly_an_assertion_counts_for_nothing_and_uses_nothing_up(database: Database) -> None:
    async def body() -> None:
        async with people(database) as office:
            for what, browser in NEARLY.items():
                assert not await office.counts(browser.sign()), what
            assert await office.counts(GOOD.sign())

    run(body())


def test_a_key_counts_up_and_one_that_does_not_is_a_copy(database: Database) -> None:
    async def body() -> None:
        async with people(database) as office:
            for counter, counts in ((5, True), (5, False), (4, False), (0, False), (6, True), (2**32 - 1, True)):
                assert await office.counts(replace(GOOD, counter=counter).sign()) is counts, counter

    run(body())


def test_a_key_that_never_counts_may_say_nothing_every_time(database: Database) -> None:
    async def body() -> None:
        async with people(database) as office:
            for counter, counts in ((0, True), (0, True), (1, True), (0, False)):
                assert await office.counts(replace(GOOD, counter=counter).sign()) is counts, counter

    run(body())


def test_an_assertion_counts_for_its_own_step_and_person_alone(database: Database) -> None:
    async def body() -> None:
        async with people(database) as office:
            assertion = GOOD.sign()
            assert not await office.counts(assertion, step=("activate", *STEP[1:]))
            assert not await office.counts(assertion, step=("approve", "sr_2", STEP[2]))
            assert not await office.counts(assertion, who="bob")
            assert await office.counts(assertion)

    run(body())


@pytest.mark.parametrize(
    "client_data", [b"", b"[]", b"{", b'{"type": "webauthn.get", "type": "webauthn.get"}', b"\xff"]
)
def test_client_data_that_can_not_be_read_in_one_way_alone_is_about_nothing(client_data: bytes) -> None:
    assert not Ceremony(RP, ORIGIN).is_about(SAID, client_data)


def test_the_kinds_are_told_apart_by_their_members() -> None:
    signed = GOOD.sign()
    members = {"challenge": CHALLENGE, "code": "123456"}
    assert read(members) == Code(CHALLENGE, "123456")
    assert type(read({"challenge": CHALLENGE, "signature": "x"})) is Assertion
    given: dict[str, Any] = {name: getattr(signed, name) for name in signed.__struct_fields__}
    assert read(given) == signed
    wrong: list[object] = [
        {**members, "signature": "x"},
        {"code": "123456"},
        {**given, "code": "1"},
        {**given, "client_data": None},
        {"challenge": CHALLENGE, "code": 123456},
    ]
    assert all(read(each) is None for each in wrong)


def test_without_enrolments_nobody_has_a_code_or_a_key() -> None:
    async def none(principal: str) -> str | None:
        del principal
        return None

    factor = SecondFactor(none)
    assert not run(factor.verify("ann", *STEP, Code(CHALLENGE, code())))
    assert not run(factor.verify("ann", *STEP, GOOD.sign()))


def test_an_assertion_in_another_spelling_is_none(database: Database) -> None:
    async def body() -> None:
        async with people(database) as office:
            good = GOOD.sign()
            for name in ("signature", "client_data", "authenticator_data"):
                given = {field: getattr(good, field) for field in good.__struct_fields__}
                for wrong in (given[name] + "=", given[name] + "\n", "A" * 4000, "__+/"):
                    assert not await office.counts(Signed(**{**given, name: wrong}))

    run(body())


@pytest.fixture
def database(databases: tuple[Database, Database]) -> Database:
    return databases[0]
