"""Wrapped data keys taken out of their place: to another subject, tenant or key, or without a place at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Displacement:
    """One way to ask for a wrapped key where it does not belong. `key_arn` empty: under its own key."""

    name: str
    context: Mapping[str, str]
    key_arn: str = ""


def displacements(tenant: str, subject: str, other_subject: str, other_tenant: str, other_key: str) -> Iterator[
    Displacement
]:  # fmt: skip
    """Every way, for a key that was wrapped for (tenant, subject)."""
    own = {"tenant": tenant, "subject": subject}
    yield Displacement("no context", {})
    yield Displacement("the tenant alone", {"tenant": tenant})
    yield Displacement("the subject alone", {"subject": subject})
    yield Displacement("one pair more", own | {"purpose": "support"})
    yield Displacement("another subject", {"tenant": tenant, "subject": other_subject})
    yield Displacement("another tenant", {"tenant": other_tenant, "subject": subject})
    yield Displacement("tenant and subject exchanged", {"tenant": subject, "subject": tenant})
    yield Displacement("another case", {"tenant": tenant, "subject": subject.upper()})
    # Whoever runs names and values together can't tell these from the genuine ones.
    yield Displacement("names and values run together", {"tenant": tenant, "subjec": f"t{subject}"})
    yield Displacement("one value over two names", {"tenant": tenant, "subject": subject[:-1], subject[-1]: ""})
    if other_key:
        yield Displacement("another tenant's key", own, other_key)
