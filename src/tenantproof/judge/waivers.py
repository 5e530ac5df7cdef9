"""Waivers: accepted failures, each with an owner and a last day. They change the exit code, never a verdict."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Container, Mapping, Sequence
from pathlib import Path

import msgspec

from tenantproof.model.errors import UsageError
from tenantproof.model.verdict import Finding, Verdict


class Waiver(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One accepted failure. It holds through the day `expires`."""

    claim: str
    reason: str
    accepted_by: str
    expires: dt.date


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    waiver: tuple[Waiver, ...] = ()


def load_waivers(path: Path, claims: Container[str], today: dt.date | None = None) -> tuple[Waiver, ...]:
    """The waivers of a TOML file of [[waiver]] tables.

    Raises UsageError for a key that is wrong, a claim that doesn't exist or is waived twice, and a waiver that has
    expired. `today` is the clock of the run, in UTC; without it, the machine's.
    """
    try:
        file = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: can't be read: {error}") from None
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: {error}; a [[waiver]] has claim, reason, accepted_by and expires (a date)") from None
    for waiver in file.waiver:
        _review(path, waiver, claims, today or dt.datetime.now(dt.UTC).date())
    if twice := {each.claim for each in file.waiver if sum(other.claim == each.claim for other in file.waiver) > 1}:
        raise UsageError(f"{path} waives {', '.join(sorted(twice))} twice; keep the one that was accepted last")
    return file.waiver


def unused(waivers: Sequence[Waiver], findings: Mapping[str, Finding]) -> list[str]:
    """Claims whose waiver excuses nothing, because the claim did not fail."""
    return [each.claim for each in waivers if findings[each.claim].verdict is not Verdict.NOT_SATISFIED]


def _review(path: Path, waiver: Waiver, claims: Container[str], today: dt.date) -> None:
    if waiver.claim not in claims:
        raise UsageError(f"{path} waives {waiver.claim}, which is no claim; `tenantproof claims` lists them")
    if waiver.expires < today:
        raise UsageError(
            f"{path}: the waiver of {waiver.claim} expired on {waiver.expires}; "
            f"remove it, or have {waiver.accepted_by} accept it anew"
        )
    if not waiver.reason.strip() or not waiver.accepted_by.strip():
        raise UsageError(f"{path}: the waiver of {waiver.claim} needs a reason and somebody who accepted it")
