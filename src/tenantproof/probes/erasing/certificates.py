"""Whether a certificate of erasure says what it has to, of whom it has to, and is signed by the tenant's trail."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import rfc8785

from tenantproof.clients.transparency.notes import NoteError, NoteKey

Signed: TypeAlias = Mapping[str, Any]
"""A certificate as the target hands it out: `certificate`, `signer`, `signature`, `standing`."""
_SCHEMA = "venturi.erasure-certificate/1"
_SKEW = timedelta(minutes=5)


@dataclass(frozen=True)
class Wanted:
    """What a certificate is to be about. `subject` empty: the whole tenant; `signer` is the trail's public key."""

    tenant: str
    subject: str
    key_arn: str
    signer: str


def troubles_of(signed: Signed, wanted: Wanted, now: datetime) -> list[str]:
    """Everything that is wrong with a certificate; nothing for a good one."""
    certificate = signed.get("certificate")
    if not isinstance(certificate, dict):
        return ["there is no certificate in it"]
    return [*_signature(signed, certificate, wanted), *_about(certificate, wanted), *_dates(certificate, now)]


def is_about(signed: Signed, wanted: Wanted) -> bool:
    """Whether this is the certificate that is looked for, good or bad."""
    certificate = signed.get("certificate")
    if not isinstance(certificate, dict):
        return False
    digest = subject_hash(wanted.subject) if wanted.subject else None
    return certificate.get("subject_hash") == digest


def subject_hash(subject: str) -> str:
    """How a certificate names a subject without naming it."""
    return f"sha256:{hashlib.sha256(subject.encode()).hexdigest()}"


def _signature(signed: Signed, certificate: Mapping[str, Any], wanted: Wanted) -> Iterator[str]:
    named = str(signed.get("signer", ""))
    if wanted.signer and named != wanted.signer:
        yield "it names another signer than the tenant's trail"
    try:
        key = NoteKey.parse(wanted.signer or named)
        signature = base64.b64decode(str(signed.get("signature", "")), validate=True)
        text = f"{_SCHEMA}\n".encode() + rfc8785.dumps(dict(certificate))
    except (NoteError, binascii.Error, ValueError) as error:
        yield f"its signature can't be read: {error}"
        return
    if not key.signed(text, signature):
        yield "its signature is not the trail's over this certificate"


def _about(certificate: Mapping[str, Any], wanted: Wanted) -> Iterator[str]:
    kind = "subject" if wanted.subject else "tenant"
    digest = subject_hash(wanted.subject) if wanted.subject else None
    expected = {"schema": _SCHEMA, "tenant": wanted.tenant, "kind": kind, "subject_hash": digest,
                "key_arn": wanted.key_arn}  # fmt: skip
    for name, value in expected.items():
        if certificate.get(name) != value:
            yield f"its {name} is not what was erased"
    for name in ("readers", "covers", "receipt", "until_then"):
        if not certificate.get(name):
            yield f"it has no {name}"


def _dates(certificate: Mapping[str, Any], now: datetime) -> Iterator[str]:
    """Two dates: unreadable to us, and unrecoverable to anybody, which is later while a backup or a wait is left."""
    moments = {}
    for name in ("requested_at", "unreadable_since", "unrecoverable_from"):
        try:
            moments[name] = datetime.fromisoformat(str(certificate.get(name))).astimezone(UTC)
        except ValueError:
            yield f"its {name} is no date"
    if len(moments) < 3:
        return
    if not moments["requested_at"] <= moments["unreadable_since"] <= now + _SKEW:
        yield "it calls unreadable what was not asked to be erased, or will be so only later"
    ends = certificate.get("key_state") == "gone"
    if moments["unrecoverable_from"] < moments["unreadable_since"] or (
        moments["unrecoverable_from"] == moments["unreadable_since"] and not ends
    ):
        yield "it calls unrecoverable what the tenant's living key can still recover"
