"""Time and chance follow from a moment and a seed, for one thread and as long as it is told so."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from venturi.aws.kept.moments import Moment, Told, derived, fresh, is_told, telling


@given(st.lists(st.integers(0, 2000), max_size=20))
def test_the_same_seed_gives_the_same_bytes_in_whichever_pieces_they_are_taken(sizes: list[int]) -> None:
    one, other = Told(b"seed", 0), Told(b"seed", 0)
    assert b"".join(map(one.take, sizes)) == other.take(sum(sizes))
    assert Told(b"other", 0).take(32) != Told(b"seed", 0).take(32)


def test_two_calls_never_have_one_seed() -> None:
    assert len({fresh().seed for _ in range(100)}) == 100
    assert all(len(fresh().seed) == 32 for _ in range(3))


def test_what_is_derived_depends_on_its_names_and_on_nothing_else() -> None:
    root = Told(b"r" * 32, 5)
    one, same, other = derived(root, "ec2", "1"), derived(root, "ec2", "1"), derived(root, "ec", "21")
    root.take(100)
    assert (one.seed, one.now) == (same.seed, same.now) == (derived(root, "ec2", "1").seed, 5)
    assert one.seed != other.seed


def test_now_is_what_the_call_is_told_and_a_plain_datetime_that_passes_for_a_moment() -> None:
    then = datetime(2020, 1, 2, 3, 4, 5, 678901, UTC)
    with telling(Told(b"", int(then.timestamp()) * 1_000_000_000 + 678_901_999)):
        assert Moment.now(UTC) == then
        assert Moment.utcnow() == then.replace(tzinfo=None)
        assert Moment.today() == datetime.fromtimestamp(then.timestamp())  # noqa: DTZ006  # local, as today is
        assert type(Moment.now(UTC)) is type(Moment(2020, 1, 1)) is type(Moment.fromtimestamp(0, UTC)) is datetime
    assert isinstance(then, Moment)
    assert not isinstance("then", Moment)
    assert abs((Moment.now(UTC) - datetime.now(UTC)).total_seconds()) < 60


def test_another_thread_is_told_nothing_and_nor_is_this_one_afterwards() -> None:
    seen: list[bool] = []
    with telling(fresh()):
        other = threading.Thread(target=lambda: seen.append(is_told()))
        other.start()
        other.join()
        seen.append(is_told())
        with telling(None):
            seen.append(is_told())
        seen.append(is_told())
    assert [*seen, is_told()] == [False, True, False, True, False]


def test_what_no_seed_can_make_is_made_once_and_outside_of_what_the_call_is_told() -> None:
    first = Told(b"s", 0)
    with telling(first):
        made = [first.once(is_told), first.once(lambda: "key")]
    again = Told(b"s", 0, first.drawn)
    assert made == [False, "key"]
    assert [again.once(lambda: "another"), again.once(lambda: "another")] == made
