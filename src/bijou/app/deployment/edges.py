"""Edges of other makes in the place of ours, and nginx where it speaks TLS for ours."""

from typing import Final
from urllib.parse import urlsplit

import msgspec

from bijou.app.addresses import edge_fetches
from bijou.app.deployment.tls import certificate_of, on_one_machine, plan_of
from bijou.app.rules import edge_listens, edges_of
from bijou.app.settings import Settings
from bijou.delivery.configs import EdgePlan, nginx_conf, tls_conf, varnish_arguments, varnish_vcl
from bijou.ports import InvalidRequest

_CACHE: Final = "/var/cache/bijou-edge"


def nginx_files(settings: Settings) -> dict[str, str]:
    """Return an nginx configuration for each region's edge, and one of TLS before our own processes.

    An edge that is nginx speaks TLS itself where its address is https://; it
    fetches over http:// only, so there is none where the origin is behind TLS.
    """
    edges = [] if _fetches_over_tls(settings) else edges_of(settings)
    files = {
        f"nginx/{region}.conf": nginx_conf(_speaking(settings, _plan(settings, region, "www-data"), address))
        for region, address in edges
    }
    plan = plan_of(settings, on_one_machine(settings), kind="nginx", folder="/run/bijou-tls")
    return files | ({"nginx/tls.conf": tls_conf(plan)} if plan else {})


def varnish_files(settings: Settings) -> dict[str, str]:
    """Return a VCL for each region's edge, and the command that runs it.

    Raises:
        InvalidRequest: `deploy.origin_over_tls`, Varnish fetches over http:// only.
    """
    if _fetches_over_tls(settings):
        raise InvalidRequest(
            "deploy.origin_over_tls",
            f"[edge] origin_url = {settings.edge.origin_url!r}; Varnish fetches over http:// only, as from an"
            " origin in the same network",
        )
    files = {}
    for region, _ in edges_of(settings):
        plan = _plan(settings, region, "")
        files[f"varnish/{region}.vcl"] = varnish_vcl(plan)
        arguments = " ".join(varnish_arguments(plan, f"/etc/varnish/{region}.vcl"))
        files[f"varnish/{region}.sh"] = f"#!/bin/sh\nexec {arguments}\n"
    return files


def _fetches_over_tls(settings: Settings) -> bool:
    return edge_fetches(settings).startswith("https://")


def _speaking(settings: Settings, plan: EdgePlan, address: str) -> EdgePlan:
    """Return the plan of an edge that speaks TLS at its own address, if it is to."""
    place, certificate = urlsplit(address), certificate_of(settings)
    if place.scheme != "https" or certificate is None:
        return plan
    return msgspec.structs.replace(
        plan, host=settings.tls.host, port=place.port or 443, tls=certificate, user="www-data"
    )


def _plan(settings: Settings, region: str, user: str) -> EdgePlan:
    """Return an edge as its process is to be: behind TLS, where its address is https://."""
    (host, port), edge = edge_listens(settings, region), settings.edge
    return EdgePlan(
        host=host,
        port=port,
        origin_url=edge_fetches(settings),
        shields=tuple(edge.shields),
        cache_bytes=edge.disk_bytes or edge.cache_bytes,
        idle_s=edge.idle_s,
        connections=edge.connections,
        folder=f"{_CACHE}/{region}",
        tokens=settings.delivery.tokens,
        user=user,
    )
