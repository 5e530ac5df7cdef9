"""The profile's [webhooks]: how a tenant has events sent to a URL of its own.

The module is imported as a whole, and its annotations are read late, so that it and `profile` can name each other.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from tenantproof.model import profile


class Webhooks(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Operations with {tenant} in their path, which `principal` may use.

    `register` is sent `body`, in which {url} stands for where events are to go: a server of the harness's own, so that
    safety.allow_listener must be true. `trigger` is sent `event`, which makes the target send an event with {canary} in
    it. `unregister` takes back what `register` answered in its member `member`, as {id}. `replay` has a delivery sent
    again, whose id, {id}, stood in the delivery's member `delivery`. Events arrive within `seconds`.
    """

    register: profile.Operation
    trigger: profile.Operation
    unregister: profile.Operation | None = None
    replay: profile.Operation | None = None
    principal: str = "steward"
    body: dict[str, Any] = msgspec.field(default_factory=lambda: {"url": "{url}"})  # JSON
    event: dict[str, Any] = {}  # JSON
    member: str = "id"
    delivery: str = "id"
    seconds: Annotated[float, Meta(gt=0, le=600)] = 10.0
