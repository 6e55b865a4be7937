"""Whom the edges believe when they call an address behind TLS."""

import ssl

from bijou.app.rules import edges_of
from bijou.app.settings import Settings
from bijou.ports import InvalidRequest


def trusted_authorities(settings: Settings) -> ssl.SSLContext | None:
    """Return what certificates are checked against; None where nobody is called over TLS.

    Raises:
        InvalidRequest: `settings.bad_value`, the file of authorities is none.
    """
    called = [address for _, address in edges_of(settings)]
    called += [settings.edge.origin_url, *settings.edge.shields]
    if not any(address.startswith("https://") for address in called):
        return None
    try:
        return ssl.create_default_context(cafile=settings.tls.ca or None)
    except (OSError, ssl.SSLError) as error:
        raise InvalidRequest(
            "settings.bad_value",
            f"[tls] ca = {settings.tls.ca!r} cannot be read ({error}); it takes a PEM file of authorities",
        ) from error
