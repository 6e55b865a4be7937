"""Log lines: an event and its facts, as JSON on standard error.

Every line carries the time, its severity, the service and the trace it belongs
to; none carries a secret or a raw identifier. On a terminal the same lines are
written for people.

Take `get_logger` from here instead of importing structlog: whoever is first
leaves out what structlog loads only for coloured tracebacks, 0.12 s of CPU.
"""

import contextlib
import logging
import os
import secrets
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import msgspec

from bijou.ports import Clock, Instant
from bijou.runtime import redaction
from bijou.runtime.trace import Trace, format_traceparent, new_trace, parse_traceparent, trace_id

__all__ = [
    "Trace",
    "configure",
    "format_traceparent",
    "get_logger",
    "new_trace",
    "parse_traceparent",
    "trace_id",
]

if "structlog" not in sys.modules and "rich" not in sys.modules:
    sys.modules["rich"] = None  # type: ignore[assignment]
    import structlog

    del sys.modules["rich"]
else:
    import structlog

get_logger = structlog.get_logger

_Facts = MutableMapping[str, Any]
_TAKEN = (logging.WARNING, logging.ERROR, logging.CRITICAL)
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(
    service: str,
    *,
    clock: Clock,
    level: str = "info",
    stream: TextIO | None = None,
    pretty: bool | None = None,
    pseudonym_key: bytes = b"",
) -> None:
    """Send the log lines of this process, and those of its libraries, to `stream`.

    A later call replaces an earlier one. Of libraries that log in the standard
    way only warnings and worse are taken.

    Args:
        service: Who writes.
        level: Least severe line that is written: debug, info, warning, error.
        stream: None: standard error.
        pretty: Whether for people; None: where `stream` is a terminal.
        pseudonym_key: Key of identifiers' pseudonyms, at most 64 bytes; empty:
            drawn now, so that pseudonyms of two runs have nothing in common.

    Raises:
        ValueError: there is no such level.
    """
    if level not in _LEVELS:
        raise ValueError(f"log level {level!r} is none of {', '.join(_LEVELS)}")
    out = stream or sys.stderr
    for_people = out.isatty() if pretty is None else pretty
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.format_exc_info,
            _Frame(service, clock),
            _Redactor(pseudonym_key or secrets.token_bytes(32)),
            _console() if for_people else _to_json,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=_LineFactory(out),
        cache_logger_on_first_use=False,
    )
    _adopt_libraries()


class _Frame:
    """Puts what every line carries before its facts."""

    def __init__(self, service: str, clock: Clock) -> None:
        self._service = service
        self._clock = clock

    def __call__(self, _logger: Any, method: str, facts: _Facts) -> _Facts:
        frame = {
            "at": self._clock.now().rfc3339(),
            "level": method,
            "service": self._service,
            "event": facts.pop("event", ""),
        }
        if trace := trace_id.get():
            frame["trace_id"] = trace
        return frame | {f"{name}_" if name in frame else name: value for name, value in facts.items()}


class _Redactor:
    def __init__(self, key: bytes) -> None:
        self._key = key

    def __call__(self, _logger: Any, _method: str, facts: _Facts) -> _Facts:
        return redaction.redact(facts, self._key)


def _to_json(_logger: Any, _method: str, facts: _Facts) -> str:
    try:
        return _encoder.encode(facts).decode()
    except (TypeError, ValueError, OverflowError):  # an integer of more than 64 bits, a key that is no text
        shown = {name: value if isinstance(value, str) else repr(value) for name, value in facts.items()}
        return _encoder.encode(shown).decode()


def _plain(value: object) -> str:
    return value.rfc3339() if isinstance(value, Instant) else repr(value)


_encoder = msgspec.json.Encoder(enc_hook=_plain)


def _console() -> Any:
    return structlog.dev.ConsoleRenderer(
        colors="NO_COLOR" not in os.environ,
        exception_formatter=structlog.dev.plain_traceback,
        timestamp_key="at",
        sort_keys=False,
    )


class _LineFactory:
    def __init__(self, out: TextIO) -> None:
        self._out = out

    def __call__(self, *_names: Any) -> "_Line":
        return _Line(self._out)


class _Line:
    """Writes each line with one call, so that lines of threads do not mix.

    A line that nobody can take any more, of a closed terminal, is dropped.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def msg(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._out.write(line + "\n")
            self._out.flush()

    debug = info = warning = error = critical = exception = log = msg


class _FromLibrary(logging.Handler):
    """Hands the standard library's records on as lines of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger()
        log.log(
            max(level for level in _TAKEN if level <= record.levelno),
            "library.logged",
            logger=record.name,
            detail=record.getMessage(),
            exc_info=record.exc_info,
        )


def _adopt_libraries() -> None:
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _FromLibrary)]:
        root.removeHandler(handler)
    root.addHandler(_FromLibrary(logging.WARNING))
    root.setLevel(logging.WARNING)
