"""Goes through a tenant's list page by page, to its end, and remembers what stood in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from tenantproof.clients.canaries import found_in
from tenantproof.clients.exchange import Answer, Request
from tenantproof.clients.target import Target
from tenantproof.probes.sighting import json_object, new_probe

MOST_PAGES = 200


@dataclass(frozen=True)
class Listing:
    """The pages of a list: the first request, the last answer, and everything in between."""

    request: Request
    last: Answer
    pages: int
    answers: Sequence[Answer]
    trouble: str = ""
    """Why the end was not reached, if it was not."""

    @property
    def is_whole(self) -> bool:
        """Whether the list was read to its end."""
        return not self.trouble

    def found(self, markers: Iterable[str]) -> frozenset[str]:
        """Those of the markers that stand in any page, in any guise."""
        wanted = tuple(markers)
        return frozenset(marker for answer in self.answers for marker in found_in(answer, wanted))


def walk(target: Target, tenant: str, principal: str) -> Listing:
    """Read the tenant's own list to its end, following `next_cursor`."""
    answers: list[Answer] = []
    first: Request | None = None
    cursor, trouble = "", ""
    for page in range(1, MOST_PAGES + 1):
        request = target.request(
            target.operation("list"),
            tenant=tenant,
            query=urlencode({"cursor": cursor}) if cursor else "",
            bearer=target.bearer(tenant),
            principal=principal,
            probe=new_probe(),
        )
        answer = target.wire.send(request)
        first = first or request
        answers.append(answer)
        if not answer.is_whole or answer.status != 200:
            trouble = answer.failure or answer.malformed or f"page {page} was answered {answer.status}"
            break
        following = json_object(answer.body).get("next_cursor")
        if not isinstance(following, str) or not following:
            break
        if following == cursor:
            trouble = f"page {page} points to itself"
            break
        cursor = following
    else:
        trouble = f"the list has more than {MOST_PAGES} pages"
    assert first
    return Listing(first, answers[-1], len(answers), answers, trouble)
