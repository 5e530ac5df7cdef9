"""A certificate authority for tests: client certificates of tenants, in files as a profile names them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tenantproof.model.certificates_profile import Certificate


class Authority:
    """Signs certificates and keeps them, their keys and its own certificate in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key, self._name = ec.generate_private_key(ec.SECP256R1()), named("Clients")
        root = _started(self._name, self._name, self._key)
        root = root.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.root = root.sign(self._key, SHA256()).public_bytes(Encoding.PEM).decode()

    def certificate(self, tenant: str) -> Certificate:
        """A new certificate of a tenant, which is its common name and stands among its URIs."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = _started(named(tenant), self._name, key)
        made = made.add_extension(
            x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"urn:tenant:{tenant}")]), critical=False
        )
        files = Certificate(certificate=str(self.folder / f"{tenant}.pem"), key=str(self.folder / f"{tenant}.key"))
        Path(files.certificate).write_bytes(made.sign(self._key, SHA256()).public_bytes(Encoding.PEM))
        Path(files.key).write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return files


def named(name: str) -> x509.Name:
    """What a certificate calls somebody."""
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def name_in(der: bytes) -> str:
    """Whom a certificate names, or nobody."""
    if not der:
        return ""
    return str(x509.load_der_x509_certificate(der).subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value)


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
