"""Family K: other serializations, tokens inside of tokens, and encrypted tokens where a signed one is due."""

from __future__ import annotations

import os
from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash

from tenantproof.clients.tokens import base64url
from tenantproof.probes.forging.families import Family, Variants
from tenantproof.probes.forging.material import Material
from tenantproof.probes.forging.raw import Json, compact, jwk, maced, octets, signed, signing_input
from tenantproof.probes.public_keys import public_key

FAMILY = Family("K", "structure")


def _json(value: Json) -> str:
    return octets(value).decode()


@FAMILY.of("J128", "JSON serialization, flattened", "RFC 7515 7.2; RFC 7519 7.2")
def _flattened(material: Material) -> Variants:
    payload = base64url(octets(material.payload))
    for name, header, signature in (
        ("no signature", material.head(alg="none"), ""),
        ("claims of its own, the signature kept", material.header, base64url(material.kept)),
    ):
        claims = payload if name == "no signature" else base64url(octets(material.claims(jti="forged")))
        yield name, _json({"payload": claims, "protected": base64url(octets(header)), "signature": signature})


@FAMILY.of("J129", "JSON serialization with a second signature", "RFC 7515 7.2.1")
def _general(material: Material) -> Variants:
    payload = base64url(octets(material.claims(jti="forged")))
    genuine = {"protected": material.base.segments[0], "signature": base64url(material.kept)}
    none = {"protected": base64url(octets(material.head(alg="none"))), "signature": ""}
    own = signed(material.head(jwk=jwk(material.own.ec)), material.payload, material.own.ec)
    mine = {"protected": own.split(".")[0], "signature": own.split(".")[2]}
    for name, pair in (("none first", [none, genuine]), ("none last", [genuine, none]), ("its own", [genuine, mine])):
        yield name, _json({"payload": payload, "signatures": pair})


@FAMILY.of("J130", "JSON serialization with alg outside", "RFC 7515 7.2.1")
def _unprotected(material: Material) -> Variants:
    payload = base64url(octets(material.payload))
    yield "alg none outside", _json({"payload": payload, "header": {"alg": "none"}, "signature": ""})
    yield (
        "alg none outside, the protected header kept",
        _json(
            {
                "payload": payload,
                "protected": material.base.segments[0],
                "header": {"alg": "none"},
                "signature": base64url(material.kept),
            }
        ),
    )


@FAMILY.of("J131", "compact and JSON at once", "CVE-2022-39227")
def _polyglot(material: Material) -> Variants:
    header, payload, _ = material.base.segments
    fake, kept = base64url(octets(material.claims(jti="forged"))), base64url(material.kept)
    whole = '{"  ' + header + "." + fake + '.":"","protected":"' + header + '", "payload":"' + payload
    yield "the forged claims first", whole + '","signature":"' + kept + '"}'
    yield "dots in a member", _json({"payload": payload, "protected": header, "signature": f"{kept}.{fake}.x"})


@FAMILY.of("J132", "a token inside of a token, unsigned", "RFC 7519 11.2; RFC 8725 2.3, 3.3")
def _nested_none(material: Material) -> Variants:
    inner = compact(material.head(alg="none"), material.payload, b"")
    outer = material.head(cty="JWT")
    yield "the signature kept", material.kept_under(outer, inner.encode())
    yield "a key of its own", signed(outer, inner.encode(), material.key_of(material.algorithm))


@FAMILY.of("J133", "a token inside of a token, by the empty key", "RFC 8725 3.3")
def _nested_empty(material: Material) -> Variants:
    inner = maced(material.header, material.payload, b"")
    yield "no signature", compact(material.head(alg="none", cty="JWT"), inner.encode(), b"")
    yield "the empty key twice", maced(material.head(cty="JWT"), inner.encode(), b"")


@FAMILY.of("J134", "encrypted to the public key instead of signed", "CVE-2023-51774", "public key")
def _encrypted(material: Material) -> Variants:
    for key in material.named:
        if isinstance(public := public_key(key), ec.EllipticCurvePublicKey):
            yield "ECDH-ES of the claims", _ecdh_es(material, public, octets(material.payload), {})
            inner = compact(material.head(alg="none"), material.payload, b"").encode()
            yield "ECDH-ES of an unsigned token", _ecdh_es(material, public, inner, {"cty": "JWT"})


@FAMILY.of("J135", "encrypted by the empty key", "RFC 7516 5.2")
def _direct(material: Material) -> Variants:
    for name, key in (("zeros", bytes(16)), ("16 spaces", b" " * 16)):
        header = base64url(octets(_encrypting(material, {"alg": "dir", "enc": "A128GCM"})))
        yield f"dir with {name} for a key", f"{header}..{_sealed(key, header, octets(material.payload))}"
    header = base64url(octets(_encrypting(material, {"alg": "dir", "enc": "A128GCM"})))
    yield "dir with nothing at all", f"{header}...."


@FAMILY.of("J136", "key management of yesterday", "RFC 8725 3.2")
def _downgraded(material: Material) -> Variants:
    for algorithm in ("RSA1_5", "RSA-OAEP", "A128KW"):
        header = base64url(octets(_encrypting(material, {"alg": algorithm, "enc": "A128GCM"})))
        yield algorithm, f"{header}.{base64url(bytes(256))}.{_sealed(bytes(16), header, octets(material.payload))}"


@FAMILY.of("J137", "a password stretched without end", "RFC 7518 8.1")
def _stretched(material: Material) -> Variants:
    for count in (1, 2_000_000_000):
        members = {"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2s": base64url(bytes(16)), "p2c": count}
        header = base64url(octets(_encrypting(material, members)))
        yield f"p2c {count}", f"{header}.{base64url(bytes(24))}.{_sealed(bytes(16), header, octets(material.payload))}"


@FAMILY.of("J138", "a point that is not on the curve", "RFC 8725 2.5, 3.4")
def _off_the_curve(material: Material) -> Variants:
    for name, x, y in (("zero", 0, 0), ("one", 1, 1)):
        point = {"kty": "EC", "crv": "P-256", "x": base64url(x.to_bytes(32)), "y": base64url(y.to_bytes(32))}
        header = base64url(octets(_encrypting(material, {"alg": "ECDH-ES", "enc": "A128GCM", "epk": point})))
        yield f"the point {name}", f"{header}..{_sealed(bytes(16), header, octets(material.payload))}"


@FAMILY.of("J139", "padding that tells", "RFC 7516 11.5")
def _padded(material: Material) -> Variants:
    for name, last in (("good", 16), ("bad", 17)):
        header = base64url(octets(_encrypting(material, {"alg": "dir", "enc": "A128CBC-HS256"})))
        block = base64url(bytes([last]) * 16)
        yield f"{name} padding, no tag", f"{header}..{base64url(bytes(16))}.{block}.{base64url(bytes(16))}"


@FAMILY.of("J140", "enc in a signed token", "RFC 7516 9")
def _with_enc(material: Material) -> Variants:
    header = material.head(enc="A128GCM")
    yield "the signature kept", material.kept_under(header)
    yield "no signature", compact({**header, "alg": "dir"}, material.payload, b"")


@FAMILY.of("J141", "the payload detached", "RFC 7515 F")
def _detached(material: Material) -> Variants:
    header = material.base.segments[0]
    own = signed(material.header, material.payload, material.key_of(material.algorithm))
    yield "a key of its own", f"{header}..{own.split('.')[2]}"
    yield "no signature", f"{signing_input(material.head(alg='none'), b'')}."


def _encrypting(material: Material, members: Mapping[str, object]) -> dict[str, object]:
    kept = {name: value for name, value in material.header.items() if name in {"typ", "kid"}}
    return {**kept, **members}


def _sealed(key: bytes, header: str, plain: bytes) -> str:
    """The three last segments of a JWE (RFC 7516 section 7.1), by AES-GCM."""
    nonce = os.urandom(12)
    both = AESGCM(key).encrypt(nonce, plain, header.encode())
    return f"{base64url(nonce)}.{base64url(both[:-16])}.{base64url(both[-16:])}"


def _ecdh_es(material: Material, public: ec.EllipticCurvePublicKey, plain: bytes, more: dict[str, object]) -> str:
    """A JWE by ECDH-ES to a P-256 key (RFC 7518 section 4.6)."""
    ephemeral = ec.generate_private_key(public.curve)
    members = {"alg": "ECDH-ES", "enc": "A128GCM", "epk": {k: v for k, v in jwk(ephemeral).items() if k != "use"}}
    header = base64url(octets(_encrypting(material, {**members, **more})))
    name = b"A128GCM"
    info = len(name).to_bytes(4) + name + bytes(4) + bytes(4) + (128).to_bytes(4)
    key = ConcatKDFHash(SHA256(), 16, info).derive(ephemeral.exchange(ec.ECDH(), public))
    return f"{header}..{_sealed(key, header, plain)}"
