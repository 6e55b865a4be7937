"""nginx as an edge: its configuration."""

from typing import Final

from bijou.delivery.answers import ALLOWED_HEADERS, PREFLIGHT_AGE_S
from bijou.delivery.configs.plan import ODD_TARGETS, TOKEN_CHECKED_S, EdgePlan, authority
from bijou.delivery.configs.tls import spoken
from bijou.delivery.connection import HEAD_S
from bijou.delivery.model import MISSING_S, SHOWN_TO_ALL

_HEAD: Final = """\
# Written by `bijou deploy nginx`; needs nginx 1.18 or newer with auth_request.
# Unlike our own edge it lets those who wait for a cold object poll for it (every 500 ms), and read
# nothing of it before it is whole.
{user}worker_processes auto;
pid {folder}/nginx.pid;
error_log stderr warn;
daemon off;
events {{ worker_connections {connections}; }}
http {{
  log_format misses '$time_iso8601 $request_method $uri $status $body_bytes_sent $upstream_cache_status';
  map_hash_max_size 8192;
  map $request_uri $shown {{ "~^/t/(?<in_path>[^/]+)/" $in_path; "~[?&]token=(?<in_query>[^&]*)" $in_query; }}
  map $request_uri $folder {{ "~^(?:/t/[^/]+)?/media/(?<asset>[^/?]+)/" $asset; }}
  map $upstream_cache_status $logged {{ default 1; HIT 0; '' 0; }}
  access_log {folder}/access.log misses if=$logged;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/coming;
  fastcgi_temp_path {folder}/unused; uwsgi_temp_path {folder}/unused; scgi_temp_path {folder}/unused;
  server_tokens off;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout {idle_s}s;
  keepalive_requests 100000;
  client_header_timeout {head_s}s;
  send_timeout {idle_s}s;
  reset_timedout_connection on;
  client_header_buffer_size 2k;
  large_client_header_buffers 4 16k;
  client_max_body_size 1;
  merge_slashes off;
  open_file_cache max=10000 inactive=60s;
  proxy_cache_path {folder}/media levels=1:2 keys_zone=media:32m max_size={cache_bytes}
    inactive=365d use_temp_path=off;
  proxy_cache_path {folder}/tokens keys_zone=tokens:8m max_size=64m inactive=60s use_temp_path=off;
"""
_SERVER: Final = """\
  server {{
    listen {host}:{port}{spoken} backlog=4096;
    default_type application/octet-stream;
    add_header Access-Control-Allow-Origin '*' always;
    if ($request_uri ~ "{odd}") {{ return 400; }}
    if ($request_method !~ ^(GET|HEAD|OPTIONS)$) {{ return 405; }}
    if ($http_transfer_encoding) {{ return 400; }}
    location = /healthz {{ default_type application/json; return 200 '{{"service":"edge","healthy":true}}'; }}
    location ~ ^/t/[^/]+/media/ {{ rewrite ^/t/([^/]+)(/media/.*)$ $2?token=$1 last; }}
    location ~ {shown} {{
      root {folder}/nothing;
{media}    }}
    location /media/ {{
{asking}{media}    }}
    location / {{ return 404; }}
{allowed}  }}
}}
"""
_MEDIA: Final = """\
      if ($request_method = OPTIONS) {{
        add_header Access-Control-Allow-Origin '*';
        add_header Access-Control-Allow-Methods 'GET, HEAD, OPTIONS';
        add_header Access-Control-Allow-Headers '{allow_headers}';
        add_header Access-Control-Max-Age {preflight_s};
        return 204;
      }}
      proxy_pass http://{upstream}$uri;
      proxy_http_version 1.1;
      proxy_pass_request_headers off;
      proxy_set_header Host {origin};
      proxy_set_header Connection '';
      proxy_set_header CDN-Loop nginx;
      proxy_cache media;
      proxy_cache_key $uri;
      proxy_cache_lock on;
      proxy_cache_lock_age 60s;
      proxy_cache_lock_timeout 60s;
      proxy_cache_valid 404 {missing_s}s;
      proxy_cache_use_stale error timeout http_500 http_502 http_503 http_504;
      proxy_cache_revalidate on;
      proxy_connect_timeout 2s;
      proxy_read_timeout 10s;
      proxy_next_upstream error timeout http_500 http_502 http_503 http_504;
      proxy_hide_header X-Cache;
      proxy_hide_header Access-Control-Allow-Origin;
      proxy_hide_header Age;
      proxy_max_temp_file_size 0;
      max_ranges 1;
      add_header Access-Control-Allow-Origin '*' always;
      add_header X-Cache $upstream_cache_status always;
"""
_ALLOWED: Final = """\
    location = /_allowed {{
      internal;
      proxy_pass http://origin/allowed/media/$folder/any?token=$shown;
      proxy_pass_request_body off;
      proxy_pass_request_headers off;
      proxy_set_header Content-Length '';
      proxy_set_header Host {origin};
      proxy_cache tokens;
      proxy_cache_key $folder.$shown;
      proxy_ignore_headers Cache-Control;
      proxy_cache_valid 204 403 {checked_s}s;
    }}
"""


def nginx_conf(plan: EdgePlan) -> str:
    """Return the whole configuration of an nginx that serves as this edge.

    Every request's token is checked by the origin, and the answer believed for
    half a minute; stale playlists are shown for as long as the origin fails.
    """
    facts = {
        "user": f"user {plan.user};\n" if plan.user else "",
        "folder": plan.folder,
        "connections": 2 * plan.connections,
        "idle_s": round(plan.idle_s),
        "head_s": round(HEAD_S),
        "cache_bytes": plan.cache_bytes,
        "host": plan.host,
        "port": plan.port,
        "spoken": " ssl http2" if plan.tls else "",
        "odd": _quoted(ODD_TARGETS),
        "shown": SHOWN_TO_ALL,
        "origin": plan.origin,
        "upstream": "$shield" if plan.shields else "origin",
        "missing_s": round(MISSING_S),
        "preflight_s": PREFLIGHT_AGE_S,
        "checked_s": TOKEN_CHECKED_S,
        "allow_headers": ALLOWED_HEADERS,
    }
    media = _MEDIA.format(**facts)
    asking = "      auth_request /_allowed;\n" if plan.tokens else ""
    allowed = _ALLOWED.format(**facts) if plan.tokens else ""
    return (
        _HEAD.format(**facts)
        + (spoken(plan.tls) if plan.tls else "")
        + _upstreams(plan)
        + _SERVER.format(**facts, media=media, asking=asking, allowed=allowed)
    )


def _upstreams(plan: EdgePlan) -> str:
    lines = [f"  upstream origin {{ server {plan.origin} max_fails=0; keepalive 32; }}"]
    if not plan.shields:
        return lines[0] + "\n"
    names = {shield: f"shield_{number}" for number, shield in enumerate(plan.shields)}
    lines += [
        f"  upstream {name} {{ server {authority(shield)} fail_timeout=5s; "
        f"server {plan.origin} backup; keepalive 32; }}"
        for shield, name in names.items()
    ]
    lines += [
        '  map $uri $slot { default 000; "~^/media/[^/]*(?<found>[0-9a-f][0-9a-f][0-9a-f])/" $found; }',
        "  map $slot $shield {",
        f"    default {names[plan.shields[0]]};",
        *(f"    {slot} {names[shield]};" for shield, slots in plan.slots_of().items() for slot in slots),
        "  }",
    ]
    return "\n".join([*lines, ""])


def _quoted(pattern: str) -> str:
    return pattern.replace("\\", "\\\\").replace("\\\\.", "\\.")
