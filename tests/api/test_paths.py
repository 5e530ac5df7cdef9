"""The table finds what comparing with every template would find."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from venturi.api.paths import Route, RouteTable

_SEGMENTS = st.sampled_from(["", "v1", "tenants", "a", "b", "{x}", "{y}", "{x", "%7Bx%7D"])
_TEMPLATES = st.lists(st.sampled_from(["v1", "a", "b", "{x}", "{y}"]), min_size=1, max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)


async def _never(exchange: Any) -> Any:
    raise AssertionError(exchange)


def _compared(routes: list[Route], path: str) -> dict[str, tuple[Route, dict[str, str]]]:
    found = {}
    for route in routes:
        pairs = list(zip(route.template.split("/"), path.split("/"), strict=False))
        alike = route.template.count("/") == path.count("/")
        if alike and all(value if name.startswith("{") else name == value for name, value in pairs):
            found[route.method] = route, {name[1:-1]: value for name, value in pairs if name.startswith("{")}
    return found


@given(
    st.lists(st.tuples(st.sampled_from(["GET", "POST"]), _TEMPLATES), max_size=12),
    st.lists(_SEGMENTS, max_size=5).map("/".join),
)
def test_a_path_is_found_as_by_comparing_it_with_each(templates: list[tuple[str, str]], path: str) -> None:
    routes = [Route(method, template, _never) for method, template in templates]
    for asked in (path, f"/{path}", *(route.template for route in routes)):
        assert RouteTable(routes).find(asked) == _compared(routes, asked)


def test_of_two_that_fit_the_later_counts() -> None:
    one, two = Route("GET", "/a/{x}", _never), Route("GET", "/{x}/b", _never)
    assert RouteTable([one, two]).find("/a/b") == {"GET": (two, {"x": "a"})}
    assert RouteTable([two, one]).find("/a/b") == {"GET": (one, {"x": "b"})}
