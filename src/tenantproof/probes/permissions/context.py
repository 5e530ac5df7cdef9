"""What is known about a request's condition keys: values, known absence, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

Values: TypeAlias = tuple[str, ...]
"""The values of one key in one request; the empty tuple: the key is not in the request."""


@dataclass(frozen=True, slots=True)
class Context:
    """The condition keys of one request. Names of keys are not case-sensitive (IAM, "Condition").

    `values` and the tables in `more`, looked at in this order, have lower-case keys. A key that they lack is absent
    when its name begins with one of `closed`, and not known otherwise.
    """

    values: Mapping[str, Values] = field(default_factory=dict)
    closed: tuple[str, ...] = ()
    more: tuple[Mapping[str, Values], ...] = ()
    is_path_known: bool = False
    """Whether aws:PrincipalArn has the role's path; the ARN of a session leaves it out."""

    def lookup(self, key: str) -> Values | None:
        """The values of a key, () when it is known to be absent, None when nothing is known."""
        name = key.lower()
        found = self.values.get(name)
        if found is not None:
            return found
        for table in self.more:
            found = table.get(name)
            if found is not None:
                return found
        return () if self.closed and name.startswith(self.closed) else None


def lowered(values: Mapping[str, Values | str]) -> dict[str, Values]:
    """The same values under lower-case keys; two spellings of one key are joined."""
    joined: dict[str, Values] = {}
    for key, value in values.items():
        more = (value,) if isinstance(value, str) else tuple(value)
        joined[key.lower()] = joined.get(key.lower(), ()) + more
    return joined
