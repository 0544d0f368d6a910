"""How a line of the log reads: by a person, or as JSON by a program.

A record may carry facts (`extra={"facts": {…}}`): the ids by which one message is followed from
the door to its last event. Whatever comes from outside is quoted, so it cannot forge a line.
"""

import json
import logging
from datetime import UTC, datetime


def _facts(record: logging.LogRecord) -> dict[str, object]:
    facts: dict[str, object] = getattr(record, "facts", {})
    return facts


class LineFormatter(logging.Formatter):
    """`2026-11-25 10:00:00,000 INFO messages.outcomes: attempt message_id=… state=delivered`"""

    def formatMessage(self, record: logging.LogRecord) -> str:
        line = super().formatMessage(record)
        return " ".join(
            [line, *(f"{name}={_word(value)}" for name, value in _facts(record).items())]
        )


def _word(value: object) -> str:
    """Return a value as it is where it is one plain word, else in quotes."""
    text = str(value)
    return text if text.isascii() and text.isprintable() and " " not in text else json.dumps(text)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, the facts, and a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        } | _facts(record)
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        return json.dumps(told, default=str)
