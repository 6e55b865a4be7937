"""Titles: what can be watched, their words and their published renditions.

It holds what is said of a title and where its media lies. It neither makes the
media nor serves it, and it never looks into a file.
"""

from bijou.catalog.api import (
    AudioTrack,
    Catalog,
    MediaInfo,
    NewTitle,
    Publication,
    Rendition,
    Row,
    Title,
    TitleChange,
    VideoTrack,
)
from bijou.catalog.model import checked

__all__ = [
    "AudioTrack",
    "Catalog",
    "MediaInfo",
    "NewTitle",
    "Publication",
    "Rendition",
    "Row",
    "Title",
    "TitleChange",
    "VideoTrack",
    "checked",
]
