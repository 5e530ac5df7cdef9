"""The profile's [certificates]: what clients show of themselves over TLS, where the target asks for it (mutual TLS).

The module is imported as a whole, and its annotations are read late, so that it and `profile` can name each other.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Annotated

import msgspec
from msgspec import Meta

from tenantproof.model.toml_lines import KeyPath

_File = Annotated[str, Meta(min_length=1)]


class Certificate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A client's certificate, with what leads to its root behind it, and its key: files with PEM."""

    certificate: _File
    key: _File


class Certificates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The certificate of each tenant, by its id: shown in all that the tenant sends, to whoever asks for one."""

    tenants: dict[str, Certificate]
    otherwise: str = ""
    """The tenant whose certificate is shown in what nobody in particular sends, where nothing goes without one."""
    required: bool = True
    """Whether the target refuses whoever shows none."""
    enough: bool = False
    """Whether a certificate says alone who somebody is, without a token."""
    bound: bool = False
    """Whether tokens say in `cnf` by which certificate alone they are good (RFC 8705 section 3.1)."""


def review(table: Certificates, base_url: str, tenants: Container[str]) -> Iterator[tuple[KeyPath, str]]:
    """Each key whose value can't be meant, and what to do about it."""
    at = ("certificates",)
    if not base_url.lower().startswith("https:"):
        yield at, "nobody asks for a certificate without TLS; make target.base_url https, or take the table out"
    for tenant in table.tenants:
        if tenant not in tenants:
            yield (*at, "tenants", tenant), f"no tenant {tenant!r} in the profile; name one of [[tenants]]"
    if len(table.tenants) < 2:  # one who shows it, and one whose it is
        yield (*at, "tenants"), "has certificates of fewer than two tenants; give one of each"
    if table.otherwise and table.otherwise not in table.tenants:
        yield (*at, "otherwise"), f"{table.otherwise!r} has no certificate here; name a tenant that has one"
