"""What viewers choose sound and captions by."""

import re

from bijou.packaging import language_name, language_tag

_NOT_SHOWN = re.compile(r'["\x00-\x1f\x7f]')
_MOST_LETTERS = 60


def track_label(said_language: str, title: str, kind: str = "") -> str:
    """Return a track's label from its language and what its maker called it; may be empty.

    Args:
        said_language: BCP 47 or ISO 639-2, or `und`.
        kind: Said where the maker said nothing, such as `forced`.

    Example:
        >>> track_label("ger", ""), track_label("eng", "Director's commentary")
        ('Deutsch', "English: Director's commentary")
        >>> track_label("fre", "Français (Canada)"), track_label("en", "", "forced")
        ('Français (Canada)', 'English (forced)')
    """
    name = language_name(language_tag(said_language))
    called = " ".join(_NOT_SHOWN.sub(" ", title).split())[:_MOST_LETTERS]
    if called and called != name:
        return called if name in called else f"{name}: {called}"
    return f"{name} ({kind})".strip() if kind else name
