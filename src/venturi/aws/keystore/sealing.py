"""Symmetric ciphertexts: the key's id, the version of its material, and AES-256-GCM bound to the encryption context."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from venturi.aws.faults import AwsFault
from venturi.aws.keystore.records import Key, Material

ID_BYTES = 36
"""A key's id stands first in a ciphertext, in ASCII."""
_VERSION_BYTES, _NONCE_BYTES = 16, 12
_HEAD = ID_BYTES + _VERSION_BYTES


def seal(key: Key, plaintext: bytes, context: Mapping[str, str]) -> bytes:
    """Encrypt under the key's current material."""
    head = key.id.encode() + bytes.fromhex(key.current.id)[:_VERSION_BYTES]
    nonce = os.urandom(_NONCE_BYTES)
    return head + nonce + AESGCM(key.current.secret).encrypt(nonce, plaintext, _bound(head, context))


def unseal(key: Key, blob: bytes, context: Mapping[str, str]) -> tuple[bytes, Material]:
    """Decrypt under whichever version the ciphertext names; a rotation keeps the ones before.

    Raises AwsFault: InvalidCiphertextException for another context or a changed byte; KMSInvalidStateException when the
    material is gone.
    """
    head, nonce, sealed = blob[:_HEAD], blob[_HEAD : _HEAD + _NONCE_BYTES], blob[_HEAD + _NONCE_BYTES :]
    version = next((each for each in key.family.materials if bytes.fromhex(each.id)[:_VERSION_BYTES]
                    == head[ID_BYTES:]), None)  # fmt: skip
    if version is None or head[:ID_BYTES] != key.id.encode():
        raise AwsFault("InvalidCiphertextException", "The ciphertext was not made under this key.")
    if not version.secret:
        raise AwsFault("KMSInvalidStateException", f"{key.arn} is pending import.")
    try:
        return AESGCM(version.secret).decrypt(nonce, sealed, _bound(head, context)), version
    except (InvalidTag, ValueError):
        raise AwsFault("InvalidCiphertextException", "The ciphertext or its encryption context is another.") from None


def _bound(head: bytes, context: Mapping[str, str]) -> bytes:
    # JSON keeps {a: bc} and {ab: c} apart.
    return head + json.dumps(dict(context), sort_keys=True).encode()
