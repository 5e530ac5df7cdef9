"""What can keep a broker from starting."""

from __future__ import annotations


class NoBroker(Exception):
    """There is no Kafka to start; the message says what was looked for and how to provide one."""


class BrokerDied(Exception):
    """The broker ended or never became ready; the message carries the end of its log.

    `killed`: somebody else ended it with SIGKILL, which is no fault of its own.
    """

    def __init__(self, message: str, *, killed: bool = False) -> None:
        super().__init__(message)
        self.killed = killed


class StreamUnavailable(OSError):
    """The broker did not acknowledge in time; what was sent may be in the topic or not, so it has to be sent again."""
