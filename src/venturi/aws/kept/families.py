"""A key with its copies in other Regions, its material and its import tokens, as bytes and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key

from venturi.aws.keystore.pairs import private_der
from venturi.aws.keystore.records import Family, ImportToken, Key

if TYPE_CHECKING:
    from venturi.aws.keystore.store import KeyStore


class SavedToken(msgspec.Struct, frozen=True, array_like=True):
    """An import token that was handed out; `private` is DER."""

    token: bytes
    key_arn: str
    algorithm: str
    private: bytes
    until: datetime


class SavedFamily(msgspec.Struct, frozen=True, array_like=True):
    """All copies of a key. `pair` is DER, and empty where there is none; without copies the key is deleted."""

    known: tuple[tuple[str, str, str], ...]
    """(account, Region, ARN) of every copy that there ever was."""
    id: str
    family: Family
    pair: bytes
    copies: tuple[Key, ...]
    tokens: tuple[SavedToken, ...]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(SavedFamily)


def saved(store: KeyStore, ident: str) -> bytes:
    """The key with this id as it stands, and the tokens for it. The store's lock is held."""
    copies = [key for (_, known), key in store.every().items() if known == ident]
    family = copies[0].family if copies else Family("")
    arns = {key.arn for key in copies}
    return _encoder.encode(
        SavedFamily(
            known=tuple(store.introduced[ident]),
            id=ident,
            family=replace(family, pair=None, members={}),
            pair=b"" if family.pair is None else private_der(family.pair),
            copies=tuple(replace(key, family=Family("")) for key in copies),
            tokens=tuple(
                SavedToken(token, lent.key_arn, lent.algorithm, private_der(lent.private), lent.until)
                for token, lent in store.lent.items()
                if lent.key_arn in arns and lent.until > store.clock()
            ),
        )
    )


def restore(store: KeyStore, records: Iterable[bytes], used: Mapping[str, tuple[str, datetime, str]]) -> None:
    """Fill an empty store; of one key the last record counts. `used`: ARN to its last use, where that is later."""
    latest = {each.id: each for each in map(_decoder.decode, records)}
    keys: list[Key] = []
    for each in latest.values():
        store.introduced[each.id] = list(each.known)
        each.family.pair = load_der_private_key(each.pair, None) if each.pair else None
        for key in each.copies:
            key.family = each.family
            key.last_used = max((use for use in (key.last_used, used.get(key.arn)) if use), key=_when, default=None)
            keys.append(key)
        for lent in each.tokens:
            private = load_der_private_key(lent.private, None)
            assert isinstance(private, rsa.RSAPrivateKey)
            store.lent[lent.token] = ImportToken(lent.key_arn, lent.algorithm, private, lent.until)
        for account, region, arn in each.known:
            store.introduce(account, region, each.id, arn)
    # Listings are in the order in which keys were made.
    for key in sorted(keys, key=lambda key: key.created):
        store.put(key)


def _when(use: tuple[str, datetime, str]) -> datetime:
    return use[1]
