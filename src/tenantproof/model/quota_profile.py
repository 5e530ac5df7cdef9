"""The profile's [quota]: how many requests a tenant may send before the target has enough of it.

The module is imported as a whole, and its annotations are read late, so that it and `profile` can name each other.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta


class Quota(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """After at most `requests` reads of one tenant the target answers 429 to it, and `seconds` later no more.

    Give it where the harness may use a tenant's quota up; `safety.requests_per_second` must let it.
    """

    requests: Annotated[int, Meta(ge=1, le=100_000)]
    seconds: Annotated[float, Meta(ge=0, le=3600)] = 60.0
