"""Grants and aliases of keys."""

from __future__ import annotations

import re
from datetime import datetime

from venturi.aws.faults import AwsFault
from venturi.aws.grants import Grant
from venturi.aws.keystore.order import Answer, Order, dry_run, fresh_token
from venturi.aws.keystore.records import Key
from venturi.aws.keystore.specs import SYMMETRIC, grantable

_PRINCIPAL = re.compile(r"arn:aws:(iam|sts)::\d{12}:(root|(user|role|assumed-role|federated-user)/.+)")
_NAMED = {"EncryptionContextEquals", "EncryptionContextSubset"}


def create_grant(order: Order) -> Answer:
    """CreateGrant. The same grant asked for again under its name is the same grant, with a new token."""
    asked = _grant(order)
    known = next((held for held in order.key.grants if asked.name and _same(held, asked)), None)
    if order.is_dry:
        raise dry_run()
    made = known or asked
    order.key.held[made.id] = made
    return {"GrantId": made.id, "GrantToken": made.token}


def list_grants(order: Order) -> Answer:
    """ListGrants."""
    ident, grantee = order.text("GrantId"), order.text("GranteePrincipal")
    if order.params.get("GranteeServicePrincipal"):
        return {"Grants": [], "Truncated": False}
    listed = [held for held in order.key.grants if ident in ("", held.id) and grantee in ("", held.grantee)]
    if ident and not listed:
        raise AwsFault("InvalidGrantIdException", "The key has no grant of that id.")
    return order.page("Grants", listed, lambda held: said(held, order.key))


def list_retirable(order: Order) -> Answer:
    """ListRetirableGrants: on every key of the Region, those that the principal may retire."""
    whom = order.text("RetiringPrincipal")
    listed = [(held, key) for key in order.store.of("", order.region) for held in key.grants if held.retiring == whom]
    return order.page("Grants", listed, lambda pair: said(*pair))


def revoke_grant(order: Order) -> Answer:
    """RevokeGrant."""
    ident = order.text("GrantId")
    if ident not in order.key.held:
        raise AwsFault("NotFoundException", f"Grant ID {ident} not found")
    return _end(order, ident)


def retire_grant(order: Order) -> Answer:
    """RetireGrant, by token or by key and id."""
    ident, token = order.text("GrantId"), order.text("GrantToken")
    found = next((held.id for held in order.key.grants if ident == held.id or (token and token == held.token)), None)
    if found is None:
        raise AwsFault("NotFoundException", "The key has no such grant.")
    return _end(order, found)


def said(grant: Grant, key: Key) -> Answer:
    """A grant as the listings say it."""
    answer: Answer = {
        "KeyId": key.arn,
        "GrantId": grant.id,
        "Name": grant.name,
        "CreationDate": grant.created,
        "GranteePrincipal": grant.grantee,
        "IssuingAccount": f"arn:aws:iam::{grant.issuer or key.account}:root",
        "Operations": sorted(grant.operations),
    }
    if grant.retiring:
        answer["RetiringPrincipal"] = grant.retiring
    return answer | ({"Constraints": dict(grant.constraints)} if grant.constraints else {})


def create_alias(order: Order) -> Answer:
    """CreateAlias."""
    name = _own_name(order)
    if order.store.find(name, order.caller.account, order.region) is not None:
        raise AwsFault("AlreadyExistsException", f"An alias with the name {name} already exists")
    order.key.aliases[name] = order.now
    return {}


def update_alias(order: Order) -> Answer:
    """UpdateAlias: to a key of the same kind and use."""
    name = _own_name(order)
    old = order.store.find(name, order.caller.account, order.region)
    if old is None:
        raise AwsFault("NotFoundException", f"Alias {name} is not found.")
    if (old.spec == SYMMETRIC, old.usage) != (order.key.spec == SYMMETRIC, order.key.usage):
        raise AwsFault("KMSInvalidStateException", f"Alias {name} cannot be moved to a key of another kind.")
    old.aliases.pop(name, None)
    order.store.changed(old)
    order.key.aliases[name] = order.now
    return {}


def delete_alias(order: Order) -> Answer:
    """DeleteAlias."""
    order.key.aliases.pop(order.text("AliasName"), None)
    return {}


def list_aliases(order: Order) -> Answer:
    """ListAliases, of the account or of one key."""
    keys = [order.named] if order.named else list(order.store.of(order.caller.account, order.region))
    listed = sorted((name, key, moment) for key in keys for name, moment in key.aliases.items())
    return order.page("Aliases", listed, lambda each: _alias(*each))


def _alias(name: str, key: Key, moment: datetime) -> Answer:
    return {
        "AliasName": name,
        "AliasArn": f"arn:aws:kms:{key.region}:{key.account}:{name}",
        "TargetKeyId": key.id,
        "CreationDate": moment.timestamp(),
        "LastUpdatedDate": moment.timestamp(),
    }


def _own_name(order: Order) -> str:
    name = order.text("AliasName")
    if not re.fullmatch(r"alias/[a-zA-Z0-9/_-]+", name):
        raise AwsFault("InvalidAliasNameException", "An alias is alias/ and a name of letters, digits, /, _ and -.")
    if name.startswith("alias/aws/"):
        raise AwsFault("NotAuthorizedException", "Aliases under alias/aws/ are AWS's own.")
    return name


def _grant(order: Order) -> Grant:
    params, key = order.params, order.key
    if params.get("GranteeServicePrincipal") or params.get("RetiringServicePrincipal"):
        raise AwsFault("UnsupportedOperationException", "Grants to service principals are not offered here.")
    grantee, retiring = order.text("GranteePrincipal"), order.text("RetiringPrincipal")
    for arn in filter(None, (grantee, retiring)):
        if not _PRINCIPAL.fullmatch(arn):
            raise AwsFault("InvalidArnException", f"{arn} is not a valid principal ARN.")
    operations, constraints = frozenset(map(str, params.get("Operations") or ())), params.get("Constraints") or {}
    strange = operations - grantable(key.spec, key.usage)
    if not operations or strange or not grantee:
        raise AwsFault("ValidationException", f"A grant needs a grantee and operations of its key, not {list(strange)}")
    if set(constraints) - _NAMED or (constraints and key.spec != SYMMETRIC):
        raise AwsFault("ValidationException", "A grant's constraints are on the context of a symmetric key.")
    return Grant(
        id=fresh_token(),
        token=fresh_token(),
        grantee=grantee,
        operations=operations,
        constraints=constraints,
        retiring=retiring,
        name=order.text("Name"),
        created=order.now.timestamp(),
        issuer=order.caller.account,
    )


def _same(one: Grant, other: Grant) -> bool:
    return (one.name, one.grantee, one.retiring, one.operations, dict(one.constraints)) == (
        other.name, other.grantee, other.retiring, other.operations, dict(other.constraints),
    )  # fmt: skip


def _end(order: Order, ident: str) -> Answer:
    if order.is_dry:
        raise dry_run()
    del order.key.held[ident]
    return {}
