"""What a class of forgeries is: its place in the catalogue, what it violates, what it needs, and how it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from tenantproof.clients.exchange import Headers
from tenantproof.probes.forging.material import Material

Variants: TypeAlias = Iterator[tuple[str, str]]
"""Names, unique within a class, and the tokens that they stand for."""
Maker: TypeAlias = Callable[[Material], Variants]


@dataclass(frozen=True, repr=False)
class Forgery:
    """A forged token: its class, what was done, and the text that goes into the Authorization header.

    `headers` take the place of the Authorization header, and `query` goes into the target, where a class is about how
    a token travels.
    """

    klass: str
    name: str
    token: str
    headers: Headers | None = None
    query: str = ""

    @property
    def vector(self) -> str:
        """Its name in the population: the class first."""
        return f"{self.klass} {self.name}"


@dataclass(frozen=True, kw_only=True)
class ForgeryClass:
    """One class. `violates` are the sections of RFCs that a verifier breaks who takes one for genuine.

    `needs` says what has to be there besides a token: nothing, "public key", "listener", "issuer" and so on.
    """

    ident: str
    name: str
    family: str
    violates: str
    needs: str = ""
    make: Maker | None = field(default=None, repr=False)

    def of(self, material: Material) -> Iterator[Forgery]:
        """Its forgeries of the material; none where what it needs is not at hand."""
        if self.make is None or (self.needs == "listener" and not material.listener):
            return
        for name, token in self.make(material):
            yield Forgery(self.ident, name or self.name, token)


class Family:
    """A family of classes; `of` adds the function that makes one of them."""

    def __init__(self, letter: str, name: str) -> None:
        self.letter, self.name = letter, name
        self.classes: list[ForgeryClass] = []

    def of(self, ident: str, name: str, violates: str, needs: str = "") -> Callable[[Maker], Maker]:
        """Say which class the function below makes."""

        def add(make: Maker) -> Maker:
            self._add(ident, name, violates, needs, make)
            return make

        return add

    def open(self, ident: str, name: str, violates: str, needs: str) -> None:
        """A class that is not made here, and what it would need."""
        self._add(ident, name, violates, needs, None)

    def _add(self, ident: str, name: str, violates: str, needs: str, make: Maker | None) -> None:
        family = f"{self.letter} {self.name}"
        made = ForgeryClass(ident=ident, name=name, family=family, violates=violates, needs=needs, make=make)
        self.classes.append(made)
