"""Secrets become digests, and hostile text becomes one harmless line."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantproof.clients.redaction import digest, one_line, redact, scrub

TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlLWJ5dGVz"


def test_a_digest_is_that_of_the_octets() -> None:
    empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert digest("") == digest(b"") == empty
    assert digest("ä") == digest("ä".encode())


@pytest.mark.parametrize("name", ["Authorization", "AUTHORIZATION", "cookie", "Set-Cookie", "X-Api-Key"])
def test_headers_that_carry_secrets_are_digested_whatever_their_case(name: str) -> None:
    assert redact(((name, "s3cret"),)) == ((name, digest("s3cret")),)


def test_a_token_is_scrubbed_wherever_it_stands_even_without_its_signature() -> None:
    unsigned = TOKEN.rpartition(".")[0]
    for text in (f"a {TOKEN} b", f"/x?t={unsigned}", f"{unsigned}."):
        assert unsigned not in scrub(text)
    assert redact((("X-Copy", TOKEN), ("Accept", "text/plain"))) == (
        ("X-Copy", digest(TOKEN)),
        ("Accept", "text/plain"),
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\r\nb\tc", "a  b c"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]8;;http://x\x07link", "link"),
        ("a\u202eb", "a<U+202E>b"),
        ("a\u2028b\x00", "a<U+2028>b<U+0000>"),
        ("x" * 20, "x" * 10 + "…"),
        ("äöü", "äöü"),
    ],
)
def test_hostile_text_becomes_one_line(text: str, line: str) -> None:
    assert one_line(text, 10 if text.startswith("xxx") else 300) == line


@given(st.text(max_size=500), st.integers(min_value=1, max_value=80))
def test_a_line_is_short_and_has_nothing_unprintable_whatever_the_text(text: str, longest: int) -> None:
    line = one_line(text, longest)
    assert len(line) <= longest + 1
    assert not {unicodedata.category(character) for character in line} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
