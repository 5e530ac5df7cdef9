"""One set of weights for all, settings of one's own, and nothing that moves from one tenant to the next."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venturi.scoring.features import FEATURES, features
from venturi.scoring.scorer import Scorer, Settings
from venturi.scoring.train import ReleasedCell, Trainer
from venturi.scoring.weights import baseline

NOWHERE: Any = {}


def test_the_shipped_weights_are_those_that_training_gives() -> None:
    made, shipped = Trainer().train({}), baseline()
    assert made.trained_on == shipped.trained_on
    # The last digits depend on the machine's arithmetic.
    assert made.coefficients == pytest.approx(shipped.coefficients, abs=1e-6)


def test_training_twice_gives_the_same_weights_and_other_cohorts_give_others() -> None:
    cells = [ReleasedCell("email", 90), ReleasedCell("search", 10)]
    once, again = (Trainer().train({"eu-1": cells}) for _ in range(2))
    assert once.digest == again.digest
    assert once.digest != baseline().digest
    assert once.trained_on == ("eu-1",)


def test_the_digest_covers_every_coefficient() -> None:
    import msgspec

    shared = baseline()
    for index in range(len(FEATURES)):
        changed = list(shared.coefficients)
        changed[index] += 1e-9
        assert msgspec.structs.replace(shared, coefficients=tuple(changed)).digest != shared.digest


@given(st.lists(st.sampled_from([*FEATURES[:-1], "unheard of"]), max_size=30))
def test_a_probability_is_one_and_calibration_moves_it_as_it_says(path: list[str]) -> None:
    scorer, weights = Scorer(NOWHERE, baseline()), baseline()
    plain = scorer.decided(Settings(), weights, path)
    lifted = scorer.decided(Settings(shift=1.0), weights, path)
    assert 0 < plain.probability < lifted.probability < 1
    assert math.isclose(plain.probability, 1 / (1 + math.exp(-weights.logit(features(path)))))


def test_a_threshold_is_met_when_it_is_reached() -> None:
    scorer, weights = Scorer(NOWHERE, baseline()), baseline()
    at = scorer.decided(Settings(), weights, ["search"]).probability
    assert scorer.decided(Settings(threshold=at), weights, ["search"]).positive
    assert not scorer.decided(Settings(threshold=math.nextafter(at, 1)), weights, ["search"]).positive


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (Settings(slope=0.0), "slope"),
        (Settings(slope=math.nan), "slope"),
        (Settings(slope=math.inf), "slope"),
        (Settings(shift=-101.0), "shift"),
        (Settings(threshold=1.1), "threshold"),
        (Settings(threshold=math.nan), "threshold"),
    ],
)
def test_settings_that_can_not_be_are_named(settings: Settings, named: str) -> None:
    assert settings.problem().startswith(named)
    assert Settings().problem() == ""


def test_extreme_settings_do_not_overflow() -> None:
    scorer = Scorer(NOWHERE, baseline())
    for shift in (-100.0, 100.0):
        assert 0 <= scorer.decided(Settings(slope=100.0, shift=shift), baseline(), ["search"] * 100).probability <= 1
