"""Titles: what can be watched, their words and their published renditions.

It holds what is said of a title and where its media lies. It neither makes the
media nor serves it, and it never looks into a file.
"""

from bijou.catalog.api import (
    AudioTrack,
    CaptionTrack,
    Catalog,
    Chapter,
    Colour,
    ContentLight,
    Loudness,
    MasteringDisplay,
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
from bijou.catalog.side_files import SideFile, read_side_file

__all__ = [
    "AudioTrack",
    "CaptionTrack",
    "Catalog",
    "Chapter",
    "Colour",
    "ContentLight",
    "Loudness",
    "MasteringDisplay",
    "MediaInfo",
    "NewTitle",
    "Publication",
    "Rendition",
    "Row",
    "SideFile",
    "Title",
    "TitleChange",
    "VideoTrack",
    "checked",
    "read_side_file",
]
