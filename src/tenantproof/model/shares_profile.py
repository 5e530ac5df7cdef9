"""The profile's [shares]: links by which a tenant shows an object to whoever holds them, until it takes them back.

The module is imported as a whole, and its annotations are read late, so that it and `profile` can name each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from tenantproof.model import profile
from tenantproof.model.toml_lines import KeyPath


class Shares(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Operations with {tenant} in their path, which `principal` may use.

    `create` has the object's id as {id} and is sent `body`; its answer has a link in the member `link`, or what makes
    one of `follow` as {token}; `revoke` takes what stands in the member `member` as {id}. The hosts that links lead to
    stand in safety.hosts. With `plant` and `delete` an object is made, shared and deleted: `plant` is sent `object`, in
    which {canary} stands for what is looked for, and answers with the id in `member`. What was taken back or deleted
    is not shown any more `seconds` later.
    """

    create: profile.Operation
    revoke: profile.Operation
    follow: profile.Operation | None = None
    plant: profile.Operation | None = None
    delete: profile.Operation | None = None
    principal: str = "steward"
    body: dict[str, Any] = {}  # JSON
    object: dict[str, Any] = {}  # JSON
    link: str = "link"
    member: str = "id"
    seconds: Annotated[float, Meta(ge=0, le=600)] = 1.0


def review(shares: Shares) -> Iterator[tuple[KeyPath, str]]:
    """Each key whose value can't be meant, and what to do about it."""
    if shares.follow and "{token}" not in shares.follow.path:
        yield ("shares", "follow"), "nothing in its path stands for what a share is given; write {token} where it goes"
    if (shares.plant is None) is not (shares.delete is None):
        yield ("shares",), "an object is made and deleted, or neither; give both plant and delete"
    if shares.plant and "{canary}" not in str(shares.object):
        yield ("shares", "object"), "nothing in it stands for what is looked for; write {canary} where it goes"
