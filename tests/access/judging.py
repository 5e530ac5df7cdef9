"""Runs the checks of support access against a counter, whole or until the first thing that must not be."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FunctionType

from tenantproof.clients.target import Target
from tenantproof.ledger.ledger import Ledger
from tenantproof.model.observation import Observation
from tenantproof.model.outcome import Outcome
from tenantproof.plugin.collect import Check, find_checks

FILE = Path(__file__).resolve().parents[2] / "checks/support_access.py"


class Killed(Exception):
    """Something was seen that the claim rules out."""


class Trap(Ledger):
    """A ledger without a journal, which ends the check at the first thing that must not be."""

    def __init__(self) -> None:
        self.trials = 0
        self.failed: list[str] = []
        """Calibrations that did not come out; a check in which one fails shows nothing."""

    def calibrate(self, observation: Observation, *, is_: Outcome) -> None:
        if observation.outcome is not is_:
            self.failed.append(_line(observation, is_))

    def expect(self, observation: Observation, *, is_: Outcome) -> None:
        self.trials += 1
        if observation.outcome is not is_:
            raise Killed(_line(observation, is_))

    def population(self, units: int, *, selection: str = "all") -> None:
        """Counted elsewhere."""


def checks(claims: Sequence[str] = ()) -> Iterator[Check]:
    """The checks of support access, of these claims or of all."""
    return (check for check in find_checks(FILE) if not claims or check.claim in claims)


def made(check: Check, target: Target, ledger: Ledger) -> None:
    """Make one check. Raises what its ledger raises."""
    function: FunctionType = check.function
    given = {name: kind(target) for name, kind in check.probes.items()}
    assert set(inspect.signature(function).parameters) == {*given, *check.ledgers}
    function(**given, **dict.fromkeys(check.ledgers, ledger))


def _line(seen: Observation, wanted: Outcome) -> str:
    return f"{seen.what}: {seen.outcome.value}, expected {wanted.value} ({'; '.join(seen.notes)})"
