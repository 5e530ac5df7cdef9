"""The error bodies of the API: one code, one status, one sentence each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_CHALLENGE = {"WWW-Authenticate": 'Bearer error="invalid_token"'}  # RFC 6750 section 3.1


@dataclass(eq=False)
class ApiError(Exception):
    """A refused request. `crossing` says that it reached for a tenant that the caller may not enter."""

    status: int
    code: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)
    crossing: bool = False
    why: str = ""
    """For the trail only; the client gets `message`, which is the same for every cause."""

    def kept(self) -> ApiError:
        """Itself without the way that it took: an error that is kept by what its frames hold keeps them all alive."""
        self.__traceback__ = self.__context__ = self.__cause__ = None
        return self

    @property
    def body(self) -> dict[str, str]:
        """What the client is told."""
        return {"error": self.code, "message": self.message}


def missing_token() -> ApiError:
    """No token at all."""
    headers = {"WWW-Authenticate": "Bearer"}
    return ApiError(401, "MISSING_TOKEN", "A bearer token is required.", headers, why="no token")


def invalid_token(why: str) -> ApiError:
    """One body for every fault of a token, so that nobody learns which check stopped it."""
    return ApiError(401, "INVALID_TOKEN", "The access token is not valid.", _CHALLENGE, why=why)


def tenant_mismatch() -> ApiError:
    """The path names another tenant; the words are those of the published page."""
    message = "Token tenant does not match the requested tenant."
    return ApiError(403, "TENANT_MISMATCH", message, crossing=True, why="another tenant")


def no_grant(why: str) -> ApiError:
    """The vendor's people have no standing access."""
    message = "Support access to this tenant needs an active grant."
    return ApiError(403, "NO_GRANT", message, crossing=True, why=why)


def insufficient_scope(needed: str) -> ApiError:
    """The token lacks the scope that the operation needs."""
    headers = {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{needed}"'}
    return ApiError(403, "INSUFFICIENT_SCOPE", "The token does not carry the scope that this needs.", headers)


def not_found() -> ApiError:
    """Absent, foreign or malformed: all the same."""
    return ApiError(404, "NOT_FOUND", "No such resource.")


def method_not_allowed(allowed: str) -> ApiError:
    """The path exists, with other methods."""
    return ApiError(405, "METHOD_NOT_ALLOWED", "This resource does not support that method.", {"Allow": allowed})


def invalid_request(message: str) -> ApiError:
    """The request is malformed or can be read in two ways; `message` must not repeat what the client sent."""
    return ApiError(400, "INVALID_REQUEST", message)


def too_large() -> ApiError:
    """The body is over the limit."""
    return ApiError(413, "TOO_LARGE", "The request body is larger than 64 KiB.")


def too_slow() -> ApiError:
    """The body did not come in time; what is left of it is not waited for."""
    return ApiError(408, "TOO_SLOW", "The request body did not arrive in time.", {"Connection": "close"})


def key_unavailable() -> ApiError:
    """The tenant's own key can't be used now, so neither can its data."""
    return ApiError(503, "KEY_UNAVAILABLE", "The tenant's encryption key cannot be used at the moment.")


def unavailable() -> ApiError:
    """Something that we need to answer is down."""
    return ApiError(503, "UNAVAILABLE", "The service cannot answer at the moment.")


def trail_unavailable() -> ApiError:
    """What can't be recorded isn't answered."""
    return ApiError(503, "TRAIL_UNAVAILABLE", "The request could not be recorded and was not answered.")


def internal() -> ApiError:
    """A fault of ours."""
    return ApiError(500, "INTERNAL", "The service failed to answer.")
