"""A time stamp (RFC 3161): an authority's word that the manifest of a bundle was there at a time.

The stamp is over the manifest, and the attestation names the stamp as its last subject: so it binds every file of the
bundle, and no byte of it can be changed unseen even by a reader that knows nothing of time stamps.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
from cryptography import x509

from tenantproof.model.errors import UsageError

_SECONDS = 20.0
_MANY = 1024 * 1024
_QUERY, _REPLY = "application/timestamp-query", "application/timestamp-reply"
_INSTALL = "time stamps need the extra: pip install 'tenantproof[timestamp]'"


class StampError(UsageError):
    """There is no stamp; the message says why."""


@dataclass(frozen=True)
class Stamp:
    """What a stamp says once it was verified: when, and who says so."""

    at: datetime
    authority: str


def request_stamp(url: str, message: bytes) -> bytes:
    """Ask the authority at `url` to stamp a message; it is told its SHA-256 alone. Raises StampError.

    Whether the answer is signed by an authority that somebody trusts is for `verify_stamp`; here it must be a granted
    answer to this very question.
    """
    try:
        from rfc3161_client import HashAlgorithm, TimestampRequestBuilder, decode_timestamp_response
    except ImportError:
        raise StampError(_INSTALL) from None
    # The builder lets the request ask for the authority's certificate, without which nobody could verify the stamp.
    asked = TimestampRequestBuilder(data=message, hash_algorithm=HashAlgorithm.SHA256).build()
    data = _answer(url, asked.as_bytes())
    try:
        answer = decode_timestamp_response(data)
        granted, said = answer.status, answer.tst_info
        is_ours = said.message_imprint.message == hashlib.sha256(message).digest() and said.nonce == asked.nonce
    except Exception as error:  # a parser of another language; whatever it raises, this is no stamp
        raise StampError(f"{url} gave no time stamp: {error}") from None
    if granted != 0 or not is_ours:
        raise StampError(f"{url} answered another question than ours (status {granted}); ask another authority")
    return data


def _answer(url: str, question: bytes) -> bytes:
    try:
        # An authority is no target: what it says is data for us, and it learns a digest.
        answer = httpx.post(url, content=question, headers={"Content-Type": _QUERY}, timeout=_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise StampError(f"{url} gave no time stamp: {type(error).__name__}: {error}") from None
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if answer.status_code != httpx.codes.OK or kind != _REPLY or len(answer.content) > _MANY:
        raise StampError(f"{url} gave no time stamp: {answer.status_code} {kind!a}, {len(answer.content)} bytes")
    return answer.content


def authorities(paths: Sequence[Path]) -> tuple[x509.Certificate, ...]:
    """The certificates (PEM) of authorities to trust. Raises UsageError."""
    found: list[x509.Certificate] = []
    for path in paths:
        try:
            found += x509.load_pem_x509_certificates(path.read_bytes())
        except OSError as error:
            raise UsageError(f"{path} can't be read: {error.strerror}; name the authority's certificate") from None
        except ValueError:
            raise UsageError(
                f"{path} holds no certificate in PEM; name the file that begins BEGIN CERTIFICATE"
            ) from None
    return tuple(found)


def verify_stamp(stamp: bytes, message: bytes, trusted: Sequence[x509.Certificate]) -> Stamp:
    """When the message was there, by the word of an authority that is trusted. Raises StampError."""
    try:
        from rfc3161_client import VerifierBuilder, decode_timestamp_response
    except ImportError:
        raise StampError(_INSTALL) from None
    try:
        answer = decode_timestamp_response(stamp)
        verifier = VerifierBuilder()
        for certificate in trusted:
            verifier = verifier.add_root_certificate(certificate)
        verifier.build().verify_message(answer, message)
        (signer,) = answer.signed_data.signer_infos
        name = _name_of(answer.signed_data.certificates, signer.issuer, signer.serial_number)
        return Stamp(answer.tst_info.gen_time.astimezone(UTC), name)
    except Exception as error:  # as above
        raise StampError(f"the time stamp does not hold: {error}") from None


def _name_of(certificates: Iterable[bytes], issuer: x509.Name, serial: int) -> str:
    """The name of the certificate that stamped, as what it signed names it; others may have been put beside it."""
    for each in map(x509.load_der_x509_certificate, certificates):
        if (each.issuer, each.serial_number) == (issuer, serial):
            return each.subject.rfc4514_string()
    return ""
