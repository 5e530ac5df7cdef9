"""A run record as bytes and back: the same record gives the same bytes, whatever the target put into it."""

from __future__ import annotations

import math

import msgspec

from tenantproof.model.run import RunRecord


def settled(record: RunRecord) -> RunRecord:
    """The record with every float finite, every text encodable and every mapping in order of its keys.

    A rate that is no number becomes 1.0 (nothing is known), a time 0.0. Settling twice changes nothing.
    """
    return msgspec.convert(_settle(msgspec.to_builtins(record)), RunRecord)


def encode(record: RunRecord) -> bytes:
    """The settled record as JSON, keys in order, one line."""
    return msgspec.json.encode(settled(record), order="deterministic") + b"\n"


def decode(data: bytes) -> RunRecord:
    """Raises msgspec.ValidationError or msgspec.DecodeError when the bytes are no record."""
    return msgspec.json.decode(data, type=RunRecord)


def _settle(value: object, key: str = "") -> object:
    match value:
        case dict():
            return {_text(str(name)): _settle(item, str(name)) for name, item in sorted(value.items())}
        case list() | tuple():
            return [_settle(item) for item in value]
        case str():
            return _text(value)
        case float() if not math.isfinite(value):
            return 1.0 if key == "upper_bound_95" else 0.0
        case _:
            return value


def _text(value: str) -> str:
    # A lone surrogate is legal in a Python string and in no encoding.
    return value.encode("utf-8", "backslashreplace").decode("utf-8")
