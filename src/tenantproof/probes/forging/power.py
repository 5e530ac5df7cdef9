"""The power of what a run sends, from what the tests measured of broken verifiers."""

from __future__ import annotations

from collections.abc import Mapping, Set
from functools import cache
from importlib.resources import files
from types import MappingProxyType

import msgspec

from tenantproof.model.power import SCHEMA, ClassPower, Measured, Power
from tenantproof.probes.forging.catalogue import CLASSES, open_classes

EXHIBIT = "token-power.json"
"""The file in a bundle."""


@cache
def measured() -> Measured:
    """What `tests/probes/test_power.py` measured, and keeps true."""
    return msgspec.json.decode((files(__package__) / "power.json").read_bytes(), type=Measured)


def power_of(
    sent: Mapping[str, int], looked_at: Set[str] = frozenset(), needs: Mapping[str, str] = MappingProxyType({})
) -> Power:
    """The matrix for a run that sent so many forgeries of each class, and decided others without any.

    `needs` says of some classes what they would need here, where the catalogue can't know it.
    """
    found, classes = measured(), []
    for ident in sorted(sent):
        about = CLASSES[ident]
        caught = tuple(gap for gap, taken in sorted(found.gaps.items()) if taken.get(ident))
        each = ClassPower(id=ident, name=about.name, violates=about.violates, sent=sent[ident], caught_by=caught)
        classes.append(each)
    return Power(
        schema=SCHEMA,
        measured=found.measured,
        commit=found.commit,
        classes=tuple(classes),
        unproven=tuple(each.id for each in classes if not each.is_proven),
        not_tried=dict(open_classes(sent.keys() | looked_at, needs)),
        gaps=found.gaps,
    )


def power_json(power: Power) -> bytes:
    """The exhibit: the same matrix gives the same octets."""
    return msgspec.json.format(msgspec.json.encode(power, order="deterministic"), indent=1) + b"\n"
