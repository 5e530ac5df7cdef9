"""One pass finds every marker in every guise, and knows whose it is."""

from __future__ import annotations

import base64
import gzip
from urllib.parse import quote

import pytest

from tenantproof.clients.exchange import Answer
from tenantproof.clients.scent import Scent

CANARY = "cnry-0123456789abcdef01234567"
OTHER = "cnry-fedcba9876543210fedcba98"
SCENT = Scent({"acme": [CANARY], "globex": [OTHER]}, {"acme": ["att_0011223344556677"]})
GUISES = {
    "raw": CANARY.encode(),
    "percent": "".join(f"%{ord(c):02x}" for c in CANARY).encode(),
    "percent twice": quote("".join(f"%{ord(c):02x}" for c in CANARY)).encode(),
    "base64": base64.b64encode(b"xy" + CANARY.encode() + b"z"),
    "base64url": base64.urlsafe_b64encode(b"x" + CANARY.encode()),
    "hex": CANARY.encode().hex().upper().encode(),
    "json": "".join(f"\\u{ord(c):04x}" for c in CANARY).encode(),
    "utf-16": CANARY.encode("utf-16-be"),
    "gzip": gzip.compress(CANARY.encode()),
    "reversed": CANARY[::-1].encode(),
    "first eight": CANARY[:8].encode() + b"...",
    "last eight": b"..." + CANARY[-8:].encode(),
}


@pytest.mark.parametrize("guise", GUISES.values(), ids=GUISES)
def test_a_canary_is_found_in_every_guise(guise: bytes) -> None:
    assert SCENT.foreign(Answer(body=b'{"x":"' + guise + b'"}' if guise[:1] != b"\x1f" else guise), "globex") == {
        CANARY
    }


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (f"a{CANARY[-8:]}", False),
        (f"{CANARY[-8:]}0", False),
        (f"sha256:{'0' * 30}{CANARY[-8:]}{'f' * 26}", False),
        (f"00-{CANARY[-8:]}{'7' * 24}-01", False),
        (f"{CANARY[:8]}e", False),
        (f"/{CANARY[-8:]}/", True),
        (CANARY[-9:], True),
        (CANARY[-20:], True),
        (f"x{CANARY[1:]}", True),
        (CANARY[:-1], True),
        (CANARY[:10], True),
        (f"{CANARY[:12]}...", True),
    ],
)
def test_a_piece_of_a_canary_is_told_from_an_accident_in_a_digest(text: str, wanted: bool) -> None:
    assert SCENT.in_text(text) == ({CANARY} if wanted else set())


def test_a_canary_in_a_header_or_the_status_line_is_found() -> None:
    assert SCENT.markers(Answer(headers=(("X-Hint", CANARY),))) == {CANARY}
    assert SCENT.markers(Answer(reason=CANARY)) == {CANARY}


def test_what_the_request_named_and_what_is_the_callers_own_is_nobodys_leak() -> None:
    answer = Answer(body=f"att_0011223344556677 {CANARY}".encode())
    assert SCENT.foreign(answer, "globex", ["att_0011223344556677"]) == {CANARY}
    assert not SCENT.foreign(answer, "acme")


def test_a_clean_answer_is_clean_and_a_marker_of_two_tenants_is_of_neither() -> None:
    assert not SCENT.markers(Answer(status=403, body=b'{"error":"TENANT_MISMATCH"}', headers=(("Vary", "*"),)))
    assert not Scent({"a": ["shared-0123456789"], "b": ["shared-0123456789"]}).in_text("shared-0123456789")


def test_a_text_is_searched_as_an_answer_is() -> None:
    assert SCENT.in_text(f"event {OTHER}") == {OTHER}
    assert SCENT.owner(OTHER) == "globex"
