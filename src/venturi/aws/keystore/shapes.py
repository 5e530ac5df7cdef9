"""Whether the parameters of a call have the shape that AWS's own service model gives them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeAlias

from botocore.session import Session

from venturi.aws.faults import AwsFault

Shape: TypeAlias = Any
"""One of botocore's shapes; botocore ships no types."""
_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "blob": (str,),
    "integer": (int,),
    "long": (int,),
    "boolean": (bool,),
    "timestamp": (int, float),
    "list": (list,),
    "map": (dict,),
    "structure": (dict,),
}


def require_types(action: str, params: Mapping[str, Any]) -> None:
    """Refuse what can't be read as the operation's parameters. Raises AwsFault SerializationException."""
    shape = _input(action)
    if shape is not None and (wrong := _ill_typed(shape, dict(params), "")):
        raise AwsFault("SerializationException", f"{wrong} has the wrong type.")


def require_bounds(action: str, params: Mapping[str, Any]) -> None:
    """Refuse missing members, unknown names and values out of bounds. Raises AwsFault ValidationException."""
    shape = _input(action)
    if shape is not None and (wrong := _out_of_bounds(shape, dict(params), "")):
        raise AwsFault("ValidationException", f"1 validation error detected: Value at '{wrong}' failed to satisfy "
                       "constraint.")  # fmt: skip


@lru_cache(maxsize=128)
def _input(action: str) -> Shape:
    return _model().operation_model(action).input_shape


@lru_cache(maxsize=1)
def _model() -> Any:  # noqa: ANN401  # botocore's service model has no static type
    return Session().get_service_model("kms")


def _ill_typed(shape: Shape, value: Any, where: str) -> str:  # noqa: ANN401  # JSON
    kinds = _KINDS.get(shape.type_name)
    if value is None or kinds is None:
        return ""
    if not isinstance(value, kinds) or (isinstance(value, bool) and shape.type_name != "boolean"):
        return where or shape.name
    for inner, member, name in _inner(shape, value):
        if wrong := _ill_typed(inner, member, f"{where}.{name}".lstrip(".")):
            return wrong
    return ""


def _out_of_bounds(shape: Shape, value: Any, where: str) -> str:  # noqa: ANN401  # JSON
    if value is None:
        return ""
    if shape.type_name == "structure":
        for name in shape.required_members:
            if value.get(name) is None:
                return f"{where}.{name}".lstrip(".")
    elif not _within(shape, value):
        return where
    for inner, member, name in _inner(shape, value):
        if wrong := _out_of_bounds(inner, member, f"{where}.{name}".lstrip(".")):
            return wrong
    return ""


def _inner(shape: Shape, value: Any) -> list[tuple[Shape, Any, str]]:  # noqa: ANN401  # JSON
    if shape.type_name == "structure":
        return [(shape.members[name], member, name) for name, member in value.items() if name in shape.members]
    if shape.type_name == "list":
        return [(shape.member, member, f"{at}") for at, member in enumerate(value, 1)]
    if shape.type_name == "map":
        return [(shape.value, member, str(name)) for name, member in value.items()]
    return []


def _within(shape: Shape, value: Any) -> bool:  # noqa: ANN401  # JSON
    kind, told = shape.type_name, shape.metadata
    if kind == "string" and shape.enum and value not in shape.enum:
        return False
    # Four characters of base64 are three bytes.
    size = value if kind in ("integer", "long") else len(value) * 3 // 4 if kind == "blob" else _length(value)
    if size is not None and not told.get("min", 0) <= size <= told.get("max", float("inf")) + (kind == "blob") * 2:
        return False
    pattern = told.get("pattern")
    return kind != "string" or pattern is None or _pattern(pattern).fullmatch(value) is not None


def _length(value: Any) -> int | None:  # noqa: ANN401  # JSON
    return len(value) if isinstance(value, (str, list, dict)) else None


@lru_cache(maxsize=64)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text.removeprefix("^").removesuffix("$"))
