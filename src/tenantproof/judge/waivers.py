"""Waivers: accepted failures, each with an owner and a last day. They change the exit code, never a verdict."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from tenantproof.model.claims import Claim
from tenantproof.model.errors import UsageError
from tenantproof.model.verdict import Finding, Reason, Verdict

_LONGEST = 366
_UNASKED = Reason.NOT_SELECTED
_MEMBERS = "claim, owner, reason, risk, approver, created and expires (dates), and maybe scope (a target's name)"


class Waiver(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One accepted failure. It holds from the day `created` through the day `expires`.

    `owner` will mend it, `approver` accepted the `risk` meanwhile. `scope` is a target's name, * standing for anything.
    """

    claim: str
    owner: str
    reason: str
    risk: str
    approver: str
    created: dt.date
    expires: dt.date
    scope: str = "*"


class _Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`max_days`: how long a waiver may last at all."""

    max_days: int = 180


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    waiver: tuple[Waiver, ...] = ()
    settings: _Settings = _Settings()


def load_waivers(path: Path, claims: Mapping[str, Claim]) -> tuple[Waiver, ...]:
    """The waivers of a TOML file of [[waiver]] tables and, maybe, [settings].

    Raises UsageError for a key that is wrong, a waiver without an owner or an end, one that lasts longer than the
    settings allow, and a claim that doesn't exist, is waived twice for one scope, or can't be waived.
    """
    try:
        file = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: can't be read: {error}") from None
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: {error}; a [[waiver]] has {_MEMBERS}") from None
    if not 0 < file.settings.max_days <= _LONGEST:
        raise UsageError(f"{path}: settings.max_days is {file.settings.max_days}; it is at least 1, at most {_LONGEST}")
    for waiver in file.waiver:
        _review(path, waiver, claims, file.settings.max_days)
    keys = [(each.claim, each.scope) for each in file.waiver]
    if twice := sorted({claim for claim, scope in keys if keys.count((claim, scope)) > 1}):
        raise UsageError(f"{path} waives {', '.join(twice)} twice; keep the one that was accepted last")
    return file.waiver


def in_force(waivers: Sequence[Waiver], target: str, today: dt.date) -> dict[str, Waiver]:
    """The waivers by claim that hold today (UTC) for a target; where several do, the one that ends first."""
    ordered = sorted(waivers, key=lambda each: each.expires, reverse=True)
    return {each.claim: each for each in ordered if _is_about(each, target) and each.created <= today <= each.expires}


def troubles(waivers: Sequence[Waiver], target: str, today: dt.date, findings: Mapping[str, Finding]) -> Iterator[str]:
    """What is wrong with the waivers themselves, as sentences: each is a finding of the run, beside its verdicts."""
    for each in waivers:
        if not _is_about(each, target):
            continue
        if today > each.expires:
            yield (
                f"The waiver of {each.claim} expired on {each.expires}; {each.owner} was to mend it. "
                f"Remove it, or have {each.approver} accept it anew."
            )
        elif today < each.created:
            yield f"The waiver of {each.claim} begins on {each.created}, still to come; it excuses nothing yet."
        elif findings[each.claim].verdict is Verdict.SATISFIED:
            yield f"The waiver of {each.claim} excuses nothing: the claim is satisfied. Remove it."
        elif findings[each.claim].verdict is Verdict.NOT_ASSESSED and findings[each.claim].reason is not _UNASKED:
            yield f"The waiver of {each.claim} matches nothing: the claim was not assessed, and no waiver excuses that."


def _is_about(waiver: Waiver, target: str) -> bool:
    return fnmatchcase(target, waiver.scope)


def _review(path: Path, waiver: Waiver, claims: Mapping[str, Claim], max_days: int) -> None:
    if waiver.claim not in claims:
        raise UsageError(f"{path} waives {waiver.claim}, which is no claim; `tenantproof claims` lists them")
    if not claims[waiver.claim].waivable:
        raise UsageError(f"{path} waives {waiver.claim}, which can't be waived (its card says so); mend it instead")
    if empty := [
        name for name in ("owner", "reason", "risk", "approver", "scope") if not getattr(waiver, name).strip()
    ]:
        raise UsageError(f"{path}: the waiver of {waiver.claim} needs {_listed(empty)}; leave no member empty")
    if waiver.owner.strip().casefold() == waiver.approver.strip().casefold():
        raise UsageError(
            f"{path}: the waiver of {waiver.claim} has one owner and approver; somebody else must accept it"
        )
    days = (waiver.expires - waiver.created).days
    if not 0 <= days <= max_days:
        raise UsageError(
            f"{path}: the waiver of {waiver.claim} lasts {days} days; "
            f"it may last at most {max_days} (settings.max_days)"
        )


def _listed(names: Sequence[str]) -> str:
    return " and ".join(f"a {name}" if name[0] not in "aeiou" else f"an {name}" for name in names)
