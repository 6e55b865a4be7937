"""Edges of other makes in the place of ours."""

from typing import Final
from urllib.parse import urlsplit

from bijou.app.addresses import edge_fetches
from bijou.app.rules import edges_of
from bijou.app.settings import Settings
from bijou.delivery.configs import EdgePlan, nginx_conf, varnish_arguments, varnish_vcl

_CACHE: Final = "/var/cache/bijou-edge"


def nginx_files(settings: Settings) -> dict[str, str]:
    """Return an nginx configuration for each region's edge."""
    return {
        f"nginx/{region}.conf": nginx_conf(_plan(settings, region, address, "www-data"))
        for region, address in edges_of(settings)
    }


def varnish_files(settings: Settings) -> dict[str, str]:
    """Return a VCL for each region's edge, and the command that runs it."""
    files = {}
    for region, address in edges_of(settings):
        plan = _plan(settings, region, address, "")
        files[f"varnish/{region}.vcl"] = varnish_vcl(plan)
        arguments = " ".join(varnish_arguments(plan, f"/etc/varnish/{region}.vcl"))
        files[f"varnish/{region}.sh"] = f"#!/bin/sh\nexec {arguments}\n"
    return files


def _plan(settings: Settings, region: str, address: str, user: str) -> EdgePlan:
    place, edge = urlsplit(address), settings.edge
    return EdgePlan(
        host=place.hostname or edge.host,
        port=place.port or 80,
        origin_url=edge_fetches(settings),
        shields=tuple(edge.shields),
        cache_bytes=edge.disk_bytes or edge.cache_bytes,
        idle_s=edge.idle_s,
        connections=edge.connections,
        folder=f"{_CACHE}/{region}",
        tokens=settings.delivery.tokens,
        user=user,
    )
