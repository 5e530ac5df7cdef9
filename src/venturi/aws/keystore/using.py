"""Cryptographic operations of KMS (KMS API Reference)."""

from __future__ import annotations

import hmac
import os
from typing import TYPE_CHECKING, Any

from venturi.aws.faults import AwsFault
from venturi.aws.keystore import pairs
from venturi.aws.keystore.order import Answer, Order, b64
from venturi.aws.keystore.sealing import ID_BYTES, seal, unseal
from venturi.aws.keystore.specs import SPECS, SYMMETRIC

if TYPE_CHECKING:
    from venturi.aws.keystore.records import Key

_LENGTHS = {"AES_128": 16, "AES_256": 32}


def encrypt(order: Order) -> Answer:
    """Encrypt."""
    key, plaintext = order.key, order.blob("Plaintext")
    if key.spec == SYMMETRIC:
        sealed = seal(key, plaintext, order.context())
        return {"CiphertextBlob": b64(sealed), "KeyId": key.arn, "EncryptionAlgorithm": SYMMETRIC}
    algorithm = _algorithm(key, order.text("EncryptionAlgorithm"), "ENCRYPT_DECRYPT")
    sealed = key.family.pair.public_key().encrypt(plaintext, pairs.oaep(algorithm))
    return {"CiphertextBlob": b64(sealed), "KeyId": key.arn, "EncryptionAlgorithm": algorithm}


def decrypt(order: Order) -> Answer:
    """Decrypt."""
    key, blob = order.key, order.blob("CiphertextBlob")
    if key.spec == SYMMETRIC:
        opened, version = unseal(key, blob, order.context())
        answer = {"KeyId": key.arn, "Plaintext": b64(opened), "EncryptionAlgorithm": SYMMETRIC}
        return answer | {"KeyMaterialId": version.id}
    algorithm = _algorithm(key, order.text("EncryptionAlgorithm"), "ENCRYPT_DECRYPT")
    try:
        opened = key.family.pair.decrypt(blob, pairs.oaep(algorithm))
    except ValueError:
        raise AwsFault("InvalidCiphertextException", "The ciphertext was not made with this key.") from None
    return {"KeyId": key.arn, "Plaintext": b64(opened), "EncryptionAlgorithm": algorithm}


def re_encrypt(order: Order) -> Answer:
    """ReEncrypt, from one symmetric key to another."""
    blob = order.blob("CiphertextBlob")
    source = order.store.at(blob[:ID_BYTES].decode("ascii", "replace"), order.region)
    if source is None:
        raise AwsFault("InvalidCiphertextException", "The ciphertext was made under no key that we know.")
    opened, version = unseal(source, blob, order.context("SourceEncryptionContext"))
    sealed = seal(order.key, opened, order.context("DestinationEncryptionContext"))
    return {
        "CiphertextBlob": b64(sealed),
        "SourceKeyId": source.arn,
        "KeyId": order.key.arn,
        "SourceEncryptionAlgorithm": SYMMETRIC,
        "DestinationEncryptionAlgorithm": SYMMETRIC,
        "SourceKeyMaterialId": version.id,
        "DestinationKeyMaterialId": order.key.current.id,
    }


def generate_data_key(order: Order) -> Answer:
    """GenerateDataKey and GenerateDataKeyWithoutPlaintext."""
    spec, count = order.text("KeySpec"), order.params.get("NumberOfBytes")
    if (spec == "") == (count is None):
        raise AwsFault("ValidationException", "Please specify either number of bytes or key spec.")
    plaintext = os.urandom(_LENGTHS[spec] if spec else int(count or 0))
    sealed = seal(order.key, plaintext, order.context())
    answer = {"CiphertextBlob": b64(sealed), "KeyId": order.key.arn, "KeyMaterialId": order.key.current.id}
    return answer if order.action.endswith("WithoutPlaintext") else answer | {"Plaintext": b64(plaintext)}


def generate_data_key_pair(order: Order) -> Answer:
    """GenerateDataKeyPair and GenerateDataKeyPairWithoutPlaintext."""
    spec = order.text("KeyPairSpec")
    if spec not in SPECS or SPECS[spec].material_bytes:
        raise AwsFault("UnsupportedOperationException", f"Data key pairs of spec {spec} are not offered here.")
    pair = pairs.new_pair(spec)
    private = pairs.private_der(pair)
    answer = {
        "PrivateKeyCiphertextBlob": b64(seal(order.key, private, order.context())),
        "PublicKey": b64(pairs.public_der(pair)),
        "KeyId": order.key.arn,
        "KeyPairSpec": spec,
        "KeyMaterialId": order.key.current.id,
    }
    return answer if order.action.endswith("WithoutPlaintext") else answer | {"PrivateKeyPlaintext": b64(private)}


def generate_random(order: Order) -> Answer:
    """GenerateRandom."""
    count = order.params.get("NumberOfBytes")
    if count is None:
        raise AwsFault("ValidationException", "NumberOfBytes must be given.")
    return {"Plaintext": b64(os.urandom(int(count)))}


def generate_mac(order: Order) -> Answer:
    """GenerateMac."""
    algorithm = _algorithm(order.key, order.text("MacAlgorithm"), "GENERATE_VERIFY_MAC")
    return {"Mac": b64(_mac(order, algorithm)), "MacAlgorithm": algorithm, "KeyId": order.key.arn}


def verify_mac(order: Order) -> Answer:
    """VerifyMac."""
    algorithm = _algorithm(order.key, order.text("MacAlgorithm"), "GENERATE_VERIFY_MAC")
    if not hmac.compare_digest(_mac(order, algorithm), order.blob("Mac")):
        raise AwsFault("KMSInvalidMacException", "The HMAC does not match.")
    return {"KeyId": order.key.arn, "MacValid": True, "MacAlgorithm": algorithm}


def sign(order: Order) -> Answer:
    """Sign."""
    algorithm = _algorithm(order.key, order.text("SigningAlgorithm"), "SIGN_VERIFY")
    made = pairs.sign(order.key.family.pair, order.blob("Message"), algorithm, is_digest=_is_digest(order))
    return {"KeyId": order.key.arn, "Signature": b64(made), "SigningAlgorithm": algorithm}


def verify(order: Order) -> Answer:
    """Verify."""
    algorithm = _algorithm(order.key, order.text("SigningAlgorithm"), "SIGN_VERIFY")
    message, signature = order.blob("Message"), order.blob("Signature")
    if not pairs.is_signed(order.key.family.pair, message, signature, algorithm, is_digest=_is_digest(order)):
        raise AwsFault("KMSInvalidSignatureException", "The signature does not match.")
    return {"KeyId": order.key.arn, "SignatureValid": True, "SigningAlgorithm": algorithm}


def get_public_key(order: Order) -> Answer:
    """GetPublicKey."""
    key = order.key
    if key.family.pair is None:
        raise AwsFault("UnsupportedOperationException", f"{key.arn} has no public key.")
    names = {"ENCRYPT_DECRYPT": "EncryptionAlgorithms", "SIGN_VERIFY": "SigningAlgorithms",
             "KEY_AGREEMENT": "KeyAgreementAlgorithms"}  # fmt: skip
    said: Answer = {"KeyId": key.arn, "PublicKey": b64(pairs.public_der(key.family.pair)), "KeySpec": key.spec}
    return said | {
        "CustomerMasterKeySpec": key.spec,
        "KeyUsage": key.usage,
        names[key.usage]: list(SPECS[key.spec].algorithms[key.usage]),
    }


def derive_shared_secret(order: Order) -> Answer:
    """DeriveSharedSecret."""
    agreed = pairs.shared_secret(order.key.family.pair, order.blob("PublicKey"))
    return {"KeyId": order.key.arn, "SharedSecret": b64(agreed), "KeyAgreementAlgorithm": "ECDH",
            "KeyOrigin": order.key.origin}  # fmt: skip


def require_usage(order: Order, key: Key) -> None:
    """Refuse to use a key for what it is not for. Raises AwsFault: InvalidKeyUsageException, ValidationException."""
    wanted = _WANTED.get(order.action)
    if wanted is None:
        return
    if key.usage != wanted:
        raise AwsFault("InvalidKeyUsageException", f"{key.arn} key usage is {key.usage} which is not valid for "
                       f"{order.action}.")  # fmt: skip
    if key.spec != SYMMETRIC and (order.action.startswith("GenerateDataKey") or order.params.get("EncryptionContext")):
        raise AwsFault("InvalidKeyUsageException" if "DataKey" in order.action else "ValidationException",
                       f"{order.action} with these parameters needs a symmetric encryption key.")  # fmt: skip
    if order.params.get("Recipient"):
        raise AwsFault("UnsupportedOperationException", "There are no enclaves here that could be the Recipient.")


_WANTED = {
    name: usage
    for usage, names in {
        "ENCRYPT_DECRYPT": ("Encrypt", "Decrypt", "ReEncrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext",
                            "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"),
        "SIGN_VERIFY": ("Sign", "Verify"),
        "GENERATE_VERIFY_MAC": ("GenerateMac", "VerifyMac"),
        "KEY_AGREEMENT": ("DeriveSharedSecret",),
    }.items()
    for name in names
}  # fmt: skip


def _algorithm(key: Key, named: str, usage: str) -> str:
    offered = SPECS[key.spec].algorithms[usage]
    if named not in offered:
        raise AwsFault("InvalidKeyUsageException", f"Algorithm {named or 'none'} is not one of {key.spec}'s.")
    return named


def _is_digest(order: Order) -> bool:
    return order.text("MessageType", "RAW") == "DIGEST"


def _mac(order: Order, algorithm: str) -> bytes:
    digest: Any = f"sha{algorithm.rpartition('_')[2]}"
    return hmac.new(order.key.current.secret, order.blob("Message"), digest).digest()
