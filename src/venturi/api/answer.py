"""What goes back to the client."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from venturi.api.errors import ApiError


class Answer(msgspec.Struct, frozen=True):
    """A complete response. `rows` is how many resources it holds, for the trail."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    rows: int = 0


def json_answer(value: object, *, status: int = 200, rows: int = 0) -> Answer:
    """A JSON response."""
    return Answer(status, msgspec.json.encode(value), rows=rows)


def refusal(error: ApiError) -> Answer:
    """The response to a refused request."""
    return Answer(error.status, msgspec.json.encode(error.body), headers=error.headers)
