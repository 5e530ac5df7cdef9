"""The certificate that a target shows to whoever connects by TLS."""

from __future__ import annotations

import ssl
from urllib.parse import urlsplit

_SECONDS = 10


def certificate_of(url: str) -> bytes:
    """The server's certificate (DER); empty when the URL is not https, or nobody shows one in time.

    It is only looked at: every request that is sent verifies it besides.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        return b""
    try:
        text = ssl.get_server_certificate((parts.hostname, parts.port or 443), timeout=_SECONDS)
    except OSError:
        return b""
    return ssl.PEM_cert_to_DER_cert(text)
