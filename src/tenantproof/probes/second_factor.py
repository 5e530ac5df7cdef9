"""Signs challenges with a lent second factor, and, for near misses, with the wrong one or for the wrong thing."""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tenantproof.clients.secrets import reveal
from tenantproof.clients.tokens import base64url
from tenantproof.model.errors import UsageError
from tenantproof.model.legal_path import FACTOR_MESSAGE
from tenantproof.model.profile import Principal

_P256_BYTES = 32


def assertion(
    principal: Principal,
    who: str,
    *,
    verb: str,
    request: str,
    digest: str,
    challenge: str,
    message: str = FACTOR_MESSAGE,
) -> dict[str, str]:
    """The `mfa` member of a step: the challenge and an ES256 signature (RFC 7518 section 3.4) over what it is for.

    `message` is what is signed, with the placeholders {step}, {id}, {digest} and {challenge}.

    Raises UsageError when the principal has no second factor, or its key is no P-256 key.
    """
    if principal.mfa is None:
        raise UsageError(f"{who} has no mfa in the profile; lend the second factor that its steps need")
    key = load_pem_private_key(reveal(principal.mfa.key, who).encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise UsageError(f"the second factor of {who} is no P-256 key; assertion-es256 needs one")
    said = message
    for name, value in {"step": verb, "id": request, "digest": digest, "challenge": challenge}.items():
        said = said.replace(f"{{{name}}}", value)
    r, s = decode_dss_signature(key.sign(said.encode(), ec.ECDSA(hashes.SHA256())))
    signature = r.to_bytes(_P256_BYTES, "big") + s.to_bytes(_P256_BYTES, "big")
    return {"challenge": challenge, "signature": base64url(signature)}
