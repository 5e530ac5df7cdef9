"""What a process of the deployment logs: one JSON object a line on standard error."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType


class JsonLines(logging.Formatter):
    """Writes a record as {"time", "level", "logger", "message"} and, for an error, its "trace" as a list of lines."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line of JSON."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0]:
            line["trace"] = "".join(traceback.format_exception(*record.exc_info)).splitlines()
        return json.dumps(line)


def log_json() -> None:
    """Send warnings of everybody, our own news, and the error that ends the process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("venturi").setLevel(logging.INFO)
    logging.captureWarnings(capture=True)
    sys.excepthook = _last_words


def readable(line: str) -> str:
    """A line of such a log for a person; what is no JSON stays as it is."""
    try:
        said = json.loads(line)
        return "\n".join([f"{said['level']}: {said['message']}", *said.get("trace", ())])
    except (ValueError, KeyError, TypeError):
        return line


def _last_words(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logging.getLogger("venturi").critical("ended by %s", kind.__name__, exc_info=(kind, error, trace))
