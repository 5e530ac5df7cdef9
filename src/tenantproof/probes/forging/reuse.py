"""J169: a token that is for one use, used again; made where an issuer lends its key and says what is for one use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tenantproof.clients.tokens import parse
from tenantproof.probes.forging.arithmetic import malleable
from tenantproof.probes.forging.families import Forgery
from tenantproof.probes.forging.issued import Lent
from tenantproof.probes.forging.material import Material

CLASS = "J169"


@dataclass(frozen=True, repr=False)
class Reuse:
    """A token that must do the first time, and what must not do after it; `elsewhere`, on another connection."""

    name: str
    first: str
    again: str
    elsewhere: bool = False

    @property
    def forgery(self) -> Forgery:
        """What is shown after the first use."""
        return Forgery(CLASS, self.name, self.again)


def single(lent: Lent) -> str:
    """A token that is for one use and that nobody has seen. Raises ValueError where none is."""
    if lent.once is None:
        raise ValueError("the profile says of no token that it is for one use; add tokens.test_key.one_time")
    return lent.edited(lent.once.header, lent.once.claims)


def reuses(lent: Lent) -> Iterator[Reuse]:
    """Each way to use a token again, with a token of its own; none where no token is for one use.

    Nobody but the issuer can write another token with the same id, but anybody can write n - s for s.
    """
    if lent.once is None:
        return
    token = single(lent)
    yield Reuse("the same token", token, token)
    token = single(lent)
    yield Reuse("the same token on another connection", token, token, elsewhere=True)
    first = parse(single(lent))
    for name, token in malleable(Material.in_own_name(first, first, ())):
        yield Reuse(f"the same token, {name}", first.text, token)
    first = parse(single(lent))
    yield Reuse("the same claims, signed anew", first.text, lent.sign(first.header, first.payload))
    first = parse(single(lent))
    earlier = {name: first.payload[name] - 1 for name in ("iat", "nbf", "exp") if name in first.payload}
    yield Reuse("the same id in another token", first.text, lent.sign(first.header, {**first.payload, **earlier}))
