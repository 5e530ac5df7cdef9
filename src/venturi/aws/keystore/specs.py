"""What each key spec is for (KMS Developer Guide, Key spec reference): its usages and its algorithms."""

from __future__ import annotations

from dataclasses import dataclass

from venturi.aws.faults import AwsFault

SYMMETRIC = "SYMMETRIC_DEFAULT"
_OAEP = ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256")
_RSA_SIGNING = tuple(f"RSASSA_{kind}_SHA_{bits}" for kind in ("PSS", "PKCS1_V1_5") for bits in (256, 384, 512))
_ABSENT = frozenset(
    {"SM2", "ML_DSA_44", "ML_DSA_65", "ML_DSA_87", "ML_KEM_512", "ML_KEM_768", "ML_KEM_1024"}
)  # fmt: skip


@dataclass(frozen=True)
class Spec:
    """One key spec. `algorithms`: usage to the algorithms that KMS lists for it."""

    name: str
    algorithms: dict[str, tuple[str, ...]]
    material_bytes: int = 0
    """Length of symmetric material; 0: an asymmetric pair."""

    @property
    def is_symmetric(self) -> bool:
        """Whether this is the one spec that encrypts with an encryption context and can be rotated."""
        return self.name == SYMMETRIC


def _curve(name: str, bits: int, *, agrees: bool = True) -> Spec:
    usages: dict[str, tuple[str, ...]] = {"SIGN_VERIFY": (f"ECDSA_SHA_{bits}",)}
    return Spec(name, usages | ({"KEY_AGREEMENT": ("ECDH",)} if agrees else {}))


SPECS = {
    spec.name: spec
    for spec in (
        Spec(SYMMETRIC, {"ENCRYPT_DECRYPT": (SYMMETRIC,)}, 32),
        *(Spec(f"RSA_{bits}", {"ENCRYPT_DECRYPT": _OAEP, "SIGN_VERIFY": _RSA_SIGNING}) for bits in (2048, 3072, 4096)),
        _curve("ECC_NIST_P256", 256),
        _curve("ECC_NIST_P384", 384),
        _curve("ECC_NIST_P521", 512),
        _curve("ECC_SECG_P256K1", 256, agrees=False),
        Spec("ECC_NIST_EDWARDS25519", {"SIGN_VERIFY": ("ED25519_SHA_512",)}),
        *(
            Spec(f"HMAC_{bits}", {"GENERATE_VERIFY_MAC": (f"HMAC_SHA_{bits}",)}, bits // 8)
            for bits in (224, 256, 384, 512)
        ),
    )
}

# Operations that a key of a usage takes, which are also those that a grant on it can allow.
OPERATIONS_OF = {
    "ENCRYPT_DECRYPT": frozenset({"Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo"}),
    "SIGN_VERIFY": frozenset({"Sign", "Verify"}),
    "KEY_AGREEMENT": frozenset({"DeriveSharedSecret"}),
    "GENERATE_VERIFY_MAC": frozenset({"GenerateMac", "VerifyMac"}),
}
_DATA_KEYS = frozenset(
    {"GenerateDataKey", "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext", "GenerateDataKeyWithoutPlaintext"}
)
_ALWAYS = frozenset({"CreateGrant", "DescribeKey", "RetireGrant"})


def spec_for(name: str, usage: str) -> Spec:
    """The spec, if it may be used so. Raises AwsFault: UnsupportedOperationException, ValidationException."""
    if name in _ABSENT:
        raise AwsFault("UnsupportedOperationException", f"Key spec {name} is not offered in this Region.")
    spec = SPECS.get(name)
    if spec is None:
        raise AwsFault("ValidationException", f"Value '{name}' at 'keySpec' failed to satisfy constraint.")
    if usage not in spec.algorithms:
        raise AwsFault("ValidationException", f"The operation failed because the KeyUsage value of {usage} "
                       f"is not valid for {name}.")  # fmt: skip
    return spec


def grantable(spec: str, usage: str) -> frozenset[str]:
    """The operations that a grant on such a key can allow."""
    allowed = OPERATIONS_OF[usage] | _ALWAYS
    if spec == SYMMETRIC:
        return allowed | _DATA_KEYS
    return allowed if spec.startswith("HMAC") else allowed | {"GetPublicKey"}
