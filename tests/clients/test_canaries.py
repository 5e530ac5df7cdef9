"""A canary is found however it is dressed up, and nothing else is taken for one."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from urllib.parse import quote

import pytest

from tenantproof.clients.canaries import found_in, stands_in
from tenantproof.clients.exchange import Answer

CANARY = "cnry-0123456789abcdef01234567"
_ESCAPED = "".join(f"\\u{ord(character):04x}" for character in CANARY)


@pytest.mark.parametrize(
    "body",
    [
        CANARY.encode(),
        json.dumps({"note": f"before {CANARY} after"}).encode(),
        f'{{"note": "{_ESCAPED}"}}'.encode(),
        *(base64.b64encode(b"\0" * shift + CANARY.encode() + b"tail") for shift in range(3)),
        base64.urlsafe_b64encode(CANARY.encode()).rstrip(b"="),
        CANARY.encode().hex().encode(),
        CANARY.encode().hex().upper().encode(),
        "".join(f"%{octet:02X}" for octet in CANARY.encode()).encode(),
        quote("".join(f"%{octet:02x}" for octet in CANARY.encode())).encode(),
        gzip.compress(f"it is {CANARY}".encode()),
        zlib.compress(CANARY.encode()),
        CANARY.encode("utf-16-le"),
        CANARY[::-1].encode(),
    ],
    ids=[
        "raw",
        "json",
        "escaped",
        "b64 0",
        "b64 1",
        "b64 2",
        "b64url",
        "hex",
        "HEX",
        "percent",
        "percent twice",
        "gzip",
        "deflate",
        "utf-16",
        "reversed",
    ],
)
def test_a_canary_in_a_body_is_found(body: bytes) -> None:
    assert found_in(Answer(status=200, body=body), [CANARY]) == (CANARY,)


def test_a_canary_in_a_header_or_in_the_reason_is_found() -> None:
    assert found_in(Answer(status=302, headers=(("Location", f"/x?{quote(CANARY)}"),)), [CANARY])
    assert found_in(Answer(status=200, reason=f"OK {CANARY}"), [CANARY])


def test_only_the_canary_that_is_there_is_found() -> None:
    other = "cnry-ffffffffffffffffffffffff"
    assert found_in(Answer(status=200, body=other.encode()), [CANARY, other]) == (other,)
    assert not found_in(Answer(status=200, body=CANARY[:-1].encode()), [CANARY])
    assert not stands_in(CANARY, "nothing")


def test_a_compression_bomb_is_not_unpacked_to_its_end() -> None:
    bomb = zlib.compress(bytes(200 * 1024 * 1024), 9)
    assert not found_in(Answer(status=200, body=bomb), [CANARY])


def test_broken_compression_is_no_error() -> None:
    assert not found_in(Answer(status=200, body=b"\x1f\x8b garbage"), [CANARY])
