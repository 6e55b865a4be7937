"""Steering manifests, as a player asks for and reads them; pure.

Source: draft-pantos-hls-rfc8216bis, section 7.
"""

from urllib.parse import urljoin

import msgspec

from bijou.drills.swarm.pathways import Clone

LEAST_TTL_S, MOST_TTL_S, USUAL_TTL_S = 0.5, 300.0, 300.0


class _Replacement(msgspec.Struct, rename="upper"):
    host: str = ""
    params: dict[str, str] = {}


class _Clone(msgspec.Struct):
    base: str = msgspec.field(name="BASE-ID")
    id: str = msgspec.field(name="ID")
    replaced: _Replacement = msgspec.field(name="URI-REPLACEMENT", default_factory=_Replacement)


class _Manifest(msgspec.Struct):
    version: int = msgspec.field(name="VERSION")
    ttl_s: float = msgspec.field(name="TTL", default=USUAL_TTL_S)
    reload: str = msgspec.field(name="RELOAD-URI", default="")
    priority: list[str] = msgspec.field(name="PATHWAY-PRIORITY", default_factory=list)
    clones: list[_Clone] = msgspec.field(name="PATHWAY-CLONES", default_factory=list)


_decoder = msgspec.json.Decoder(_Manifest)


class Steered(msgspec.Struct, frozen=True):
    """What a steering server said.

    Args:
        reload: Absolute address to ask next.
    """

    ttl_s: float
    reload: str
    priority: list[str]
    clones: list[Clone]


def read_manifest(body: bytes, address: str) -> Steered:
    """Read a steering manifest that came from an address.

    Raises:
        ValueError: it is none, or of a version that is not known here.
    """
    try:
        manifest = _decoder.decode(body)
    except msgspec.DecodeError as error:
        raise ValueError(f"{address} gave no steering manifest: {error}") from error
    if manifest.version != 1:
        raise ValueError(f"{address} gave a steering manifest of version {manifest.version}; known is 1")
    clones = [Clone(one.id, one.base, one.replaced.host, one.replaced.params) for one in manifest.clones]
    ttl_s = min(MOST_TTL_S, max(LEAST_TTL_S, manifest.ttl_s))
    return Steered(ttl_s, urljoin(address, manifest.reload), manifest.priority, clones)


def question(address: str, pathway: str, throughput_bps: float) -> str:
    """Return the address with what a player says of itself when it asks.

    Example:
        >>> question("http://h/steer/1?s=2", "east", 5e6)
        'http://h/steer/1?s=2&_HLS_pathway=%22east%22&_HLS_throughput=5000000'
    """
    said = f"_HLS_pathway=%22{pathway}%22"
    if throughput_bps > 0:
        said += f"&_HLS_throughput={round(throughput_bps)}"
    return f"{address}{'&' if '?' in address else '?'}{said}"
