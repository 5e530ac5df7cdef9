"""The rule of Stage A: window, tie-breaks, and that nothing but the log has a say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from venturi.ingest.events import Conversion, Event, Touchpoint, decoded, encoded
from venturi.resolution.rule import canonical, last_touch, record_id, resolve

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def touch(ident: str, *, subject: str = "s1", channel: str = "email", ago: timedelta = timedelta()) -> Touchpoint:
    return Touchpoint(id=ident, subject_id=subject, channel=channel, occurred_at=NOON - ago)


def conversion(ident: str = "c1", *, subject: str = "s1") -> Conversion:
    return Conversion(id=ident, subject_id=subject, value=10.0, occurred_at=NOON)


instants = st.integers(0, 40 * 24).map(lambda hours: NOON - timedelta(hours=hours))
idents = st.integers(0, 9).map(lambda number: f"e{number}")
subjects = st.sampled_from(["s1", "s2"])
touches = st.builds(
    Touchpoint, id=idents, subject_id=subjects, channel=st.sampled_from(["email", "search"]), occurred_at=instants
)
conversions = st.builds(
    Conversion, id=idents, subject_id=subjects, value=st.sampled_from([1.0, 2.5]), occurred_at=instants
)
logs = st.lists(touches | conversions, max_size=14)


def test_the_last_touch_before_the_conversion_gets_the_credit() -> None:
    log: list[Event] = [touch("t1", ago=timedelta(days=2)), touch("t2", ago=timedelta(days=1)), conversion()]
    assert [record.touchpoint for record in resolve("acme", log)] == ["t2"]


@pytest.mark.parametrize(
    ("ago", "credited"),
    [
        (timedelta(), True),
        (timedelta(microseconds=-1), False),
        (timedelta(days=30), True),
        (timedelta(days=30, microseconds=1), False),
    ],
)
def test_the_window_is_thirty_days_with_both_ends_in_it(ago: timedelta, credited: bool) -> None:
    assert bool(list(resolve("acme", [touch("t1", ago=ago), conversion()]))) is credited


def test_of_two_touches_at_one_instant_the_greater_id_wins() -> None:
    assert last_touch(conversion(), [touch("t9"), touch("t10"), touch("tA")]) == touch("tA")


def test_identifiers_match_exactly_or_not_at_all() -> None:
    for other in ("S1", "s1.", "s", "s11"):
        assert not list(resolve("acme", [touch("t1", subject=other), conversion()]))


def test_an_event_id_counts_once_where_it_first_stands() -> None:
    log: list[Event] = [touch("t1"), touch("t1", channel="search"), conversion(), conversion(), touch("c1")]
    assert [(record.conversion, record.channel) for record in resolve("acme", log)] == [("c1", "email")]


def test_a_touch_that_arrives_after_its_conversion_changes_nothing() -> None:
    assert not list(resolve("acme", [conversion(), touch("t1")]))


def test_the_id_of_a_record_depends_on_tenant_and_conversion_alone() -> None:
    assert record_id("acme", "c1") == record_id("acme", "c1")
    assert len({record_id("acme", "c1"), record_id("acme", "c2"), record_id("acm", "ec1")}) == 3


def test_the_records_of_a_known_log_are_these_bytes() -> None:
    log: list[Event] = [touch("t1", channel="search", ago=timedelta(hours=1)), conversion()]
    assert canonical(list(resolve("acme", log))) == (
        b'{"channel":"search","conversion":"c1","id":"' + record_id("acme", "c1").encode() + b'",'
        rb'"note":"{\"converted_at\":\"2026-03-01T12:00:00Z\",\"rule\":\"last-touch/1\",'
        rb'\"touched_at\":\"2026-03-01T11:00:00Z\",\"value\":10.0}",'
        b'"subject_id":"s1","touchpoint":"t1","weight":1.0}'
    )


@given(logs)
def test_the_same_log_gives_the_same_bytes(log: list[Event]) -> None:
    again = [decoded(encoded(event)) for event in log]
    assert canonical(list(resolve("acme", log))) == canonical(list(resolve("acme", again)))


@given(logs)
def test_a_log_that_stutters_gives_the_same_records(log: list[Event]) -> None:
    stuttering = [event for end in range(len(log) + 1) for event in log[:end]]
    assert list(resolve("acme", stuttering)) == list(resolve("acme", log))


@given(logs, logs)
def test_records_that_were_made_stay_as_they_are(log: list[Event], more: list[Event]) -> None:
    before = list(resolve("acme", log))
    assert list(resolve("acme", log + more))[: len(before)] == before


@given(logs, st.randoms())
def test_the_order_in_which_touches_arrive_does_not_matter(log: list[Event], chance: object) -> None:
    unique = list({event.id: event for event in log}.values())
    seen: list[Event] = [event for event in unique if isinstance(event, Touchpoint)]
    asked: list[Event] = [event for event in unique if isinstance(event, Conversion)]
    shuffled = list(seen)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis's random.Random
    assert list(resolve("acme", seen + asked)) == list(resolve("acme", shuffled + asked))


@given(logs)
def test_other_subjects_have_no_say(log: list[Event]) -> None:
    mine = [event for event in {e.id: e for e in reversed(log)}.values() if event.subject_id == "s1"]
    whole = list(resolve("acme", list({e.id: e for e in reversed(log)}.values())))
    assert list(resolve("acme", mine)) == [record for record in whole if record.subject_id == "s1"]


def test_an_offset_from_utc_does_not_change_an_event() -> None:
    text = (
        b'{"kind":"touchpoint","id":"t1","subject_id":"s1","channel":"email","occurred_at":"2026-03-01T13:00:00+01:00"}'
    )
    assert decoded(text) == touch("t1")
    assert encoded(decoded(text)) == encoded(touch("t1"))


def test_an_instant_without_an_offset_is_not_taken() -> None:
    with pytest.raises(msgspec.ValidationError):
        decoded(
            b'{"kind":"touchpoint","id":"t1","subject_id":"s1","channel":"email","occurred_at":"2026-03-01T13:00:00"}'
        )
