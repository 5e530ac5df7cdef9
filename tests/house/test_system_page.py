"""The walk through the vendor's page names nothing that is not there, and leaves no claim out."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("docs/system.md", "docs/resolution.md")
NAMED = re.compile(r"`([^`]+)`")
PLACE = re.compile(r"(?:src|tests|checks|fuzz|docs|fixtures)/[\w/.-]+\.\w+")
ROUTE = re.compile(r"(GET|POST|PUT|DELETE) (/\S+)")


def named(page: str) -> list[str]:
    return NAMED.findall((ROOT / page).read_text())


def defined_in(path: Path) -> set[str]:
    return {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("page", PAGES)
def test_every_file_and_test_that_is_named_exists(page: str) -> None:
    places = [text for text in named(page) if PLACE.match(text)]
    assert places
    for place in places:
        path, _, test = place.partition("::")
        assert (ROOT / path).is_file(), f"{page} names {path}, which is not there"
        assert not test or test in defined_in(ROOT / path), f"{page} names {place}, which is not there"


def test_every_route_that_is_named_is_in_the_contract() -> None:
    contract = yaml.safe_load((ROOT / "fixtures/contract/openapi.yaml").read_text())
    routes = [found.groups() for text in named(PAGES[0]) if (found := ROUTE.fullmatch(text))]
    assert routes
    missing = [route for route in routes if route[0].lower() not in contract["paths"].get(route[1], {})]
    assert not missing, f"docs/system.md names routes that the contract lacks: {missing}"


def test_every_claim_has_its_sentence() -> None:
    text = (ROOT / "docs/system.md").read_text()
    claims = {name for card in (ROOT / "checks").glob("*.toml") for name in tomllib.loads(card.read_text())}
    missing = claims - set(re.findall(r"\b[A-Z]{2}-\d+\b", text))
    assert not missing, f"docs/system.md says nothing of {sorted(missing)}"
