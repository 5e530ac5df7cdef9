"""Serves the front on loopback to two tenants' accounts, the vendor's workload and some users."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import Any, TypeAlias, cast

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from venturi.aws.clients import require_whole_answers
from venturi.aws.front import StrictFront
from venturi.aws.server import serve
from venturi.provision.keys import tenant_key_policy
from venturi.settings import AwsIdentity, AwsSettings

VENDOR, ALDER, BIRCH = "700000000001", "100000000001", "100000000002"
ROLE = f"arn:aws:iam::{VENDOR}:role/venturi-workload"
REGION = "us-east-1"
_ARNS = {
    "vendor": f"arn:aws:iam::{VENDOR}:root",
    "alder": f"arn:aws:iam::{ALDER}:root",
    "birch": f"arn:aws:iam::{BIRCH}:root",
    "auditor": f"arn:aws:iam::{ALDER}:user/auditor",
    "clerk": f"arn:aws:iam::{ALDER}:user/clerk",
    "workload": f"arn:aws:sts::{VENDOR}:assumed-role/venturi-workload/api",
}
IDENTITIES = {
    name: AwsIdentity(access_key_id=f"AKIA{number:016d}", secret_access_key=f"secret of {name}", arn=arn)
    for number, (name, arn) in enumerate(_ARNS.items())
}
Client: TypeAlias = Any  # which service it speaks is chosen at run time


class Cloud:
    """Clients of the served front, by identity and service."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._clients: dict[tuple[str, str, str], Client] = {}

    def client(self, who: str, service: str = "kms", region: str = REGION) -> Client:
        """The boto3 client of `who`."""
        known = IDENTITIES[who]
        if (who, service, region) not in self._clients:
            self._clients[who, service, region] = self.connect(
                service, known.access_key_id, known.secret_access_key, region
            )
        return self._clients[who, service, region]

    def connect(self, service: str, key: str, secret: str, region: str = REGION, token: str | None = None) -> Client:
        """A boto3 client with these credentials."""
        made: Client = boto3.client(
            service,  # type: ignore[call-overload]  # the stubs want a literal
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(retries={"total_max_attempts": 1}, read_timeout=20),
        )
        require_whole_answers(made)
        return made

    def tenant_key(self, tenant: str, account: str) -> str:
        """A key as provisioning makes it; returns its ARN."""
        policy = tenant_key_policy(tenant=tenant, account=account, vendor_account=VENDOR)
        made = self.client(tenant).create_key(Policy=json.dumps(policy))
        return str(made["KeyMetadata"]["Arn"])


@contextmanager
def running(front: type[StrictFront] = StrictFront) -> Iterator[Cloud]:
    """Serve `front` for as long as the block lasts. moto's world is the process's, so keys outlive it."""
    stop, url = threading.Event(), Future[str]()
    parts = cast("Any", SimpleNamespace(front=front))  # the one part that this process takes
    settings = AwsSettings(identities=tuple(IDENTITIES.values()))
    thread = threading.Thread(target=serve, args=(settings, parts, url.set_result, stop))
    thread.start()
    try:
        yield Cloud(url.result(30))
    finally:
        stop.set()
        thread.join(10)


def give_the_workload_its_role(cloud: Cloud) -> None:
    """The vendor's side: a role whose own policy is as wide as it could be."""
    workload = {"Effect": "Allow", "Action": ["kms:*", "sns:Publish"], "Resource": "*"}
    iam = cloud.client("vendor", "iam")
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName="venturi-workload", AssumeRolePolicyDocument=json.dumps(trust()))
    iam.put_role_policy(RoleName="venturi-workload", PolicyName="all", PolicyDocument=document(workload))


def document(*statements: dict[str, Any]) -> str:
    """A policy document of these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trust() -> dict[str, Any]:
    """A trust policy that lets the vendor's account assume the role."""
    allow = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{VENDOR}:root"}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [allow]}


def code_of(call: Callable[..., Any], **arguments: Any) -> str:
    """The code that AWS refuses a call with, or "ok"."""
    try:
        call(**arguments)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "ok"
