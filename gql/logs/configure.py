"""The format and redaction of log lines, by structlog, for this project's and the libraries' lines alike."""

import contextlib
import logging
import sys
import threading
from types import TracebackType
from typing import Any

import structlog

from domain.control_characters import escape_control_characters as _escape
from gql.logs.audit import AUDIT_LOGGER
from gql.logs.redaction import MULTILINE, Redactor
from settings import ConfigurationError, Settings

log = structlog.get_logger(__name__)

_redactor = Redactor()
hide_in_logs = _redactor.hide


def configure_logging(settings: Settings) -> None:
    """Sends log lines to stderr: readable on a terminal, JSON elsewhere, unless a setting overrides that."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(make_formatter(settings, shared))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    for noisy in ("botocore", "boto3", "urllib3", "google", "grpc", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # At debug these write down frames and headers, and with them tokens.
    for telltale in ("uvicorn.error", "websockets", "httpcore", "httpx"):
        logging.getLogger(telltale).setLevel(max(logging.INFO, root.level))
    # Who changed what is written down, however quiet the rest is to be.
    logging.getLogger(AUDIT_LOGGER).setLevel(logging.INFO)
    _leave_no_other_way()


def make_formatter(settings: Settings, shared: list[structlog.typing.Processor]) -> logging.Formatter:
    """The formatter of every line, with redaction; `shared` processes libraries' lines first."""
    with contextlib.suppress(ConfigurationError):
        hide_in_logs(*settings.read_r2_credentials())
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            # Local variables hold what no log may, so tracebacks are Python's plain ones.
            structlog.processors.format_exc_info,
            structlog.processors.StackInfoRenderer(),
            structlog.processors.UnicodeDecoder(),
            _redactor,
            _choose_renderer(settings.log_format),
        ],
    )


def _choose_renderer(log_format: str) -> structlog.typing.Processor:
    if log_format == "console" or (log_format == "auto" and sys.stderr.isatty()):
        return ConsoleRenderer()
    # Its JSON is ASCII: control characters are escaped as it is.
    return structlog.processors.JSONRenderer()


class ConsoleRenderer:
    """structlog's, for values in which a terminal finds nothing to obey."""

    def __init__(self) -> None:
        self._render = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())

    def __call__(self, logger: object, method: str, event: structlog.typing.EventDict) -> str:
        """The line."""
        return self._render(
            logger, method, {_escape(name): _escape_value(name, value) for name, value in event.items()}
        )


def _escape_value(name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    return _escape(value if isinstance(value, str) else str(value), keeps_lines=name in MULTILINE)


def _leave_no_other_way() -> None:
    """Sends warnings and uncaught exceptions to the log too: Python would print them unredacted."""
    logging.captureWarnings(capture=True)
    # It would print a line that cannot be formatted with all of its arguments.
    logging.raiseExceptions = False
    sys.excepthook = _log_crash
    threading.excepthook = lambda crash: _log_crash(crash.exc_type, crash.exc_value, crash.exc_traceback)


def _log_crash(kind: type[BaseException], error: BaseException | None, traceback: TracebackType | None) -> None:
    if issubclass(kind, Exception) and error is not None:
        log.critical("crashed", exc_info=(kind, error, traceback))
