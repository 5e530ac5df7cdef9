"""Asymmetric pairs of the kinds that KMS has: made, signed with, verified with, and agreed on a secret with."""

from __future__ import annotations

from typing import Any, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
)

from venturi.aws.faults import AwsFault

Pair: TypeAlias = Any
"""A private key of `cryptography`; its kind is the spec's."""
_CURVES: dict[str, type[ec.EllipticCurve]] = {
    "ECC_NIST_P256": ec.SECP256R1,
    "ECC_NIST_P384": ec.SECP384R1,
    "ECC_NIST_P521": ec.SECP521R1,
    "ECC_SECG_P256K1": ec.SECP256K1,
}
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "1": hashes.SHA1(),  # noqa: S303  # RSAES_OAEP_SHA_1 is what KMS calls it
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}


def new_pair(spec: str) -> Pair:
    """A fresh private key of this spec."""
    if spec.startswith("RSA_"):
        return rsa.generate_private_key(65537, int(spec.removeprefix("RSA_")))
    if spec in _CURVES:
        return ec.generate_private_key(_CURVES[spec]())
    return ed25519.Ed25519PrivateKey.generate()


def public_der(pair: Pair) -> bytes:
    """The public key as DER SubjectPublicKeyInfo."""
    der: bytes = pair.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return der


def private_der(pair: Pair) -> bytes:
    """The private key as DER PKCS#8."""
    der: bytes = pair.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return der


def oaep(algorithm: str) -> padding.OAEP:
    """RSAES_OAEP_SHA_1 or RSAES_OAEP_SHA_256."""
    chosen = _HASHES[algorithm.rpartition("_")[2]]
    return padding.OAEP(padding.MGF1(chosen), chosen, None)


def sign(pair: Pair, message: bytes, algorithm: str, *, is_digest: bool) -> bytes:
    """Sign a message, or its digest."""
    return bytes(pair.sign(message, *_arguments(message, algorithm, is_digest=is_digest)))


def is_signed(pair: Pair, message: bytes, signature: bytes, algorithm: str, *, is_digest: bool) -> bool:
    """Whether the signature is this key's over the message."""
    try:
        pair.public_key().verify(signature, message, *_arguments(message, algorithm, is_digest=is_digest))
    except InvalidSignature:
        return False
    return True


def shared_secret(pair: Pair, public: bytes) -> bytes:
    """ECDH with somebody's public key (DER). Raises AwsFault ValidationException for one of another kind."""
    try:
        other = load_der_public_key(public)
        agreed: bytes = pair.exchange(ec.ECDH(), other)
    except (ValueError, TypeError):
        raise AwsFault("ValidationException", "PublicKey is no public key on the curve of the KMS key.") from None
    return agreed


def _arguments(message: bytes, algorithm: str, *, is_digest: bool) -> tuple[Any, ...]:
    if algorithm.startswith("ED25519"):
        return ()
    chosen = _HASHES[algorithm.rpartition("_")[2]]
    if is_digest and len(message) != chosen.digest_size:
        raise AwsFault("ValidationException", f"Digest is invalid length for algorithm {algorithm}.")
    digest = Prehashed(chosen) if is_digest else chosen
    if algorithm.startswith("ECDSA"):
        return (ec.ECDSA(digest),)
    if "_PSS_" in algorithm:
        return padding.PSS(padding.MGF1(chosen), padding.PSS.DIGEST_LENGTH), digest
    return padding.PKCS1v15(), digest
