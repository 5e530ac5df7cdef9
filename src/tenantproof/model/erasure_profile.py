"""The profile's [erasure]: the tenant that may be erased, and the operations with which subjects and tenants are.

The module is imported as a whole, and its annotations are read late, so that it and `profile` can name each other.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tenantproof.model import profile


class PlantedEvent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a subject comes into the event stream.

    In `body`, {subject} and {canary} stand for what is to be found again. `key` is the header that names the batch.
    `files` are where the stream keeps its events, and `told` is the member of the answer that these files show, so that
    a search of them is known to see what lies there.
    """

    operation: profile.Operation
    body: dict[str, Any]  # JSON
    principal: str
    files: tuple[str, ...] = ()
    key: str = "Idempotency-Key"
    told: str = "batch"


class Erasure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tenant that exists to be erased, and how erasure is asked for.

    `tenant` is no member of `tenants`, so that no other check meets it while its key is out of use. Its `aws` needs
    `keyadmin`, who may disable, enable and schedule the deletion of its key. `operations`: write, shred, begin,
    certificates, with {tenant} and {id}. `principal` is who may use them, `subject` and `text` the members of a record
    that name its subject and hold what is encrypted; `template` is a record as `write` takes it.

    `operations` may name export too, and delete, which takes the id of a record. `files` are files and directories of
    the target that may be read: where a database keeps its pages and logs. `event` says how a subject comes into the
    event stream, and where that lies.
    """

    tenant: profile.Tenant
    operations: dict[str, profile.Operation]
    template: dict[str, str | float]
    principal: str = "steward"
    subject: str = "subject_id"
    text: str = "note"
    files: tuple[str, ...] = ()
    event: PlantedEvent | None = None
