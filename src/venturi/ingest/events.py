"""What a tenant may send: touchpoints and conversions, in batches."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

MOST_EVENTS = 500

# An identifier starts with a letter or a digit; names of our own don't, so the two never meet.
Identifier: TypeAlias = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}\Z")]
# Narrower: whoever's events are taken has a name that an erasure can put into a path.
Subject: TypeAlias = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")]
Channel: TypeAlias = Annotated[str, Meta(pattern=r"\A[a-z][a-z0-9_-]{0,39}\Z")]
Instant: TypeAlias = Annotated[datetime, Meta(tz=True)]


class Touchpoint(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="touchpoint", forbid_unknown_fields=True
):
    """A contact with a subject through a channel, at an instant with an offset from UTC."""

    id: Identifier
    subject_id: Subject
    channel: Channel
    occurred_at: Instant


class Conversion(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="conversion", forbid_unknown_fields=True
):
    """What a subject did that is worth something; `value` is an amount in the tenant's own currency."""

    id: Identifier
    subject_id: Subject
    value: Annotated[float, Meta(ge=0, le=1e12)]
    occurred_at: Instant


Event: TypeAlias = Touchpoint | Conversion


class Batch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At most 500 events, accepted together, in the order in which they stand."""

    events: Annotated[tuple[Event, ...], Meta(min_length=1, max_length=MOST_EVENTS)]

    def problem(self) -> str:
        """Why the batch can't be taken, or nothing."""
        if len({event.id for event in self.events}) < len(self.events):
            return "Two events of the batch have the same id."
        # Compared as they are: the first and the last instants of the calendar have no spelling in UTC.
        if not all(_FIRST <= event.occurred_at < _LAST for event in self.events):
            return "occurred_at is out of range."
        return ""


_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2201, 1, 1, tzinfo=UTC)


def encoded(event: Event) -> bytes:
    """An event in its one canonical spelling: members in fixed order, the instant in UTC."""
    return msgspec.json.encode(msgspec.structs.replace(event, occurred_at=event.occurred_at.astimezone(UTC)))


def decoded(data: bytes | str) -> Event:
    """Read an event back. Raises msgspec.ValidationError or msgspec.DecodeError."""
    return _DECODER.decode(data)


_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Touchpoint | Conversion)
