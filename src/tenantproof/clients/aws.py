"""Calls AWS as a principal of the profile, at allowed endpoints only, and reports answers instead of raising them."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from tenantproof.clients.pace import Pace
from tenantproof.clients.redaction import one_line
from tenantproof.clients.secrets import reveal
from tenantproof.clients.wire import Place, authority, require
from tenantproof.model.errors import TargetError, UsageError
from tenantproof.model.profile import AwsPrincipal, Profile, Secret

_making = threading.Lock()

# boto3's clients are generated at run time and have no static type.
Client = Any


@dataclass(frozen=True, kw_only=True)
class AwsAnswer:
    """What AWS answered: `code` is empty on success and AWS's error code otherwise; `failure` says why none came."""

    code: str = ""
    message: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    """The members of the response; Any: their shape is the operation's."""
    request_id: str = ""
    status: int = 0
    seconds: float = 0.0
    failure: str = ""
    at: float = 0.0

    @property
    def is_granted(self) -> bool:
        """Whether the call did what it was asked to."""
        return not self.code and not self.failure


class AwsClients:
    """boto3 clients by principal, made when first asked for. Nothing is read from the user's own AWS settings."""

    def __init__(self, profile: Profile, pace: Pace) -> None:
        assert profile.aws
        self._aws, self._safety, self._pace = profile.aws, profile.safety, pace
        self._allowed = {authority(host) for host in profile.safety.hosts}
        self._clients: dict[tuple[str, AwsPrincipal, str], Client] = {}
        self._lock = threading.Lock()
        self._adopted: dict[str, str] = {}

    def client(self, service: str, principal: AwsPrincipal, *, region: str = "", key: str = "") -> Client:
        """A client of the service as the principal; `key` is the principal's place in the profile, for messages.

        Raises UsageError when the endpoint is not in safety.hosts or the principal's secret is not there.
        """
        where = (service, principal, region or self._aws.region)
        with self._lock:
            if where not in self._clients:
                self._clients[where] = self._make(*where, key or principal.arn)
            return self._clients[where]

    def adopt(self, arn: str, access_key_id: str, secret: str) -> AwsPrincipal:
        """A principal whose credentials AWS has just made for us; the secret stays in memory."""
        self._adopted[access_key_id] = secret
        return AwsPrincipal(arn=arn, access_key_id=access_key_id, secret_access_key=Secret())

    def call(self, client: Client, operation: str, **arguments: Any) -> AwsAnswer:  # noqa: ANN401  # the operation's own
        """Call an operation by its snake-case name, once, and report what came of it.

        Raises only for mistakes of ours: a place that is not allowed, parameters that no operation has.
        """
        from botocore.exceptions import ClientError, ParamValidationError

        self._pace.wait()
        at, begun = time.time(), time.monotonic()
        try:
            data = getattr(client, operation)(**arguments)
        except ClientError as error:
            return _refusal(error.response, at, time.monotonic() - begun)
        except (UsageError, ParamValidationError, AttributeError, TypeError):
            raise
        except Exception as error:
            # botocore lets errors of several libraries through when an endpoint answers nonsense or not at all.
            return AwsAnswer(
                failure=one_line(f"{type(error).__name__}: {error}"), seconds=time.monotonic() - begun, at=at
            )
        meta = data.pop("ResponseMetadata", {})
        return AwsAnswer(
            data=data,
            request_id=str(meta.get("RequestId", "")),
            status=int(meta.get("HTTPStatusCode", 200)),
            seconds=time.monotonic() - begun,
            at=at,
        )

    def identify(self, principal: AwsPrincipal, *, key: str = "") -> str:
        """Ask STS who the credentials belong to. Raises TargetError unless it is the ARN that the profile says."""
        name = key or principal.arn
        answer = self.call(self.client("sts", principal, key=key), "get_caller_identity")
        arn = str(answer.data.get("Arn", ""))
        if not answer.is_granted or arn != principal.arn:
            saw = f"{one_line(arn)}" if answer.is_granted else answer.failure or answer.code
            raise TargetError(
                f"{name}: sts:GetCallerIdentity says {saw}, the profile says {principal.arn}; "
                f"correct the credentials or the ARN"
            )
        return arn

    def close(self) -> None:
        """Close the clients' connections."""
        with self._lock:
            clients, self._clients = self._clients, {}
        for client in clients.values():
            client.close()

    def _make(self, service: str, principal: AwsPrincipal, region: str, key: str) -> Client:
        from botocore.config import Config

        adopted = self._adopted.get(principal.access_key_id)
        secret = adopted or reveal(principal.secret_access_key, f"{key}.secret_access_key")
        token = reveal(principal.session_token, f"{key}.session_token") if principal.session_token else None
        with _making:
            client = _session().create_client(
                service,
                region_name=region,
                endpoint_url=self._aws.endpoint or None,
                aws_access_key_id=principal.access_key_id,
                aws_secret_access_key=secret,
                aws_session_token=token,
                config=Config(
                    connect_timeout=self._safety.timeout_seconds,
                    read_timeout=self._safety.timeout_seconds,
                    retries={"total_max_attempts": 1, "mode": "standard"},
                    max_pool_connections=self._safety.connections,
                    user_agent_extra="tenantproof",
                    proxies={},
                ),
            )
        self._allow(client.meta.endpoint_url)
        client.meta.events.register("before-send", self._guard)
        return client

    def _guard(self, request: Any, **_: object) -> None:  # noqa: ANN401  # botocore's prepared request
        """Refuse a host that botocore took from an argument (a queue's URL) and that is not allowed."""
        self._allow(request.url)

    def _allow(self, url: str) -> None:
        require(Place.of(url), self._allowed)


@cache
def _session() -> Any:  # noqa: ANN401  # botocore's session has no static type
    """A session that reads no configuration of the user who runs the harness, and holds nobody's credentials.

    One for all clients, which are made one at a time: each session reads what botocore knows of AWS anew, 0.1 s of it.
    """
    from botocore.session import Session

    nowhere = {
        "profile": (None, None, None, None),
        "config_file": (None, None, os.devnull, None),
        "credentials_file": (None, None, os.devnull, None),
    }
    session = Session(session_vars=nowhere)
    session.set_config_variable("ignore_configured_endpoint_urls", True)
    return session


def _refusal(response: Mapping[str, Any], at: float, seconds: float) -> AwsAnswer:
    error, meta = response.get("Error", {}), response.get("ResponseMetadata", {})
    return AwsAnswer(
        code=one_line(str(error.get("Code", "")), 120) or "Unknown",
        message=one_line(str(error.get("Message", ""))),
        request_id=str(meta.get("RequestId", "")),
        status=int(meta.get("HTTPStatusCode", 0)),
        seconds=seconds,
        at=at,
    )
