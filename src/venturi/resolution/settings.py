"""What the process of Stage A is told when it starts."""

from __future__ import annotations

import msgspec

from venturi.settings import AwsClientSettings, DatabaseSettings
from venturi.streams.settings import ResolverStreams


class ResolverTenant(msgspec.Struct, frozen=True, kw_only=True):
    """One tenant's database and key."""

    id: str
    app: DatabaseSettings
    key_arn: str


class StageASettings(msgspec.Struct, frozen=True, kw_only=True):
    """The process of Stage A: for every tenant a task with credentials of its own."""

    tenants: tuple[ResolverTenant, ...]
    aws: AwsClientSettings
    streams: ResolverStreams
    overlay: str = ""
