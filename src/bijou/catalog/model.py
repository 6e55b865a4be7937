"""What may be said of a title, its slug, and the order of the home page."""

import re
import unicodedata

import msgspec

from bijou.catalog.api import NewTitle, Publication, Row, Title, TitleChange
from bijou.ports import InvalidRequest

FIRST_YEAR = 1870  # before the first film there is
LAST_YEAR = 2200
MAX_NAME = 200
MAX_ROW = 80
MAX_SYNOPSIS = 5000
MAX_SLUG = 80
FALLBACK_SLUG = "title"

_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_ACCENT = re.compile(r"#[0-9a-f]{6}")
# Letters that no decomposition turns into ASCII.
_LETTERS = str.maketrans(
    {
        "ß": "ss",
        "æ": "ae",
        "œ": "oe",
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "ł": "l",
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
        "&": " and ",
    }
)


def checked(new: NewTitle) -> NewTitle:
    """Return what an editor said with its spaces tidied.

    Raises:
        InvalidRequest: `catalog.bad_title`; the message says which field and why.
    """
    return NewTitle(
        name=_line("name", new.name, MAX_NAME),
        synopsis=_synopsis(new.synopsis),
        row=_line("row", new.row, MAX_ROW),
        year=_year(new.year),
        accent=_accent(new.accent),
        slug=new.slug and slug_of(new.slug),
    )


def changed(title: Title, change: TitleChange) -> Title:
    """Return the title with the fields that are not None changed.

    Raises:
        InvalidRequest: `catalog.bad_title`.
    """
    given = {name: value for name in change.__struct_fields__ if (value := getattr(change, name)) is not None}
    words = msgspec.structs.replace(
        NewTitle(title.name, title.synopsis, title.row, title.year, title.accent), **given
    )
    words = checked(words)
    return msgspec.structs.replace(
        title, name=words.name, synopsis=words.synopsis, row=words.row, year=words.year, accent=words.accent
    )


def published(publication: Publication) -> Publication:
    """Return a publication whose files all lie under its base.

    Raises:
        InvalidRequest: `catalog.bad_publication`.
    """
    files = [publication.hls, publication.dash, publication.poster, publication.sprite]
    strays = [key for key in files if key and not key.startswith(f"{publication.base}/")]
    if strays or not publication.asset or not publication.hls or not publication.dash:
        raise InvalidRequest(
            "catalog.bad_publication",
            f"the publication of asset {publication.asset!r} needs an HLS and a DASH file, and all files "
            f"under {publication.base!r}; strays: {', '.join(strays) or 'none'}",
        )
    return publication


def is_older(publication: Publication, than: Publication) -> bool:
    """Tell whether a publication must not take the place of another one of its asset."""
    return (publication.version, publication.complete) < (than.version, than.complete)


def slug_of(name: str) -> str:
    """Return a name as a part of an address: `a-z`, `0-9` and single hyphens.

    Example:
        >>> [slug_of(name) for name in ("Amélie & Söhne", "Œuvre: Nº 5!", "千と千尋")]
        ['amelie-and-sohne', 'oeuvre-no-5', 'title']
    """
    plain = (
        unicodedata.normalize("NFKD", name.casefold().translate(_LETTERS)).encode("ascii", "ignore").decode()
    )
    return re.sub(r"[^a-z0-9]+", "-", plain)[:MAX_SLUG].strip("-") or FALLBACK_SLUG


def free_slug(wanted: str, taken: set[str]) -> str:
    """Return `wanted`, or with the lowest number from 2 that makes it free.

    Example:
        >>> free_slug("sintel", {"sintel", "sintel-2", "sintel-4"})
        'sintel-3'
    """
    slug, number = wanted, 1
    while slug in taken:
        number += 1
        slug = f"{wanted}-{number}"
    return slug


def rows_of(titles: list[Title]) -> list[Row]:
    """Group titles into rows; the row with the newest title stands first.

    Inside a row the newest title stands first. Editing words moves nothing;
    rows of the same age stand by heading.
    """
    newest_first = sorted(titles, key=lambda title: (title.published_at, title.id), reverse=True)
    rows: dict[str, list[Title]] = {}
    for title in newest_first:
        rows.setdefault(title.row, []).append(title)
    ordered = sorted(rows.items(), key=lambda row: (-row[1][0].published_at, row[0]))
    return [Row(heading, in_row) for heading, in_row in ordered]


def _line(field: str, text: str, longest: int) -> str:
    line = " ".join(text.split())
    if not 1 <= len(line) <= longest or _INVISIBLE.search(line):
        raise _bad(f"the {field} has {len(line)} characters; it has 1 to {longest} and no control characters")
    return line


def _synopsis(text: str) -> str:
    text = text.strip()
    if len(text) > MAX_SYNOPSIS or _INVISIBLE.search(text):
        raise _bad(
            f"the synopsis has {len(text)} characters; at most {MAX_SYNOPSIS} and no control characters"
        )
    return text


def _year(year: int) -> int:
    if year != 0 and not FIRST_YEAR <= year <= LAST_YEAR:
        raise _bad(f"the year is {year}; it is 0 (unknown) or {FIRST_YEAR} to {LAST_YEAR}")
    return year


def _accent(accent: str) -> str:
    accent = accent.lower()
    if accent and not _ACCENT.fullmatch(accent):
        raise _bad(f"the accent is {accent[:20]!r}; it is empty or a colour such as #ffb84d")
    return accent


def _bad(detail: str) -> InvalidRequest:
    return InvalidRequest("catalog.bad_title", detail)
