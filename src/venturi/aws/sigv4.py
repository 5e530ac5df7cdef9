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
LONGEST_SECONDS = 7 * 24 * 3600
"""The longest that a presigned URL may work."""
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
    stamp: str = ""
    """When it was signed, as YYYYMMDDTHHMMSSZ."""
    seconds: int = 0
    """How long a presigned URL works; 0: the signature is in the Authorization header."""
    token: str = ""
    """Session token."""


def read_credential(headers: Mapping[str, str], target: str = "") -> Credential:
    """Take the Authorization header apart, or the signature in the query of a presigned URL.

    Raises AwsFault: MissingAuthenticationTokenException without one, IncompleteSignatureException for a misshapen one.
    """
    text = headers.get("authorization", "")
    if not text and "X-Amz-Signature=" in target:
        return _presigned(target)
    if not text:
        raise AwsFault("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
    match = _HEADER.fullmatch(text.strip())
    if match is None:
        raise AwsFault("IncompleteSignatureException", "The Authorization header is not a Signature Version 4.", 403)
    return Credential(
        match["key"], match["day"], match["region"], match["service"], tuple(match["signed"].split(";")),
        match["signature"], headers.get("x-amz-date", ""), token=headers.get("x-amz-security-token", ""),
    )  # fmt: skip


def _presigned(target: str) -> Credential:
    pairs = parse_qsl(target.partition("?")[2], keep_blank_values=True)
    query = dict(pairs)
    scope = query.get("X-Amz-Credential", "").split("/")
    seconds = query.get("X-Amz-Expires", "")
    whole = len(scope) == 5 and scope[4] == "aws4_request" and seconds.isdecimal() and len(query) == len(pairs)
    if not whole or query.get("X-Amz-Algorithm") != "AWS4-HMAC-SHA256" or not 0 < int(seconds) <= LONGEST_SECONDS:
        raise AwsFault("AuthorizationQueryParametersError", "The query is not a presigned Signature Version 4.", 400)
    return Credential(
        scope[0], scope[1], scope[2], scope[3], tuple(query.get("X-Amz-SignedHeaders", "").split(";")),
        query["X-Amz-Signature"], query.get("X-Amz-Date", ""), int(seconds), query.get("X-Amz-Security-Token", ""),
    )  # fmt: skip


def verify(message: Message, credential: Credential, secret: str, now: datetime) -> None:
    """Hold the request to its signature.

    Raises AwsFault InvalidSignatureException for a wrong signature, an unsigned x-amz header, another body, or a clock
    more than five minutes off.
    """
    stamp = _fresh(credential, now)
    _require_signed(message.headers, credential.signed_headers)
    canonical = _canonical(message, credential, _payload_hash(message, credential))
    scope = f"{credential.day}/{credential.region}/{credential.service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = _signing_key(secret, credential.day, credential.region, credential.service)
    expected = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, credential.signature):
        raise _invalid("The request signature we calculated does not match the signature you provided.")


def _fresh(credential: Credential, now: datetime) -> str:
    stamp = credential.stamp
    try:
        moment = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise _invalid("The request carries no valid X-Amz-Date.") from None
    if stamp[:8] != credential.day:
        raise _invalid("The date in the credential scope does not match the date of the request.")
    age = (now - moment).total_seconds()
    if credential.seconds and age > credential.seconds:
        raise AwsFault("AccessDeniedException", "Request has expired", 403)
    if age < -SKEW_SECONDS or (not credential.seconds and age > SKEW_SECONDS):
        if credential.service == "s3":
            raise AwsFault("RequestTimeTooSkewed", "The difference between the request time and the server's time is "
                           "too large.", 403)  # fmt: skip
        raise _invalid(f"Signature expired: {stamp} is more than {SKEW_SECONDS} seconds off.")
    return stamp


def _require_signed(headers: Mapping[str, str], signed: tuple[str, ...]) -> None:
    unsigned = [name for name in headers if name.startswith("x-amz-") and name not in signed]
    if "host" not in signed or unsigned:
        raise _invalid(f"Host and every x-amz header must be signed; these are not: {unsigned or ['host']}.")


def _payload_hash(message: Message, credential: Credential) -> str:
    if credential.seconds:
        return "UNSIGNED-PAYLOAD" if credential.service == "s3" else hashlib.sha256(message.body).hexdigest()
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
    pairs = [pair for pair in parse_qsl(query.replace("+", "%2B"), keep_blank_values=True)
             if pair[0] != "X-Amz-Signature"]  # fmt: skip
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
