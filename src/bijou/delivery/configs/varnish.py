"""Varnish as an edge: its VCL."""

from typing import Final

from bijou.delivery.answers import ALLOWED_HEADERS, PREFLIGHT_AGE_S, STALE_S
from bijou.delivery.configs.plan import (
    MEDIA_PATH,
    ODD_TARGETS,
    TOKEN_CHECKED_S,
    EdgePlan,
    authority,
)
from bijou.delivery.model import MISSING_S, SHOWN_TO_ALL

_NOT_HANDED_ON: Final = (
    *("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Original-URL", "X-Rewrite-URL"),
    *("X-HTTP-Method-Override", "X-Method-Override", "X-Host", "Forwarded", "Via", "Origin", "Referer"),
    *("CMCD-Object", "CMCD-Request", "CMCD-Session", "CMCD-Status", "User-Agent"),
    *("Bijou-Token", "Bijou-Url", "Bijou-Method", "Bijou-Range", "Bijou-Tags", "Bijou-Since", "Bijou-Cache"),
)

_BACKEND: Final = """\
backend {name} {{
  .host = "{host}";
  .port = "{port}";
  .connect_timeout = 2s;
  .first_byte_timeout = 10s;
  .between_bytes_timeout = 10s;
  .max_connections = 256;
  .probe = {{ .url = "/healthz"; .interval = 2s; .timeout = 3s; .window = 5; .threshold = 2; .initial = 2; }}
}}
"""
_RECEIVED: Final = """\
sub vcl_recv {{
  if (req.restarts == 0) {{
    unset req.http.Bijou-Asking;
    unset req.http.Bijou-Url;
    unset req.http.Bijou-Method;
    unset req.http.Bijou-Range;
    unset req.http.Bijou-Tags;
    unset req.http.Bijou-Since;
    set req.http.Bijou-Token = "";
    if (req.method !~ "^(GET|HEAD|OPTIONS)$") {{ return (synth(405)); }}
    if (req.http.Transfer-Encoding || req.http.Content-Length ~ "[^0]") {{ return (synth(400)); }}
    if (req.url ~ {{"{odd}"}}) {{ return (synth(400)); }}
    if (req.url ~ "^/t/[^/]+/media/") {{
      set req.http.Bijou-Token = regsub(req.url, "^/t/([^/]+)/.*$", "\\1");
      set req.url = regsub(req.url, "^/t/[^/]+", "");
    }} else if (req.url ~ "[?&]token=") {{
      set req.http.Bijou-Token = regsub(req.url, "^.*[?&]token=([^&]*).*$", "\\1");
    }}
    set req.url = regsub(req.url, "\\?.*$", "");
    if (req.url == "/healthz") {{ return (synth(200, "well")); }}
    if (req.url !~ "{media_path}") {{ return (synth(404)); }}
    if (req.method == "OPTIONS") {{ return (synth(204)); }}
{asking}  }}
  if (req.http.Range && req.http.Range !~ "^bytes=([0-9]+-[0-9]*|-[0-9]+)$") {{ unset req.http.Range; }}
  unset req.http.Cookie;
  unset req.http.Authorization;
  if (std.healthy(req.backend_hint)) {{ set req.grace = 0s; }}
  return (hash);
}}
"""
_ASKING: Final = """\
    if (req.url !~ "{shown}") {{
      set req.http.Bijou-Asking = "yes";
      set req.http.Bijou-Url = req.url;
      set req.http.Bijou-Method = req.method;
      set req.http.Bijou-Range = req.http.Range;
      set req.http.Bijou-Tags = req.http.If-None-Match;
      set req.http.Bijou-Since = req.http.If-Modified-Since;
      unset req.http.Range;
      unset req.http.If-None-Match;
      unset req.http.If-Modified-Since;
      set req.method = "GET";
      set req.url = "/allowed" + regsub(req.url, "^(/media/[^/]+/).*$", "\\1")
        + "any?token=" + req.http.Bijou-Token;
    }}
"""
_REST: Final = """\
sub vcl_hash {{
  hash_data(req.url);
  return (lookup);
}}

sub vcl_backend_fetch {{
  set bereq.http.Host = "{origin}";
  set bereq.http.CDN-Loop = "varnish";
{unsetting}{placing}}}

sub vcl_backend_response {{
  if (bereq.url ~ "^/allowed/") {{
    set beresp.ttl = {checked_s}s;
    set beresp.grace = 0s;
    return (deliver);
  }}
  if (beresp.status >= 500) {{
    if (bereq.retries == 0) {{ return (retry); }}
    return (abandon);
  }}
  set beresp.grace = {stale_s}s;
  set beresp.do_stream = true;
  if (beresp.status == 404) {{
    set beresp.ttl = {missing_s}s;
    set beresp.grace = 0s;
  }}
  return (deliver);
}}

sub vcl_backend_error {{
  if (bereq.retries == 0) {{ return (retry); }}
  return (deliver);
}}

sub vcl_hit {{ set req.http.Bijou-Cache = "hit"; }}
sub vcl_miss {{ set req.http.Bijou-Cache = "fill"; }}

sub vcl_deliver {{
  if (req.http.Bijou-Asking) {{
    if (resp.status == 204) {{
      unset req.http.Bijou-Asking;
      set req.url = req.http.Bijou-Url;
      set req.method = req.http.Bijou-Method;
      if (req.http.Bijou-Range != "") {{ set req.http.Range = req.http.Bijou-Range; }}
      if (req.http.Bijou-Tags != "") {{ set req.http.If-None-Match = req.http.Bijou-Tags; }}
      if (req.http.Bijou-Since != "") {{ set req.http.If-Modified-Since = req.http.Bijou-Since; }}
      return (restart);
    }}
  }}
  set resp.http.Access-Control-Allow-Origin = "*";
  set resp.http.X-Cache = req.http.Bijou-Cache;
  unset resp.http.Via;
  unset resp.http.X-Varnish;
  return (deliver);
}}

sub vcl_synth {{
  set resp.http.Access-Control-Allow-Origin = "*";
  set resp.http.Cache-Control = "no-store";
  if (resp.status == 204) {{
    set resp.http.Access-Control-Allow-Methods = "GET, HEAD, OPTIONS";
    set resp.http.Access-Control-Allow-Headers = "{allow_headers}";
    set resp.http.Access-Control-Max-Age = "{preflight_s}";
  }}
  if (resp.status == 405) {{ set resp.http.Allow = "GET, HEAD, OPTIONS"; }}
  if (resp.status >= 400) {{ set resp.http.Connection = "close"; }}
  set resp.http.Content-Type = "text/plain";
  set resp.body = resp.reason;
  return (deliver);
}}
"""


def varnish_vcl(plan: EdgePlan) -> str:
    """Return the VCL of a Varnish that serves as this edge; `-a` and `-s` are on its command line.

    Every request's token is checked by the origin, and the answer believed for
    half a minute. What has expired is shown while the origin is not well.
    """
    facts = {
        "media_path": MEDIA_PATH,
        "odd": ODD_TARGETS,
        "shown": SHOWN_TO_ALL,
        "origin": plan.origin,
        "stale_s": round(STALE_S),
        "missing_s": round(MISSING_S),
        "checked_s": TOKEN_CHECKED_S,
        "preflight_s": PREFLIGHT_AGE_S,
        "allow_headers": ALLOWED_HEADERS,
        "placing": _placing(plan),
        "unsetting": "".join(f"  unset bereq.http.{name};\n" for name in _NOT_HANDED_ON),
    }
    head = "# Written by `bijou deploy varnish`; needs Varnish 7.\nvcl 4.1;\nimport std;\n"
    asking = _ASKING.format(**facts) if plan.tokens else ""
    return "\n".join(
        [head + _backends(plan), _RECEIVED.format(**facts, asking=asking), _REST.format(**facts)]
    )


def varnish_arguments(plan: EdgePlan, vcl: str) -> list[str]:
    """Return the command line of a Varnish that serves as this edge."""
    return [
        "varnishd",
        "-F",
        "-n", f"{plan.folder}/varnish",
        "-a", f"{plan.host}:{plan.port}",
        "-f", vcl,
        "-s", f"malloc,{plan.cache_bytes}",
        "-p", f"timeout_idle={round(plan.idle_s)}",
        "-p", "http_req_size=20k",
        "-p", "max_restarts=2",
        "-p", "max_retries=1",
    ]  # fmt: skip


def _backends(plan: EdgePlan) -> str:
    places = {"origin": plan.origin_url} | {f"shield_{at}": url for at, url in enumerate(plan.shields)}
    blocks = []
    for name, url in places.items():
        host, _, port = authority(url).rpartition(":")
        blocks.append(_BACKEND.format(name=name, host=host, port=port))
    return "\n".join(blocks)


def _placing(plan: EdgePlan) -> str:
    """Choose the shield that keeps the slot, and the origin where that has failed."""
    if not plan.shields:
        return ""
    lines = [
        '  if (bereq.retries == 0 && bereq.url ~ {"^/media/[^/]*[0-9a-f]{3}/"}) {',
        '    set bereq.http.Bijou-Slot = regsub(bereq.url, {"^/media/[^/]*([0-9a-f]{3})/.*$"}, "\\1");',
    ]
    for number, slots in enumerate(plan.slots_of().values()):
        lines.append(
            f'    if (bereq.http.Bijou-Slot ~ "^({"|".join(slots)})$" && std.healthy(shield_{number})) '
            f"{{ set bereq.backend = shield_{number}; }}"
        )
    return "\n".join([*lines, "    unset bereq.http.Bijou-Slot;", "  }", ""])
