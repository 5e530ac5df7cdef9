"""The rule of Stage A, as pure functions: the same log gives the same records, byte for byte.

Last touch: a conversion is credited to the touchpoint of the very same subject id that happened last, within 30 days
before it. docs/resolution.md states it in full.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

import msgspec

from venturi.ingest.events import Conversion, Event, Touchpoint
from venturi.records.store import NewAttribution

RULE = "last-touch/1"
WINDOW = timedelta(days=30)


def last_touch(conversion: Conversion, touchpoints: Iterable[Touchpoint]) -> Touchpoint | None:
    """The touchpoint that gets the credit, or None.

    It has the conversion's subject id, it happened no later than the conversion and no more than 30 days earlier. The
    latest wins; of several at one instant, that with the greatest id (by code points). The order in which touchpoints
    are given doesn't matter.
    """
    return max(
        (touch for touch in touchpoints if touch.subject_id == conversion.subject_id and _in_window(conversion, touch)),
        key=lambda touch: (touch.occurred_at, touch.id),
        default=None,
    )


def resolve(tenant: str, events: Iterable[Event]) -> Iterator[NewAttribution]:
    """The records of a tenant's log, in its order.

    An event id counts once, where it first stands. A conversion sees the touchpoints that stand before it in the log; a
    conversion without any gives no record.
    """
    memory: defaultdict[str, list[Touchpoint]] = defaultdict(list)
    seen: set[str] = set()
    for event in events:
        if event.id in seen:
            continue
        seen.add(event.id)
        if isinstance(event, Touchpoint):
            memory[event.subject_id].append(event)
        elif touch := last_touch(event, memory[event.subject_id]):
            yield record(tenant, event, touch)


def record(tenant: str, conversion: Conversion, touch: Touchpoint) -> NewAttribution:
    """The record that credits `touch`. Nothing in it depends on when or where it is made."""
    return NewAttribution(
        id=record_id(tenant, conversion.id),
        subject_id=conversion.subject_id,
        touchpoint=touch.id,
        conversion=conversion.id,
        channel=touch.channel,
        weight=1.0,
        note=_note(conversion, touch),
    )


def record_id(tenant: str, conversion: str) -> str:
    """The id of a conversion's record: whoever resolves it again arrives at the same."""
    parts = (part.encode() for part in (RULE, tenant, conversion))
    spelled = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return f"att_{hashlib.sha256(spelled).hexdigest()[:32]}"


def canonical(records: Sequence[NewAttribution]) -> bytes:
    """Records as bytes to compare: JSON lines, members sorted."""
    return b"\n".join(msgspec.json.encode(one, order="sorted") for one in records)


def _in_window(conversion: Conversion, touch: Touchpoint) -> bool:
    return timedelta() <= conversion.occurred_at - touch.occurred_at <= WINDOW


def _note(conversion: Conversion, touch: Touchpoint) -> str:
    what = {
        "rule": RULE,
        "value": conversion.value,
        "converted_at": conversion.occurred_at,
        "touched_at": touch.occurred_at,
    }
    return msgspec.json.encode(what, order="sorted").decode()
