# Written by `bijou deploy varnish`; needs Varnish 7.
vcl 4.1;
import std;
backend origin {
  .host = "127.0.0.1";
  .port = "8801";
  .connect_timeout = 2s;
  .first_byte_timeout = 10s;
  .between_bytes_timeout = 10s;
  .max_connections = 256;
  .probe = { .url = "/healthz"; .interval = 2s; .timeout = 3s; .window = 5; .threshold = 2; .initial = 2; }
}

sub vcl_recv {
  if (req.restarts == 0) {
    unset req.http.Bijou-Asking;
    unset req.http.Bijou-Url;
    unset req.http.Bijou-Method;
    unset req.http.Bijou-Range;
    unset req.http.Bijou-Tags;
    unset req.http.Bijou-Since;
    set req.http.Bijou-Token = "";
    if (req.method !~ "^(GET|HEAD|OPTIONS)$") { return (synth(405)); }
    if (req.http.Transfer-Encoding || req.http.Content-Length ~ "[^0]") { return (synth(400)); }
    if (req.url ~ {"(?i)(%([01]|2[ef5]|5c|[89a-f])|/\.\.?(/|\?|$)|//|\\)"}) { return (synth(400)); }
    if (req.url ~ "^/t/[^/]+/media/") {
      set req.http.Bijou-Token = regsub(req.url, "^/t/([^/]+)/.*$", "\1");
      set req.url = regsub(req.url, "^/t/[^/]+", "");
    } else if (req.url ~ "[?&]token=") {
      set req.http.Bijou-Token = regsub(req.url, "^.*[?&]token=([^&]*).*$", "\1");
    }
    set req.url = regsub(req.url, "\?.*$", "");
    if (req.url == "/healthz") { return (synth(200, "well")); }
    if (req.url !~ "^/media(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$") { return (synth(404)); }
    if (req.method == "OPTIONS") { return (synth(204)); }
    if (req.url !~ "^/media/[^/]+/stills/[^/]+$") {
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
      set req.url = "/allowed" + regsub(req.url, "^(/media/[^/]+/).*$", "\1")
        + "any?token=" + req.http.Bijou-Token;
    }
  }
  if (req.http.Range && req.http.Range !~ "^bytes=([0-9]+-[0-9]*|-[0-9]+)$") { unset req.http.Range; }
  unset req.http.Cookie;
  unset req.http.Authorization;
  if (std.healthy(req.backend_hint)) { set req.grace = 0s; }
  return (hash);
}

sub vcl_hash {
  hash_data(req.url);
  return (lookup);
}

sub vcl_backend_fetch {
  set bereq.http.Host = "127.0.0.1:8801";
  set bereq.http.CDN-Loop = "varnish";
  unset bereq.http.X-Forwarded-For;
  unset bereq.http.X-Forwarded-Host;
  unset bereq.http.X-Forwarded-Proto;
  unset bereq.http.X-Original-URL;
  unset bereq.http.X-Rewrite-URL;
  unset bereq.http.X-HTTP-Method-Override;
  unset bereq.http.X-Method-Override;
  unset bereq.http.X-Host;
  unset bereq.http.Forwarded;
  unset bereq.http.Via;
  unset bereq.http.Origin;
  unset bereq.http.Referer;
  unset bereq.http.CMCD-Object;
  unset bereq.http.CMCD-Request;
  unset bereq.http.CMCD-Session;
  unset bereq.http.CMCD-Status;
  unset bereq.http.User-Agent;
  unset bereq.http.Bijou-Token;
  unset bereq.http.Bijou-Url;
  unset bereq.http.Bijou-Method;
  unset bereq.http.Bijou-Range;
  unset bereq.http.Bijou-Tags;
  unset bereq.http.Bijou-Since;
  unset bereq.http.Bijou-Cache;
}

sub vcl_backend_response {
  if (bereq.url ~ "^/allowed/") {
    set beresp.ttl = 30s;
    set beresp.grace = 0s;
    return (deliver);
  }
  if (beresp.status >= 500) {
    if (bereq.retries == 0) { return (retry); }
    return (abandon);
  }
  set beresp.grace = 30s;
  set beresp.do_stream = true;
  if (beresp.status == 404) {
    set beresp.ttl = 2s;
    set beresp.grace = 0s;
  }
  return (deliver);
}

sub vcl_backend_error {
  if (bereq.retries == 0) { return (retry); }
  return (deliver);
}

sub vcl_hit { set req.http.Bijou-Cache = "hit"; }
sub vcl_miss { set req.http.Bijou-Cache = "fill"; }

sub vcl_deliver {
  if (req.http.Bijou-Asking) {
    if (resp.status == 204) {
      unset req.http.Bijou-Asking;
      set req.url = req.http.Bijou-Url;
      set req.method = req.http.Bijou-Method;
      if (req.http.Bijou-Range != "") { set req.http.Range = req.http.Bijou-Range; }
      if (req.http.Bijou-Tags != "") { set req.http.If-None-Match = req.http.Bijou-Tags; }
      if (req.http.Bijou-Since != "") { set req.http.If-Modified-Since = req.http.Bijou-Since; }
      return (restart);
    }
  }
  set resp.http.Access-Control-Allow-Origin = "*";
  set resp.http.X-Cache = req.http.Bijou-Cache;
  unset resp.http.Via;
  unset resp.http.X-Varnish;
  return (deliver);
}

sub vcl_synth {
  set resp.http.Access-Control-Allow-Origin = "*";
  set resp.http.Cache-Control = "no-store";
  if (resp.status == 204) {
    set resp.http.Access-Control-Allow-Methods = "GET, HEAD, OPTIONS";
    set resp.http.Access-Control-Allow-Headers = "CMCD-Object, CMCD-Request, CMCD-Session, CMCD-Status, If-Modified-Since, If-None-Match, If-Range, Range";
    set resp.http.Access-Control-Max-Age = "86400";
  }
  if (resp.status == 405) { set resp.http.Allow = "GET, HEAD, OPTIONS"; }
  if (resp.status >= 400) { set resp.http.Connection = "close"; }
  set resp.http.Content-Type = "text/plain";
  set resp.body = resp.reason;
  return (deliver);
}
