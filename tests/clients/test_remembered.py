"""What is remembered, and what is too long to be."""

from __future__ import annotations

from tenantproof.clients.remembered import remembered


def test_what_is_short_is_worked_out_once_and_what_is_long_each_time() -> None:
    worked: list[str] = []

    @remembered(most=8, longest=3)
    def said(mood: str, text: str) -> str:
        worked.append(text)
        return f"{text}{mood}"

    assert [said("!", "abc"), said("!", "abc"), said("?", "abc")] == ["abc!", "abc!", "abc?"]
    assert [said("!", "abcd"), said("!", "abcd")] == ["abcd!", "abcd!"]
    assert worked == ["abc", "abc", "abcd", "abcd"]


def test_no_more_is_kept_than_was_asked_for() -> None:
    worked: list[bytes] = []

    @remembered(most=1, longest=3)
    def length(octets: bytes) -> int:
        worked.append(octets)
        return len(octets)

    assert [length(b"a"), length(b"b"), length(b"a")] == [1, 1, 1]
    assert worked == [b"a", b"b", b"a"]
