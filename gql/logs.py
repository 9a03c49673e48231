"""How log lines look: structlog, for our own lines and for those of the libraries alike."""

import logging
import sys

import structlog

from settings import Settings


def configure_logging(settings: Settings) -> None:
    """Log lines go to stderr: readable ones on a terminal, JSON elsewhere, unless a setting says otherwise."""
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
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(settings.log_format)],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    for noisy in ("botocore", "boto3", "urllib3", "google", "grpc", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # At debug these write down frames and headers, and with them tokens.
    for telltale in ("uvicorn.error", "websockets", "httpcore", "httpx"):
        logging.getLogger(telltale).setLevel(max(logging.INFO, root.level))


def _renderers(log_format: str) -> list[structlog.typing.Processor]:
    if log_format == "console" or (log_format == "auto" and sys.stderr.isatty()):
        return [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                # Others show local variables, and these hold what no log may.
                exception_formatter=structlog.dev.plain_traceback,
            )
        ]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
