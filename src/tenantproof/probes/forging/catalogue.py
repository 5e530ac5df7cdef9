"""All classes of forgeries, what can be made of a material, and which classes nobody made."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from types import MappingProxyType

from tenantproof.probes.forging import (
    algorithm_names,
    arithmetic,
    brought_keys,
    confused,
    damaged,
    edited_claims,
    extensions,
    fetched_keys,
    json_quirks,
    key_ids,
    spellings,
    structures,
    substituted,
    transport,
    unsigned,
    weak_keys,
)
from tenantproof.probes.forging.families import Family, Forgery, ForgeryClass
from tenantproof.probes.forging.material import Material
from tenantproof.probes.forging.transport import TransportClass

FORGED: tuple[Family, ...] = (
    unsigned.FAMILY,
    damaged.FAMILY,
    weak_keys.FAMILY,
    confused.FAMILY,
    algorithm_names.FAMILY,
    brought_keys.FAMILY,
    fetched_keys.FAMILY,
    key_ids.FAMILY,
    arithmetic.FAMILY,
    extensions.FAMILY,
    structures.FAMILY,
    json_quirks.FAMILY,
)
"""Families A to L: no verifier may take any of these for genuine."""
EDITED = edited_claims.FAMILY
"""Family N: claims that the issuer did not write."""
SPELLED = spellings.FAMILY
"""Family M, reported apart: spellings of a valid token."""
SUBSTITUTED = substituted.FAMILY
"""Family O: genuine tokens in the wrong place; other probes send them."""


def _classes() -> Mapping[str, ForgeryClass | TransportClass]:
    families = (*FORGED, EDITED, SPELLED, SUBSTITUTED)
    found: list[ForgeryClass | TransportClass] = [each for family in families for each in family.classes]
    return {each.ident: each for each in sorted((*found, *transport.CLASSES), key=lambda each: each.ident)}


CLASSES = _classes()
"""Every class of the catalogue by its id, in its order."""


def forge(material: Material, families: tuple[Family, ...] = (*FORGED, EDITED)) -> Iterator[Forgery]:
    """Every forgery of the families that can be made of the material, class by class, and no token twice."""
    seen = {material.base.text, material.other.text}
    for family in families:
        for each in sorted(family.classes, key=lambda one: one.ident):
            for forgery in each.of(material):
                if forgery.token not in seen:
                    seen.add(forgery.token)
                    yield forgery


def one_of_each(material: Material, families: tuple[Family, ...] = FORGED) -> Iterator[Forgery]:
    """The first forgery of every class."""
    seen: set[str] = set()
    for forgery in forge(material, families):
        if forgery.klass not in seen:
            seen.add(forgery.klass)
            yield forgery


def carried(material: Material) -> Iterator[Forgery]:
    """Family P: forged tokens in every place where a token may travel."""
    for each in transport.CLASSES:
        yield from each.of(material)


def open_classes(made: Container[str], needs: Mapping[str, str] = MappingProxyType({})) -> Mapping[str, str]:
    """Classes of which there is no forgery, and what each would need: `needs` says it of some more exactly."""
    return {
        ident: needs.get(ident, "") or each.needs or "nothing to be made of a token of this kind"
        for ident, each in CLASSES.items()
        if ident not in made
    }
