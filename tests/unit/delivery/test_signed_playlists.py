"""Playlists that hand a token on; read back as a player reads them."""

import re

from bijou.delivery.signed_playlists import plain_key, signed, signed_path, steered, steered_path

MASTER = """#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio1",NAME="English",URI="a128/media.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="avc1",AUDIO="audio1"
v360/media.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="v360/iframes.m3u8"
"""
MEDIA = """#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:4
#EXT-X-MAP:URI="init.mp4"
#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://key"
#EXTINF:4.000000,
00001.m4s
#EXTINF:4.000000,
00002.m4s?x=1
#EXT-X-ENDLIST
"""


def substituted(playlist: str, token: str) -> str:
    """As rfc8216bis 4.3 says: the query's parameter, in lines and in quoted values."""
    assert '#EXT-X-DEFINE:QUERYPARAM="token"' in playlist.split("\n")
    assert "#EXT-X-VERSION:11" in playlist.split("\n")
    return playlist.replace("{$token}", token)


def test_every_address_of_ours_carries_the_token_and_every_playlist_is_a_signed_one() -> None:
    for playlist in (MASTER, MEDIA):
        read = substituted(signed(playlist), "T")
        addresses = re.findall(r'URI="([^"]+)"', read) + [
            line for line in read.split("\n") if line and not line.startswith("#")
        ]

        for address in addresses:
            assert address == "skd://key" or address.endswith("token=T"), address
            assert ".m3u8" not in address or ".signed.m3u8?" in address
    assert "00002.m4s?x=1&token=T" in read


def test_nothing_else_changes() -> None:
    read = substituted(signed(MEDIA), "T")
    plain = re.sub(r"[?&]token=T", "", read).replace('#EXT-X-DEFINE:QUERYPARAM="token"\n', "")

    assert plain.replace("VERSION:11", "VERSION:7") == MEDIA


def test_names_lead_there_and_back() -> None:
    assert plain_key(signed_path("media/a/master.m3u8")) == "media/a/master.m3u8"
    assert plain_key("media/a/master.m3u8") is None
    assert signed_path("media/a/manifest.mpd") == "media/a/manifest.mpd"


def test_a_steered_playlist_is_the_signed_one_with_a_named_pathway_and_who_steers_it() -> None:
    read = (steered(MASTER) or "").replace("{$steering}", "http://e:1/steer/S").replace("{$pathway}", "east")

    assert '#EXT-X-CONTENT-STEERING:SERVER-URI="http://e:1/steer/S",PATHWAY-ID="east"' in read.split("\n")
    variants = [line for line in read.split("\n") if line.startswith(("#EXT-X-STREAM-INF", "#EXT-X-I-FRAME"))]
    assert len(variants) == 2
    assert all(line.endswith(',PATHWAY-ID="east"') for line in variants)
    unsteered = [line for line in read.split("\n") if "steer" not in line and 'QUERYPARAM="p' not in line]
    assert "\n".join(unsteered).replace(',PATHWAY-ID="east"', "") == signed(MASTER)


def test_only_multivariant_playlists_have_a_steered_form() -> None:
    assert steered(MEDIA) is None
    assert plain_key(steered_path("media/a/master.m3u8")) == "media/a/master.m3u8"
    assert steered_path("media/a/manifest.mpd") == "media/a/manifest.mpd"
