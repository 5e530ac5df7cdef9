"""What a forger publishes at the addresses that his tokens name (families F and G)."""

from __future__ import annotations

import base64
import json
from urllib.parse import parse_qs, urlsplit

from tenantproof.clients.listener import Said
from tenantproof.probes.forging.fetched_keys import KEY_ID
from tenantproof.probes.forging.material import own_keys
from tenantproof.probes.forging.raw import jwk


def published(url: str, target: str, kids: tuple[str, ...] = ()) -> Said:
    """The answer to a request: metadata, a certificate, a key, or the key set; under the issuer's `kids` as well."""
    parts = urlsplit(target)
    if "/redirect/" in parts.path:
        return Said(location=f"{url}/{parts.path.partition('/redirect/')[2]}")
    if "url" in (query := parse_qs(parts.query)):
        return Said(location=query["url"][0])
    if "empty" in parts.query:
        return Said()
    if parts.path.endswith("/.well-known/openid-configuration"):
        issuer = url + parts.path.removesuffix("/.well-known/openid-configuration")
        return Said(json.dumps({"issuer": issuer, "jwks_uri": f"{issuer}/jwks.json"}).encode())
    if parts.path.endswith(".pem"):
        return Said(_pem(own_keys().certificate), "application/x-pem-file")
    key = {**jwk(own_keys().ec), "alg": "ES256"}
    if parts.path.endswith("/jwk.json"):
        return Said(json.dumps({**key, "kid": KEY_ID}).encode())
    return Said(json.dumps({"keys": [{**key, "kid": kid} for kid in (KEY_ID, *kids)]}).encode())


def _pem(der: bytes) -> bytes:
    body = base64.encodebytes(der).decode()
    return f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n".encode()
