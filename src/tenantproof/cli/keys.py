"""`tenantproof keys`: ask what a principal may do to a key, from facts in a file and without a run."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.text import Text

from tenantproof.model.errors import UsageError
from tenantproof.probes.permissions.actions import is_keyless
from tenantproof.probes.permissions.authorize import Answer, Authorizer, Request, Ruling
from tenantproof.probes.permissions.closure import Closure
from tenantproof.probes.permissions.context import Values
from tenantproof.probes.permissions.facts import Facts, read_facts

_EXITS = {Answer.ALLOW: 0, Answer.DENY: 1, Answer.UNKNOWN: 3}
_ENCRYPTION = "kms:encryptioncontext"
_STYLES = {Answer.ALLOW: "bold green", Answer.DENY: "bold red", Answer.UNKNOWN: "bold yellow"}
_FACTS = click.option("--facts", type=click.Path(path_type=Path), required=True, help="File of facts; - for stdin.")
_PRINCIPAL = click.option(
    "--principal", required=True, help="ARN of a user, role, role session or root, or an AWS service's name."
)
_RESOURCE = click.option("--resource", default="", help="ARN of the key (or other resource). Default: the one key.")
_JSON = click.option("--json", "as_json", is_flag=True, help="The answer as JSON, for machines.")


@click.group(name="keys")
def command() -> None:
    """Decide who may do what to a KMS key, offline: policies of every kind, grants and conditions in a file.

    Every bundle holds such a file, key-facts.json, so that its verdicts can be recomputed:
    tenantproof keys explain --facts evidence/latest/key-facts.json ...
    The file's fields are described in docs/keys.md; `tenantproof keys schema` prints their JSON Schema.
    """


@command.command(name="explain")
@_FACTS
@_PRINCIPAL
@click.option("--action", required=True, help="Such as kms:Decrypt, iam:PassRole or sts:AssumeRole.")
@_RESOURCE
@click.option("--context", multiple=True, metavar="KEY=VALUE", help="A condition key's value; repeat for several.")
@click.option("--absent", multiple=True, metavar="KEY", help="A condition key that is not in the request.")
@_JSON
def explain(
    facts: Path,
    principal: str,
    action: str,
    resource: str,
    context: tuple[str, ...],
    absent: tuple[str, ...],
    as_json: bool,
) -> int:
    """Decide one request, name the statement or grant that decides, and show the way there.

    \b
    tenantproof keys explain --facts facts.json --action kms:Decrypt
      --principal arn:aws:iam::111122223333:role/app
      --context kms:EncryptionContext:tenant=acme --context aws:SourceVpce=vpce-1

    A condition key that is neither given nor absent nor follows from the facts is not known, and the answer is
    UNKNOWN where it would matter. Encryption context: the pairs that are given are all there are;
    --absent kms:EncryptionContext says there is none; without either the caller may choose it.

    Exit codes: 0 ALLOW, 1 DENY, 2 the question or the facts are wrong, 3 UNKNOWN.
    """  # noqa: D301  # click wants the character itself
    known = _facts(facts)
    keys, encryption = _context(context, absent)
    asked = Request(principal, action, resource or _only_key(known, action), keys, encryption)
    ruling = Authorizer(known).rule(asked)
    if as_json:
        told = {"principal": principal, "action": action, "resource": asked.resource} | msgspec.to_builtins(ruling)
        click.echo(msgspec.json.format(msgspec.json.encode(told)).decode())
    else:
        _print(asked, ruling)
    return _EXITS[ruling.answer]


@command.command(name="escalate")
@_FACTS
@_PRINCIPAL
@_RESOURCE
@_JSON
def escalate(facts: Path, principal: str, resource: str, as_json: bool) -> int:
    """List every KMS action that a principal may come to do to a key, and the steps it would take.

    Steps are taken across KMS, IAM and STS: a grant to itself, a new key policy, a role it may assume, policies it
    may rewrite. "perhaps" marks what can't be ruled out. Exit codes: 0 there is nothing, 1 there is something,
    2 the facts are wrong.
    """
    known = _facts(facts)
    ways = Closure(Authorizer(known)).ways(principal, resource or _only_key(known, "kms:Decrypt"))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(ways)).decode())
    else:
        console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
        for action, way in sorted(ways.items()):
            sure = "may   " if way.is_sure else "perhaps"
            console.print(Text(f"{sure:<8} {action:<40} {' -> '.join(way.steps) or 'as it is'}"))
        console.print(Text(f"{len(ways)} actions"))
    return 1 if ways else 0


@command.command(name="schema")
def schema() -> int:
    """Print the JSON Schema of a file of facts."""
    click.echo(msgspec.json.format(msgspec.json.encode(facts_schema())).decode())
    return 0


def facts_schema() -> dict[str, object]:
    """The JSON Schema of `Facts`."""
    head: dict[str, object] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "tenantproof.key-facts/1",
    }
    return head | msgspec.json.schema(Facts)


def _facts(path: Path) -> Facts:
    try:
        raw = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}; name a file of facts with --facts") from None
    return read_facts(raw, str(path))


def _only_key(facts: Facts, action: str) -> str:
    if is_keyless(action):
        return "*"
    if len(facts.keys) != 1:
        raise UsageError(f"the facts hold {len(facts.keys)} keys; name the one that is meant with --resource")
    return facts.keys[0].arn


def _context(given: Iterable[str], absent: Iterable[str]) -> tuple[dict[str, Values], dict[str, str] | None]:
    """Condition keys, and the encryption context (None: the caller's choice)."""
    keys: dict[str, Values] = {}
    encryption: dict[str, str] | None = None
    for pair in given:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"--context {pair!r} is no KEY=VALUE")
        if key.lower().startswith(f"{_ENCRYPTION}:"):
            encryption = (encryption or {}) | {key[len(_ENCRYPTION) + 1 :]: value}
        else:
            keys[key] = (*keys.get(key, ()), value)
    for key in absent:
        if key.lower() == _ENCRYPTION:
            if encryption:
                raise UsageError(
                    "--absent kms:EncryptionContext contradicts the encryption context that --context gives"
                )
            encryption = {}
        elif key in keys:
            raise UsageError(f"--absent {key} contradicts --context {key}")
        else:
            keys[key] = ()
    return keys, encryption


def _print(asked: Request, ruling: Ruling) -> None:
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    console.print(Text(ruling.answer.value, style=_STYLES[ruling.answer]), Text(ruling.because))
    console.print(Text(f"  {asked.principal} asks for {asked.action} on {asked.resource}"))
    for step in ruling.path:
        console.print(Text(f"  {step.asked:<22} {step.says}{f': {step.by}' if step.by else ''}"))
