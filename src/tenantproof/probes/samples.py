"""Makes values that fit a JSON Schema: enough for a request that the target would carry out, were it allowed."""

from __future__ import annotations

import random
import string
from typing import Any

from tenantproof.probes.contract import Endpoint, Parameter, Schema

_TIMES = {"date-time": "2026-01-01T00:00:00Z", "date": "2026-01-01", "time": "00:00:00Z"}
_FORMATS = {**_TIMES, "email": "nobody@example.com", "uri": "https://example.com/", "ipv4": "192.0.2.1"}


def sample(schema: Schema, rng: random.Random) -> Any:  # noqa: ANN401  # JSON of any shape
    """A value that fits, as far as types, enumerations, bounds and required members say. Patterns are not read."""
    for name in ("const", "default", "example"):
        if name in schema:
            return schema[name]
    for name in ("enum", "examples"):
        if schema.get(name):
            return schema[name][0]
    if "allOf" in schema:
        merged: dict[str, Any] = {}
        for each in schema["allOf"]:
            value = sample(each, rng)
            merged |= value if isinstance(value, dict) else {}
        return merged
    for name in ("oneOf", "anyOf"):
        if schema.get(name):
            return sample(schema[name][0], rng)
    return _typed(schema, rng)


def _typed(schema: Schema, rng: random.Random) -> Any:  # noqa: ANN401  # JSON of any shape
    kind = schema.get("type")
    kind = next((each for each in kind if each != "null"), "null") if isinstance(kind, list) else kind
    if kind is None:
        kind = "object" if "properties" in schema else "string"
    match kind:
        case "object":
            wanted = schema.get("required") or list(schema.get("properties", {}))
            properties = schema.get("properties", {})
            return {name: sample(properties.get(name, {}), rng) for name in wanted}
        case "array":
            return [sample(schema.get("items", {}), rng) for _ in range(max(int(schema.get("minItems", 0)), 1))]
        case "integer":
            return round(_number(schema, rng))
        case "number":
            return _number(schema, rng)
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return _text(schema, rng)


def _number(schema: Schema, rng: random.Random) -> float:
    low = float(schema.get("minimum", schema.get("exclusiveMinimum", 0)))
    high = float(schema.get("maximum", schema.get("exclusiveMaximum", low + 9)))
    return round(low + (high - low) * (0.25 + rng.random() / 2), 3)


def _text(schema: Schema, rng: random.Random) -> str:
    if (form := schema.get("format")) in _FORMATS:
        return _FORMATS[str(form)]
    least, most = int(schema.get("minLength", 8)), int(schema.get("maxLength", 64))
    return "".join(rng.choices(string.ascii_lowercase, k=min(max(least, 8), most)))


def body_of(endpoint: Endpoint, rng: random.Random) -> Any:  # noqa: ANN401  # JSON of any shape
    """A body for the operation, or None when it takes none."""
    return None if endpoint.body is None else sample(endpoint.body, rng)


def queries_of(endpoint: Endpoint, rng: random.Random) -> list[tuple[str, str]]:
    """The parameters that the operation can't do without."""
    return [(each.name, _word(each, rng)) for each in endpoint.parameters if each.where == "query" and each.required]


def _word(parameter: Parameter, rng: random.Random) -> str:
    value = sample(parameter.schema, rng)
    return str(value).lower() if isinstance(value, bool) else str(value)
