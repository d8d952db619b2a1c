"""One log line an event: structured, with the correlation id, JSON where machines read it."""

import logging
import logging.config
import re
from typing import Any

import structlog

# What no text of a line should show, whoever wrote it: the secrets of keys, claims, webhooks and shops,
# what stands in addresses before the @ or as a secret parameter, and whatever follows `Authorization`.
SECRETS = re.compile(
    r"""
      (?<=tc_live_.{12}_)\w+ | (?<=tc_test_.{12}_)\w+ | (?<=tc_claim_)\w+
    | (?<=whsec_)[\w+/=]+ | (?<=\bc[ks]_)[0-9a-f]{40}\b | (?<=\bshp(?:at|ss|ca|pa)_)\w+
    | (?<=://)[^\s'"<>]+(?=@[\w.\[-])
    | (?P<name>\b(?:authorization|consumer_secret|client_secret|access_token|api_key|apikey|password|secret)
        ["']?\s*[:=]\s*["']?)(?:(?:basic|bearer|oauth)\s+)?[^\s"',&;)\]}]+
    """,
    re.VERBOSE | re.IGNORECASE,
)

_SHARED: list[structlog.types.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure(options: dict[str, Any]) -> None:
    """Set up structlog and the standard library's loggers alike; Django's `LOGGING_CONFIG`."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": {"()": formatter, "json": options["json"]}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"handlers": ["stderr"], "level": options["level"]},
        }
    )
    logging.captureWarnings(capture=options["json"])


def formatter(*, json: bool = True) -> logging.Formatter:
    """Return what makes a line of a record, ours or the standard library's; the web server's too."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,  # as text, without the values of variables
            _masked,
            structlog.processors.JSONRenderer() if json else _READABLE,
        ],
    )


_READABLE = structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)


def _masked(_logger: Any, _method: str, event: Any) -> Any:
    """Return an event whose texts show nothing that looks like a secret."""
    return {name: _without_secrets(value) for name, value in event.items()}


def _without_secrets(value: Any) -> Any:
    if isinstance(value, str):
        return SECRETS.sub(lambda found: f"{found['name'] or ''}[secret]", value)
    if isinstance(value, dict):
        return {name: _without_secrets(each) for name, each in value.items()}
    if isinstance(value, list | tuple | set):
        return [_without_secrets(each) for each in value]
    return value
