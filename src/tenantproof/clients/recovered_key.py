"""RSA public keys that nobody has published: computed from two genuine tokens, in a process of its own.

    recovered = target.recovery.of(own, another)
    recovered.jwk or recovered.because

Nothing is sent. What came of two tokens is kept, for it costs half a minute.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from tenantproof.clients.redaction import one_line
from tenantproof.clients.rsa_recovery import ALGORITHMS, EXPONENTS, LONGEST, RsaKey, Signed, encoded, is_by
from tenantproof.clients.tokens import Claims, Token, base64url
from tenantproof.model.errors import UsageError
from tenantproof.model.profile import Tokens

COMMAND = "pip install 'tenantproof[recovery]'"
"""What installs the library that the computation needs."""
_TOLD_SECONDS = 10.0
"""How often it is said that the computation goes on."""
Told = Callable[[str], None]


@dataclass(frozen=True)
class Recovered:
    """A public key (a JWK of kty, n and e) and in how many seconds it was computed, or None and why there is none."""

    jwk: Claims | None = None
    because: str = ""
    seconds: float = 0.0


class KeyRecovery:
    """Computes keys as the profile allows, and keeps them. `tell` is told, every few seconds, that work goes on."""

    def __init__(self, settings: Tokens | None, exponents: Sequence[int] = EXPONENTS) -> None:
        self._settings, self._exponents = settings, exponents
        self.tell: Told = lambda _: None
        self._keys: list[tuple[RsaKey, Recovered]] = []
        self._failed: dict[tuple[str, str], Recovered] = {}

    def barred(self, algorithm: str, *, published: bool) -> str:
        """Why no key is computed of tokens by this algorithm, or nothing; `published`: their issuer's key set is named.

        Raises UsageError where the profile asks for it and the library is missing.
        """
        wanted = self._settings.recover_public_key if self._settings else False
        if algorithm not in ALGORITHMS:
            return (
                f"two tokens by {', '.join(ALGORITHMS[:2])} or {ALGORITHMS[2]}; these are by {one_line(algorithm, 20)}"
            )
        if self._settings and algorithm not in self._settings.algorithms:
            return f"{algorithm} in tokens.algorithms, for such are the tokens"
        if wanted is False:
            return "tokens.recover_public_key, which is false"
        if published and wanted is None:
            return "tokens.recover_public_key = true where a key set is named; J037 to J048 show the same tokens"
        if find_spec("flint") is None:
            if wanted:
                raise UsageError(
                    f"tokens.recover_public_key is true, and python-flint is not installed; run: {COMMAND} "
                    "(or take the key out of the profile)"
                )
            return f"python-flint; run: {COMMAND}"
        return ""

    def known(self, token: Token) -> Recovered | None:
        """What is known already without a second token: the key that the token is by, or that there is none to have."""
        signed = _signed(token)
        if isinstance(signed, str):
            return Recovered(because=signed)
        return next((found for key, found in self._keys if is_by(signed, key)), self._failed.get(_source(token)))

    def of(self, one: Token, two: Token) -> Recovered:
        """The key by which both tokens are signed, computed if it is not known yet; none, and why, if there is none.

        May take as many seconds as tokens.recover_seconds says, and no more.
        """
        known = self.known(one)
        if known is not None:
            return known
        first, second = _signed(one), _signed(two)
        if isinstance(first, str) or isinstance(second, str):
            found = Recovered(because=first if isinstance(first, str) else str(second))
        elif because := _unlike(one, two, first, second):
            found = Recovered(because=because)
        else:
            found = self._computed(_source(one)[0], (first, second), len(one.signature))
        if found.jwk is None:
            self._failed[_source(one)] = found
        return found

    def _computed(self, issuer: str, pair: tuple[Signed, Signed], octets: int) -> Recovered:
        assert self._settings
        limit, begun = self._settings.recover_seconds, time.monotonic()
        asked = {
            "octets": octets,
            "pairs": [[f"{each.signature:x}", f"{each.encoded:x}"] for each in pair],
            "exponents": [*self._exponents],
        }
        key = _in_a_process(asked, limit, lambda: self._tell(issuer, time.monotonic() - begun, limit))
        seconds = time.monotonic() - begun
        if isinstance(key, str):
            return Recovered(because=key, seconds=seconds)
        found = Recovered({"kty": "RSA", "n": _uint(key.n), "e": _uint(key.e)}, seconds=seconds)
        self._keys.append((key, found))
        return found

    def _tell(self, issuer: str, seconds: float, limit: int) -> None:
        self.tell(f"computing the RSA key of {issuer} from two tokens (J049): {seconds:.0f} s, at most {limit} s")


def _in_a_process(asked: Mapping[str, object], limit: int, tell: Callable[[], None]) -> RsaKey | str:
    """The key, or why there is none. Whatever happens here, the process ends."""
    command = [sys.executable, "-P", "-m", "tenantproof.clients.rsa_recovery", str(limit + 1)]
    pipe, end = subprocess.PIPE, time.monotonic() + limit
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:  # noqa: S603  # our own
        try:
            said, trouble = _awaited(process, json.dumps(asked), end, tell)
        except subprocess.TimeoutExpired:
            return f"it was not computed within {limit} s; tokens.recover_seconds allows more"
        finally:
            process.kill()
    if process.returncode or not said:
        last = trouble.strip().rpartition("\n")[2]
        return f"the computation broke off (exit {process.returncode}): {one_line(last, 200)}"
    key: Any = json.loads(said)  # Any: null or a key, from ourselves
    if key is None:
        return "no key made both tokens: they are by different keys, or by one with an unusual exponent"
    return RsaKey(int(key["n"], 16), key["e"])


def _awaited(process: subprocess.Popen[str], asked: str, end: float, tell: Callable[[], None]) -> tuple[str, str]:
    """What the process wrote. Raises subprocess.TimeoutExpired at the end."""
    given: str | None = asked
    while True:
        tell()
        left = end - time.monotonic()
        try:
            return process.communicate(given, timeout=max(min(_TOLD_SECONDS, left), 0))
        except subprocess.TimeoutExpired:
            given = None
            if time.monotonic() >= end:
                raise


def _signed(token: Token) -> Signed | str:
    """The token's signature and what it signs, or why no key can be computed of it."""
    algorithm, octets = token.header.get("alg"), len(token.signature)
    number = int.from_bytes(token.signature, "big")
    if algorithm not in ALGORITHMS:
        return f"a token by {one_line(str(algorithm), 20)} gives no key; by {', '.join(ALGORITHMS)} it would"
    if octets > LONGEST:
        return f"a signature of {octets} octets is longer than any of 4096 bits"
    if number <= 1:
        return f"the signature is the number {number}, which no key makes"
    try:
        return Signed(number, encoded(algorithm, ".".join(token.segments[:2]).encode(), octets))
    except ValueError as error:
        return str(error)


def _uint(number: int) -> str:
    """Base64urlUInt (RFC 7518 section 2)."""
    return base64url(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _unlike(one: Token, two: Token, first: Signed, second: Signed) -> str:
    """Why the two have no key in common, or nothing."""
    if first.encoded == second.encoded or first.signature == second.signature:
        return "two tokens are needed, and both are the same"
    if len(one.signature) != len(two.signature):
        return f"the tokens are by different keys: {len(one.signature)} and {len(two.signature)} octets of signature"
    return ""


def _source(token: Token) -> tuple[str, str]:
    """What tokens say of the key that they are by."""
    return one_line(str(token.payload.get("iss", "")), 100), str(token.header.get("kid", ""))
