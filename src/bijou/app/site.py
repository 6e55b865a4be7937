"""The built site, served by the control plane from memory."""

import base64
import gzip
import hashlib
import mimetypes
import re
from collections.abc import Iterable
from pathlib import Path

import msgspec
from starlette.responses import Response

import bijou
from bijou.ports import NotFound, Role
from bijou.runtime.http import Call, Endpoint, Route

BUILT = Path(bijou.__file__).parent / "web"
_SHRINKING = (".css", ".html", ".js", ".json", ".svg", ".txt", ".webmanifest")
_PAGES = ("/", "/t/{slug}", "/watch/{slug}", "/upload", "/sign-in")
_NOT_BUILT = b"<!doctype html><title>bijou</title><p>The site is not built: run <code>./run site</code>."

_INLINE = re.compile(rb"<script>(.*?)</script>", re.DOTALL)

mimetypes.add_type("font/woff2", ".woff2")
mimetypes.add_type("text/javascript", ".js")


class _File(msgspec.Struct, frozen=True):
    content: bytes
    shrunk: bytes | None
    media_type: str


class Site:
    """The files of one build; read once, answered from memory.

    Args:
        folder: Where the build lies.
        media: Addresses that pages may fetch media from, besides their own.
    """

    def __init__(self, folder: Path, media: list[str]) -> None:
        self._files = {
            str(path.relative_to(folder)): _read(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file() and not path.name.startswith(".")
        }
        edges, inline = " ".join(media), " ".join(_inline_scripts(self._files.values()))
        self._policy = (
            f"default-src 'self'; script-src 'self' {inline}; connect-src 'self' blob: {edges}; "
            f"img-src 'self' data: blob: {edges}; media-src 'self' data: blob: {edges}; "
            "worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; "
            "font-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'self'; "
            "frame-ancestors 'none'"
        )

    def page(self, call: Call, name: str = "index.html", *, status: int = 200) -> Response:
        """Answer with an entry page; what is on it, its script decides."""
        found = self._files.get(name, _File(_NOT_BUILT, None, "text/html"))
        headers = {
            "Cache-Control": "no-cache",
            "Content-Security-Policy": self._policy,
            "Referrer-Policy": "same-origin",
            "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
        }
        return _answer(call, found, headers, status)

    def asset(self, call: Call, name: str) -> Response:
        """Answer with a file whose name holds its digest: cached for ever."""
        found = self._files.get(name)
        if found is None:
            raise NotFound("site.no_file", f"the site has no file {name}")
        return _answer(call, found, {"Cache-Control": "public, max-age=31536000, immutable"}, 200)

    def icon(self, call: Call, name: str) -> Response:
        """Answer with a file at the site's root, such as its icon."""
        found = self._files.get(name)
        if found is None or name.endswith(".html"):
            return self.page(call, status=404)
        return _answer(call, found, {"Cache-Control": "public, max-age=3600"}, 200)


def routes(site: Site) -> list[Route]:
    """Return the rows of the site; the last one answers every address that nobody else does."""

    async def page(call: Call) -> Response:
        return site.page(call)

    async def console(call: Call) -> Response:
        return site.page(call, "console/index.html")

    async def asset(call: Call) -> Response:
        return site.asset(call, f"assets/{call.path['name']}")

    async def anything(call: Call) -> Response:
        address = call.path["address"]
        if address.startswith("api/"):
            raise NotFound("http.no_address", f"nothing answers at /{address}")
        return site.icon(call, address)

    return [
        *(_page(path, "A page of the site.").bind(page) for path in _PAGES),
        _page("/console", "The console.").bind(console),
        _page("/console/{address:path}", "A page of the console.").bind(console),
        _page("/assets/{name:path}", "A file of the site, cached for ever.").bind(asset),
        _page("/{address:path}", "Icons; and the page that says that there is no such page.").bind(anything),
    ]


def _page(path: str, summary: str) -> Endpoint:
    return Endpoint(method="GET", path=path, role=Role.ANYONE, summary=summary)


def _inline_scripts(files: Iterable[_File]) -> list[str]:
    """Return what a policy must name so that our pages' own small scripts may run.

    Source: Content Security Policy Level 3, section 2.3.1, hash-source.
    """
    scripts = [
        script for file in files if file.media_type == "text/html" for script in _INLINE.findall(file.content)
    ]
    digests = {base64.b64encode(hashlib.sha256(script).digest()).decode() for script in scripts}
    return [f"'sha256-{digest}'" for digest in sorted(digests)]


def _read(path: Path) -> _File:
    content = path.read_bytes()
    shrunk = gzip.compress(content, 6, mtime=0) if path.suffix in _SHRINKING and len(content) > 1024 else None
    return _File(content, shrunk, mimetypes.guess_type(path.name)[0] or "application/octet-stream")


def _answer(call: Call, file: _File, headers: dict[str, str], status: int) -> Response:
    headers |= {"X-Content-Type-Options": "nosniff", "Vary": "Accept-Encoding"}
    if file.shrunk is not None and "gzip" in call.request.headers.get("accept-encoding", ""):
        return Response(file.shrunk, status, headers | {"Content-Encoding": "gzip"}, file.media_type)
    return Response(file.content, status, headers, file.media_type)
