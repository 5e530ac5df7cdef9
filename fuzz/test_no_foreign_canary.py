"""Whatever a tenant asks for, no other tenant's canary is in the answer."""

from __future__ import annotations

import string

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenantproof.clients.canaries import found_in
from tenantproof.clients.exchange import Answer, Request
from tenantproof.clients.target import Target

_SEEN = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
_LINE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=60)
_WORDS = st.sampled_from(
    [
        "",
        "v1",
        "tenants",
        "attributions",
        "audit",
        "events",
        "support",
        "requests",
        "..",
        ".",
        "%2e%2e",
        "%2f",
        "%00",
        ";x",
    ]
)


def _foreign(target: Target, answer: Answer, own: str) -> list[str]:
    """The tenants whose canaries are in an answer to `own`, without `own`."""
    return [tenant for tenant, canaries in target.canaries.items() if tenant != own and found_in(answer, canaries)]


@given(data=st.data())
@_SEEN
def test_a_path_made_of_the_contracts_own_words_leaks_nothing(target: Target, data: st.DataObject) -> None:
    words = data.draw(st.lists(st.one_of(_WORDS, *_ids(target)), min_size=1, max_size=8))
    _ask(target, "/" + "/".join(words))


@given(method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get"]), path=_LINE)
@_SEEN
def test_any_printable_request_target_leaks_nothing(target: Target, method: str, path: str) -> None:
    _ask(target, "/" + path, method)


@given(name=st.text(string.ascii_letters + "-", min_size=1, max_size=20), value=_LINE, data=st.data())
@_SEEN
def test_any_extra_header_leaks_nothing(target: Target, name: str, value: str, data: st.DataObject) -> None:
    victim = data.draw(st.sampled_from(target.profile.tenants[1:]))
    path = f"/v1/tenants/{victim.id}/attributions/{victim.records[0].id}"
    _ask(target, path, extra=((name, value),))


@given(
    query=st.lists(
        st.tuples(st.sampled_from(["tenant", "tenant_id", "limit", "cursor", "after", "id"]), _LINE), max_size=4
    )
)
@_SEEN
def test_any_query_leaks_nothing(target: Target, query: list[tuple[str, str]]) -> None:
    own = target.profile.tenants[0]
    _ask(target, f"/v1/tenants/{own.id}/attributions?" + "&".join(f"{name}={value}" for name, value in query))


def _ask(target: Target, path: str, method: str = "GET", extra: tuple[tuple[str, str], ...] = ()) -> None:
    own = target.profile.tenants[0].id
    headers = (("Authorization", f"Bearer {target.bearer(own)}"), *extra)
    answer = target.wire.send(Request(method=method, target=path, headers=headers))
    assert not _foreign(target, answer, own), f"{method} {path} leaked"
    assert answer.status < 500, f"{method} {path} broke the target: {answer.status} {answer.body[:200]!r}"


def _ids(target: Target) -> list[st.SearchStrategy[str]]:
    tenants = st.sampled_from([tenant.id for tenant in target.profile.tenants])
    records = st.sampled_from([record.id for tenant in target.profile.tenants for record in tenant.records])
    return [tenants, records]
