"""How the support desk refuses."""

from __future__ import annotations

STATUS = {
    "NO_GRANT": 403,
    "MFA_REQUIRED": 403,
    "NOT_APPROVED": 403,
    "INSUFFICIENT_SCOPE": 403,
    "CONFLICT": 409,
    "NOT_FOUND": 404,
    "INVALID_REQUEST": 400,
    "NOTICE_UNAVAILABLE": 503,
}
"""HTTP status of every code."""


class SupportError(Exception):
    """A refusal: `code` and `status` for the client, `message` for the trail."""

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(message)
        self.code, self.status, self.message = code, status, message


def refusal(code: str, message: str) -> SupportError:
    """The refusal of a code, with that code's status."""
    return SupportError(code, STATUS[code], message)
