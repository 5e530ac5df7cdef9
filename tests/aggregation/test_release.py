"""Nothing about one to four persons follows from a release, tonight's or any before, by any sum or difference."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from venturi.aggregation.cube import Cell, Cube, build
from venturi.aggregation.deidentify import Attributed, Contribution, Deidentifier
from venturi.aggregation.hierarchies import CHANNEL_FAMILIES, channels, months
from venturi.aggregation.protect import Protector, Published, Rules
from venturi.aggregation.release import NoRelease, Release, release
from venturi.aggregation.risk import AcceptanceTest, Thresholds

CHANNELS, MONTHS = channels(), months(range(2026, 2027))
KEY = Ed25519PrivateKey.generate()
PRIME = (1 << 61) - 1


def people(
    count: int, source: str, channel: str = "search", month: str = "2026-01", start: int = 0
) -> list[Contribution]:
    return [Contribution(f"p{n}", source, channel, month) for n in range(start, start + count)]


def make(contributions: list[Contribution], history: tuple[Published, ...] = (), **tweak: float) -> Release:
    cube = build(contributions, CHANNELS, MONTHS)
    return release(
        cube,
        history,
        jurisdiction="eu",
        number=len(history) + 1,
        at="2026-02-01T00:00:00Z",
        protector=Protector(Rules()),
        test=AcceptanceTest(Thresholds(**tweak)),  # type: ignore[arg-type]
        key=KEY,
    )


def counts(made: Release) -> dict[Cell, int]:
    return {(cell["channel"], cell["month"]): cell["count"] for cell in json.loads(made.document)["cells"]}


def test_k_counts_persons_and_not_rows() -> None:
    once = people(2, "a") + people(2, "b", start=10)
    with pytest.raises(NoRelease):
        make(once * 9)
    assert counts(make(people(5, "a") + people(5, "b", start=10)))["*", "*"] == 10


@pytest.mark.parametrize("other", [0, 1, 4])
def test_a_tenant_that_takes_its_own_away_is_left_with_nobody_small(other: int) -> None:
    with pytest.raises(NoRelease):
        make(people(20, "a") + people(other, "b", start=100))


def test_a_small_sibling_is_not_the_difference_of_its_parent() -> None:
    big = people(6, "a") + people(6, "b", start=10)
    small = people(2, "a", "display", start=50) + people(1, "b", "display", start=60)
    published = counts(make(big + small))
    assert published["*", "*"] == 15
    assert ("search", "2026-01") not in published
    assert all(cell[0] != "display" for cell in published)


def test_one_person_who_leaves_between_two_nights_holds_the_cell_back() -> None:
    before = people(8, "a") + people(8, "b", start=10)
    first = make(before)
    with pytest.raises(NoRelease):
        make(before[1:], (first.remembered,))
    second = make(before[5:] + people(6, "a", start=200), (first.remembered,))
    assert counts(second)["*", "*"] == 17


def test_one_who_leaves_and_one_who_comes_are_two_and_not_none() -> None:
    before = people(8, "a") + people(8, "b", start=10)
    first = make(before)
    with pytest.raises(NoRelease):
        make(before[1:] + people(1, "a", start=300), (first.remembered,))


def test_a_withheld_cell_looks_like_an_empty_one() -> None:
    made = make(people(6, "a") + people(6, "b", start=10) + people(1, "a", "email", start=40))
    assert not {"email", "owned"} & {channel for channel, _ in counts(made)}


def test_the_acceptance_test_blocks_a_release_that_is_otherwise_ready() -> None:
    ready = people(5, "a") + people(5, "b", start=10)
    assert make(ready).risk.accepted
    with pytest.raises(NoRelease, match="marketer"):
        make(ready, marketer=0.01)


def test_the_signature_is_over_the_document() -> None:
    made = make(people(5, "a") + people(5, "b", start=10))
    KEY.public_key().verify(made.signature, made.document)


moment = datetime(2026, 3, 31, 23, 59, tzinfo=UTC)


def test_what_leaves_a_tenant_names_neither_person_nor_tenant() -> None:
    record = Attributed("ann@example.com", "call me: 555-0100", moment)
    left = Deidentifier(b"k" * 32, CHANNELS, MONTHS).contribution(record)
    assert (left.channel, left.month) == ("other", "2026-03")
    assert not {"ann@example.com", "call me: 555-0100"} & {left.person, left.source, left.channel, left.month}
    assert "555" not in repr(left)


def test_a_person_is_the_same_from_run_to_run_and_another_at_another_tenant() -> None:
    one, again, other = (Deidentifier(key * 32, CHANNELS, MONTHS).person("s") for key in (b"k", b"k", b"l"))
    assert one == again != other


contribution = st.builds(
    Contribution,
    person=st.integers(0, 30).map(str),
    source=st.sampled_from("ab"),
    channel=st.sampled_from(sorted(CHANNEL_FAMILIES)),
    month=st.sampled_from(["2026-01", "2026-02", "2026-04"]),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(contribution, min_size=30, max_size=250))
def test_no_small_group_is_a_linear_combination_of_what_is_published(rows: list[Contribution]) -> None:
    cube = build(rows, CHANNELS, MONTHS)
    chosen = Protector(Rules()).select(cube, ()).cells
    # A person counts once in a cell, so counts add up over groups of persons with the same set of cells.
    basis: dict[int, dict[int, int]] = {}
    for cell in chosen:
        _insert(basis, _vector(cube, cell))
    for cell, cohort in cube.cohorts.items():
        if 0 < cohort.size < 5:
            assert _reduce(basis, _vector(cube, cell)), f"{cell} ({cohort.size}) can be computed"


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(contribution, min_size=40, max_size=120), min_size=2, max_size=4))
def test_no_two_nights_differ_by_a_small_group(nights: list[list[Contribution]]) -> None:
    history: list[Published] = []
    for rows in nights:
        cube = build(rows, CHANNELS, MONTHS)
        chosen = Protector(Rules()).select(cube, history).cells
        history.append(Published({cell: cube.cohorts[cell] for cell in chosen}))
    for before, after in pairwise(history):
        for cell in before.cohorts.keys() & after.cohorts.keys():
            moved = len(before.cohorts[cell].members ^ after.cohorts[cell].members)
            assert moved == 0 or moved >= 5


def _vector(cube: Cube, cell: Cell) -> dict[int, int]:
    """The cell as a sum of atoms: persons who are in exactly the same cells can't be told apart by any count."""
    signature: dict[tuple[str, str], list[Cell]] = {}
    for each in sorted(cube.cohorts):
        for member in cube.cohorts[each].members:
            signature.setdefault(member, []).append(each)
    atoms = {cells: index for index, cells in enumerate(sorted({tuple(cells) for cells in signature.values()}))}
    return {atoms[tuple(signature[member])]: 1 for member in cube.cohorts[cell].members}


def _reduce(basis: dict[int, dict[int, int]], vector: dict[int, int]) -> dict[int, int]:
    vector = dict(vector)
    while vector:
        pivot = min(vector)
        if pivot not in basis:
            free = [column for column in vector if column not in basis]
            return {column: vector[column] for column in free}
        factor = vector[pivot]
        for column, value in basis[pivot].items():
            left = (vector.get(column, 0) - factor * value) % PRIME
            vector = {**{k: v for k, v in vector.items() if k != column}, **({column: left} if left else {})}
    return {}


def _insert(basis: dict[int, dict[int, int]], vector: dict[int, int]) -> None:
    vector = dict(vector)
    while vector:
        pivot = min(vector)
        if pivot not in basis:
            inverse = pow(vector[pivot], -1, PRIME)
            basis[pivot] = {column: value * inverse % PRIME for column, value in vector.items()}
            return
        factor = vector[pivot]
        for column, value in basis[pivot].items():
            left = (vector.get(column, 0) - factor * value) % PRIME
            vector.pop(column, None)
            if left:
                vector[column] = left


def test_the_lines_through_a_cell_are_those_that_it_is_in() -> None:
    base = [Contribution(f"p{n}", f"s{n % 3}", channel, month) for n, (channel, month) in enumerate(_SPREAD)]
    cube = build(base, channels(), months())
    for cell in cube.cohorts:
        expected = [line for line in cube.lines() if cell == line[0] or cell in line[1]]
        assert cube.lines_through(cell) == expected, "a line that is left out is a difference that nobody looks at"
    assert cube.lines_through(("nowhere", "never")) == []


_SPREAD = [
    (channel, month)
    for channel in ("search", "display", "email", "direct")
    for month in ("2026-01", "2026-02", "2026-05", "2027-01")
]
