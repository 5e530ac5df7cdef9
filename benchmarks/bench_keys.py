"""keys.decisions: permission decisions a second, each explained; keys.estate: a whole estate of keys with closure."""

from __future__ import annotations

import json
import time
from typing import Any

from benchmarks.figure import Figure, peak_gigabytes
from tenantproof.probes.permissions.actions import kms_actions, kms_universe
from tenantproof.probes.permissions.authorize import Authorizer, Request
from tenantproof.probes.permissions.closure import Closure
from tenantproof.probes.permissions.facts import Facts, read_facts

KEYS, PRINCIPALS, ACCOUNTS = 1_000, 200, 20
Json = dict[str, Any]
"""A policy, or the facts."""


def measure() -> dict[str, Figure]:
    """Decide every KMS action of every principal on every key, as it stands and with what it could give itself."""
    before = peak_gigabytes()
    facts = estate()
    started = time.perf_counter()
    rules = Authorizer(facts)
    holders = [rules.ground.holder(each.arn) for each in facts.principals]
    resources = [rules.ground.resource(each.arn, "kms:Decrypt") for each in facts.keys]
    for resource in resources:
        for holder in holders:
            rules.span_of(holder, resource, kms_universe())
    seconds = time.perf_counter() - started
    decisions = len(holders) * len(resources) * len(kms_actions())

    started = time.perf_counter()
    closure = Closure(rules)
    for key in facts.keys:
        for principal in facts.principals:
            closure.span(principal.arn, key.arn)
    closed = time.perf_counter() - started
    some = [(each.arn, key.arn) for key in facts.keys[:20] for each in facts.principals[:20]]
    started = time.perf_counter()
    for who, key_arn in some:
        rules.rule(Request(who, "kms:Decrypt", key_arn))
    explained = len(some) / (time.perf_counter() - started)
    return {
        "keys.decisions": Figure(decisions / seconds, "1/s"),
        "keys.explained": Figure(explained, "1/s"),
        "keys.estate": Figure(seconds + closed, "s"),
        "keys.memory": Figure(peak_gigabytes() - before, "GB"),
    }


def estate() -> Facts:
    """Tenants' accounts with keys of their own, and principals of the vendor's and the tenants' accounts."""
    accounts = [f"1000000000{number:02}" for number in range(ACCOUNTS)]
    told = {
        "schema": "tenantproof.key-facts/1",
        "principals": [_principal(number, accounts[number % ACCOUNTS]) for number in range(PRINCIPALS)],
        "keys": [_key(number, accounts[number % ACCOUNTS], accounts[0]) for number in range(KEYS)],
        "accounts": {account: {"organization": "o-1", "scps": [[_scp()]]} for account in accounts},
    }
    return read_facts(json.dumps(told).encode())


def _principal(number: int, account: str) -> Json:
    own: list[Json] = [
        {"Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey*"], "Resource": "*"},
        {"Effect": "Deny", "Action": "kms:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
    ]
    if number % 10 == 0:
        own.append({"Effect": "Allow", "Action": ["kms:*", "sts:AssumeRole"], "Resource": "*"})
    if number % 50 == 0:
        own.append({"Effect": "Allow", "Action": "iam:*", "Resource": "*"})
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
    return {
        "arn": f"arn:aws:iam::{account}:role/role-{number}",
        "policies": [{"name": "own", "document": _document(*own)}],
        "trust": _document(trust),
    }


def _key(number: int, account: str, vendor: str) -> Json:
    bound = {"StringEquals": {"kms:EncryptionContext:tenant": f"tenant-{number}"}}
    vendors = {"Principal": {"AWS": f"arn:aws:iam::{vendor}:role/role-0"}, "Resource": "*", "Condition": bound}
    root = {"Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Resource": "*"}
    return {
        "arn": f"arn:aws:kms:us-east-1:{account}:key/{number:08}-1111-4111-8111-111111111111",
        "policy": _document(
            {"Effect": "Allow", "Action": "kms:*"} | root,
            {"Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey"]} | vendors,
        ),
        "grants": [
            {
                "GrantId": "g",
                "GranteePrincipal": f"arn:aws:iam::{account}:role/role-{number % PRINCIPALS}",
                "Operations": ["Decrypt", "RetireGrant"],
                "Constraints": {"EncryptionContextSubset": {"tenant": f"tenant-{number}"}},
            }
        ],
        "aliases": [f"alias/tenant-{number}"],
        "tags": {"tenant": str(number)},
    }


def _scp() -> Json:
    leave = {"Effect": "Deny", "Action": "organizations:LeaveOrganization", "Resource": "*"}
    return {"name": "scp", "document": _document({"Effect": "Allow", "Action": "*", "Resource": "*"}, leave)}


def _document(*statements: Json) -> Json:
    return {"Version": "2012-10-17", "Statement": list(statements)}
