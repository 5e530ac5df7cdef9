"""Clients of AWS's services, from one session a process: each session reads the services' descriptions anew."""

from __future__ import annotations

import threading
from functools import cache, partial
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
    client.meta.events.register("before-parse", partial(_require_whole, client.meta.endpoint_url))


def _require_whole(endpoint: str, operation_model: Any, response_dict: Any, **_: Any) -> None:  # noqa: ANN401  # its own
    from botocore.exceptions import ConnectionClosedError

    length, body = response_dict["headers"].get("content-length"), response_dict["body"]
    if length is None or not isinstance(body, bytes) or operation_model.http.get("method") == "HEAD":
        return
    if len(body) < int(length):
        raise ConnectionClosedError(endpoint_url=endpoint)


@cache
def _session() -> Session:
    # Not boto3's, which imports S3's transfer manager on top; 0.3 s even so, and not before the first call.
    from botocore.session import get_session

    from venturi.aws.descriptions import remember

    remember()

    return get_session()
