"""A fake API that trusts an issuer with shared keys and tokens for one use, and what tired hands made of it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from tenantproof.clients.tokens import unbase64
from tenantproof.model.profile import OneTime, Profile
from tenantproof.probes.forging.raw import mac
from tenantproof.probes.forging.witness import is_signed
from tests.probes.fake_api import AUDIENCE, FakeApi, Json, Refused
from tests.probes.lent import KEY_SET, LONG, SHORT, hmac_settings, settings_of

PUBLISHED = {key["kid"]: key for key in KEY_SET[:3]}
ONCE = OneTime(claims={"use": "once"})
"""How the profile says which tokens are for one use."""


def lending(
    patch: pytest.MonkeyPatch,
    *,
    once: OneTime | None = ONCE,
    shared: bool = True,
    modulus: bool = False,
    connections: int = 4,
    rate: float = 0,
) -> Callable[[Profile, str], Profile]:
    """Describes the conformance issuer in a profile."""

    def edited(usual: Profile, host: str) -> Profile:
        assert usual.tokens
        issuer, environment = f"http://{host}/issuers/lent", dict[str, str]()
        tokens = msgspec.structs.replace(
            usual.tokens,
            jwks={**usual.tokens.jwks, issuer: f"{issuer}/jwks"},
            test_key=settings_of(environment, modulus=modulus, issuer=issuer, once=once),
            test_hmac=hmac_settings(environment, issuer=issuer) if shared else None,
        )
        for name, value in environment.items():
            patch.setenv(name, value)
        safety = msgspec.structs.replace(
            usual.safety, connections=connections, requests_per_second=rate, allow_listener=False
        )
        return msgspec.structs.replace(usual, tokens=tokens, safety=safety)

    return edited


class LendingApi(FakeApi):
    """Vouches for one subject, by a curve key and a long shared one; what says that it is for one use is taken once.

    It makes no short-lived tokens, lest every test waits for their end.
    """

    def __init__(self) -> None:
        super().__init__()
        self.spent: set[object] = set()

    def issue(self, tenant: str, form: dict[str, str]) -> Json:
        return super().issue(tenant, {"audience": form.get("audience", "")})

    def jwks(self, tenant: str) -> Json:
        return {"keys": [*PUBLISHED.values()]} if tenant == "lent" else super().jwks(tenant)

    def verify(self, token: str) -> str:
        try:
            header, claims = (_object(segment) for segment in token.split(".")[:2])
        except ValueError:
            return super().verify(token)
        if claims.get("iss") != f"{self.base}/issuers/lent":
            return super().verify(token)
        is_good = self.is_vouched(token, header) and self.is_fit(header, claims)
        if not is_good or (self.is_for_once(claims) and not self.spend(token, claims)):
            raise Refused(401, {"error": "INVALID_TOKEN", "message": "no"})
        return "acme"

    def is_vouched(self, token: str, header: Json) -> bool:
        kid, algorithm = header.get("kid"), header.get("alg")
        if kid in ("long", "short"):
            octets = {"long": LONG, "short": SHORT}[str(kid)]
            return self.may_use(octets, str(algorithm)) and _is_by(octets, token, str(algorithm))
        key = PUBLISHED.get(str(kid))
        return key is not None and is_signed(token, key, (key["alg"],))

    def may_use(self, octets: bytes, algorithm: str) -> bool:
        return algorithm == "HS256" and len(octets) >= 32

    def is_fit(self, header: Json, claims: Json) -> bool:
        known = {"iss", "sub", "aud", "iat", "nbf", "exp", "jti", "use"}
        fixed = (claims.get("sub"), claims.get("aud"), header.get("typ"))
        if header.keys() != {"alg", "kid", "typ"} or not claims.keys() <= known:
            return False
        times = [claims.get("exp"), claims.get("nbf", 0)]
        if fixed != ("examiner", AUDIENCE, "at+jwt") or not all(type(each) is int for each in times):
            return False
        return bool(times[1] <= time.time() < times[0])

    def is_for_once(self, claims: Json) -> bool:
        return claims.get("use") == "once"

    def spend(self, token: str, claims: Json) -> bool:
        """Whether it is used for the first time; and from now on it was."""
        with self.lock:
            known = len(self.spent)
            self.spent.add(self.mark(token, claims))
            return len(self.spent) > known

    def mark(self, token: str, claims: Json) -> object:
        """What a used token is known by."""
        return claims["jti"]


class AllOnceApi(LendingApi):
    """No token of the issuer may be used twice."""

    def is_for_once(self, claims: Json) -> bool:
        return True


class ColdApi(LendingApi):
    """Does not even hold the short key."""

    def may_use(self, octets: bytes, algorithm: str) -> bool:
        return octets == LONG and super().may_use(octets, algorithm)


class WordyApi(LendingApi):
    """Tells the loser of a race that there was one."""

    def spend(self, token: str, claims: Json) -> bool:
        if not self.lock.acquire(blocking=False):
            raise Refused(409, {"error": "CONFLICT", "message": "at once"})
        try:
            time.sleep(0.02)
            is_first = claims["jti"] not in self.spent
            self.spent.add(claims["jti"])
            return is_first
        finally:
            self.lock.release()


class FlakyApi(LendingApi):
    """Is out of order when it sees a token for the first time, and so has not taken it: the next use is the first."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[object] = set()

    def spend(self, token: str, claims: Json) -> bool:
        with self.lock:
            known = len(self.seen)
            self.seen.add(claims["jti"])
            if len(self.seen) > known:
                raise Refused(500, {"error": "OUT_OF_ORDER", "message": "sorry"})
        return super().spend(token, claims)


class CrowdedApi(LendingApi):
    """Breaks down whenever two come at once."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = 0

    def spend(self, token: str, claims: Json) -> bool:
        with self.lock:
            self.inside += 1
        time.sleep(0.1)
        if self.inside > 1:
            raise Refused(500, {"error": "OUT_OF_ORDER", "message": "sorry"})
        self.inside = 0
        return super().spend(token, claims)


class SilentApi(LendingApi):
    """Says nothing to those who use a token again, and that it is well."""

    def spend(self, token: str, claims: Json) -> bool:
        if not super().spend(token, claims):
            raise Refused(200, {})
        return True


class ShortApi(LendingApi):
    """Takes a key as it finds it."""

    def may_use(self, octets: bytes, algorithm: str) -> bool:
        return algorithm == "HS256"


class WideApi(LendingApi):
    """Lets the token choose the hash."""

    def may_use(self, octets: bytes, algorithm: str) -> bool:
        return len(octets) >= 32


class CurveApi(LendingApi):
    """Knows no shared keys."""

    def may_use(self, octets: bytes, algorithm: str) -> bool:
        return False


class OnlyLastingApi(LendingApi):
    """Takes no tokens that are for one use."""

    def spend(self, token: str, claims: Json) -> bool:
        return False


class ForgetfulApi(LendingApi):
    """Remembers nothing."""

    def spend(self, token: str, claims: Json) -> bool:
        return True


class TextApi(LendingApi):
    """Knows a used token by its text, which has more than one spelling."""

    def mark(self, token: str, claims: Json) -> object:
        return token


class ClaimsApi(LendingApi):
    """Knows a used token by all that it says."""

    def mark(self, token: str, claims: Json) -> object:
        return token.split(".")[1]


class SignatureApi(LendingApi):
    """Knows a used token by half of its signature, as it stands in a log."""

    def mark(self, token: str, claims: Json) -> object:
        return unbase64(token.split(".")[2])[:32]


class SeparateApi(LendingApi):
    """Remembers for each connection alone: a thread serves one."""

    def mark(self, token: str, claims: Json) -> object:
        return claims["jti"], threading.get_ident()


class RacyApi(LendingApi):
    """Looks first and notes it later."""

    def spend(self, token: str, claims: Json) -> bool:
        is_first = claims["jti"] not in self.spent
        time.sleep(0.1)
        self.spent.add(claims["jti"])
        return is_first


def _object(segment: str) -> Json:
    value = json.loads(unbase64(segment), object_pairs_hook=_unique)
    return value if isinstance(value, dict) else {}


def _unique(pairs: list[tuple[str, Any]]) -> Json:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a member is named twice")
    return dict(pairs)


def _is_by(octets: bytes, token: str, algorithm: str) -> bool:
    text, _, signature = token.rpartition(".")
    return algorithm[:2] == "HS" and unbase64(signature) == mac(octets, text, algorithm[2:])
