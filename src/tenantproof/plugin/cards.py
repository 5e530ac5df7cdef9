"""Reads the cards: the claims of every section, as an auditor reviews them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from tenantproof.model.claims import Claim
from tenantproof.model.errors import UsageError


def load_cards(folder: Path) -> dict[str, Claim]:
    """Every claim of the folder's *.toml files by id.

    Raises UsageError that names the file and the claim: no cards, text that is no TOML, a key that is missing, unknown
    or of the wrong kind, an id that stands twice.
    """
    cards: dict[str, Claim] = {}
    home: dict[str, Path] = {}
    for path in sorted(folder.glob("*.toml")):
        for claim in _card(path):
            if claim.id in cards:
                raise UsageError(f"{path} declares {claim.id}, and so does {home[claim.id]}; an id is unique, for ever")
            cards[claim.id], home[claim.id] = claim, path
    if not cards:
        raise UsageError(f"{folder} holds no card (*.toml); name the folder of checks with --checks")
    return cards


def _card(path: Path) -> list[Claim]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: can't be read: {error}") from None
    claims = []
    for ident, entry in table.items():
        try:
            claims.append(msgspec.convert({"id": ident, **entry}, Claim))
        except (msgspec.ValidationError, TypeError) as error:
            raise UsageError(f"{path}: [{ident}]: {error}; compare it with the claim above or below it") from None
    return claims
