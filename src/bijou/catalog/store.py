"""The table of titles."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    Row,
    Table,
    Text,
    insert,
    or_,
    select,
    update,
)

from bijou.catalog.api import Publication, Title
from bijou.ports import BijouBug, Instant
from bijou.runtime import codec

METADATA = MetaData()
PUBLICATION_VERSION = 1
_Int64 = BigInteger().with_variant(Integer(), "sqlite")  # a STRICT table knows INTEGER alone

TITLES = Table(
    "catalog_titles",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("asset", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("synopsis", Text, nullable=False),
    Column("row", Text, nullable=False),
    Column("year", Integer, nullable=False),
    Column("accent", Text, nullable=False),
    Column("published_at", _Int64, nullable=False),
    Column("withdrawn_at", _Int64),
    Column("publication_version", Integer, nullable=False),
    Column("publication", Text, nullable=False),
    CheckConstraint("id LIKE 'ttl\\_%' ESCAPE '\\'", name="catalog_titles_id"),
    CheckConstraint("length(slug) BETWEEN 1 AND 100", name="catalog_titles_slug"),
    CheckConstraint("length(name) BETWEEN 1 AND 200", name="catalog_titles_name"),
    CheckConstraint("length(synopsis) <= 5000", name="catalog_titles_synopsis"),
    CheckConstraint('length("row") BETWEEN 1 AND 80', name="catalog_titles_row"),
    CheckConstraint("year = 0 OR year BETWEEN 1870 AND 2200", name="catalog_titles_year"),
    CheckConstraint("accent = '' OR accent LIKE '#______'", name="catalog_titles_accent"),
    CheckConstraint("withdrawn_at >= published_at", name="catalog_titles_withdrawn"),
    CheckConstraint("publication_version >= 1", name="catalog_titles_publication_version"),
    Index("catalog_titles_published_at", "published_at"),
    sqlite_strict=True,
)

_on_site = TITLES.c.withdrawn_at.is_(None)


def add(db: Connection, title: Title) -> None:
    """Keep a new title."""
    db.execute(insert(TITLES).values(_columns(title)))


def title_of_asset(db: Connection, asset: str) -> tuple[Title, bool] | None:
    """Return an asset's title and whether it is on the site."""
    row = db.execute(select(TITLES).where(TITLES.c.asset == asset)).first()
    return (_title(row), row.withdrawn_at is None) if row else None


def title(db: Connection, slug: str) -> Title | None:
    """Return a title on the site by slug or id."""
    named = or_(TITLES.c.slug == slug, TITLES.c.id == slug)
    row = db.execute(select(TITLES).where(named, _on_site)).first()
    return _title(row) if row else None


def titles(db: Connection) -> list[Title]:
    """Return all titles on the site, the newest first."""
    newest_first = select(TITLES).where(_on_site).order_by(TITLES.c.published_at.desc(), TITLES.c.id.desc())
    return [_title(row) for row in db.execute(newest_first)]


def slugs_like(db: Connection, slug: str) -> set[str]:
    """Return slugs in use, of withdrawn titles too, that begin with `slug`."""
    return set(db.scalars(select(TITLES.c.slug).where(TITLES.c.slug.startswith(slug, autoescape=True))))


def keep(db: Connection, title: Title) -> None:
    """Keep a title in another state, on the site."""
    db.execute(update(TITLES).where(TITLES.c.id == title.id).values(_columns(title) | {"withdrawn_at": None}))


def renew(db: Connection, title: Title) -> None:
    """Keep a title's newer publication, on the site or not."""
    kept = _columns(title)
    changed = {name: kept[name] for name in ("publication_version", "publication")}
    db.execute(update(TITLES).where(TITLES.c.id == title.id).values(changed))


def withdraw(db: Connection, title_id: str, now: Instant) -> None:
    """Take a title off the site; its slug stays taken, so no link leads elsewhere."""
    db.execute(update(TITLES).where(TITLES.c.id == title_id).values(withdrawn_at=int(now)))


def _columns(title: Title) -> dict[str, object]:
    return {
        "id": title.id,
        "slug": title.slug,
        "asset": title.publication.asset,
        "name": title.name,
        "synopsis": title.synopsis,
        "row": title.row,
        "year": title.year,
        "accent": title.accent,
        "published_at": int(title.published_at),
        "publication_version": PUBLICATION_VERSION,
        "publication": codec.encode(title.publication).decode(),
    }


def _title(row: Row[tuple[object, ...]]) -> Title:
    if row.publication_version > PUBLICATION_VERSION:
        raise BijouBug(
            "catalog.publication_version",
            f"title {row.slug} has form {row.publication_version}; we read up to {PUBLICATION_VERSION}",
        )
    return Title(
        id=row.id,
        slug=row.slug,
        name=row.name,
        synopsis=row.synopsis,
        row=row.row,
        year=row.year,
        accent=row.accent,
        published_at=Instant(row.published_at),
        publication=codec.decode(row.publication, Publication),
    )
