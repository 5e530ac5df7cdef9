"""The issuers over HTTP: discovery, JWK set, token endpoint and key rotation, each issuer under /issuers/<name>."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl, unquote_plus

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from venturi.identity.issuer import Issuer, OAuthError
from venturi.identity.strict import read_json_object
from venturi.settings import ClientSettings

_LARGEST = 16 * 1024
_PRIVATE = {"Cache-Control": "no-store", "Pragma": "no-cache"}  # RFC 6749 section 5.1
_Handler = Callable[["IssuerApp", Request, Issuer], Awaitable[Response]]


class IssuerApp:
    """All issuers of the process. `base` is the process's own URL and must be set before the first request."""

    def __init__(self, issuers: Mapping[str, Issuer], admin_secret: str, keepers: Mapping[str, str]) -> None:
        self.base = ""
        self._issuers = issuers
        self._admin_secret, self._keepers = admin_secret, keepers

    def asgi(self) -> Starlette:
        """The application."""
        return Starlette(
            routes=[
                self._route("/.well-known/openid-configuration", "GET", IssuerApp.discovery),
                self._route("/jwks", "GET", IssuerApp.jwks),
                self._route("/token", "POST", IssuerApp.token),
                self._route("/admin/rotate", "POST", IssuerApp.rotate),
                Route("/healthz", _healthy, methods=["GET"]),
            ]
        )

    def url(self, request: Request) -> str:
        """The identifier of the issuer that the request is for."""
        return f"{self.base}/issuers/{request.path_params['name']}"

    async def discovery(self, request: Request, issuer: Issuer) -> Response:  # noqa: ARG002  # same for every issuer
        """OpenID Connect Discovery 1.0 section 3, as far as a machine-to-machine issuer has something to say."""
        url = self.url(request)
        return JSONResponse(
            {
                "issuer": url,
                "jwks_uri": f"{url}/jwks",
                "token_endpoint": f"{url}/token",
                "grant_types_supported": ["client_credentials"],
                "response_types_supported": [],
                "subject_types_supported": ["public"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "id_token_signing_alg_values_supported": ["ES256"],
            }
        )

    async def jwks(self, request: Request, issuer: Issuer) -> Response:  # noqa: ARG002  # needs nothing from it
        """The published keys. Never cached, or a withdrawn key would live on."""
        return JSONResponse(issuer.keys.jwks(), headers={"Cache-Control": "no-store"})

    async def token(self, request: Request, issuer: Issuer) -> Response:
        """A client_credentials grant."""
        try:
            form = await _form(request)
            client = _client(request, form, issuer)
            _check_grant_type(form)
            asked = {name: form.get(name, "") for name in ("scope", "audience", "lifetime")}
            return JSONResponse(issuer.grant(self.url(request), client, **asked), headers=_PRIVATE)
        except OAuthError as refused:
            return _refusal(refused)

    async def rotate(self, request: Request, issuer: Issuer) -> Response:
        """A new signing key; `{"withdraw": true}` takes the old ones out of the JWK set at once."""
        given = request.headers.get("authorization", "").encode()
        good = [self._admin_secret, self._keepers.get(request.path_params["name"], self._admin_secret)]
        if not any(hmac.compare_digest(given, f"Bearer {secret}".encode()) for secret in good):
            return JSONResponse({"error": "invalid_token"}, 401, {"WWW-Authenticate": "Bearer"})
        try:
            body = await _body(request)
            withdraw = read_json_object(body).get("withdraw", False) if body else False
        except (OAuthError, ValueError):
            withdraw = None
        if not isinstance(withdraw, bool):
            return JSONResponse({"error": "invalid_request"}, 400)
        return JSONResponse({"kid": issuer.keys.rotate(withdraw=withdraw)})

    def _route(self, path: str, method: str, handler: _Handler) -> Route:
        async def endpoint(request: Request) -> Response:
            issuer = self._issuers.get(request.path_params["name"])
            return JSONResponse({"error": "not_found"}, 404) if issuer is None else await handler(self, request, issuer)

        return Route(f"/issuers/{{name}}{path}", endpoint, methods=[method])


async def _healthy(request: Request) -> Response:  # noqa: ARG001  # Starlette hands it over
    return JSONResponse({"status": "ok"})


def _client(request: Request, form: Mapping[str, str], issuer: Issuer) -> ClientSettings:
    header = request.headers.getlist("authorization")
    if (header and "client_secret" in form) or len(header) > 1:
        raise OAuthError("invalid_request", "authenticate in one way only")
    if header:
        return issuer.authenticate(*_basic(header[0]))
    return issuer.authenticate(form.get("client_id", ""), form.get("client_secret", ""))


def _basic(header: str) -> tuple[str, str]:
    scheme, _, credentials = header.partition(" ")
    try:
        decoded = base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, ValueError):
        decoded = ""
    if scheme.lower() != "basic" or ":" not in decoded:
        raise OAuthError("invalid_client", "not HTTP Basic credentials", 401)
    # RFC 6749 section 2.3.1: each half is form-encoded before the two are joined.
    client_id, _, secret = decoded.partition(":")
    return unquote_plus(client_id), unquote_plus(secret)


def _check_grant_type(form: Mapping[str, str]) -> None:
    if form.get("grant_type") != "client_credentials":
        raise OAuthError("unsupported_grant_type", "grant_type must be client_credentials")


async def _form(request: Request) -> dict[str, str]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise OAuthError("invalid_request", "send a form")
    try:
        pairs = parse_qsl((await _body(request)).decode(), keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:
        raise OAuthError("invalid_request", "not a form") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise OAuthError("invalid_request", "a parameter is given twice")
    return form


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST:
            raise OAuthError("invalid_request", "too large")
    return body


def _refusal(refused: OAuthError) -> Response:
    challenge = {"WWW-Authenticate": 'Basic realm="issuer"'} if refused.status == 401 else {}
    body = {"error": refused.code, "error_description": str(refused)}
    return JSONResponse(body, refused.status, {**_PRIVATE, **challenge})
