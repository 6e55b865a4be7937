"""What must not be read in a log: secrets go, identifiers become pseudonyms."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

REDACTED = "[redacted]"

_SECRETS = re.compile(
    r"(^|_)(password|passwd|passphrase|token|secret|authorization|cookie|csrf|credentials?|(service|api|private)_?key)s?(_hash)?$"
)
_IDENTIFIERS = re.compile(
    r"^((viewer|user|profile|device|household|session|account)(_id|_name)?|principal|email|ip|peer|client|remote_addr)$"
)
_WORDS = re.compile(
    r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{4,}"
    r"|\b((?:password|token|secret|service_key|api_key|bijou_session|signature)=)[^&;\s\"']+"
)
_DEPTH = 6


def redact(facts: Mapping[str, Any], key: bytes) -> dict[str, Any]:
    """Return `facts` without secrets and with pseudonyms for identifiers.

    Goes by the facts' names, at any depth, and by what secrets look like inside
    text: `Bearer …`, `token=…`. A pseudonym is the same for the same identifier
    under the same key, so that lines about one viewer can be told together.

    Cost: one pass over every string.

    Args:
        key: Secret of at most 64 bytes; who has it can test guesses.

    Example:
        >>> redact({"password": "hunter2", "why": "GET /x?token=abc&n=1", "viewer_id": "v1"}, b"k")
        {'password': '[redacted]', 'why': 'GET /x?token=[redacted]&n=1', 'viewer_id': 'anon_b3f546675890'}
    """
    return {name: _of_name(str(name), value, key, _DEPTH) for name, value in facts.items()}


def _of_name(name: str, value: Any, key: bytes, depth: int) -> Any:
    plain = name.lower().replace("-", "_")
    if _SECRETS.search(plain):
        return REDACTED
    if _IDENTIFIERS.search(plain) and value is not None and value != "":
        return pseudonym(str(value), key)
    return _inside(value, key, depth)


def _inside(value: Any, key: bytes, depth: int) -> Any:
    if isinstance(value, str):
        return _WORDS.sub(_blank, value)
    if isinstance(value, bytes):
        return _WORDS.sub(_blank, value.decode(errors="replace"))
    if depth == 0:
        return REDACTED if isinstance(value, Mapping | list | tuple | set) else value
    if isinstance(value, Mapping):
        return {name: _of_name(str(name), inner, key, depth - 1) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_inside(inner, key, depth - 1) for inner in value]
    return value


def _blank(found: re.Match[str]) -> str:
    kept = f"{found[1]} " if found[1] else found[2]
    return kept + REDACTED


def pseudonym(identifier: str, key: bytes) -> str:
    """Return a name that stands for `identifier` and does not tell it."""
    return "anon_" + hashlib.blake2b(identifier.encode(), key=key, digest_size=6).hexdigest()
