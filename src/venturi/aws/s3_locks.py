"""S3 Object Lock: what nobody, or only somebody with a bypass, may do to a version before its time (S3 User Guide)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias
from xml.sax.saxutils import unescape

from venturi.aws.call import Call
from venturi.aws.cloud import MotoCloud
from venturi.aws.faults import AwsFault, Reply

Version: TypeAlias = Any
"""An object's version as moto keeps it."""
MayBypass: TypeAlias = Callable[[], bool]
"""Whether the caller may use s3:BypassGovernanceRetention on the object."""
_XMLNS = "http://s3.amazonaws.com/doc/2006-03-01/"
_MODE, _UNTIL = re.compile(rb"<Mode>(\w+)</Mode>"), re.compile(rb"<RetainUntilDate>([^<]+)</RetainUntilDate>")
_OBJECT = re.compile(rb"<Object>(.*?)</Object>", re.DOTALL)
_KEY, _VERSION = re.compile(r"<Key>(.*?)</Key>", re.DOTALL), re.compile(r"<VersionId>(.*?)</VersionId>")


def require_unlocked(call: Call, cloud: MotoCloud, may_bypass: MayBypass, now: datetime) -> None:
    """Refuse what a lock forbids. Raises AwsFault AccessDeniedException, InvalidBucketState, InvalidArgument."""
    if call.action == "PutObjectRetention":
        _require_longer(call, cloud, may_bypass, now)
    elif call.action in ("DeleteObject", "DeleteObjectVersion"):
        for each in _deleted(call):
            held = cloud.stored(call.params["Bucket"], *each)
            if held is not None and _is_locked(held, call, may_bypass, now):
                raise AwsFault("AccessDeniedException", "Access Denied because object protected by object lock.", 403)
    elif (
        call.action == "PutBucketVersioning"
        and b"<Status>Suspended</Status>" in call.message.body
        and cloud.has_object_lock(call.params["Bucket"])
    ):
        raise AwsFault("InvalidBucketState", "An Object Lock configuration is present on this bucket, so the "
                           "versioning state cannot be changed.", 409)  # fmt: skip


def retention(call: Call, cloud: MotoCloud) -> Reply | None:
    """The answer to GetObjectRetention, which moto has none for; None for any other call."""
    if call.action != "GetObjectRetention":
        return None
    held = cloud.stored(call.params["Bucket"], call.params["Key"], str(call.params.get("versionId", "")))
    if held is None:
        raise AwsFault("NoSuchKey", "The specified key does not exist.", 404)
    if not held.lock_mode or not held.lock_until:
        raise AwsFault("NoSuchObjectLockConfiguration", "The specified object does not have a ObjectLock "
                       "configuration", 404)  # fmt: skip
    body = f"<Mode>{held.lock_mode}</Mode><RetainUntilDate>{held.lock_until}</RetainUntilDate>"
    text = f'<Retention xmlns="{_XMLNS}">{body}</Retention>'
    return Reply("200 OK", [("Content-Type", "application/xml")], text.encode())


def _require_longer(call: Call, cloud: MotoCloud, may_bypass: MayBypass, now: datetime) -> None:
    body = call.message.body
    mode, until = _MODE.search(body), _UNTIL.search(body)
    wanted = _moment(until[1].decode()) if until else None
    if wanted is not None and wanted <= now:
        raise AwsFault("InvalidArgument", "The retain until date must be in the future!", 400)
    held = cloud.stored(call.params["Bucket"], call.params["Key"], str(call.params.get("versionId", "")))
    if held is None or not _is_retained(held, now):
        return
    keeps = mode is not None and mode[1].decode() == held.lock_mode and wanted is not None
    if keeps and wanted is not None and wanted >= _moment(held.lock_until):
        return
    stronger = mode is not None and mode[1] == b"COMPLIANCE" and wanted is not None
    if stronger and held.lock_mode == "GOVERNANCE" and wanted is not None and wanted >= _moment(held.lock_until):
        return
    if held.lock_mode == "COMPLIANCE" or not (_asks_bypass(call) and may_bypass()):
        raise AwsFault("AccessDeniedException", "Access Denied because object protected by object lock.", 403)


def _is_locked(held: Version, call: Call, may_bypass: MayBypass, now: datetime) -> bool:
    if held.lock_legal_status == "ON":
        return True
    if not _is_retained(held, now):
        return False
    return held.lock_mode == "COMPLIANCE" or not (_asks_bypass(call) and may_bypass())


def _is_retained(held: Version, now: datetime) -> bool:
    return bool(held.lock_mode and held.lock_until) and _moment(held.lock_until) > now


def _asks_bypass(call: Call) -> bool:
    return call.message.headers.get("x-amz-bypass-governance-retention", "").lower() == "true"


def _deleted(call: Call) -> list[tuple[str, str]]:
    """(name, version) of every version that the call would delete; without a version it only marks as deleted."""
    if call.params["Key"]:
        version = str(call.params.get("versionId", ""))
        return [(call.params["Key"], version)] if version else []
    found = []
    for each in _OBJECT.findall(call.message.body):
        key, marked = _KEY.search(each.decode()), _VERSION.search(each.decode())
        if key and marked:
            found.append((unescape(key[1]), marked[1]))
    return found


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
