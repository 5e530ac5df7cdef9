"""What moto leaves undone, done here: boundaries of users, what a session was narrowed with, a fresh organization."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from xml.sax.saxutils import escape

from venturi.aws.call import Call
from venturi.aws.cloud import MotoCloud
from venturi.aws.faults import AwsFault, Reply

_ACCESS_KEY = re.compile(rb"<AccessKeyId>(\w+)</AccessKeyId>")
_POLICY_ARN = re.compile(r"PolicyArns\.member\.\d+\.arn")
_LONGEST_SESSION = 12 * 3600


def done_here(call: Call, cloud: MotoCloud) -> Reply | None:
    """The answer to a call that moto has none for; None for every other call. Raises AwsFault."""
    if call.action == "GetCallerIdentity":
        return identity(call)
    if call.action == "PutUserPermissionsBoundary":
        named = str(call.params.get("PermissionsBoundary", ""))
        if cloud.managed_policy(named, call.caller.account) is None:
            raise AwsFault("NoSuchEntity", f"Policy {named} does not exist or is not attachable.", 404)
        cloud.notes.boundaries[_user_arn(call, cloud)] = named
        return _iam(call)
    if call.action == "DeleteUserPermissionsBoundary":
        cloud.notes.boundaries.pop(_user_arn(call, cloud), None)
        return _iam(call)
    if call.action == "AssumeRole":
        _require_session(call)
    return None


def after(call: Call, reply: Reply, cloud: MotoCloud) -> Reply:
    """Take note of what moto forgets, and add to its answer what it leaves out."""
    if not reply.succeeded:
        return reply
    if call.action == "CreateOrganization":
        cloud.organizations.begun(call.caller.account)
    elif call.action == "CreateAccount":
        made = json.loads(reply.body)["CreateAccountStatus"]["AccountId"]
        cloud.organizations.joined(made, call.params.get("RoleName", "OrganizationAccountAccessRole"))
    elif call.action == "AssumeRole" and (found := _ACCESS_KEY.search(reply.body)):
        cloud.notes.sessions[found[1].decode()] = tuple(_session_policies(call, cloud))
    elif call.action == "CreateUser" and call.params.get("PermissionsBoundary"):
        cloud.notes.boundaries[_user_arn(call, cloud)] = str(call.params["PermissionsBoundary"])
    elif call.action == "GetUser" and (named := cloud.notes.boundaries.get(_user_arn(call, cloud))):
        kind = "<PermissionsBoundaryType>Policy</PermissionsBoundaryType>"
        arn = f"<PermissionsBoundaryArn>{escape(named)}</PermissionsBoundaryArn>"
        said = f"<PermissionsBoundary>{kind}{arn}</PermissionsBoundary></User>"
        return Reply(reply.status, reply.headers, reply.body.replace(b"</User>", said.encode(), 1))
    return reply


def identity(call: Call) -> Reply:
    """The answer to GetCallerIdentity."""
    caller = call.caller
    result = (
        f"<Arn>{escape(caller.arn)}</Arn><UserId>{caller.access_key_id}</UserId><Account>{caller.account}</Account>"
    )
    body = (
        '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
        f"<GetCallerIdentityResult>{result}</GetCallerIdentityResult>"
        f"<ResponseMetadata><RequestId>{call.request_id}</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
    )
    return Reply("200 OK", [("Content-Type", "text/xml")], body.encode())


def _session_policies(call: Call, cloud: MotoCloud) -> Iterator[str]:
    if call.params.get("Policy"):
        yield str(call.params["Policy"])
    account = str(call.params["RoleArn"]).split(":")[4]
    for name, arn in call.params.items():
        if _POLICY_ARN.fullmatch(name):
            yield cloud.managed_policy(str(arn), account) or '{"Statement": []}'


def _require_session(call: Call) -> None:
    seconds = str(call.params.get("DurationSeconds") or 3600)
    if not seconds.isdecimal() or not 900 <= int(seconds) <= _LONGEST_SESSION:
        raise AwsFault("ValidationError", f"DurationSeconds is from 900 to {_LONGEST_SESSION}.")


def _user_arn(call: Call, cloud: MotoCloud) -> str:
    name = str(call.params.get("UserName") or call.caller.arn.rpartition("/")[2])
    return cloud.user_arn(call.caller.account, name)


def _iam(call: Call) -> Reply:
    body = (
        f'<{call.action}Response xmlns="https://iam.amazonaws.com/doc/2010-05-08/">'
        f"<ResponseMetadata><RequestId>{call.request_id}</RequestId></ResponseMetadata></{call.action}Response>"
    )
    return Reply("200 OK", [("Content-Type", "text/xml")], body.encode())
