"""`tenantproof doctor`: what a profile makes possible, found out without attacking anything."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from tenantproof.cli import places
from tenantproof.clients.redaction import one_line
from tenantproof.clients.target import Target
from tenantproof.clients.tokens import Token, parse
from tenantproof.model.errors import TargetError, UsageError
from tenantproof.model.fidelity import load_scenarios
from tenantproof.model.profile import Profile
from tenantproof.model.profile_text import load
from tenantproof.plugin.cards import load_cards
from tenantproof.plugin.collect import claim_needs, claim_wishes
from tenantproof.probes.fidelity import ask


@click.command(name="doctor")
@click.option("--target", type=click.Path(path_type=Path), required=True, help="Target profile (TOML).")
def command(target: Path) -> int:
    """Check a profile against its target: identity, every principal's token, the capabilities that follow.

    Sends only what a well-behaved client sends, and attacks nothing. Where the profile lends aws.laboratory, it asks
    there how faithfully this AWS behaves, and prints the ledger: fact by fact, with what was seen where one does not
    hold. Exit codes: 0 ready, 2 the profile is wrong, 3 the target is not reachable or not the one described.
    """
    profile = load(target)
    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    trouble = 0
    with closing(Target(profile)) as reached:
        for line, well in (*_identity(reached), *_principals(reached, profile)):
            trouble += not well
            console.print(Text(f"{'ok  ' if well else 'FAIL'}  {line}", style="" if well else "bold red"))
        _capabilities(reached.capabilities, console)
        for line in _computed_keys(reached):
            console.print(Text(f"  {line}"))
        if reached.profile.aws and not trouble:
            trouble += _fidelity(reached, console)
    return 3 if trouble else 0


def _identity(target: Target) -> Iterator[tuple[str, bool]]:
    try:
        said = target.identify()
    except TargetError as error:
        yield str(error), False
    else:
        yield (
            "the target is the one that the profile describes: " + ", ".join(f"{k}={v}" for k, v in said.items()),
            True,
        )


def _principals(target: Target, profile: Profile) -> Iterator[tuple[str, bool]]:
    for tenant in profile.tenants:
        for name in tenant.principals:
            yield _token(f"{tenant.id}, {name}", lambda t=tenant.id, n=name: target.bearer(t, n))
    for name in profile.support.principals if profile.support else ():
        yield _token(f"support, {name}", lambda n=name: target.support_bearer(n))


def _token(who: str, fetch: object) -> tuple[str, bool]:
    assert callable(fetch)
    try:
        fetch()
    except (TargetError, UsageError) as error:
        return f"{who}: {error}", False
    return f"{who}: has a token", True


def _fidelity(target: Target, console: Console) -> int:
    """Print the ledger; returns how much went wrong with asking. A fact that does not hold is no trouble of ours."""
    console.print()
    try:
        answers = ask(target, load_scenarios(places.house("fixtures/fidelity")))
    except (TargetError, UsageError) as error:
        console.print(Text(f"FAIL  fidelity: {error}", style="bold red"))
        return 1
    if answers.because:
        genuine = "; AWS itself is taken at its word" if answers.is_genuine else ""
        console.print(f"fidelity: {answers.because}{genuine}")
        return 0
    for answer in answers.answers:
        saw = "" if answer.held else f"  saw {answer.saw}  {answer.page}"
        line = f"{'held' if answer.held else 'MISSING':<8} {answer.id:<28} {answer.shows}{saw}"
        console.print(Text(line, style="" if answer.held else "yellow"))
    held = len(answers.answers) - len(answers.missing)
    console.print(f"fidelity: {held} of {len(answers.answers)} facts about AWS hold on this target")
    return 0


def _computed_keys(target: Target) -> Iterator[str]:
    """For each issuer whose key set is not named, or whose key is computed as well: whether two tokens give it."""
    issuers: set[str] = set()
    for tenant in target.profile.tenants if target.profile.tokens else ():
        try:
            token = parse(target.bearer(tenant.id))
        except (TargetError, UsageError):
            continue
        issuer = one_line(str(token.payload.get("iss", "")), 100)
        if issuer not in issuers and (said := _of_two_tokens(target, token)):
            yield f"tokens of {issuer}: {said}"
        issuers.add(issuer)


def _of_two_tokens(target: Target, token: Token) -> str:
    """What is to be said of computing the key that a token is by; nothing, where the published one will do."""
    assert target.profile.tokens
    algorithm, settings = str(token.header.get("alg", "")), target.profile.tokens
    is_named = token.payload.get("iss") in settings.jwks
    if (is_named and not settings.recover_public_key) or algorithm.startswith("HS"):
        return ""
    try:
        barred = target.recovery.barred(algorithm, published=is_named)
    except UsageError as error:
        return str(error)
    if barred:
        return (
            "" if is_named else f"tokens.jwks names no key set; add its URL (to have the key computed takes {barred})"
        )
    told = (
        "the public key is computed from two of them as well"
        if is_named
        else "no key set is named, so the public key is computed from two of them"
    )
    return f"{told} (J049; half a minute for 2048 bits, at most {settings.recover_seconds} s)"


def _capabilities(capabilities: frozenset[str], console: Console) -> None:
    checks = places.house("checks")
    cards = load_cards(checks)
    needs = claim_needs(checks)
    possible = sorted(claim for claim, wanted in needs.items() if wanted <= capabilities)
    console.print()
    console.print(f"capabilities: {', '.join(sorted(capabilities))}")
    console.print(f"can be assessed: {len(possible)} of {len(cards)} claims: {', '.join(possible)}")
    for claim, wanted in sorted(needs.items()):
        if missing := sorted(wanted - capabilities):
            console.print(f"  {claim} needs {', '.join(missing)}; add its table to the profile")
    for claim, wished in sorted(claim_wishes(checks).items()):
        if claim in possible and (missing := sorted(wished - capabilities)):
            console.print(f"  {claim} looks further with {', '.join(missing)}; `tenantproof init` shows the tables")
