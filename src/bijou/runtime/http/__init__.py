"""HTTP plumbing: one declaration of a route serves its handler and its client.

A room's `http.py` declares `Endpoint`s, binds them to a local service in
`routes()`, and calls them in its client; so the two ends cannot drift, and the
table of all routes with their roles is a list that a test can walk.
"""

from bijou.runtime.http.client import Wire
from bijou.runtime.http.endpoint import Call, Endpoint, Route
from bijou.runtime.http.guard import Bounds
from bijou.runtime.http.server import SESSION_COOKIE, serve_app, service_app

__all__ = ["SESSION_COOKIE", "Bounds", "Call", "Endpoint", "Route", "Wire", "serve_app", "service_app"]
