"""Policy evaluation: what one document says to a question, and how documents of both sides add up to an answer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

from venturi.aws.caller import Caller
from venturi.aws.conditions import Facts, as_list, holds, like


class Says(Enum):
    """What a document says to a question. DELEGATES: the account as a whole may, if its own policies let the caller."""

    NOTHING = "nothing"
    DELEGATES = "delegates"
    ALLOWS = "allows"
    DENIES = "denies"


@dataclass(frozen=True)
class Question:
    """May `caller` do `action` (service:Name) to `resource` (an ARN or *), given these facts?"""

    caller: Caller
    action: str
    resource: str
    facts: Facts


_ELEMENTS = frozenset(
    {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
)


class MalformedPolicyError(ValueError):
    """The text is not a policy document; the message says what is wrong with it."""


def resource_policy_says(text: str, question: Question) -> Says:
    """Evaluate a document attached to the resource, such as a key policy. Denies beat all; an unreadable one denies."""
    try:
        statements = read(text)
    except MalformedPolicyError:
        return Says.DENIES
    return _strongest(_attached(statement, question) for statement in statements)


def identity_policies_say(texts: Iterable[str], question: Question) -> Says:
    """Evaluate the documents attached to the caller; a root may do anything that no document denies."""
    unasked = Says.ALLOWS if question.caller.is_root else Says.NOTHING
    return _strongest((unasked, *_every_document(texts, question)))


def service_controls_say(level: Iterable[str], question: Question) -> Says:
    """Evaluate the service control policies of one level; the root of an account gets no more than they allow."""
    return _strongest(_every_document(level, question))


def resource_controls_say(level: Iterable[str], question: Question) -> Says:
    """Evaluate the resource control policies of one level of an organization."""
    return _strongest(resource_policy_says(text, question) for text in level)


def names_itself(text: str, question: Question) -> bool:
    """Whether the document allows it to the caller by its own ARN: a user or session, not the role or everybody.

    Only such a statement is not limited by what a boundary or a session policy leaves out (IAM User Guide, Policy
    evaluation logic).
    """
    for statement in read(text):
        principal = statement.get("Principal")
        listed = as_list(principal.get("AWS", [])) if isinstance(principal, dict) else []
        if question.caller.arn in listed and _worded(statement, question) is Says.ALLOWS:
            return True
    return False


@lru_cache(maxsize=1024)
def read(text: str) -> tuple[Mapping[str, Any], ...]:
    """The statements of a document. Raises MalformedPolicyError when it is no policy."""
    try:
        statements = as_list(json.loads(text)["Statement"])
    except (ValueError, KeyError, TypeError) as error:
        raise MalformedPolicyError(f"no JSON object with Statement: {error}") from None
    for statement in statements:
        _require_statement(statement)
    return tuple(statements)


def require_key_policy(text: str) -> None:
    """What KMS asks of a key policy besides: whom each statement is about, and what. Raises MalformedPolicyError."""
    for statement in read(text):
        if not ({"Principal", "NotPrincipal"} & statement.keys()):
            raise MalformedPolicyError("a statement of a key policy needs Principal")
        if not ({"Resource", "NotResource"} & statement.keys()):
            raise MalformedPolicyError("a statement of a key policy needs Resource")
        if statement["Effect"] == "Allow" and "NotPrincipal" in statement:
            raise MalformedPolicyError("NotPrincipal can't stand with Allow")


def _require_statement(statement: object) -> None:
    if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
        raise MalformedPolicyError("a statement needs Effect, either Allow or Deny")
    if len({"Action", "NotAction"} & statement.keys()) != 1:
        raise MalformedPolicyError("a statement needs Action or NotAction, and not both")
    if strange := statement.keys() - _ELEMENTS:
        raise MalformedPolicyError(f"a statement has no element {min(strange)}")
    block = statement.get("Condition", {})
    if not isinstance(block, dict) or not all(isinstance(lines, dict) for lines in block.values()):
        raise MalformedPolicyError("Condition maps operators to keys and values")
    for pattern in as_list(statement.get("Action", statement.get("NotAction"))):
        if not isinstance(pattern, str) or (pattern != "*" and ":" not in pattern):
            raise MalformedPolicyError(f"{pattern!r} is no action")


def _strongest(said: Iterable[Says]) -> Says:
    ranks = list(Says)
    return max(said, key=ranks.index, default=Says.NOTHING)


def _every_document(texts: Iterable[str], question: Question) -> Iterator[Says]:
    """What each statement says, whoever it is attached to. An unreadable document denies."""
    for text in texts:
        try:
            yield from [_worded(statement, question) for statement in read(text)]
        except MalformedPolicyError:
            yield Says.DENIES


def _attached(statement: Mapping[str, Any], question: Question) -> Says:
    worded = _worded(statement, question)
    whom = _names(statement, question.caller, denying=worded is Says.DENIES)
    if Says.NOTHING in (worded, whom):
        return Says.NOTHING
    return worded if worded is Says.DENIES else whom


def _worded(statement: Mapping[str, Any], question: Question) -> Says:
    """What the statement says, whoever it names. Where we can't tell, an Allow says nothing and a Deny denies."""
    denying = statement["Effect"] == "Deny"
    if not (_covers_action(statement, question.action) and _covers_resource(statement, question.resource, denying)):
        return Says.NOTHING
    held = holds(statement.get("Condition") or {}, question.facts)
    if held is None:
        held = denying
    if not held:
        return Says.NOTHING
    return Says.DENIES if denying else Says.ALLOWS


def _covers_action(statement: Mapping[str, Any], action: str) -> bool:
    listed = statement.get("Action", statement.get("NotAction"))
    found = any(like(action.lower(), str(pattern).lower()) for pattern in as_list(listed))
    return found == ("Action" in statement)


def _covers_resource(statement: Mapping[str, Any], resource: str, denying: bool) -> bool:
    listed = statement.get("Resource", statement.get("NotResource"))
    if listed is None:
        return denying
    found = any(like(resource, str(pattern)) for pattern in as_list(listed))
    return found == ("Resource" in statement)


def _names(statement: Mapping[str, Any], caller: Caller, *, denying: bool) -> Says:
    if "NotPrincipal" in statement:
        # An Allow with NotPrincipal opens a resource to strangers; KMS refuses to store one, and we to honour one.
        listed = _principal(statement["NotPrincipal"], caller)
        return Says.ALLOWS if denying and listed is Says.NOTHING else Says.NOTHING
    return _principal(statement.get("Principal"), caller)


def _principal(principal: object, caller: Caller) -> Says:
    listed = (
        [principal]
        if isinstance(principal, str)
        else as_list(principal.get("AWS", []) if isinstance(principal, dict) else [])
    )
    if "*" in listed or caller.names & set(listed) - {caller.root_arn}:
        return Says.ALLOWS
    return Says.DELEGATES if {caller.root_arn, caller.account} & set(listed) else Says.NOTHING
