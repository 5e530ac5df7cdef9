"""A token as a careless verifier sees it: everything decoded that can be, nothing believed or refused yet."""

from __future__ import annotations

import base64
import hmac
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512

from tenantproof.probes.forging.families import Forgery
from tenantproof.probes.forging.material import Material
from tenantproof.probes.forging.raw import PrivateKey

HASHES = {"256": SHA256(), "384": SHA384(), "512": SHA512()}


def lenient(text: str) -> bytes:
    """What base64url text may mean, whatever else stands in it."""
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return b""


@dataclass(frozen=True)
class Seen:
    """One sending: the token, how it travelled, and the material that the verifier knows the public side of."""

    forgery: Forgery
    m: Material

    @property
    def token(self) -> str:
        return self.forgery.token

    @cached_property
    def segments(self) -> list[str]:
        return self.token.split(".")

    @cached_property
    def n(self) -> int:
        return len(self.segments)

    @cached_property
    def head(self) -> bytes:
        return lenient(self.segments[0])

    @cached_property
    def body(self) -> bytes:
        return lenient(self.segments[1]) if self.n > 1 else b""

    @cached_property
    def h(self) -> dict[str, Any]:  # JSON
        return _object(self.head)

    @cached_property
    def c(self) -> dict[str, Any]:  # JSON
        return _object(self.body)

    @property
    def alg(self) -> Any:  # JSON
        return self.h.get("alg", ...)

    @property
    def kid(self) -> Any:  # JSON
        return self.h.get("kid", ...)

    @cached_property
    def sigtext(self) -> str:
        return self.segments[2] if self.n > 2 else ""

    @cached_property
    def sig(self) -> bytes:
        return lenient(self.sigtext)

    @cached_property
    def signed(self) -> bytes:
        return ".".join(self.segments[:2]).encode()

    @property
    def kept(self) -> bool:
        """The signature is the genuine token's."""
        return bool(self.sig) and self.sig == self.m.kept

    @property
    def same_body(self) -> bool:
        """Header and payload are the genuine token's."""
        return self.segments[:2] == list(self.m.base.segments[:2])

    @property
    def plain(self) -> bool:
        """The header has the genuine token's members but for alg."""
        return {**self.h, "alg": 0} == {**self.m.header, "alg": 0}

    def mac(self, key: bytes, message: bytes | None = None, bits: str = "") -> bool:
        """The signature is the HMAC that the header names, or that of `bits`."""
        width = bits or (str(self.alg)[2:] if str(self.alg).startswith("HS") else "")
        if width not in HASHES or not self.sig:
            return False
        return hmac.compare_digest(self.sig, hmac.digest(key, message or self.signed, f"sha{width}"))

    def by(self, key: PrivateKey, message: bytes | None = None, alg: str = "") -> bool:
        """The signature is by a key, with the algorithm that the header names."""
        name, text, public = alg or str(self.alg), message or self.signed, key.public_key()
        digest = HASHES.get(name[-3:], SHA256())
        try:
            if isinstance(public, ed25519.Ed25519PublicKey):
                public.verify(self.sig, text)
                return name == "EdDSA"
            if isinstance(public, rsa.RSAPublicKey):
                pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
                public.verify(self.sig, text, pss if name[:1] == "P" else padding.PKCS1v15(), digest)
                return name[:2] in {"RS", "PS"}
            r, s = (int.from_bytes(half, "big") for half in (self.sig[:32], self.sig[32:]))
            public.verify(utils.encode_dss_signature(r, s), text, ec.ECDSA(digest))
        except (InvalidSignature, ValueError):
            return False
        return name == "ES256"

    @property
    def by_own(self) -> bool:
        """The signature is by one of the forger's keys."""
        return any(self.by(key) for key in (self.m.own.ec, self.m.own.rsa, self.m.own.ed))

    @cached_property
    def json(self) -> dict[str, Any]:
        """The token as a JSON serialization."""
        return _object(self.token.encode())


def _object(data: bytes) -> dict[str, Any]:
    for encoding in ("utf-8-sig", "utf-16", "utf-32"):
        try:
            value = json.loads(data.decode(encoding))
        except (ValueError, RecursionError):
            continue
        return value if isinstance(value, dict) else {}
    return {}
