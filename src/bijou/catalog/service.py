"""The catalogue on records."""

from random import Random

import msgspec
from sqlalchemy import Connection

from bijou.catalog import model, store
from bijou.catalog.api import NewTitle, Publication, Row, Title, TitleChange
from bijou.catalog.happenings import TitleChanged, TitlePublished, TitleWithdrawn
from bijou.events import Publisher
from bijou.ports import Clock, NotFound, Records, new_id


class CatalogService:
    """`Catalog` that keeps titles in records and tells of every change.

    Threads: one event loop.
    """

    def __init__(self, records: Records, clock: Clock, chance: Random, publish: Publisher) -> None:
        self._records = records
        self._clock = clock
        self._chance = chance
        self._tell = publish

    async def publish(self, new: NewTitle, publication: Publication) -> Title:
        """Make a title watchable; the same asset twice gives the same title.

        An asset whose title was withdrawn comes back under its old slug.
        """
        new = model.checked(new)
        publication = model.published(publication)
        title_id, now = new_id("ttl", self._clock, self._chance), self._clock.now()

        def work(db: Connection) -> tuple[Title, bool]:
            there = store.title_of_asset(db, publication.asset)
            if there is None:
                wanted = new.slug or model.slug_of(new.name)
                slug = model.free_slug(wanted, store.slugs_like(db, wanted))
                title = Title(
                    title_id, slug, new.name, new.synopsis, new.row, new.year, new.accent, now, publication
                )
                store.add(db, title)
                return title, True
            title, on_site = there
            if on_site:
                return title, False
            title = msgspec.structs.replace(title, published_at=now)
            store.keep(db, title)
            return title, True

        title, news = await self._records.write(work)
        if news:
            self._tell(TitlePublished(title.slug, title.name))
        return title

    async def republish(self, publication: Publication) -> Title:
        """Put a publication in place of an older one of the same asset."""
        publication = model.published(publication)

        def work(db: Connection) -> tuple[Title, bool]:
            there = store.title_of_asset(db, publication.asset)
            if there is None:
                raise NotFound("catalog.no_title", f"nothing of asset {publication.asset!r} was published")
            title, on_site = there
            if title.publication == publication or model.is_older(publication, title.publication):
                return title, False
            title = msgspec.structs.replace(title, publication=publication)
            store.renew(db, title)
            return title, on_site

        title, news = await self._records.write(work)
        if news:
            self._tell(TitleChanged(title.slug, title.name))
        return title

    async def title(self, slug: str) -> Title:
        """Return one title by slug or id."""
        return await self._records.read(lambda db: _title(db, slug))

    async def titles(self) -> list[Title]:
        """Return all titles, the newest first."""
        return await self._records.read(store.titles)

    async def rows(self) -> list[Row]:
        """Return the home page; the row with the newest title stands first."""
        return model.rows_of(await self.titles())

    async def change(self, slug: str, change: TitleChange) -> Title:
        """Edit a title's words; its slug stays, so that links hold."""

        def work(db: Connection) -> tuple[Title, bool]:
            before = _title(db, slug)
            after = model.changed(before, change)
            store.keep(db, after)
            return after, after != before

        title, news = await self._records.write(work)
        if news:
            self._tell(TitleChanged(title.slug, title.name))
        return title

    async def withdraw(self, slug: str) -> None:
        """Take a title off the site; its media stays where it is."""
        now = self._clock.now()

        def work(db: Connection) -> Title:
            title = _title(db, slug)
            store.withdraw(db, title.id, max(now, title.published_at))
            return title

        title = await self._records.write(work)
        self._tell(TitleWithdrawn(title.slug))


def _title(db: Connection, slug: str) -> Title:
    title = store.title(db, slug)
    if title is None:
        raise NotFound("catalog.no_title", f"there is no title {slug!r}; it may have been withdrawn")
    return title
