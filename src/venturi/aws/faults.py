"""What AWS answers when it refuses a call, in the wire form of the service that was asked."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from xml.sax.saxutils import escape


class AwsFault(Exception):  # "fault" is the wire's own word for it
    """A refusal: AWS's error code, a sentence, and the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True)
class Reply:
    """An HTTP answer: status line after "HTTP/1.1 ", headers, body."""

    status: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    @property
    def succeeded(self) -> bool:
        """Whether the status is of the 2xx class."""
        return self.status.startswith("2")


_REASONS = {400: "Bad Request", 403: "Forbidden", 404: "Not Found", 409: "Conflict", 413: "Too Large",
            500: "Server Error"}  # fmt: skip
# The same refusal has another name in each protocol; KMS's names are the keys here.
_QUERY = {
    "AccessDeniedException": ("AccessDenied", 403),
    "InvalidSignatureException": ("SignatureDoesNotMatch", 403),
    "UnrecognizedClientException": ("InvalidClientTokenId", 403),
    "MissingAuthenticationTokenException": ("MissingAuthenticationToken", 403),
    "IncompleteSignatureException": ("IncompleteSignature", 403),
}
_EC2 = {"AccessDenied": "UnauthorizedOperation", "InvalidClientTokenId": "AuthFailure",
        "SignatureDoesNotMatch": "AuthFailure"}  # fmt: skip
_REST = _QUERY | {
    "UnrecognizedClientException": ("InvalidAccessKeyId", 403),
    "MissingAuthenticationTokenException": ("AccessDenied", 403),
}


def render(fault: AwsFault, *, protocol: str, service: str, request_id: str) -> Reply:
    """The fault as `service` would send it; `protocol` is json, query or rest."""
    if protocol == "json":
        return _json(fault, service, request_id)
    code, status = (_REST if protocol == "rest" else _QUERY).get(fault.code, (fault.code, fault.status))
    if service == "sns" and code == "AccessDenied":
        code = "AuthorizationError"  # SNS alone calls it so
    if service == "ec2":
        code = _EC2.get(code, code)
    text = f"<Code>{escape(code)}</Code><Message>{escape(fault.message)}</Message>"
    ident = f"<RequestId>{request_id}</RequestId>"
    if service == "ec2":
        body = f"<Response><Errors><Error>{text}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
    elif protocol == "rest":
        body = f"<Error>{text}{ident}</Error>"
    else:
        body = f"<ErrorResponse><Error><Type>Sender</Type>{text}</Error>{ident}</ErrorResponse>"
    return _reply(status, "text/xml", body.encode(), request_id)


def _json(fault: AwsFault, service: str, request_id: str) -> Reply:
    body = json.dumps({"__type": fault.code, "message": fault.message}).encode()
    reply = _reply(fault.status, "application/x-amz-json-1.1", body, request_id)
    if service == "sqs":  # its clients still read the code that the query protocol had
        code, _ = _QUERY.get(fault.code, (fault.code, 0))
        reply.headers.append(("x-amzn-query-error", f"{code};Sender"))
    return reply


def _reply(status: int, content_type: str, body: bytes, request_id: str) -> Reply:
    headers = [("Content-Type", content_type), ("x-amzn-RequestId", request_id)]
    return Reply(f"{status} {_REASONS.get(status, 'Error')}", headers, body)
