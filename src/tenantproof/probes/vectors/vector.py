"""What a vector is: a way to ask for what is another tenant's, with the operations that it fits and its aim."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TypeAlias

from tenantproof.clients.exchange import Answer
from tenantproof.probes.contract import Endpoint
from tenantproof.probes.vectors.case import Case, Draft

Build: TypeAlias = "Callable[[Case, str], Draft | list[Draft]]"
"""Makes the request (or several, for one connection) of a case and a form."""


class Aim(StrEnum):
    """What the contract demands of the answer."""

    REFUSED = "refused"
    """The path names the victim to the letter: nothing but the documented refusal will do."""
    CLEAN = "clean"
    """Any answer will do that holds nothing of the victim's."""


class Reach(StrEnum):
    """Whose path is asked, which decides whose state may change and whose trail has to tell."""

    FOREIGN = "foreign"
    OWN = "own"
    NEITHER = "neither"


@dataclass(frozen=True)
class Vector:
    """One form of one entry of the catalogue. `fits` says for which operations there is something to try."""

    id: str
    name: str
    form: str
    aim: Aim
    reach: Reach
    build: Build
    fits: Callable[[Endpoint], bool]
    pipelined: bool = False
    fresh: bool = False
    hold: float = 0.0
    inspect: Callable[[Answer], str] | None = None
    """Says what is wrong with an answer besides what stands in it, or an empty text."""
    alike: bool = False
    """The last two requests ask for what is another's and for what is nobody's: their answers must not differ.

    With `controlled`, the two before the last are both for what is nobody's, to tell what differs by itself.
    """
    controlled: bool = False
    """The first request asks in the same way for the attacker's own; where that is not served, no other would be."""

    @cached_property
    def label(self) -> str:
        """How a unit and a report call it."""
        return f"{self.id} {self.name}" + (f": {self.form}" if self.form else "")


@dataclass(frozen=True)
class Skipped:
    """An entry of the catalogue that is not tried here, and why."""

    id: str
    why: str


@dataclass
class Group:
    """The vectors of one group of the catalogue, in its order."""

    vectors: list[Vector] = field(default_factory=list)

    def add(
        self,
        ident: str,
        name: str,
        *,
        aim: Aim = Aim.REFUSED,
        reach: Reach = Reach.FOREIGN,
        forms: Iterable[str] = ("",),
        fits: Callable[[Endpoint], bool] | None = None,
        pipelined: bool = False,
        fresh: bool = False,
        hold: float = 0.0,
        inspect: Callable[[Answer], str] | None = None,
        alike: bool = False,
        controlled: bool = False,
    ) -> Callable[[Build], Build]:
        """Enter a function as the vector that builds every one of its forms."""

        def enter(build: Build) -> Build:
            fitting = fits or any_tenant
            if reach is Reach.OWN:
                fitting = _harmless(fitting)
            self.vectors += [
                Vector(
                    ident, name, form, aim, reach, build, fitting, pipelined, fresh, hold, inspect, alike, controlled
                )
                for form in forms
            ]
            return build

        return enter


def any_tenant(endpoint: Endpoint) -> bool:
    """Every operation with a tenant in its path."""
    return "{tenant}" in endpoint.template


def has_object(endpoint: Endpoint) -> bool:
    """Operations on one object."""
    return endpoint.has_object


def has_body(endpoint: Endpoint) -> bool:
    """Operations that take a body."""
    return endpoint.body is not None


def is_read(endpoint: Endpoint) -> bool:
    """Operations that change nothing."""
    return any_tenant(endpoint) and not endpoint.is_write


def is_list(endpoint: Endpoint) -> bool:
    """Reads of a collection."""
    return is_read(endpoint) and not endpoint.has_object


def is_object_read(endpoint: Endpoint) -> bool:
    """Reads of one object."""
    return is_read(endpoint) and endpoint.has_object


def is_about(pattern: str) -> Callable[[Endpoint], bool]:
    """Operations whose name or path reads so."""
    found = re.compile(pattern, re.IGNORECASE)
    return lambda endpoint: any_tenant(endpoint) and found.search(f"{endpoint.name} {endpoint.template}") is not None


def is_service(endpoint: Endpoint) -> bool:
    """The service as a whole, which belongs to no tenant."""
    return not any_tenant(endpoint) and endpoint.graphql is None


def _harmless(fits: Callable[[Endpoint], bool]) -> Callable[[Endpoint], bool]:
    """Under its own path the attacker may do what it asks for, so only what it could take back is asked for."""
    return lambda endpoint: fits(endpoint) and not endpoint.is_destructive
