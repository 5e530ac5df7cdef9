"""Clients of AWS's services, from one session a process: each session reads the services' descriptions anew."""

from __future__ import annotations

import threading
from functools import cache
from typing import TYPE_CHECKING, Any

from venturi.settings import AwsClientSettings

if TYPE_CHECKING:
    from botocore.session import Session

_making = threading.Lock()


def connect(service: str, region: str, aws: AwsClientSettings, **config: Any) -> Any:  # noqa: ANN401  # made at run time
    """A client of `service` with these credentials; an empty endpoint is AWS's own. `config`: botocore's Config.

    Clients may be shared between threads; only making one is done one at a time.
    """
    from botocore.config import Config

    with _making:
        made = _session().create_client(
            service,
            endpoint_url=aws.endpoint or None,
            region_name=region,
            aws_access_key_id=aws.access_key_id,
            aws_secret_access_key=aws.secret_access_key,
            config=Config(**config),
        )
    require_whole_answers(made)
    return made


def require_whole_answers(client: Any) -> None:  # noqa: ANN401  # likewise
    """Make of an answer that broke off what a connection is that was closed before any came: a BotoCoreError.

    botocore itself takes the part that came for all of it, and an empty one for an answer without members. Of an
    object's body it counts the bytes, though.
    """
    client.meta.events.register("after-call", _require_whole)


def _require_whole(http_response: Any, model: Any, **_: Any) -> None:  # noqa: ANN401  # botocore's
    from botocore.exceptions import ConnectionClosedError

    length = http_response.headers.get("content-length")
    if length is None or model.has_streaming_output or model.http.get("method") == "HEAD":
        return
    if len(http_response.content) < int(length):
        raise ConnectionClosedError(endpoint_url=http_response.url)


@cache
def _session() -> Session:
    # Not boto3's, which imports S3's transfer manager on top; 0.3 s even so, and not before the first call.
    from botocore.session import get_session

    from venturi.aws.descriptions import remember

    remember()

    return get_session()
