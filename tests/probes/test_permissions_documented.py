"""Requests whose answers follow from AWS's documentation, each with its page, against the harness's evaluator."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tenantproof.probes.permissions.authorize import Authorizer, Request
from tenantproof.probes.permissions.facts import Facts, read_facts

CASES = Path(__file__).with_name("cases")
HOME = "111122223333"
KEY = f"arn:aws:kms:us-west-2:{HOME}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
Json = dict[str, Any]
"""A part of a scene, as the file has it."""


@dataclass(frozen=True)
class Ask:
    """One request of a scene and its answer."""

    facts: Facts
    request: Request
    answer: str
    page: str


def scenes() -> list[Json]:
    return [scene for path in sorted(CASES.glob("*.toml")) for scene in tomllib.loads(path.read_text())["scene"]]


def arn(name: str) -> str:
    """alice, role/app, session/app/one, root, key, each perhaps after an account and a colon; a service as it is."""
    if name == "key":
        return KEY
    if name.endswith(".amazonaws.com") and "/" not in name:
        return name
    account, colon, rest = name.partition(":")
    if not colon:
        account, rest = HOME, name
    if rest.startswith("session/"):
        return f"arn:aws:sts::{account}:assumed-role/{rest.removeprefix('session/')}"
    return f"arn:aws:iam::{account}:{rest if rest == 'root' or rest.startswith('role/') else f'user/{rest}'}"


def spelled(value: Any) -> Any:
    """The same with every "@name" written as the ARN that it stands for."""
    if isinstance(value, dict):
        return {key: spelled(each) for key, each in value.items()}
    if isinstance(value, list):
        return [spelled(each) for each in value]
    return arn(value[1:]) if isinstance(value, str) and value.startswith("@") else value


def policy(statements: list[Json]) -> Json:
    return {"Version": "2012-10-17", "Statement": spelled(statements)}


def named(listed: list[list[Json]]) -> list[Json]:
    return [{"name": f"policy {at}", "document": policy(each)} for at, each in enumerate(listed)]


def facts_of(scene: Json) -> Facts:
    principals = []
    for name, entry in scene.get("principals", {}).items():
        told: Json = {"arn": arn(name), "tags": entry.get("tags", {})}
        for many in ("policies", "session_policies"):
            told[many] = named(entry.get(many, []))
        if "boundary" in entry:
            told["boundary"] = named([entry["boundary"]])[0]
        if "trust" in entry:
            told["trust"] = policy(entry["trust"])
        principals.append(told)
    accounts = {}
    for account, entry in scene.get("accounts", {}).items():
        levels = {kind: [[*map_levels(level)] for level in entry.get(kind, [])] for kind in ("scps", "rcps")}
        accounts[account] = {k: v for k, v in entry.items() if k not in levels} | levels
    key = {"arn": KEY, "policy": policy(scene.get("key_policy", [])), "grants": spelled(scene.get("grants", []))}
    told = {
        "schema": "tenantproof.key-facts/1",
        "principals": principals,
        "keys": [key | scene.get("key", {})],
        "accounts": accounts,
        "resources": scene.get("resources", []),
    }
    if "endpoint" in scene:
        told["endpoint"] = named([scene["endpoint"]])[0]
    return read_facts(json.dumps(told).encode())


def map_levels(level: list[Json]) -> list[Json]:
    """A level of SCPs, written as its statements, as policies of one statement each."""
    return [{"name": f"policy {at}", "document": policy([each])} for at, each in enumerate(level)]


def request_of(text: str) -> tuple[Request, str]:
    principal, action, *words, answer = text.split()
    context: dict[str, tuple[str, ...]] = {}
    encryption: dict[str, str] | None = None
    resource, is_pair = KEY, False
    for word in words:
        key, _, value = word.partition("=")
        if is_pair:
            encryption = (encryption or {}) | {key: value}
        elif word == "noctx":
            encryption = {}
        elif key == "on":
            resource = value if value == "*" or value.startswith("arn:") else arn(value)
        elif word.startswith("!"):
            context[word[1:]] = ()
        elif word != "ctx":
            context[key] = (*context.get(key, ()), value)
        is_pair = word == "ctx"
    return Request(arn(principal), action, resource, context, encryption), answer


def asks() -> list[Any]:
    found = []
    for number, scene in enumerate(scenes()):
        facts = facts_of(scene)
        for text in scene["asks"]:
            request, answer = request_of(text)
            found.append(pytest.param(Ask(facts, request, answer, scene["page"]), id=f"{number}: {text}"))
    return found


@pytest.mark.parametrize("ask", asks())
def test_a_documented_request_is_decided_as_documented(ask: Ask) -> None:
    ruling = Authorizer(ask.facts).rule(ask.request)
    assert ruling.answer == ask.answer, f"{ask.page}: {ruling.because}: {ruling.path}"


def test_there_are_enough_cases_and_each_names_its_page() -> None:
    assert len(asks()) >= 150
    assert all(scene["page"].startswith("https://docs.aws.amazon.com/") and scene["says"] for scene in scenes())
