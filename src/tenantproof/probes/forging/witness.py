"""The witness: what a forged token changes, and that two verifiers which share no code refuse it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512

from tenantproof.clients.tokens import Claims, Token, base64url, unbase64
from tenantproof.probes.public_keys import PublicKey, public_key, verifies

_HASHES = {"256": SHA256(), "384": SHA384(), "512": SHA512()}
_SHOWN = 60


@dataclass(frozen=True)
class Testimony:
    """What is known of a token before it is sent: how it differs, and which verifiers would take it."""

    differs: tuple[str, ...]
    accepted_by: tuple[str, ...]

    @property
    def is_forgery(self) -> bool:
        """Whether it differs from the genuine token and nobody who knows the keys takes it."""
        return bool(self.differs) and not self.accepted_by


def witness_of(token: str, genuine: Token, keys: Iterable[Claims], algorithms: tuple[str, ...]) -> Testimony:
    """Compare a token with the genuine one and show it to both verifiers."""
    differs = tuple(differences(token, genuine)) if token != genuine.text else ()
    takers = []
    known = tuple(keys)
    if any(verifies(token, key, algorithms) for key in known):
        takers.append("PyJWT")
    if any(is_signed(token, key, algorithms) for key in known):
        takers.append("the strict reading")
    return Testimony(differs, tuple(takers))


def is_signed(token: str, jwk: Claims, algorithms: tuple[str, ...]) -> bool:
    """Whether it is a compact JWS with one of the algorithms and a signature by the key, every octet in its place."""
    segments = token.split(".")
    if len(segments) != 3:
        return False
    try:
        header, claims, signature = (_canonical(segment) for segment in segments)
        members, _ = _object(header), _object(claims)
    except ValueError:
        return False
    algorithm, key = members.get("alg"), public_key(jwk)
    if not isinstance(algorithm, str) or algorithm not in algorithms or key is None or "crit" in members:
        return False
    return _fits(key, algorithm, token.rpartition(".")[0].encode(), signature)


def _fits(key: PublicKey, algorithm: str, message: bytes, signature: bytes) -> bool:
    digest = _HASHES.get(algorithm[-3:], SHA256())
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, message)
            return algorithm == "EdDSA"
        if isinstance(key, rsa.RSAPublicKey):
            scheme = (
                padding.PSS(padding.MGF1(digest), digest.digest_size) if algorithm[0] == "P" else padding.PKCS1v15()
            )
            key.verify(signature, message, scheme, digest)
            return algorithm[:2] in {"RS", "PS"}
        length = (key.curve.key_size + 7) // 8
        if len(signature) != 2 * length:
            return False
        r, s = (int.from_bytes(half, "big") for half in (signature[:length], signature[length:]))
        key.verify(utils.encode_dss_signature(r, s), message, ec.ECDSA(digest))
    except InvalidSignature:
        return False
    return algorithm.startswith("ES")


def differences(token: str, genuine: Token) -> Iterator[str]:
    """How the token differs from the genuine one: in its header, its claims, its signature, or its very form."""
    segments = token.split(".")
    if len(segments) != 3:
        yield f"{len(segments)} segments instead of 3"
        return
    for name, segment, was in zip(("header", "claims"), segments, (genuine.header, genuine.payload), strict=False):
        yield from _member_differences(name, segment, was)
    if segments[2] != genuine.segments[2]:
        yield "signature"


def _member_differences(name: str, segment: str, was: Claims) -> Iterator[str]:
    try:
        now: Any = json.loads(unbase64(segment))  # Any: a forgery may say anything
    except (ValueError, RecursionError):
        yield f"{name}: unreadable"
        return
    if not isinstance(now, dict):
        yield f"{name}: no object"
        return
    for member in sorted({*now, *was}):
        if now.get(member, ...) != was.get(member, ...):
            yield f"{name}.{member}: {_shown(was, member)} -> {_shown(now, member)}"[: 3 * _SHOWN]
    if now == was and base64url(json.dumps(now, separators=(",", ":")).encode()) != segment:
        yield f"{name}: other octets"


def _shown(members: Mapping[str, Any], name: str) -> str:
    return repr(members[name])[:_SHOWN] if name in members else "absent"


def _canonical(segment: str) -> bytes:
    data = unbase64(segment)
    if base64url(data) != segment:
        raise ValueError("not the canonical base64url of its octets")
    return data


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data.decode(), object_pairs_hook=_unique)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("no object")  # noqa: TRY004  # a parse error like any other
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is named twice")
    return members
