"""What the steps of support access say, filled in from the profile's templates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tenantproof.model.legal_path import ANSWERS, BODIES, Body
from tenantproof.model.profile import Support
from tenantproof.probes.sighting import json_object

_OF_THE_FACTOR = ("{challenge}", "{signature}")


def template(support: Support, step: str) -> Body:
    """The body of a step, with its placeholders."""
    return support.bodies.get(step, BODIES.get(step, {}))


def filled(said: Any, values: Mapping[str, object]) -> Any:  # noqa: ANN401  # JSON in, JSON out
    """JSON with its placeholders replaced by what they stand for."""
    match said:
        case dict():
            return {name: filled(each, values) for name, each in said.items()}
        case list() | tuple():
            return [filled(each, values) for each in said]
        case str() if said.startswith("{") and said[1:-1] in values:
            return values[said[1:-1]]
        case str():
            for name, value in values.items():
                said = said.replace(f"{{{name}}}", str(value))
    return said


def needs_factor(support: Support, step: str) -> bool:
    """Whether a step carries a second factor."""
    return any(mark in str(template(support, step)) for mark in _OF_THE_FACTOR)


def needs_digest(support: Support, step: str) -> bool:
    """Whether a step says which request it means by the request's digest."""
    return "{digest}" in str(template(support, step))


def members_of_factor(support: Support, step: str) -> frozenset[str]:
    """The members of a step's body that hold its second factor."""
    said = template(support, step)
    return frozenset(name for name, value in said.items() if any(mark in str(value) for mark in _OF_THE_FACTOR))


def answered(support: Support, body: bytes, member: str) -> object:
    """A member of an answer, by the name that it has in `legal_path.ANSWERS`; None when it is not there."""
    return json_object(body).get(support.answers.get(member, ANSWERS[member]))
