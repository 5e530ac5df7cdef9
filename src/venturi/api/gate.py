"""Decides whether a principal may act in the tenant that the path names."""

from __future__ import annotations

from venturi.identity.principal import Principal


class TenantMismatch(Exception):
    """The principal belongs to another tenant, or to none."""


class TenantGate:
    """Lets a principal into its own tenant and no other; whether the other exists makes no difference."""

    def check(self, principal: Principal, tenant_in_path: str) -> None:
        """Raise TenantMismatch unless the path names the principal's tenant, as sent and byte for byte."""
        if not self.same(principal.tenant, tenant_in_path):
            raise TenantMismatch("the path names another tenant")

    def same(self, bound: str | None, asked: str) -> bool:
        """Whether these are one tenant: no case folding, no prefix, no decoding."""
        return bound is not None and bound == asked
