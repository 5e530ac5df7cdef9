"""The profile's [restore]: how a tenant exports what it has, and has it put back, in tenants that are there for tests.

The module is imported as a whole, and its annotations are read late, so that it and `profile` can name each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from tenantproof.model import profile
from tenantproof.model.toml_lines import KeyPath


class Restore(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Operations with {tenant} in their path, which `principal` may use in every tenant that is `disposable`.

    `export` is sent `ask`; its answer has what `restore` takes in the member `archive` (the export itself, or the id of
    a backup), or is that, as it stands, if `archive` is empty. `restore` is sent `body`, in which {archive} stands for
    it, or it alone, if `body` is empty. Give it where the target can know an export for a tenant's own.

    That something is put back is seen by an object: `plant` is sent `object`, in which {canary} stands for a text that
    comes back in lists, and answers with the id in `member`; `delete` takes it as {id}. Within `seconds` it is back.
    """

    export: profile.Operation
    restore: profile.Operation
    plant: profile.Operation
    delete: profile.Operation
    principal: str = "steward"
    ask: dict[str, Any] = {}  # JSON
    archive: str = ""
    body: dict[str, Any] = {}  # JSON
    object: dict[str, Any]  # JSON
    member: str = "id"
    seconds: Annotated[float, Meta(ge=0, le=3600)] = 10.0


def review(restore: Restore, tenants: tuple[profile.Tenant, ...]) -> Iterator[tuple[KeyPath, str]]:
    """Each key whose value can't be meant, and what to do about it."""
    at = ("restore",)
    if sum(tenant.disposable for tenant in tenants) < 2:  # one who restores, and one whose export it is
        yield at, "restoring is tried in tenants with disposable = true alone; mark two, or take the table out"
    if "{canary}" not in str(restore.object):
        yield (*at, "object"), "nothing in it stands for what is looked for; write {canary} where it goes"
    if restore.body and "{archive}" not in str(restore.body):
        yield (*at, "body"), "nothing in it stands for the export; write {archive} where it goes"
