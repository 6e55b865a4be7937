"""An emulator of S3 (moto's server) on a free loopback port, which ends with its process.

It keeps the calls' shapes and conditions; it checks no signature, no date,
and proves nothing about what happens when many ask at once: requests take
turns in it, for its conditions are not atomic.
"""

import atexit
import functools
import os
import subprocess
import sys
import threading
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from bijou.engines.s3_place import S3Key, S3Place
from bijou.runtime.processes import die_with_parent

BUCKET = "films"
KEY = S3Key(access_key_id="AKIATESTTESTTESTTEST", secret_access_key="a-secret-that-nobody-may-see")
_NAME = {
    "Authorization": f"AWS4-HMAC-SHA256 Credential={KEY.access_key_id}/20260101/us-east-1/s3/aws4_request"
}


class Emulator:
    """One child with one bucket."""

    def __init__(self) -> None:
        bound = partial(die_with_parent, os.getpid())
        self._child = subprocess.Popen(
            [sys.executable, Path(__file__)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            preexec_fn=bound,  # noqa: PLW1509 - async-signal-safe
        )
        assert self._child.stdout is not None
        self.port = int(self._child.stdout.readline())
        self.raw("PUT", "")

    def place(self, prefix: str = "", port: int | None = None) -> S3Place:
        return place_at(port or self.port, prefix)

    def raw(self, method: str, path: str, **query: str) -> str:
        """Ask for something behind the engine's back."""
        address = f"http://127.0.0.1:{self.port}/{BUCKET}{path}"
        answer = httpx.request(method, address, params=query, headers=_NAME)
        assert answer.status_code < 300, answer.text
        return answer.text

    def names(self, prefix: str) -> list[str]:
        """Return all that lies under a prefix, what is staged too."""
        listing = self.raw("GET", "", prefix=prefix, **{"list-type": "2"})
        return [part.partition("</Key>")[0] for part in listing.split("<Key>")[1:]]

    def unfinished(self, prefix: str) -> int:
        """Return how many uploads in parts were neither completed nor aborted."""
        return self.raw("GET", "", uploads="").count(f"<Key>{prefix}/")

    def stop(self) -> None:
        self._child.kill()
        self._child.wait()
        assert self._child.stdout is not None
        self._child.stdout.close()


def place_at(port: int, prefix: str = "") -> S3Place:
    return S3Place(bucket=BUCKET, prefix=prefix, endpoint=f"http://127.0.0.1:{port}", region="us-east-1")


@functools.cache
def emulator() -> Emulator:
    """Return the one of this test run."""
    started = Emulator()
    atexit.register(started.stop)
    return started


class _InTurn:
    """A WSGI application that answers one request at a time; slow readers hold up nobody."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._turn = threading.Lock()

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        with self._turn:
            return list(self._app(environ, start_response))


def _serve() -> None:
    import logging  # noqa: PLC0415 - only the child serves

    from moto.moto_server.werkzeug_app import (  # noqa: PLC0415 - as above
        DomainDispatcherApplication,
        create_backend_app,
    )
    from werkzeug.serving import make_server  # noqa: PLC0415 - as above

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = _InTurn(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    _serve()
