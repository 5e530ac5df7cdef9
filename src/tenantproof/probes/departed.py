"""What is there no more: an id that was erased must tell others no more than one that nobody ever had.

A deletion that leaves a trace says "it was here once", and is where use after free begins: X125 of the catalogue.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import ClassVar

from tenantproof.model.observation import Observation
from tenantproof.probes.across import CrossTenant
from tenantproof.probes.erasure import Erasure, Planted
from tenantproof.probes.strangers import stranger_record


class Departed(CrossTenant):
    """Asks for records of the tenant that may be erased, once they are. Without [erasure] there is nothing to ask for.

    Where erasure.operations names `delete`, with {tenant} and {id}, a record is deleted too, and then its owner must
    not see either that it ever was.
    """

    uses: ClassVar[frozenset[str]] = Erasure.needs

    @cached_property
    def erasure(self) -> Erasure | None:
        """The tenant that may be erased, or None."""
        return Erasure(self.target) if Erasure.needs <= self.target.capabilities else None

    @cached_property
    def erased(self) -> Planted | None:
        """A record whose subject will be erased."""
        return self.erasure.plant() if self.erasure else None

    @cached_property
    def deleted(self) -> Planted | None:
        """A record that will be deleted by its id."""
        return self.erasure.plant() if self.erasure and "delete" in self.erasure.ways.operations else None

    @property
    def askers(self) -> int:
        """How many pairs of somebody who asks and the owner there are; the owner is one where it may delete."""
        return (len(self.tenants) if self.erased else 0) + (1 if self.deleted else 0)

    def there(self) -> Iterator[Observation]:
        """The records before they are gone: present."""
        for row in (self.erased, self.deleted):
            if self.erasure and row:
                yield self.erasure.content(row)

    def go(self) -> Iterator[Observation]:
        """They are erased and deleted: permitted."""
        if self.erasure and self.erased:
            yield self.erasure.shred(self.erased)
        if self.erasure and self.deleted:
            yield self.erasure.delete(self.deleted)

    def compared(self) -> Iterator[Observation]:
        """Every tenant asks for what is gone, and for what never was, under its own path and under the owner's."""
        for row in (self.erased, self.deleted):
            if self.erasure and row:
                yield from self._by_others(self.erasure.tenant.id, row)
        if self.erasure and self.deleted:
            yield self._asked(self.erasure.tenant.id, self.erasure.tenant.id, self.deleted)

    def _by_others(self, owner: str, row: Planted) -> Iterator[Observation]:
        for attacker in self.tenants:
            for at in (attacker, owner):
                yield self._asked(attacker, at, row)

    def _asked(self, as_: str, at: str, row: Planted) -> Observation:
        assert self.erasure
        owner = self.erasure.tenant.id
        nobody = stranger_record(row.id, {*self._record_ids, row.id})
        what = f"{as_} asks under the path of {at} for an id of {owner} that is gone and for one of nobody"
        return self._pair(what, as_, ("read", at, row.id), ("read", at, nobody), owner)
