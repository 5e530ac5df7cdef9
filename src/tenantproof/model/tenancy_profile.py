"""The profile's [tenancy]: a tenant that may be made, deleted, and made again under its name.

The module is imported as a whole, and its annotations are read late, so that it and `profile` can name each other.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from tenantproof.model import profile

STEPS = ("create", "write", "delete")
"""The operations that the table needs."""


class Tenancy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tenant that is there only while the harness looks, and how it is made and deleted.

    `tenant` is no member of `tenants`; its `reader` must be able to get a token in each of its lives. `operations`:
    create and delete, for `operator`, and write, for `writer` among the tenant's principals, each with {tenant} in its
    path. `body` is what create is sent, in which {tenant} stands for the name; `template` is a record as write takes
    it, and `text` the member that holds its canary. Within `seconds` a tenant is there, or is no more.
    """

    tenant: profile.Tenant
    operations: dict[str, profile.Operation]
    operator: profile.Principal
    writer: str = "reader"
    body: dict[str, Any] = {}  # JSON
    template: dict[str, Any] = {}  # JSON
    text: str = "note"
    seconds: Annotated[float, Meta(ge=0, le=600)] = 10.0
