"""Facts about how AWS behaves, each with its documentation page, and what a target was found to make of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from tenantproof.model.errors import UsageError

Json = dict[str, Any]
"""Arguments of an AWS operation."""


class Step(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"as_": "as", "with_": "with"}
):
    """One call ("kms.encrypt") as somebody. A step with an `id` is a fact, the others prepare.

    It comes out as told when it fails with one of the codes `fails`, or, without those, when it succeeds and its answer
    has what `gives` says: dotted path to value, "*" for anything, "!" for nothing; a path that ends in # is a length,
    one that ends in ~ a text that contains the value. `saves` keeps parts of the answer under names.
    """

    call: str
    as_: Literal["root", "guest", "worker"] = "root"
    with_: Json = {}
    fails: str | tuple[str, ...] = ()
    gives: Json = {}
    saves: dict[str, str] = {}
    id: str = ""
    shows: str = ""

    @property
    def codes(self) -> tuple[str, ...]:
        """The error codes of which one is wanted; none: success is."""
        return (self.fails,) if isinstance(self.fails, str) else self.fails


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Steps that belong together, and the page that they come from."""

    page: str
    steps: tuple[Step, ...]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a target made of one fact; `saw` is one line."""

    id: str
    shows: str
    page: str
    held: bool
    saw: str = ""


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """The ledger of fidelity. `because` says why the facts were not asked, if they were not."""

    answers: tuple[Answer, ...] = ()
    because: str = ""
    is_genuine: bool = False
    """Whether it is AWS itself, which need not be asked whether it behaves like AWS."""

    @property
    def missing(self) -> tuple[str, ...]:
        """The facts that did not hold."""
        return tuple(answer.id for answer in self.answers if not answer.held)

    def unmet(self, wanted: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the facts that some claim rests on which this target was not found to hold."""
        if self.is_genuine and not self.answers:
            return ()
        held = {answer.id for answer in self.answers if answer.held}
        return tuple(fact for fact in wanted if fact not in held)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    scenario: tuple[Scenario, ...]


def load_scenarios(folder: Path) -> tuple[Scenario, ...]:
    """The scenarios of a folder's *.toml. Raises UsageError that names the file, or an id that stands twice."""
    found: list[Scenario] = []
    for path in sorted(folder.glob("*.toml")):
        try:
            found += msgspec.toml.decode(path.read_bytes(), type=_File).scenario
        except (OSError, msgspec.DecodeError, msgspec.ValidationError) as error:
            raise UsageError(f"{path}: {error}") from None
    ids = [step.id for scenario in found for step in scenario.steps if step.id]
    if twice := sorted({ident for ident in ids if ids.count(ident) > 1}):
        raise UsageError(f"{folder}: {', '.join(twice)} stand twice; a fact's id is unique")
    return tuple(found)
