"""nginx as the one who speaks TLS, in front of processes of ours."""

import ipaddress
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

import msgspec

CIPHERS: Final = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
)
"""Of TLS 1.2: forward secret and authenticated; TLS 1.3 has no others."""

_HTTP: Final = """\
# Written by `bijou deploy {kind}`; needs nginx 1.19.4 or newer. It speaks TLS and HTTP/2, and hands on to
# bijou's own processes, which it tells whom it calls for.
worker_processes auto;
pid {folder}/nginx.pid;
error_log stderr warn;
daemon off;
events {{ worker_connections {connections}; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/coming;
  fastcgi_temp_path {folder}/unused; uwsgi_temp_path {folder}/unused; scgi_temp_path {folder}/unused;
  server_tokens off;
  tcp_nodelay on;
  keepalive_timeout 60s;
  keepalive_requests 100000;
  client_header_timeout 10s;
  reset_timedout_connection on;
  client_header_buffer_size 2k;
  large_client_header_buffers 4 16k;
  merge_slashes off;
{tls}  proxy_http_version 1.1;
  proxy_set_header Host $http_host;
  proxy_set_header Connection '';
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Proto https;
  proxy_set_header X-Forwarded-Host '';
  proxy_set_header Forwarded '';
  proxy_connect_timeout 2s;
  proxy_next_upstream off;
"""
_SPOKEN: Final = """\
  ssl_certificate {certificate};
  ssl_certificate_key {key};
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_ciphers {ciphers};
  ssl_prefer_server_ciphers off;
  ssl_session_cache shared:tls:16m;
  ssl_session_timeout 1d;
  ssl_session_tickets off;
"""
_STAPLED: Final = """\
  ssl_stapling on;
  ssl_stapling_verify on;
"""
_STRANGERS: Final = """\
  server {{
    listen {place} ssl default_server;
    ssl_reject_handshake on;
  }}
"""
_SERVER: Final = """\
  upstream {name} {{ server {behind} max_fails=0; keepalive 64; }}
  server {{
    listen {place} ssl http2{default};
    server_name {host};
{body}    location / {{ proxy_pass http://{name}; }}
  }}
"""
_SITE: Final = """\
    client_max_body_size 0;
    proxy_request_buffering off;
    proxy_buffering off;
    proxy_read_timeout 1h;
    proxy_send_timeout 1h;
"""
_MEDIA: Final = """\
    client_max_body_size 128k;
    proxy_buffering off;
    proxy_buffers 4 64k;
    proxy_buffer_size 64k;
    proxy_read_timeout 30s;
    send_timeout 60s;
    proxy_hide_header Access-Control-Allow-Origin;
    add_header Access-Control-Allow-Origin '*' always;
"""
_STRICT: Final = """\
    add_header Strict-Transport-Security 'max-age={hsts_s}' always;
"""
_PLAIN: Final = """\
  server {{
    listen {place};
    server_name {host};
    return 308 https://{authority}$request_uri;
  }}
"""


class Certificate(msgspec.Struct, frozen=True):
    """With what TLS is spoken.

    Args:
        chain: PEM file of the certificate and who signed it.
        key: PEM file of its key.
        stapling: Whether the authority's word is brought along (OCSP).
    """

    chain: str
    key: str
    stapling: bool = False


class Front(msgspec.Struct, frozen=True):
    """One address that the world knows, and the process behind it.

    Args:
        url: `https://` with host and, where it is not 443, port.
        behind: Host and port of the process.
        media: Whether that is an edge or an origin, and not the site.
        port: To listen on, where something else leads there from the port of `url`.
    """

    url: str
    behind: str
    media: bool = False
    port: int = 0


class TlsPlan(msgspec.Struct, frozen=True):
    """What one nginx speaks TLS for.

    Args:
        host: Address that it listens on; a front whose host is an address has its own.
        alone: Whether `host` is the only one that it may have, as in a container.
        http_port: Whose requests are sent to `https://`; 0: none.
        hsts_s: For which browsers insist on TLS; 0: they are not told to.
        folder: Where it may write.
        kind: By which `bijou deploy` this is written.
    """

    fronts: tuple[Front, ...]
    certificate: Certificate
    host: str = "0.0.0.0"  # noqa: S104 - it is there to be reached
    http_port: int = 80
    hsts_s: int = 0
    connections: int = 20_000
    folder: str = "/run/bijou-tls"
    kind: str = "nginx"
    alone: bool = False


def tls_conf(plan: TlsPlan) -> str:
    """Return the whole configuration of an nginx that speaks TLS before our processes.

    Whoever asks for a name that is nobody's here is not shown the certificate.
    """
    text = _HTTP.format(
        kind=plan.kind,
        folder=plan.folder,
        connections=2 * plan.connections,
        tls=spoken(plan.certificate),
    )
    # Whoever calls an address of numbers names nobody, and is answered by the first that has one there.
    first = {_place(plan, front): front for front in reversed(plan.fronts) if _is_address(_host(front))}
    places = dict.fromkeys(_place(plan, front) for front in plan.fronts)
    text += "".join(_STRANGERS.format(place=place) for place in places if place not in first)
    for number, front in enumerate(plan.fronts):
        text += _server(plan, number, front, default=front is first.get(_place(plan, front)))
    return text + "".join(_redirects(plan)) + "}\n"


def spoken(certificate: Certificate) -> str:
    """Return the lines by which nginx speaks TLS."""
    lines = _SPOKEN.format(certificate=certificate.chain, key=certificate.key, ciphers=CIPHERS)
    return lines + (_STAPLED if certificate.stapling else "")


def strict(hsts_s: int) -> str:
    """Return the line by which browsers are told to insist on TLS."""
    return _STRICT.format(hsts_s=hsts_s) if hsts_s else ""


def _server(plan: TlsPlan, number: int, front: Front, *, default: bool) -> str:
    kind = "media" if front.media else "site"
    return _SERVER.format(
        name=f"{kind}_{number}",
        behind=front.behind,
        place=_place(plan, front),
        default=" default_server" if default else "",
        host=_host(front),
        body=(_MEDIA if front.media else _SITE) + strict(plan.hsts_s),
    )


def _redirects(plan: TlsPlan) -> Sequence[str]:
    if not plan.http_port:
        return []
    return [
        _PLAIN.format(
            place=_listened(_own_host(plan, front), plan.http_port),
            host=_host(front),
            authority=urlsplit(front.url).netloc,
        )
        for front in plan.fronts
    ]


def _place(plan: TlsPlan, front: Front) -> str:
    return _listened(_own_host(plan, front), front.port or urlsplit(front.url).port or 443)


def _own_host(plan: TlsPlan, front: Front) -> str:
    return _host(front).strip("[]") if _is_address(_host(front)) and not plan.alone else plan.host


def _host(front: Front) -> str:
    host = urlsplit(front.url).hostname or ""
    return f"[{host}]" if ":" in host else host


def _listened(host: str, port: int) -> str:
    if ":" not in host:
        return f"{host}:{port}"
    return f"[{host}]:{port}" + (" ipv6only=off" if host == "::" else "")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
