"""Client certificates: which one is shown for whom, in which TLS context; the keys stay in their files."""

from __future__ import annotations

import re
import ssl
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from tenantproof.model.certificates_profile import Certificates
from tenantproof.model.errors import UsageError

NONE = ""
"""The name of showing no certificate."""
_WHO = re.compile(r"(?:tenant )?([^/,]+)[/,]")
"""A tenant's id, at the beginning of who sends a request."""
_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


class ClientCertificates:
    """Those of the profile by the tenants' ids, and others under further names. Shown to every host that asks."""

    def __init__(self, table: Certificates | None = None) -> None:
        self._files = {
            name: (Path(each.certificate), Path(each.key)) for name, each in (table.tenants if table else {}).items()
        }
        self._otherwise = table.otherwise if table else NONE
        self._forged: dict[str, tuple[bytes, bytes]] = {}
        self.are_there = bool(self._files)

    def name_for(self, principal: str) -> str:
        """The name of what is shown for whoever sends a request, as requests name them."""
        if not self.are_there:
            return NONE
        found = _WHO.match(principal)
        return found[1] if found and found[1] in self._files else self._otherwise

    @property
    def somebodys(self) -> str:
        """The name of one that is let in, whosever it is."""
        return self._otherwise or next(iter(self._files), NONE)

    def add(self, name: str, certificates: bytes, key: bytes) -> None:
        """Show these (PEM) under a name of its own: certificates that nobody gave, by keys that are ours."""
        self._forged[name] = certificates, key

    def certificate(self, name: str) -> bytes:
        """A tenant's certificate (DER). Raises UsageError when it can't be read."""
        return _der(str(self._files[name][0]))

    def thumbprint(self, name: str) -> bytes:
        """The SHA-256 of a certificate, as in x5t#S256 (RFC 8705 section 3.1). Raises UsageError."""
        if name in self._forged:
            return sha256(ssl.PEM_cert_to_DER_cert(_first(self._forged[name][0].decode("ascii")))).digest()
        return sha256(self.certificate(name)).digest()

    def context(self, name: str, protocols: Sequence[str] = ()) -> ssl.SSLContext:
        """A new context that verifies servers and shows the certificate. Raises UsageError if its files won't do."""
        context = ssl.create_default_context()
        if protocols:
            context.set_alpn_protocols(list(protocols))
        if name in self._forged:
            _load_forged(context, *self._forged[name])
        elif name:
            _load(context, name, *self._files[name])
        return context


def _load(context: ssl.SSLContext, name: str, certificate: Path, key: Path) -> None:
    try:
        # Without a password: where there is one, OpenSSL would ask whoever sits at the terminal.
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except (OSError, ValueError) as error:
        why = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise UsageError(
            f"certificates.tenants.{name}: {certificate} and {key} can't be used ({why}); "
            f"name PEM files of a certificate and of its key, without a password"
        ) from None


def _load_forged(context: ssl.SSLContext, certificates: bytes, key: bytes) -> None:
    """OpenSSL's binding reads files alone; these are gone before anything is sent."""
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder) / "certificate.pem", Path(folder) / "key.pem"
        for file, octets in zip(files, (certificates, key), strict=True):
            file.write_bytes(octets)
        context.load_cert_chain(*files)


@lru_cache(maxsize=64)
def _der(file: str) -> bytes:
    try:
        return ssl.PEM_cert_to_DER_cert(_first(Path(file).read_text(encoding="ascii", errors="replace")))
    except (OSError, ValueError) as error:
        raise UsageError(f"certificates: {file} can't be read ({error}); name a file with a PEM certificate") from None


def _first(text: str) -> str:
    found = _BLOCK.search(text)
    if not found:
        raise ValueError("no certificate is in it")
    return found[0]
