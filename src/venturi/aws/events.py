"""What was called, by whom and with what outcome, in CloudTrail's shape, and LookupEvents over it.

CloudTrail delivers late and looks up management events alone; here every call is found at once, so that a test of who
did what needs no waiting.
"""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from venturi.aws.call import Call
from venturi.aws.caller import Caller
from venturi.aws.faults import AwsFault

Event: TypeAlias = dict[str, Any]
"""A CloudTrail record as JSON."""
Used: TypeAlias = tuple[str, str, datetime, str]
"""ARN of a key, and its last use: operation, time, request id."""
_KEPT = 20_000
"""Events kept per account and Region; the oldest give way."""
_GLOBAL = frozenset({"iam", "sts"})
_READS = re.compile(r"(Get|List|Describe|Lookup|Head|Decrypt|Encrypt|GenerateDataKey|GenerateRandom|GenerateMac|Verify|"
                    r"Sign|ReEncrypt|DeriveSharedSecret|Receive|Select|Simulate).*")  # fmt: skip
# What is somebody's secret or data is in no event (CloudTrail User Guide; KMS, Logging AWS KMS API calls).
_NEVER = frozenset(
    {"Plaintext", "CiphertextBlob", "Message", "MessageBody", "Signature", "Mac", "PublicKey", "ImportToken",
     "EncryptedKeyMaterial", "SecretAccessKey", "Password", "MasterUserPassword", "GrantTokens", "GrantToken",
     "ReceiptHandle", "Subject"}
)  # fmt: skip
_LONGEST_TEXT = 2048


@dataclass(frozen=True)
class Happened:
    """One call as it is kept, to be spelled as an event when somebody looks."""

    id: str
    moment: datetime
    caller: Caller
    service: str
    region: str
    action: str
    params: Event | None
    """What may be told of the parameters."""
    agent: str
    request_id: str
    resources: tuple[str, ...]
    fault: tuple[str, str]
    """Error code and message; empty for a call that succeeded."""
    recipient: str


class Events:
    """The events of every account, the latest last."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept = kept
        self._by_place: dict[tuple[str, str], deque[Happened]] = {}
        self._lock = threading.Lock()
        self.keep: Callable[[list[Happened], list[Used]], None] = lambda *_: None
        """Hears of every event before anybody can look it up."""

    def record(
        self,
        call: Call,
        owners: Iterable[str],
        resources: tuple[str, ...],
        fault: AwsFault | None,
        now: datetime,
        used: Iterable[Used] = (),
    ) -> None:
        """Keep a call in the caller's account and in those that own what it was about."""
        region = "us-east-1" if call.service in _GLOBAL else call.region
        ident, said = str(uuid.uuid4()), ("", "") if fault is None else (fault.code, fault.message)
        agent = call.message.headers.get("user-agent", "")[:256]
        with self._lock:
            # The call itself is not kept: its body may be large, or somebody's data.
            made = [
                Happened(ident, now, call.caller, call.service, region, call.action, _told(call.params), agent,
                         call.request_id, resources, said, account)
                for account in {call.caller.account, *owners}
            ]  # fmt: skip
            for each in made:
                self._put(each)
            self.keep(made, list(used))

    def restore(self, happened: Iterable[Happened]) -> None:
        """Have events again that were kept."""
        for each in happened:
            self._put(each)

    def all_kept(self) -> list[Happened]:
        """The events of every place; to be called by `keep` alone, which nobody records beside."""
        return [each for place in self._by_place.values() for each in place]

    def _put(self, each: Happened) -> None:
        self._by_place.setdefault((each.recipient, each.region), deque(maxlen=self._kept)).append(each)

    def lookup(self, call: Call) -> Event:
        """LookupEvents, in the caller's account and Region, the latest first. Raises AwsFault."""
        params = call.params
        size = int(params.get("MaxResults") or 50)
        if not 1 <= size <= 50:
            raise AwsFault("InvalidMaxResultsException", "MaxResults is from 1 to 50.")
        wanted = _attributes(params.get("LookupAttributes") or [])
        begin, end = float(params.get("StartTime") or 0), float(params.get("EndTime") or "inf")
        if begin > end:
            raise AwsFault("InvalidTimeRangeException", "StartTime is after EndTime.")
        token = str(params.get("NextToken") or "")
        found: list[Event] = []
        passed = not token
        for each in reversed(self._here(call)):
            if begin <= each.moment.timestamp() <= end and (passed or each.id == token) and _matches(each, wanted):
                passed = True
                if len(found) == size:
                    return {"Events": found, "NextToken": each.id}
                found.append(_listed(each))
        if not passed:
            raise AwsFault("InvalidNextTokenException", "NextToken is not one that a lookup gave.")
        return {"Events": found}

    def _here(self, call: Call) -> list[Happened]:
        with self._lock:
            return list(self._by_place.get((call.caller.account, call.region), ()))


def _attributes(listed: list[Mapping[str, str]]) -> tuple[str, str] | None:
    if not listed:
        return None
    known = {"EventId", "EventName", "ReadOnly", "Username", "ResourceType", "ResourceName", "EventSource",
             "AccessKeyId"}  # fmt: skip
    name = listed[0].get("AttributeKey", "")
    if len(listed) > 1 or name not in known:
        raise AwsFault("InvalidLookupAttributesException", "A lookup takes one attribute of those documented.")
    return name, str(listed[0].get("AttributeValue", ""))


def _matches(each: Happened, wanted: tuple[str, str] | None) -> bool:
    if wanted is None:
        return True
    name, value = wanted
    if name == "ResourceName":
        return any(value in (arn, arn.rpartition("/")[2]) for arn in each.resources)
    if name == "ResourceType":
        return any(_kind(arn) == value for arn in each.resources)
    had = {
        "EventId": each.id,
        "EventName": each.action,
        "ReadOnly": str(_reads(each)).lower(),
        "Username": _user(each),
        "EventSource": f"{each.service}.amazonaws.com",
        "AccessKeyId": each.caller.access_key_id,
    }
    return had[name] == value


def _listed(each: Happened) -> Event:
    return {
        "EventId": each.id,
        "EventName": each.action,
        "ReadOnly": str(_reads(each)).lower(),
        "AccessKeyId": each.caller.access_key_id,
        "EventTime": each.moment.timestamp(),
        "EventSource": f"{each.service}.amazonaws.com",
        "Username": _user(each),
        "Resources": [{"ResourceType": _kind(arn), "ResourceName": arn} for arn in each.resources],
        "CloudTrailEvent": json.dumps(_spelled(each)),
    }


def _spelled(each: Happened) -> Event:
    event: Event = {
        "eventVersion": "1.11",
        "userIdentity": _identity(each),
        "eventTime": each.moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": f"{each.service}.amazonaws.com",
        "eventName": each.action,
        "awsRegion": each.region,
        "sourceIPAddress": "127.0.0.1",
        "userAgent": each.agent,
        "requestParameters": each.params,
        "responseElements": None,
        "requestID": each.request_id,
        "eventID": each.id,
        "readOnly": _reads(each),
        "resources": [{"accountId": _owner(arn, each), "type": _kind(arn), "ARN": arn} for arn in each.resources],
        "eventType": "AwsApiCall",
        "managementEvent": not (each.service == "s3" and "Object" in each.action),
        "recipientAccountId": each.recipient,
        "eventCategory": "Management",
    }
    if each.recipient != each.caller.account:
        event["sharedEventID"] = each.id
    if each.fault[0]:
        event |= {"errorCode": each.fault[0], "errorMessage": each.fault[1]}
    return event


def _identity(each: Happened) -> Event:
    caller = each.caller
    if each.recipient != caller.account:
        # Another account's trail is told which account it was, and the ARN, but no key of it.
        return {"type": "AWSAccount", "principalId": caller.arn, "accountId": caller.account}
    kind = {"Account": "Root", "User": "IAMUser"}.get(caller.kind, caller.kind)
    said: Event = {"type": kind, "principalId": caller.access_key_id, "arn": caller.arn,
                   "accountId": caller.account, "accessKeyId": caller.access_key_id}  # fmt: skip
    if kind == "AssumedRole":
        issuer = {"type": "Role", "arn": caller.principal_arn, "accountId": caller.account,
                  "userName": caller.principal_arn.rpartition("/")[2]}  # fmt: skip
        said["sessionContext"] = {"sessionIssuer": issuer}
    elif kind == "IAMUser":
        said["userName"] = _user(each)
    return said


def _told(params: Mapping[str, Any]) -> Event | None:
    """The parameters in CloudTrail's spelling (first letter small), without secrets and shortened."""
    told = {}
    for name, value in params.items():
        if name in _NEVER or name.startswith(("X-Amz-", "SecretAccess")):
            continue
        told[name[:1].lower() + name[1:]] = value[:_LONGEST_TEXT] if isinstance(value, str) else value
    return told or None


def _reads(each: Happened) -> bool:
    return _READS.fullmatch(each.action) is not None


def _user(each: Happened) -> str:
    return "root" if each.caller.is_root else each.caller.arn.rpartition("/")[2]


def _owner(arn: str, each: Happened) -> str:
    return arn.split(":")[4] or each.recipient


def _kind(arn: str) -> str:
    parts = arn.split(":", 5)
    service, rest = parts[2], parts[5]
    if service == "kms":
        return "AWS::KMS::Alias" if rest.startswith("alias/") else "AWS::KMS::Key"
    if service == "s3":
        return "AWS::S3::Object" if "/" in rest else "AWS::S3::Bucket"
    if service == "iam":
        return f"AWS::IAM::{rest.partition('/')[0].capitalize()}"
    return {"sns": "AWS::SNS::Topic", "sqs": "AWS::SQS::Queue", "rds": "AWS::RDS::DBInstance"}.get(service, "")
