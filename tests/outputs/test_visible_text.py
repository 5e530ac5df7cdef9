"""Text of the target: what is hidden is spelled out, what is long is cut, and the rest is left alone."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantproof.outputs.visible import LINE, visible, visible_block


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\u202egnp.exe", "a\\u202egnp.exe"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("\x00\x7f\x85\n\r\t", "\\x00\\x7f\\x85\\x0a\\x0d\\x09"),
        ("\u2028\u2029\u2066\ufeff", "\\u2028\\u2029\\u2066\\ufeff"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("\u3164\u2800", "\\u3164\\u2800"),
        ("Zürich 東京 عربي 🙂 <b>&amp;", "Zürich 東京 عربي 🙂 <b>&amp;"),
    ],
)
def test_hidden_characters_are_spelled_out(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_a_long_text_is_cut_and_says_how_long_it_was() -> None:
    shown = visible("x" * 10_000_000)
    assert len(shown) < LINE + 60
    assert "10000000 characters" in shown


def test_a_block_keeps_its_lines() -> None:
    assert visible_block("GET / HTTP/1.1\r\nHost: a\n\x1b") == "GET / HTTP/1.1\nHost: a\n\\x1b"


@given(st.text())
def test_nothing_hidden_is_left_and_nothing_grows_without_end(text: str) -> None:
    shown = visible(text * 50)
    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}]
    assert len(shown) <= 2 * LINE + 60
