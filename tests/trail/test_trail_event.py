"""What may be written: limits on size and shape, one spelling, and no secrets."""

from __future__ import annotations

from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from venturi.trail.event import Unwritable, _plainly_spelled, admit, canonical, hashed, looks_secret, spelled

_JWT = "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"
_ADDED: dict[str, Any] = {
    "log": "venturi.example/audit/acme/1",
    "seq": 0,
    "ts_logged": "2026-01-01T00:00:00Z",
    "prev_hash": "0" * 64,
}
_DEEP: list[object] = []
for _ in range(12):
    _DEEP = [_DEEP]


def _spell(event: Any) -> bytes:
    return spelled(event, _ADDED)


@pytest.mark.parametrize(
    "text",
    [
        _JWT,
        f"Authorization: Bearer {_JWT}",
        "bearer abcdefghijklmnopqrstuvwx",
        "a b c BEARER\tabcdefghijklmnopqrstuvwx",
        "one two Bearer  abcdefghijklmnopqrstuvwx",
        "Basic YWxpY2U6c2VjcmV0LXBhc3N3b3Jk",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN EC PRIVATE KEY-----",
        "AKIAIOSFODNN7EXAMPLE",
        "postgresql://guard:hunter2@127.0.0.1:5432/t",
        # Letters that a reader of HTTP may fold into ASCII.
        "ba\u017fic YWxpY2U6c2VjcmV0LXBhc3N3b3Jk",
        "BAS\u0130C YWxpY2U6c2VjcmV0LXBhc3N3b3Jk",
        "A\u212aIAIOSFODNN7EXAMPLE",
    ],
)
def test_what_looks_like_a_secret_is_not_written_as_value_or_name_or_deep_inside(text: str) -> None:
    assert looks_secret(text)
    for event in ({"a": text}, {text: 1}, {"a": {"b": ["c", {"d": f"x {text}"}]}}):
        for write in (admit, _spell):
            with pytest.raises(Unwritable) as refused:
                write(event)
            assert text not in str(refused.value)


@pytest.mark.parametrize(
    "text", ["bearer", "eyJ", hashed(_JWT), "https://api.venturi.example/v1/x?y=z", "person:reader", "INVALID_TOKEN"]
)
def test_what_an_event_is_made_of_does_not_look_like_a_secret(text: str) -> None:
    for write in (admit, _spell):
        write({"a": text})


@pytest.mark.parametrize(
    "event",
    [
        {"seq": 1},
        {"prev_hash": ""},
        {"a": "x" * 2_049},
        {"x" * 2_049: 1},
        {"a": list(range(500))},
        {str(n): n for n in range(500)},
        {"a": _DEEP},
        {"a": b"bytes"},
        {"a": {1: 2}},
        {"a": {1, 2}},
        {"a": 2**53},
        ["not", "an", "object"],
    ],
    ids=range(12),
)
def test_what_is_reserved_too_large_or_not_json_is_not_admitted(event: dict[str, object]) -> None:
    for write in (admit, _spell):
        with pytest.raises(Unwritable):
            write(event)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", ["x" * 2_000] * 10], ids=range(4))
def test_what_has_no_single_or_no_short_spelling_is_not_written(value: object) -> None:
    with pytest.raises(Unwritable):
        canonical({"a": value})


def test_the_spelling_does_not_depend_on_order_and_escapes_what_could_break_a_line() -> None:
    assert canonical({"b": 1, "a": "x\r\n\x1b[0m\x00"}) == b'{"a":"x\\r\\n\\u001b[0m\\u0000","b":1}'
    assert canonical({"b": 1.0, "a": ()}) == canonical({"a": [], "b": 1})


_TEXTS = st.text() | st.sampled_from(["\x00\x1f\x7f\u0080", '"\\/', "\u2028\ufeff\uffff", "\U0001f600"])
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(_TEXTS, _JSON, max_size=6))
@settings(deadline=None, max_examples=300)
def test_the_quick_way_to_spell_an_event_is_the_only_way_to_spell_it(event: dict[str, object]) -> None:
    assert canonical(event) == rfc8785.dumps(event)  # type: ignore[arg-type]  # its stubs want invariant containers


_PARTS = st.sampled_from(
    ["eyJ", "abcdefghijklmnop.", "Bearer", "basic", " ", "\n", "A", "KIA", "SIA", "://", "u:p@", "-----"]
)


@given(st.dictionaries(_TEXTS, _JSON | st.lists(_PARTS, max_size=8).map("".join), max_size=6))
@settings(deadline=None, max_examples=300)
def test_what_is_taken_for_harmless_as_a_whole_is_harmless_in_every_part(event: dict[str, Any]) -> None:
    quick = _plainly_spelled(event, _ADDED)
    if quick is not None:
        admit(event)
        assert quick == rfc8785.dumps({**event, **_ADDED})


def test_an_event_is_spelled_with_what_the_trail_adds_the_quick_way_or_the_other() -> None:
    for event in ({"a": "plain", "b": [1, None, True, {"c": "d"}]}, {"a": 0.5}, {"a": "\u00e9"}, {"a": 'say "no"'}):
        assert _spell(event) == rfc8785.dumps({**event, **_ADDED})
