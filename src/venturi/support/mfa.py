"""The second factor: a key that signs what exactly is being done, a security key in a browser, or a code."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeAlias

import msgspec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from venturi.identity.strict import read_b64url
from venturi.support import es256, totp
from venturi.support.enrolments import Enrolment, Enrolments
from venturi.support.webauthn import Ceremony

Keys: TypeAlias = Callable[[str], Awaitable[str | None]]
"""Principal id to its public key (PEM), asked anew each time: a factor that was removed is gone at once."""

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_CREDENTIAL = re.compile(r"[A-Za-z0-9_-]{16,128}", re.ASCII)
_LONGEST_PART = 2048


class Assertion(msgspec.Struct, frozen=True):
    """A challenge of 32 bytes and the signature over it of 64 bytes, r then s; both base64url without padding."""

    challenge: str
    signature: str


class Code(Assertion, frozen=True):
    """A code of an authenticator application, in the place of a signature; the challenge says which step it is for."""


class Signed(Assertion, frozen=True):
    """What a browser hands over of a security key: all base64url without padding, the signature in ASN.1."""

    credential: str
    client_data: str
    authenticator_data: str


def statement(verb: str, request_id: str, digest: str, challenge: str) -> bytes:
    """The bytes that a second factor signs."""
    return f"venturi-mfa/1\n{verb}\n{request_id}\n{digest}\n{challenge}".encode()


def read(given: object) -> Assertion | None:
    """An assertion of any kind from what a client sent, None when it is not one in its strict form."""
    if isinstance(given, Assertion):
        return given if _CHALLENGE.fullmatch(given.challenge) else None
    if not isinstance(given, Mapping) or not all(isinstance(value, str) for value in given.values()):
        return None
    if not _CHALLENGE.fullmatch(given.get("challenge", "")):
        return None
    match sorted(given):
        case ["challenge", "signature"]:
            return Assertion(given["challenge"], given["signature"])
        case ["challenge", "code"]:
            return Code(given["challenge"], given["code"])
        case ["authenticator_data", "challenge", "client_data", "credential", "signature"]:
            return Signed(**given)
        case _:
            return None


class SecondFactor:
    """Verifies assertions against what the directory holds for the principal at this moment.

    Without `enrolments` nobody has a code or a security key. `clock` tells seconds since 1970.
    """

    ceremonies: type[Ceremony] = Ceremony

    def __init__(
        self,
        keys: Keys,
        enrolments: Enrolments | None = None,
        relying: tuple[str, str] = ("", ""),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keys, self._enrolments, self._clock = keys, enrolments, clock
        self._ceremony = self.ceremonies(*relying)

    async def verify(self, principal_id: str, verb: str, request_id: str, digest: str, assertion: Assertion) -> bool:
        """Whether the principal's own factor stands behind exactly this step."""
        said = statement(verb, request_id, digest, assertion.challenge)
        match assertion:
            case Code():
                return await self.is_code(principal_id, assertion.signature)
            case Signed():
                return await self.is_from_key(principal_id, said, assertion)
            case _:
                return await self.is_by_own_key(principal_id, said, assertion)

    async def is_by_own_key(self, principal_id: str, said: bytes, assertion: Assertion) -> bool:
        """Whether the principal's own ES256 key signed exactly these words."""
        raw = _raw(assertion.signature)
        pem = await self._keys(principal_id)
        return raw is not None and pem is not None and self.is_signed(pem, raw, said)

    async def is_code(self, principal_id: str, code: str) -> bool:
        """Whether this is a code of the principal's for now, or for the step before or after, not used before.

        A code can't say what it is for; the challenge that comes with it does, and is used up with it.
        """
        if self._enrolments is None or not totp.is_code(code):
            return False
        now = self._clock()
        enrolled = await self._enrolments.find(principal_id, "totp", "", now)
        if enrolled is None:
            return False
        step = totp.matching_step(enrolled.material, code, self.steps(now))
        if step is None or not await self.counts_up(enrolled, step):
            await self._enrolments.failed(enrolled, now)
            return False
        return True

    def steps(self, now: float) -> Iterable[int]:
        """The steps whose codes are taken: clocks differ by one at most (RFC 6238 section 5.2)."""
        step = totp.step_at(now)
        return range(step - 1, step + 2)

    async def is_from_key(self, principal_id: str, said: bytes, given: Signed) -> bool:
        """Whether the principal's own security key signed for exactly this step, and has counted on since."""
        parts = _parts(given)
        if self._enrolments is None or parts is None:
            return False
        client_data, authenticator_data, signature = parts
        enrolled = await self._enrolments.find(principal_id, "webauthn", given.credential, self._clock())
        if enrolled is None:
            return False
        counter = self._ceremony.counter_of(said, client_data, authenticator_data)
        pem = enrolled.material.decode()
        if counter is None or not self._ceremony.is_signed(pem, signature, client_data, authenticator_data):
            return False
        return await self.counts_up(enrolled, counter)

    async def counts_up(self, enrolled: Enrolment, counter: int) -> bool:
        """Use the step of a code, or the counter of a key, up; whoever comes second with it is refused."""
        return self._enrolments is not None and await self._enrolments.count_up(enrolled, counter)

    def is_signed(self, pem: str, signature: bytes, message: bytes) -> bool:
        """Whether `signature` (64 bytes) over `message` is by the P-256 key in `pem`."""
        r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
        return es256.is_signed(pem, encode_dss_signature(r, s), message)


def _raw(text: str) -> bytes | None:
    try:
        # 86 characters hold four bits more than 64 bytes; only one spelling is accepted.
        raw = read_b64url(text)
    except ValueError:
        return None
    return raw if len(raw) == 64 else None


def _parts(given: Signed) -> tuple[bytes, bytes, bytes] | None:
    """Client data, authenticator data and signature as bytes."""
    texts = (given.client_data, given.authenticator_data, given.signature)
    if not _CREDENTIAL.fullmatch(given.credential) or max(map(len, texts)) > _LONGEST_PART:
        return None
    try:
        client_data, authenticator_data, signature = map(read_b64url, texts)
    except ValueError:
        return None
    return client_data, authenticator_data, signature
