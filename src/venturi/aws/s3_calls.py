"""S3's calls: which action a request is, what conditions may ask of it, and what KMS has to allow for it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, unquote

from venturi.aws.faults import AwsFault
from venturi.aws.sigv4 import Message

Params: TypeAlias = dict[str, Any]
"""The query's parameters, with Bucket and Key from the path."""
_OF_A_BUCKET = {
    "accelerate": "AccelerateConfiguration", "acl": "BucketAcl", "cors": "BucketCORS",
    "encryption": "EncryptionConfiguration", "lifecycle": "LifecycleConfiguration", "location": "BucketLocation",
    "logging": "BucketLogging", "notification": "BucketNotification", "object-lock": "BucketObjectLockConfiguration",
    "ownershipControls": "BucketOwnershipControls", "policy": "BucketPolicy", "policyStatus": "BucketPolicyStatus",
    "publicAccessBlock": "BucketPublicAccessBlock", "replication": "ReplicationConfiguration",
    "requestPayment": "BucketRequestPayment", "tagging": "BucketTagging", "versioning": "BucketVersioning",
    "website": "BucketWebsite",
}  # fmt: skip
_OF_AN_OBJECT = {
    "acl": "ObjectAcl", "attributes": "ObjectAttributes", "legal-hold": "ObjectLegalHold",
    "retention": "ObjectRetention", "tagging": "ObjectTagging", "torrent": "ObjectTorrent",
}  # fmt: skip
_VERBS = {"GET": "Get", "HEAD": "Get", "PUT": "Put", "POST": "Put", "DELETE": "Delete"}
_CONTEXT = "x-amz-server-side-encryption-context"
ALGORITHM = "x-amz-server-side-encryption"
KEY = "x-amz-server-side-encryption-aws-kms-key-id"


def read_s3(message: Message) -> tuple[str, Params]:
    """S3's action as policies name it, and the parameters."""
    path, _, query = message.target.partition("?")
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    asked = {name: value for name, value in parse_qsl(query, keep_blank_values=True)
             if not name.startswith("X-Amz-")}  # fmt: skip
    params: Params = asked | {"Bucket": bucket, "Key": key}
    verb = _VERBS.get(message.method, message.method)
    if not bucket:
        return "ListAllMyBuckets", params
    return (_object_action if key else _bucket_action)(verb, message.method, params), params


def _bucket_action(verb: str, method: str, params: Params) -> str:
    if sub := next((noun for name, noun in _OF_A_BUCKET.items() if name in params), ""):
        # DeleteBucketEncryption and the like are permitted by the action that puts it.
        plain = verb == "Delete" and sub not in ("BucketPolicy", "BucketWebsite")
        return f"{'Put' if plain else verb}{sub}"
    if method == "POST" and "delete" in params:
        return "DeleteObject"
    if verb == "Get":
        return _listing(params)
    return {"Put": "CreateBucket", "Delete": "DeleteBucket"}.get(verb, verb)


def _listing(params: Params) -> str:
    if "versions" in params:
        return "ListBucketVersions"
    return "ListBucketMultipartUploads" if "uploads" in params else "ListBucket"


def _object_action(verb: str, method: str, params: Params) -> str:
    version = "Version" if "versionId" in params else ""
    if sub := next((noun for name, noun in _OF_AN_OBJECT.items() if name in params), ""):
        inner = version if sub in ("ObjectAcl", "ObjectTagging", "ObjectAttributes") else ""
        return f"{verb}{sub.replace('Object', 'Object' + inner, 1)}"
    if "uploadId" in params and method in ("GET", "DELETE"):
        return "ListMultipartUploadParts" if method == "GET" else "AbortMultipartUpload"
    return f"{verb}Object{version if verb != 'Put' else ''}"


def s3_facts(message: Message, params: Params) -> dict[str, tuple[str, ...]]:
    """Condition keys of S3 for this request, in lower case: its x-amz headers and the parameters of a listing."""
    facts: dict[str, tuple[str, ...]] = {
        f"s3:{name}": (value,) for name, value in message.headers.items() if name.startswith("x-amz-")
    }
    for name in ("prefix", "delimiter", "max-keys", "versionId"):
        if name in params:
            facts[f"s3:{name.lower()}"] = (str(params[name]),)
    signed = "X-Amz-Signature=" in message.target
    facts["s3:authtype"] = ("REST-QUERY-STRING" if signed else "REST-HEADER",)
    facts["s3:signatureversion"] = ("AWS4-HMAC-SHA256",)
    return facts


def context_of(headers: Mapping[str, str], bucket: str, name: str) -> dict[str, str]:
    """The encryption context of an object: what the caller adds to the object's ARN.

    Raises AwsFault InvalidArgument when the header is not base64 of a JSON object of texts.
    """
    arn = {"aws:s3:arn": f"arn:aws:s3:::{bucket}/{name}"}
    if _CONTEXT not in headers:
        return arn
    try:
        added = json.loads(base64.b64decode(headers[_CONTEXT], validate=True))
    except ValueError:
        added = None
    if not isinstance(added, dict) or not all(isinstance(value, str) for value in added.values()):
        raise AwsFault("InvalidArgument", f"The header {_CONTEXT} is not valid.")
    return arn | added
