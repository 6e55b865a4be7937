"""HTTP/1.1 requests from bytes: a strict, small reader that does no I/O.

Whatever two parties could read differently is refused and the connection
closed: bodies where none is taken, bare line feeds, folded fields, repeated
lengths, encoded slashes, dot segments.

Source: RFC 9112 for the framing, RFC 9110 for the fields.
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec
from msgspec import structs

HEAD_BYTES: Final = 16 * 1024
HEAD_FIELDS: Final = 100
DECISIVE: Final = frozenset({b"range", b"if-none-match", b"if-modified-since", b"cmcd-session"})
"""Fields that change what is answered, or tell what is to be learnt."""
METHODS: Final = (b"GET", b"HEAD", b"OPTIONS")

_TOKEN: Final = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CONTROLS: Final = bytes({*range(32), 127} - {9, 10, 13})
_USUAL: Final = re.compile(rb"(GET|HEAD|OPTIONS) (/[A-Za-z0-9._~/-]*)(?:\?([!$-;=?-Z_a-z~]*))? HTTP/1\.1")
_PLAIN_PATH: Final = re.compile(rb"/[A-Za-z0-9._~/-]*")
_PLAIN_QUERY: Final = re.compile(rb"[!$-;=?-Z_a-z~]*")
_TARGET: Final = re.compile(rb"[!$-;=?-Z_a-z~\[\]@%'\"|{}^`\\]+")
_ABSOLUTE: Final = re.compile(rb"https?://[^/?]*", re.IGNORECASE)
_VERSION: Final = re.compile(rb"HTTP/[0-9]\.[0-9]")
_BAD_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_ESCAPE: Final = re.compile(rb"%([0-9A-Fa-f]{2})")

_NO_POSTS: Final[Mapping[str, int]] = MappingProxyType({})
_LENGTH: Final = re.compile(rb"[0-9]{1,12}")

Fields = dict[bytes, bytes]


class Request(msgspec.Struct, frozen=True, gc=False):
    """One request; the names of its fields are in lower case.

    Args:
        path: Percent-decoded, without the query, no dot segments.
        keep_alive: Whether the peer takes another answer on this connection.
        one_zero: Whether the peer speaks HTTP/1.0.
        query: What stands after the question mark, as sent.
        body: Of a POST; nothing else has one.
        peer: Address of who is connected, where the site wants to know.
    """

    method: str
    path: str
    fields: Fields
    keep_alive: bool = True
    one_zero: bool = False
    query: bytes = b""
    body: bytes = b""
    peer: str = ""


class Refusal(msgspec.Struct, frozen=True):
    """Why bytes are no request that is served; the connection ends with it."""

    code: str
    status: int
    detail: str


class BadWire(Exception):
    """Bytes that break the protocol; carries the refusal."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal


def bad_wire(detail: str) -> BadWire:
    """Return what is raised for bytes that are not HTTP/1.1 as read here."""
    return BadWire(Refusal("delivery.bad_request", 400, detail))


class RequestReader:
    r"""Bytes in, requests out, in order; the same however the bytes are cut.

    Cost: memory of two heads (16 KiB each) and of what was fed beyond them. Fields
    that are those of the request before, as players send them, are not read again.

    `usual` is how one of them ended, from the space behind its target on: whatever ends
    so, and keeps its connection, is answered by its method and target alone.

    Args:
        posts: Paths that take a POST, each with the longest body that it takes.

    Example:
        >>> reader = RequestReader()
        >>> reader.feed(b"GET /media/a.m4s?x=1 HTTP/1.1\r\nHost: e\r\n\r\nDELETE / ")
        >>> reader.next().path
        '/media/a.m4s'
        >>> reader.next(), reader.pending
        (None, True)
    """

    __slots__ = (
        "_at",
        "_buffer",
        "_fields",
        "_fields_read",
        "_held",
        "_keeps",
        "_posts",
        "_refusal",
        "_scanned",
        "_serves",
        "usual",
    )

    def __init__(self, posts: Mapping[str, int] = _NO_POSTS) -> None:
        self._posts = posts
        self._held: Request | None = None
        self._buffer = b""
        self._at = 0
        self._scanned = 0
        self._refusal: Refusal | None = None
        self._fields: Fields = {}
        self._fields_read = b""
        self._serves = self._keeps = False
        self.usual = b""

    @property
    def pending(self) -> bool:
        """Whether bytes wait that are not a whole request yet, or not asked for."""
        return len(self._buffer) > self._at or self._held is not None

    def feed(self, data: bytes) -> None:
        """Take what the peer sent."""
        self._buffer = self._buffer[self._at :] + data if self.pending else data
        self._scanned -= self._at
        self._at = 0

    def next(self) -> Request | Refusal | None:
        """Return the next request, or why there is none; None: more bytes are needed."""
        if self._refusal is not None:
            return self._refusal
        if self._held is not None:
            return self._with_body(self._held)
        buffer, at = self._buffer, self._at
        if len(buffer) == at:
            return None
        if buffer[at : at + 2] == b"\r\n":  # RFC 9112, 2.2: one empty line before a request is forgiven
            at += 2
        end = buffer.find(b"\r\n\r\n", max(at, self._scanned))
        if end < 0 or end + 4 - at > HEAD_BYTES:
            if len(buffer) - at > HEAD_BYTES:
                detail = f"the request head is over {HEAD_BYTES} bytes"
                self._refusal = Refusal("delivery.head_too_long", 431, detail)
            self._scanned = max(at, len(buffer) - 3)
            return self._refusal
        self._at = self._scanned = end + 4
        try:
            request = self._request(buffer[at:end])
        except BadWire as bad:
            self._refusal = bad.refusal
            return self._refusal
        return self._with_body(request) if request.method == "POST" else request

    def _with_body(self, request: Request) -> Request | None:
        """Return a POST once all of its body is here."""
        size = int(request.fields.get(b"content-length", b"0"))
        if len(self._buffer) - self._at < size:
            self._held = request
            return None
        self._held = None
        body = self._buffer[self._at : self._at + size]
        self._at = self._scanned = self._at + size
        return structs.replace(request, body=body)

    def _request(self, head: bytes) -> Request:
        line, _, rest = head.partition(b"\r\n")
        if rest != self._fields_read:
            self._serves = False
            self._fields = read_fields(split_head(rest)) if rest else {}
            self._fields_read = rest
        usual = _USUAL.fullmatch(line) if self._serves else None
        if usual is not None:  # with the fields of a request that was served: nothing is left to be checked
            method, path, query = usual.groups(b"")
            if b"/." not in path:
                return Request(method.decode(), path.decode(), self._fields, self._keeps, False, query)
        request = _request(line, self._fields, self._posts)
        self._serves = b"host" in self._fields and request.method != "POST"
        self._keeps = _keep_alive(self._fields, one_zero=False)
        if self._serves and self._keeps and DECISIVE.isdisjoint(self._fields):
            self.usual = b" HTTP/1.1\r\n%b\r\n\r\n" % rest
        return request


def read_fields(lines: Sequence[bytes]) -> Fields:
    """Read the field lines of a head; a repeated field becomes a list with commas.

    Raises:
        BadWire: more than 100 fields, a name that is no token, two Hosts or
            Content-Lengths.
    """
    if len(lines) > HEAD_FIELDS:
        detail = f"{len(lines)} header fields; {HEAD_FIELDS} are read at most"
        raise BadWire(Refusal("delivery.head_too_long", 431, detail))
    fields: Fields = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not name or name.translate(None, _TOKEN):
            raise bad_wire(f"{_shown(line)} is no header field; a field is a token, a colon and a value")
        name, value = name.lower(), value.strip(b" \t")
        if name in fields:
            if name in {b"host", b"content-length"}:
                raise bad_wire(f"the field {name.decode()} stands there twice")
            value = fields[name] + b", " + value
        fields[name] = value
    return fields


def split_head(head: bytes) -> list[bytes]:
    """Cut a head into its lines.

    Raises:
        BadWire: a control character, or a line that does not end in CR LF.
    """
    lines = head.split(b"\r\n")
    breaks = len(lines) - 1
    if (
        head.count(b"\n") != breaks
        or head.count(b"\r") != breaks
        or len(head.translate(None, _CONTROLS)) != len(head)
    ):
        raise bad_wire("the head holds a control character, or a line that does not end in CR LF")
    return lines


def _request(line: bytes, fields: Fields, posts: Mapping[str, int] = _NO_POSTS) -> Request:
    parts = split_head(line)[0].split(b" ")
    if len(parts) != 3 or not parts[0] or parts[0].translate(None, _TOKEN):
        raise bad_wire(f"{_shown(line)} is no request line; it is a method, a target and HTTP/1.1")
    method, target, version = parts
    _check_version(version)
    if method not in METHODS and not (method == b"POST" and posts):
        raise _wrong_method(method)
    if method != b"POST":
        _check_no_body(fields)
    one_zero = version == b"HTTP/1.0"
    if b"host" not in fields and not one_zero:
        raise bad_wire("the field Host is missing; HTTP/1.1 asks for exactly one")
    query = target.partition(b"?")[2]
    path = "*" if target == b"*" and method == b"OPTIONS" else _path(target, query)
    if method == b"POST":
        _check_body(path, fields, posts)
    return Request(method.decode(), path, fields, _keep_alive(fields, one_zero=one_zero), one_zero, query)


def _check_version(version: bytes) -> None:
    if version in {b"HTTP/1.1", b"HTTP/1.0"}:
        return
    if _VERSION.fullmatch(version):
        detail = f"{_shown(version)} is not spoken here; HTTP/1.1 is"
        raise BadWire(Refusal("delivery.bad_version", 505, detail))
    raise bad_wire(f"{_shown(version)} is no protocol version; HTTP/1.1 is")


def _wrong_method(method: bytes) -> BadWire:
    rule = "GET, HEAD and OPTIONS are"
    return BadWire(Refusal("delivery.wrong_method", 405, f"{_shown(method)} is not served; {rule}"))


def _check_body(path: str, fields: Fields, posts: Mapping[str, int]) -> None:
    if path not in posts:
        raise _wrong_method(b"POST")
    if b"transfer-encoding" in fields:
        raise bad_wire("the request says Transfer-Encoding; a body here has a Content-Length")
    length = fields.get(b"content-length", b"0")
    if not _LENGTH.fullmatch(length):
        raise bad_wire(f"{_shown(length)} is no Content-Length; it is a number of bytes")
    if int(length) > posts[path]:
        detail = f"the body has {int(length)} bytes; {path} takes {posts[path]} at most"
        raise BadWire(Refusal("delivery.body_too_long", 413, detail))


def _check_no_body(fields: Fields) -> None:
    if b"transfer-encoding" in fields:
        raise bad_wire("the request says Transfer-Encoding; no request here has a body")
    if fields.get(b"content-length", b"0").strip(b"0") or fields.get(b"content-length") == b"":
        raise bad_wire("the request says Content-Length other than 0; no request here has a body")


def _keep_alive(fields: Fields, *, one_zero: bool) -> bool:
    said = fields.get(b"connection")
    if said is None:
        return not one_zero
    options = {option.strip() for option in said.lower().split(b",")}
    return b"close" not in options and (not one_zero or b"keep-alive" in options)


def _path(target: bytes, query: bytes) -> str:
    path = target.partition(b"?")[0]
    if not _PLAIN_PATH.fullmatch(path) or not _PLAIN_QUERY.fullmatch(query):
        path = _unescaped(target)
    if b"/." in path and {b".", b".."} & set(path.split(b"/")):
        raise bad_wire(f"{_shown(path)} has a dot segment")
    try:
        return path.decode()
    except UnicodeDecodeError:
        raise bad_wire(f"{_shown(target)} is not UTF-8") from None


def _unescaped(target: bytes) -> bytes:
    if not _TARGET.fullmatch(target):
        raise bad_wire(f"{_shown(target)} holds a character that no target holds unescaped")
    path = _ABSOLUTE.sub(b"", target, count=1) if not target.startswith(b"/") else target
    path = path.partition(b"?")[0] or b"/"
    if not path.startswith(b"/"):
        raise bad_wire(f"{_shown(target)} is no target; it begins with a slash")
    if _BAD_ESCAPE.search(path):
        raise bad_wire(f"{_shown(target)} has a % without two hexadecimal digits")
    decoded = _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), path)
    if decoded.count(b"/") != path.count(b"/"):
        raise bad_wire(f"{_shown(target)} has an encoded slash")
    if (
        b"\n" in decoded
        or b"\r" in decoded
        or b"\t" in decoded
        or decoded.translate(None, _CONTROLS) != decoded
    ):
        raise bad_wire(f"{_shown(target)} has an encoded control character")
    return decoded


def _shown(text: bytes) -> str:
    """Quote what the peer sent, short and without anything that a terminal would obey."""
    return repr(text[:80].decode("ascii", "backslashreplace"))
