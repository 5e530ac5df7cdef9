"""What a contract is read down to: operations, and what their names tell."""

from __future__ import annotations

import pytest

from tenantproof.probes.contract import Endpoint
from tenantproof.probes.vectors import VECTORS


@pytest.mark.parametrize(
    ("name", "method", "path", "wanted"),
    [
        ("readCertificate", "GET", "/v1/tenants/{tenant}/erasure/certificates/{id}", False),
        ("beginErasure", "POST", "/v1/tenants/{tenant}/erasure", True),
        ("remove", "DELETE", "/v1/tenants/{tenant}/things/{id}", True),
        ("make", "POST", "/v1/tenants/{tenant}/things", False),
    ],
)
def test_what_takes_away_is_known_by_its_name_unless_it_only_reads(
    name: str, method: str, path: str, wanted: bool
) -> None:
    endpoint = Endpoint(name, method, path)
    assert endpoint.is_destructive is wanted
    foreign = next(vector for vector in VECTORS if vector.id == "X002")
    assert foreign.fits(endpoint) is (endpoint.has_object and not wanted)
