"""The profile's [links]: how the API is asked for a link that gives an object to whoever holds it.

The module is imported as a whole, and its annotations are read late, so that it and `profile` can name each other.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from tenantproof.model import profile


class Links(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An operation whose answer has a link in the member `member`, to an object in which the tenant's canaries are.

    It is asked with `body` as `principal`, who may. Asked with `brief`, it gives a link that must be dead `seconds`
    later; without `brief` none is outlived. The hosts that links lead to stand in safety.hosts.
    """

    operation: profile.Operation
    principal: str = "steward"
    body: dict[str, Any] = {}  # JSON
    member: str = "link"
    brief: dict[str, Any] = {}  # JSON
    seconds: Annotated[float, Meta(gt=0, le=600)] = 1.0
