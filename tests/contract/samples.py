"""A publication and other things that many contract tests speak of."""

from bijou.catalog import AudioTrack, MediaInfo, Publication, Rendition, VideoTrack


def publication(asset: str) -> Publication:
    base = f"media/{asset}"
    return Publication(
        asset=asset,
        base=base,
        media=MediaInfo(
            container="mp4",
            duration_s=30.0,
            size_bytes=1000,
            video=[VideoTrack("h264", 640, 360, "24/1", 720)],
            audio=[AudioTrack("aac", 48000, 2)],
            cuts_s=[4.0, 8.5],
        ),
        renditions=[
            Rendition("v360", "video", "avc1.64001e", 900_000, 700_000, 2_625_000, 8, 640, 360, 24.0),
            Rendition("a128", "audio", "mp4a.40.2", 130_000, 128_000, 480_000, 8, language="und"),
        ],
        hls=f"{base}/master.m3u8",
        dash=f"{base}/manifest.mpd",
        poster=f"{base}/poster.jpg",
    )
