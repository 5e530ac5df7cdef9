"""Reads from CloudTrail who has used a key, in the trail of its owner and in the vendor's own.

A trail tells the owner of a key which account another principal was of, and only that principal's own account who it
was (CloudTrail User Guide, "userIdentity element"), so both are read. Calls arrive minutes late, and are kept for 90
days.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Set
from itertools import islice
from typing import Any, Protocol

from tenantproof.probes.permissions.facts import Json, KeyFacts
from tenantproof.probes.permissions.principals import Caller

LATEST_PAGES = 10
"""How far back a trail is read: pages of 50 events."""
_PAGE = 50
_KMS = "kms.amazonaws.com"


class Pages(Protocol):
    """What is needed of a reader."""

    def walk(self, service: str, operation: str, arguments: Mapping[str, Any]) -> Iterator[Json | None]:
        """A listing page by page; None for a page that can't be read."""
        ...


def uses(reader: Pages, key: str) -> list[Json] | None:
    """The latest calls on the key, like ones counted together; None where the trail can't be read.

    Each is {"account", "principal", "service", "event", "error", "times"}: `principal` is empty where the trail does
    not say, `service` is set for a service of AWS that acted for itself, `error` for a call that was refused.
    """
    asked = {"LookupAttributes": [{"AttributeKey": "ResourceName", "AttributeValue": key}], "MaxResults": _PAGE}
    counted: dict[tuple[str, ...], int] = {}
    for page in islice(reader.walk("cloudtrail", "lookup_events", asked), LATEST_PAGES):
        events = page.get("Events") if page is not None else None
        if not isinstance(events, list):
            return None
        for told in filter(None, map(_told, events)):
            counted[told] = counted.get(told, 0) + 1
    names = ("account", "principal", "service", "event", "error")
    return [dict(zip(names, told, strict=True)) | {"times": times} for told, times in sorted(counted.items())]


def _told(listed: object) -> tuple[str, str, str, str, str] | None:
    """Account, principal, service, event and error of one event; what can't be read is nobody we know.

    None for a call on another service that only names the key, as one that stores an object under it: what that service
    then does with the key is an event of KMS.
    """
    try:
        event = json.loads(listed["CloudTrailEvent"])  # type: ignore[index]  # whatever it is, it is caught below
        if event["eventSource"] != _KMS:
            return None
        who = event["userIdentity"]
        issuer = (who.get("sessionContext") or {}).get("sessionIssuer") or {}
        service = str(who.get("invokedBy", "")) if who.get("type") == "AWSService" else ""
        principal = str(issuer.get("arn") or who.get("arn") or "")
        return (
            str(who.get("accountId", "")),
            principal,
            service,
            str(event["eventName"]),
            str(event.get("errorCode", "")),
        )
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return "", "", "", "an event that can't be read", ""


def by_others(key: KeyFacts, owner: str, vendor: str) -> list[str]:
    """What somebody did with a key who is neither of the owner's account nor of the vendor's, nor a service of AWS."""
    strange = [use for use in _done(key.uses) if not use["service"] and use["account"] not in (owner, vendor)]
    return [f"account {use['account'] or 'unknown'}: {use['event']}, {use['times']} times" for use in strange]


def beyond(key: KeyFacts, vendor: str, workload: Caller, allowed: Set[str]) -> list[str]:
    """What the vendor did with a key: more than its workload may (the `allowed` actions), or anything as somebody else.

    `allowed` has actions in small letters ("kms:decrypt").
    """
    owners = [use for use in _done(key.uses) if use["account"] == vendor and not _within(use, allowed)]
    others = [use for use in _done(key.vendor_uses) if not _within(use, allowed) or not _is(workload, use)]
    found = {
        f"{use['principal'] or use['account']}: {use['event']}, {use['times']} times" for use in (*owners, *others)
    }
    return sorted(found)


def is_used_by(key: KeyFacts, account: str) -> bool:
    """Whether the owner's trail shows a use by the account: a trail that shows nothing proves nothing."""
    return any(use["account"] == account for use in _done(key.uses))


def _done(told: tuple[Json, ...] | None) -> list[Json]:
    return [use for use in told or () if not use["error"]]


def _within(use: Json, allowed: Set[str]) -> bool:
    return f"kms:{use['event']}".lower() in allowed


def _is(workload: Caller, use: Json) -> bool:
    return bool(use["principal"]) and bool(Caller.of(use["principal"]).names & workload.names)
