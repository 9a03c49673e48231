"""XML of requests, read with nothing that can explode, and XML of answers."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from embedded.s3.errors import S3Error

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'

_NO_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]")

Fields = dict[str, Any]
"""Elements by name, in order: texts, numbers, flags, further fields; a list is the element several times."""


def make_document(name: str, fields: Fields) -> bytes:
    """The answer's document; what is None is left out."""
    return f'{DECLARATION}<{name} xmlns="{NAMESPACE}">{"".join(_format(fields))}</{name}>'.encode()


def make_error(code: str, message: str) -> bytes:
    """An error's document, which has no namespace."""
    fields = "".join(_format({"Code": code, "Message": message}))
    return f"{DECLARATION}<Error>{fields}</Error>".encode()


def format_time(moment_ns: int) -> str:
    """The moment as S3's documents say it, in milliseconds."""
    return datetime.fromtimestamp(moment_ns / 1e9, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_document(data: bytes, *names: str) -> Element:
    """The document of a request, whose top has one of these names; its elements have no namespaces."""
    try:
        top: Element = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise S3Error("MalformedXML") from None
    for each in top.iter():
        each.tag = each.tag.rpartition("}")[2]
    if top.tag not in names:
        raise S3Error("MalformedXML")
    return top


def get_text(element: Element, name: str) -> str:
    """The text of the only element of that name; MalformedXML where there is none, or several."""
    found = element.findall(name)
    if len(found) != 1:
        raise S3Error("MalformedXML")
    return found[0].text or ""


def _format(fields: Fields) -> Iterator[str]:
    for name, value in fields.items():
        for each in value if isinstance(value, list) else [value]:
            if each is None:
                continue
            yield f"<{name}>{''.join(_format(each)) if isinstance(each, dict) else _format_text(each)}</{name}>"


def _format_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    # XML has no way to say control characters; AWS sends them so, and `encoding-type=url` is for clients that mind.
    return _NO_TEXT.sub(lambda found: f"&#x{ord(found[0]):x};", escape(str(value), {"\r": "&#13;"}))
