"""The two things that players say of themselves which an edge uses: whose session, and what comes next.

Source: CTA-5004 and CTA-5004-B, keys `sid` and `nor`, as fields or in the query. In version 2
`nor` is a list, of which the first counts.
"""

import posixpath
import re
from typing import Final
from urllib.parse import unquote, unquote_to_bytes

import msgspec

from bijou.delivery.wire import Request

_SESSION: Final = re.compile(rb'(?:^|,) *sid="([^"]{0,128})"')
_NEXT: Final = re.compile(rb'(?:^|,) *nor=\(?"([^"]{0,512})"')
_IN_QUERY: Final = b"CMCD="


class Said(msgspec.Struct, frozen=True, gc=False):
    """What a player says with a request; empty where it says nothing.

    Args:
        next_object: Relative to what is asked for, as sent.
    """

    session: str = ""
    next_object: str = ""

    def next_path(self, path: str) -> str:
        """Return the path of what the player asks for next, or empty.

        Example:
            >>> Said("s", "..%2Fv720%2F00008.m4s").next_path("/media/a/v360/00007.m4s")
            '/media/a/v720/00008.m4s'
        """
        if not self.next_object:
            return ""
        address = unquote(self.next_object).partition("?")[0]
        return posixpath.normpath(posixpath.join(posixpath.dirname(path), address))


_NOTHING: Final = Said()


def read(request: Request) -> Said:
    """Return what the player says of itself."""
    fields = request.fields
    if b"cmcd-session" in fields:
        text = fields[b"cmcd-session"] + b"," + fields.get(b"cmcd-request", b"")
    elif _IN_QUERY in request.query:
        text = _from_query(request.query)
    else:
        return _NOTHING
    session, following = _SESSION.search(text), _NEXT.search(text)
    return Said(
        session[1].decode("latin-1") if session else "", following[1].decode("latin-1") if following else ""
    )


def _from_query(query: bytes) -> bytes:
    for pair in query.split(b"&"):
        if pair.startswith(_IN_QUERY):
            return unquote_to_bytes(pair[len(_IN_QUERY) :])
    return b""
