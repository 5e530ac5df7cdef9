"""The profile's [objects]: objects that the harness may make and delete, in tenants that are there for tests.

The module is imported as a whole, and its annotations are read late, so that it and `profile` can name each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from tenantproof.model import profile
from tenantproof.model.toml_lines import KeyPath


class Objects(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Operations with {tenant} in their path, which `principal` may use in every tenant that is `disposable`.

    `create` is sent `body`, in which {random} stands for a random text, and answers with the new object's id in its
    member `member`; `delete` takes it as {id}. At most `between` and two objects are there at a time.
    """

    create: profile.Operation
    delete: profile.Operation
    principal: str = "steward"
    body: dict[str, Any] = {}  # JSON
    member: str = "id"
    between: Annotated[int, Meta(ge=4, le=256)] = 8
    """How many objects one tenant makes between two of another; more, where many others make some all the time."""


def review(tenants: tuple[profile.Tenant, ...]) -> Iterator[tuple[KeyPath, str]]:
    """Each key whose value can't be meant, and what to do about it."""
    if sum(tenant.disposable for tenant in tenants) < 2:  # one who looks, and one who is looked at
        yield ("objects",), "objects are made in tenants with disposable = true alone; mark two, or take the table out"
