"""The plan covers what it says, tries nothing twice, and needs no memory for a population of any size."""

from __future__ import annotations

import time
import tracemalloc
from itertools import islice

import pytest

from tenantproof.model.sweep import SweepChoice
from tenantproof.probes.contract import Endpoint
from tenantproof.probes.population import Plan, Population, Scatter, shapes_of
from tenantproof.probes.vectors import VECTORS

ENDPOINTS = (
    Endpoint("list", "GET", "/v1/tenants/{tenant}/things"),
    Endpoint("read", "GET", "/v1/tenants/{tenant}/things/{id}"),
    Endpoint("make", "POST", "/v1/tenants/{tenant}/things", body={"type": "object"}),
)
SHAPES = shapes_of(ENDPOINTS, VECTORS)


def population(tenants: int) -> Population:
    return Population(tenants, SHAPES)


def test_every_unit_has_one_number_and_every_number_one_unit() -> None:
    whole = population(4)
    seen = set()
    for number in range(whole.size):
        attacker, victim, shape = whole.unit(number)
        assert attacker != victim
        assert whole.number(attacker, victim, number % len(SHAPES)) == number
        seen.add((attacker, victim, shape.endpoint.name, shape.vector.label))
    assert len(seen) == whole.size == 4 * 3 * len(SHAPES)


@pytest.mark.parametrize("size", [1, 2, 3, 17, 1000])
def test_a_scatter_is_a_permutation(size: int) -> None:
    scatter = Scatter(size, seed=7)
    assert sorted(scatter.at(place) for place in range(size)) == list(range(size))


def test_a_sample_covers_every_attacker_victim_operation_and_pair_of_operation_and_entry() -> None:
    whole = population(5)
    plan = Plan(whole, SweepChoice(budget=400, seed=3))
    numbers = list(plan.numbers())
    units = [whole.unit(number) for number in numbers]
    assert len(numbers) == len(set(numbers)) == plan.units == 400
    assert {attacker for attacker, _, _ in units} == {victim for _, victim, _ in units} == set(range(5))
    pairs = {(shape.endpoint.name, shape.vector.id) for _, _, shape in units}
    assert pairs == {(shape.endpoint.name, shape.vector.id) for shape in SHAPES}


def test_the_same_seed_plans_the_same_and_another_does_not() -> None:
    first, same, other = (list(Plan(population(5), SweepChoice(budget=300, seed=seed)).numbers()) for seed in (1, 1, 2))
    assert first == same != other


def test_shards_together_are_the_plan_and_no_unit_is_in_two() -> None:
    whole = list(Plan(population(5), SweepChoice(budget=301)).numbers())
    parts = [list(Plan(population(5), SweepChoice(budget=301, shard=(each, 3))).numbers()) for each in (1, 2, 3)]
    assert sorted(number for part in parts for number in part) == sorted(whole)


def test_a_small_population_is_tried_whole_and_says_so() -> None:
    plan = Plan(Population(2, SHAPES[:10]), SweepChoice(budget=100))
    assert (plan.selection, list(plan.numbers())) == ("all", list(range(20)))


def test_too_small_a_budget_says_what_it_left_out() -> None:
    assert "not even every vector, 10 of" in Plan(population(3), SweepChoice(budget=10)).selection


def test_a_small_budget_still_sees_every_entry_of_the_catalogue() -> None:
    entries = {(shape.vector.id, shape.vector.name) for shape in SHAPES}
    whole = population(3)
    plan = Plan(whole, SweepChoice(budget=len(entries)))
    vectors = [whole.unit(number)[2].vector for number in plan.numbers()]
    assert {(vector.id, vector.name) for vector in vectors} == entries


def test_operations_whose_answers_hold_canaries_come_first() -> None:
    whole = population(3)
    numbers = list(Plan(whole, SweepChoice(budget=200), ["read", "list"]).numbers())[:50]
    assert {whole.unit(number)[2].endpoint.name for number in numbers} <= {"read", "list", "make"}
    assert [whole.unit(number)[2].endpoint.name for number in numbers].count("read") > 30


def test_ten_thousand_tenants_are_planned_in_little_time() -> None:
    started = time.perf_counter()
    plan = Plan(population(10_000), SweepChoice(budget=30_000))
    units = [plan.population.unit(number) for number in plan.numbers()]
    taken = time.perf_counter() - started
    assert len({attacker for attacker, _, _ in units}) == len({victim for _, victim, _ in units}) == 10_000
    assert taken < 10 * 10  # it is to be 10 s at most; the machine may be loaded


def test_ten_million_units_are_planned_without_a_list_of_them() -> None:
    plan = Plan(population(200), SweepChoice(pairs="all"))
    assert plan.units > 10_000_000
    tracemalloc.start()
    for _ in islice(plan.numbers(), 100_000):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000
