"""Verification of AWS Signature Version 4 in the Authorization header (IAM User Guide, Signature Version 4)."""

from __future__ import annotations

import hashlib
import hmac
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import parse_qsl, quote, unquote

from venturi.aws.faults import AwsFault

SKEW_SECONDS = 300
_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>\w+)/(?P<day>\d{8})/(?P<region>[a-z0-9-]+)/(?P<service>[a-z0-9-]+)"
    r"/aws4_request, ?SignedHeaders=(?P<signed>[a-z0-9;_-]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True)
class Message:
    """An HTTP request as it was signed: header names in lower case, `target` as on the request line."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Credential:
    """What the Authorization header claims, before anything about it is proven."""

    access_key_id: str
    day: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str


def read_credential(headers: Mapping[str, str]) -> Credential:
    """Take the Authorization header apart.

    Raises AwsFault: MissingAuthenticationTokenException without one, IncompleteSignatureException for a misshapen one.
    """
    text = headers.get("authorization", "")
    if not text:
        raise AwsFault("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
    match = _HEADER.fullmatch(text.strip())
    if match is None:
        raise AwsFault("IncompleteSignatureException", "The Authorization header is not a Signature Version 4.", 403)
    return Credential(match["key"], match["day"], match["region"], match["service"],
                      tuple(match["signed"].split(";")), match["signature"])  # fmt: skip


def verify(message: Message, credential: Credential, secret: str, now: datetime) -> None:
    """Hold the request to its signature.

    Raises AwsFault InvalidSignatureException for a wrong signature, an unsigned x-amz header, another body, or a clock
    more than five minutes off.
    """
    stamp = _fresh(message.headers, credential, now)
    _require_signed(message.headers, credential.signed_headers)
    canonical = _canonical(message, credential, _payload_hash(message, credential))
    scope = f"{credential.day}/{credential.region}/{credential.service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = _signing_key(secret, credential.day, credential.region, credential.service)
    expected = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, credential.signature):
        raise _invalid("The request signature we calculated does not match the signature you provided.")


def _fresh(headers: Mapping[str, str], credential: Credential, now: datetime) -> str:
    stamp = headers.get("x-amz-date", "")
    try:
        moment = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise _invalid("The request carries no valid X-Amz-Date.") from None
    if stamp[:8] != credential.day:
        raise _invalid("The date in the credential scope does not match the date of the request.")
    if abs((now - moment).total_seconds()) > SKEW_SECONDS:
        raise _invalid(f"Signature expired: {stamp} is more than {SKEW_SECONDS} seconds off.")
    return stamp


def _require_signed(headers: Mapping[str, str], signed: tuple[str, ...]) -> None:
    unsigned = [name for name in headers if name.startswith("x-amz-") and name not in signed]
    if "host" not in signed or unsigned:
        raise _invalid(f"Host and every x-amz header must be signed; these are not: {unsigned or ['host']}.")


def _payload_hash(message: Message, credential: Credential) -> str:
    actual = hashlib.sha256(message.body).hexdigest()
    claimed = message.headers.get("x-amz-content-sha256", "" if credential.service == "s3" else actual)
    if not hmac.compare_digest(claimed.encode(), actual.encode()):
        raise _invalid("The body does not have the SHA-256 that was signed.")
    return actual


def _canonical(message: Message, credential: Credential, payload_hash: str) -> str:
    path, _, query = message.target.partition("?")
    headers = "".join(f"{name}:{' '.join(message.headers.get(name, '').split())}\n"
                      for name in credential.signed_headers)  # fmt: skip
    parts = (message.method, _canonical_path(path, credential.service), _canonical_query(query), headers,
             ";".join(credential.signed_headers), payload_hash)  # fmt: skip
    return "\n".join(parts)


def _canonical_path(path: str, service: str) -> str:
    if service == "s3":  # object names are taken literally and encoded once
        return quote(unquote(path), safe="/-_.~") or "/"
    slash = "/" if path.endswith("/") and len(path) > 1 else ""
    return quote(posixpath.normpath(path or "/").replace("//", "/") + slash, safe="/-_.~")


def _canonical_query(query: str) -> str:
    pairs = parse_qsl(query.replace("+", "%2B"), keep_blank_values=True)
    encoded = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


@lru_cache(maxsize=256)
def _signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    key = b"AWS4" + secret.encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def _invalid(message: str) -> AwsFault:
    return AwsFault("InvalidSignatureException", message, 403)
