"""HLS playlists that hand the session's token on to everything they name.

One playlist serves every session and is kept for ever: the token is a variable
that the player takes from the address by which it fetched the playlist.

Source: draft-pantos-hls-rfc8216bis, 4.4.2.3 (EXT-X-DEFINE, QUERYPARAM) and 4.3.
"""

import re
from typing import Final

from bijou.delivery.tokens import TOKEN_PARAMETER

SIGNED: Final = ".signed.m3u8"
LONGEST_BYTES: Final = 16 * 1024 * 1024

_PLAIN: Final = ".m3u8"
_VERSION: Final = 11
_URI: Final = re.compile(r'(\bURI=")([^"]+)"')
_ELSEWHERE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//")
_PASSED: Final = f"{TOKEN_PARAMETER}={{${TOKEN_PARAMETER}}}"


def plain_key(key: str) -> str | None:
    """Return the playlist that a signed one is made of; None where it is no signed one.

    Example:
        >>> plain_key("media/a/v360/media.signed.m3u8")
        'media/a/v360/media.m3u8'
    """
    return key.removesuffix(SIGNED) + _PLAIN if key.endswith(SIGNED) else None


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


def _line(line: str) -> str:
    if line.startswith("#"):
        return _URI.sub(lambda found: f'{found[1]}{_address(found[2])}"', line)
    return _address(line) if line.strip() else line


def _address(address: str) -> str:
    if _ELSEWHERE.match(address):  # keys and other people's media are not ours to sign
        return address
    return f"{signed_path(address)}{'&' if '?' in address else '?'}{_PASSED}"
