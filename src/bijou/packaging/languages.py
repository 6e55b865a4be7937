"""Languages: the tags that players compare, and what people call them.

Source: RFC 5646 (the shortest code is the one to use); ISO 639-2, whose
bibliographic codes Matroska and MP4 files carry.
"""

import re

_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_UNKNOWN = frozenset({"und", "mul", "mis", "zxx"})

# Tag, then codes of ISO 639-2 that mean it, then what its speakers call it.
_LANGUAGES = {
    "ar": ("ara", "العربية"),
    "bg": ("bul", "Български"),
    "bn": ("ben", "বাংলা"),
    "ca": ("cat", "Català"),
    "cs": ("cze ces", "Čeština"),
    "da": ("dan", "Dansk"),
    "de": ("ger deu", "Deutsch"),
    "el": ("gre ell", "Ελληνικά"),
    "en": ("eng", "English"),
    "es": ("spa", "Español"),
    "et": ("est", "Eesti"),
    "eu": ("baq eus", "Euskara"),
    "fa": ("per fas", "فارسی"),
    "fi": ("fin", "Suomi"),
    "fr": ("fre fra", "Français"),
    "ga": ("gle", "Gaeilge"),
    "gl": ("glg", "Galego"),
    "he": ("heb", "עברית"),
    "hi": ("hin", "हिन्दी"),
    "hr": ("hrv scr", "Hrvatski"),
    "hu": ("hun", "Magyar"),
    "id": ("ind", "Bahasa Indonesia"),
    "is": ("ice isl", "Íslenska"),
    "it": ("ita", "Italiano"),
    "ja": ("jpn", "日本語"),
    "ko": ("kor", "한국어"),
    "lt": ("lit", "Lietuvių"),
    "lv": ("lav", "Latviešu"),
    "ms": ("may msa", "Bahasa Melayu"),
    "nb": ("nob", "Norsk bokmål"),
    "nl": ("dut nld", "Nederlands"),
    "no": ("nor", "Norsk"),
    "pl": ("pol", "Polski"),
    "pt": ("por", "Português"),
    "ro": ("rum ron", "Română"),
    "ru": ("rus", "Русский"),
    "sk": ("slo slk", "Slovenčina"),
    "sl": ("slv", "Slovenščina"),
    "sq": ("alb sqi", "Shqip"),
    "sr": ("srp scc", "Српски"),
    "sv": ("swe", "Svenska"),
    "sw": ("swa", "Kiswahili"),
    "ta": ("tam", "தமிழ்"),
    "te": ("tel", "తెలుగు"),
    "th": ("tha", "ไทย"),
    "tr": ("tur", "Türkçe"),
    "uk": ("ukr", "Українська"),
    "ur": ("urd", "اردو"),
    "vi": ("vie", "Tiếng Việt"),
    "zh": ("chi zho", "中文"),
}
_SHORTEST = {code: tag for tag, (codes, _) in _LANGUAGES.items() for code in codes.split()}


def language_tag(said: str) -> str:
    """Return the BCP 47 tag for what a file says of a track; empty where it is not known.

    Example:
        >>> [language_tag(said) for said in ("ger", "pt-br", "und", "", "no such thing")]
        ['de', 'pt-BR', '', '', '']
    """
    if not _TAG.fullmatch(said):
        return ""
    first, *rest = said.split("-")
    code = first.lower()
    return "" if code in _UNKNOWN else "-".join([_SHORTEST.get(code, code), *map(_subtag, rest)])


def _subtag(said: str) -> str:
    """Regions in capitals, scripts with one: the form that registries write."""
    return said.upper() if len(said) == 2 else said.title() if len(said) == 4 else said.lower()


def language_name(tag: str) -> str:
    """Return what viewers are shown for a tag; the tag where we know no name.

    Example:
        >>> [language_name(tag) for tag in ("de", "pt-BR", "tlh", "")]
        ['Deutsch', 'Português (BR)', 'tlh', '']
    """
    first, _, rest = tag.partition("-")
    known = _LANGUAGES.get(first)
    if known is None:
        return tag
    return f"{known[1]} ({rest})" if rest else known[1]
