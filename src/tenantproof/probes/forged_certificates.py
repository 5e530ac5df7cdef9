"""Certificates made after another: the same names and uses, over a key that is ours (RFC 5280)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tenantproof.model.errors import UsageError

Forged = tuple[bytes, bytes]
"""Certificates, the forged one first, and its key: PEM."""
_OF_A_KEY = (x509.AuthorityKeyIdentifier, x509.SubjectKeyIdentifier, x509.PrecertificateSignedCertificateTimestamps)
"""Extensions that another key makes untrue."""


def self_signed(der: bytes) -> Forged:
    """Signed by itself, as if nobody looked who vouches for it. Raises UsageError for what is no certificate."""
    like, key = _read(der), ec.generate_private_key(ec.SECP256R1())
    made = _builder(like, like.subject, key).sign(key, SHA256())
    return made.public_bytes(Encoding.PEM), _pem(key)


def by_a_namesake(der: bytes) -> Forged:
    """Signed by one who is called like the issuer, and comes along. Raises UsageError for what is no certificate."""
    like, key, issuer = _read(der), ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _started(like.issuer, like.issuer, issuer)
    root = root.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    made = _builder(like, like.issuer, key).sign(issuer, SHA256())
    chain = (made, root.sign(issuer, SHA256()))
    return b"".join(each.public_bytes(Encoding.PEM) for each in chain), _pem(key)


FORGERIES: Mapping[str, Callable[[bytes], Forged]] = {
    "self-signed": self_signed,
    "signed by a namesake of the issuer": by_a_namesake,
}
"""Ways to forge a certificate (DER), by what the forged one is."""


def _read(der: bytes) -> x509.Certificate:
    try:
        made = x509.load_der_x509_certificate(der)
        list(made.extensions)
    except (ValueError, x509.DuplicateExtension) as error:
        raise UsageError(
            f"certificates: a client certificate can't be read ({error}); name one as TLS takes it"
        ) from None
    return made


def _started(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
    )


def _builder(like: x509.Certificate, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    builder = _started(like.subject, issuer, key)
    for extension in like.extensions:
        if not isinstance(extension.value, _OF_A_KEY):
            builder = builder.add_extension(extension.value, extension.critical)
    return builder


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
