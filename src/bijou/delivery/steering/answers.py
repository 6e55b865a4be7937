"""Steering manifests, as players of HLS and of DASH read them.

Source: draft-pantos-hls-rfc8216bis, 7; ETSI TS 103 998 (DASH-IF CTS-001), 7:
both read the same names.
"""

from typing import Final

import msgspec

MANIFEST_VERSION: Final = 1


class UriReplacement(msgspec.Struct, frozen=True, gc=False, rename="upper"):
    """What makes another pathway's addresses out of a pathway's.

    Args:
        host: Without a port: players change nothing but the name.
        params: Set in the query of playlists.
    """

    host: str
    params: dict[str, str]


class PathwayClone(
    msgspec.Struct, frozen=True, rename={"base_id": "BASE-ID", "id": "ID", "uri": "URI-REPLACEMENT"}
):
    """A pathway that the playlist does not name, made of one that it names."""

    base_id: str
    id: str
    uri: UriReplacement


class SteeringManifest(
    msgspec.Struct,
    frozen=True,
    gc=False,
    omit_defaults=True,
    rename={
        "ttl_s": "TTL",
        "reload_uri": "RELOAD-URI",
        "priority": "PATHWAY-PRIORITY",
        "clones": "PATHWAY-CLONES",
        "brown_out": "X-BIJOU-BROWN-OUT",
        "version": "VERSION",
    },
):
    """What one session is told.

    Args:
        ttl_s: After which it asks again.
        reload_uri: Absolute; where it asks.
        priority: All regions, the one to be used first.
        brown_out: `top-rung`: play all but the highest rendition; players that
            do not know the name pass it over.
    """

    ttl_s: int
    reload_uri: str
    priority: list[str]
    clones: list[PathwayClone] = []
    brown_out: str = ""
    version: int | None = None
