"""Results that are kept for next time: a target that refuses a thousand times says the same thing a thousand times."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, ParamSpec, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")


def remembered(*, most: int, longest: int) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Keep `most` results of a function, for calls whose last argument has at most `longest` characters or octets.

    What a target says may be as long as it likes, and must not stay in memory for that.
    """

    def keeping(function: Callable[P, T]) -> Callable[P, T]:
        again: Callable[..., T] = lru_cache(maxsize=most)(function)

        @wraps(function)
        def call(*arguments: Any) -> T:  # noqa: ANN401  # the function's own
            return (again if len(arguments[-1]) <= longest else function)(*arguments)  # type: ignore[call-arg]  # as above

        return cast("Callable[P, T]", call)

    return keeping
