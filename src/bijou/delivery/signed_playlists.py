"""HLS playlists that hand the session's token on to everything they name.

One playlist serves every session and is kept for ever: the token is a variable
that the player takes from the address by which it fetched the playlist. A
multivariant playlist has a steered form too, in which the name of its pathway
and the address that steers are such variables; it is another address, because
a player that finds a variable missing must refuse the playlist.

Source: draft-pantos-hls-rfc8216bis, 4.4.2.3 (EXT-X-DEFINE, QUERYPARAM), 4.3,
and 4.4.6.6 (EXT-X-CONTENT-STEERING).
"""

import re
from typing import Final

from bijou.delivery.tokens import TOKEN_PARAMETER

SIGNED: Final = ".signed.m3u8"
STEERED: Final = ".steered.m3u8"
STEERING_PARAMETER: Final = "steering"
PATHWAY_PARAMETER: Final = "pathway"
LONGEST_BYTES: Final = 16 * 1024 * 1024

_PLAIN: Final = ".m3u8"
_VERSION: Final = 11
_URI: Final = re.compile(r'(\bURI=")([^"]+)"')
_ELSEWHERE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//")
_PASSED: Final = f"{TOKEN_PARAMETER}={{${TOKEN_PARAMETER}}}"
_PATHWAY: Final = f"{{${PATHWAY_PARAMETER}}}"
_VARIANTS: Final = ("#EXT-X-STREAM-INF:", "#EXT-X-I-FRAME-STREAM-INF:")
_STEERING: Final = (
    f'#EXT-X-DEFINE:QUERYPARAM="{STEERING_PARAMETER}"',
    f'#EXT-X-DEFINE:QUERYPARAM="{PATHWAY_PARAMETER}"',
    f'#EXT-X-CONTENT-STEERING:SERVER-URI="{{${STEERING_PARAMETER}}}",PATHWAY-ID="{_PATHWAY}"',
)


def plain_key(key: str) -> str | None:
    """Return the playlist that a signed or steered one is made of; None where it is neither.

    Example:
        >>> plain_key("media/a/v360/media.signed.m3u8")
        'media/a/v360/media.m3u8'
    """
    for form in (SIGNED, STEERED):
        if key.endswith(form):
            return key.removesuffix(form) + _PLAIN
    return None


def steered_path(path: str) -> str:
    """Return the address of the steered form of a multivariant playlist."""
    return path.removesuffix(_PLAIN) + STEERED if path.endswith(_PLAIN) else path


def signed_path(path: str) -> str:
    """Return the address of the signed form of a playlist."""
    return path.removesuffix(_PLAIN) + SIGNED if path.endswith(_PLAIN) else path


def signed(playlist: str) -> str:
    r"""Return the playlist with the token's variable defined, and on every address that is its own.

    Example:
        >>> print(signed("#EXTM3U\n#EXTINF:4,\n1.m4s\n"))
        #EXTM3U
        #EXT-X-VERSION:11
        #EXT-X-DEFINE:QUERYPARAM="token"
        #EXTINF:4,
        1.m4s?token={$token}
        <BLANKLINE>
    """
    lines = [line for line in playlist.split("\n") if not line.startswith("#EXT-X-VERSION:")]
    head = [lines[0], f"#EXT-X-VERSION:{_VERSION}", f'#EXT-X-DEFINE:QUERYPARAM="{TOKEN_PARAMETER}"']
    return "\n".join([*head, *map(_line, lines[1:])])


def steered(playlist: str) -> str | None:
    r"""Return the signed form of a multivariant playlist, with who steers it; None of any other.

    All renditions are of one pathway; the steering manifest makes the others of it.

    Example:
        >>> print(steered("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv/media.m3u8"))
        #EXTM3U
        #EXT-X-VERSION:11
        #EXT-X-DEFINE:QUERYPARAM="token"
        #EXT-X-DEFINE:QUERYPARAM="steering"
        #EXT-X-DEFINE:QUERYPARAM="pathway"
        #EXT-X-CONTENT-STEERING:SERVER-URI="{$steering}",PATHWAY-ID="{$pathway}"
        #EXT-X-STREAM-INF:BANDWIDTH=1,PATHWAY-ID="{$pathway}"
        v/media.signed.m3u8?token={$token}
    """
    if "\n#EXT-X-STREAM-INF:" not in playlist:
        return None
    lines = signed(playlist).split("\n")
    named = [f'{line},PATHWAY-ID="{_PATHWAY}"' if line.startswith(_VARIANTS) else line for line in lines[3:]]
    return "\n".join([*lines[:3], *_STEERING, *named])


def _line(line: str) -> str:
    if line.startswith("#"):
        return _URI.sub(lambda found: f'{found[1]}{_address(found[2])}"', line)
    return _address(line) if line.strip() else line


def _address(address: str) -> str:
    if _ELSEWHERE.match(address):  # keys and other people's media are not ours to sign
        return address
    return f"{signed_path(address)}{'&' if '?' in address else '?'}{_PASSED}"
