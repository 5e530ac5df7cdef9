"""The front's log of decisions: who asked for what, what was decided and why; never a secret, never a payload."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Decision:
    """Whether `principal` may do `action` to `resource`, and the reason in a few words."""

    principal: str
    action: str
    resource: str
    allowed: bool
    reason: str
    request_id: str = ""


Log: TypeAlias = Callable[[Decision], None]


def log_to_stderr(decision: Decision) -> None:
    """One JSON line on stderr."""
    sys.stderr.write(json.dumps({"log": "aws.decision", **asdict(decision)}) + "\n")
