"""The catalogue over HTTP: the routes, and the client that calls them."""

import msgspec

from bijou.catalog.api import Catalog, NewTitle, Publication, Row, Title, TitleChange
from bijou.ports import Role
from bijou.runtime.http import Call, Endpoint, Route, Wire


class NewPublication(msgspec.Struct, frozen=True):
    """A title to be published: its words and its media."""

    new: NewTitle
    publication: Publication


HOME = Endpoint(
    method="GET", path="/api/home", role=Role.ANYONE, summary="The home page's rows.", gives=list[Row]
)
TITLES = Endpoint(
    method="GET",
    path="/api/titles",
    role=Role.ANYONE,
    summary="All titles, the newest first.",
    gives=list[Title],
)
PUBLISH = Endpoint(
    method="POST",
    path="/api/titles",
    role=Role.SERVICE,
    summary="Make a title watchable.",
    takes=NewPublication,
    gives=Title,
    status=201,
    limit_bytes=8 << 20,
)
REPUBLISH = Endpoint(
    method="PUT",
    path="/api/titles",
    role=Role.SERVICE,
    summary="Put a publication in place of an older one of its asset.",
    takes=Publication,
    gives=Title,
    limit_bytes=8 << 20,
)
TITLE = Endpoint(
    method="GET", path="/api/titles/{slug}", role=Role.ANYONE, summary="One title by slug or id.", gives=Title
)
CHANGE = Endpoint(
    method="PATCH",
    path="/api/titles/{slug}",
    role=Role.EDITOR,
    summary="Edit a title's words; null leaves a field as it is.",
    takes=TitleChange,
    gives=Title,
)
WITHDRAW = Endpoint(
    method="DELETE",
    path="/api/titles/{slug}",
    role=Role.EDITOR,
    summary="Take a title off the site.",
    status=204,
)


def routes(catalog: Catalog) -> list[Route]:
    """Serve the catalogue."""

    async def home(_: Call) -> list[Row]:
        return await catalog.rows()

    async def titles(_: Call) -> list[Title]:
        return await catalog.titles()

    async def publish(call: Call) -> Title:
        return await catalog.publish(call.body.new, call.body.publication)

    async def republish(call: Call) -> Title:
        return await catalog.republish(call.body)

    async def title(call: Call) -> Title:
        return await catalog.title(call.path["slug"])

    async def change(call: Call) -> Title:
        return await catalog.change(call.path["slug"], call.body)

    async def withdraw(call: Call) -> None:
        await catalog.withdraw(call.path["slug"])

    return [
        HOME.bind(home),
        TITLES.bind(titles),
        PUBLISH.bind(publish),
        REPUBLISH.bind(republish),
        TITLE.bind(title),
        CHANGE.bind(change),
        WITHDRAW.bind(withdraw),
    ]


class CatalogClient:
    """`Catalog` of another process."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def publish(self, new: NewTitle, publication: Publication) -> Title:
        """Make a title watchable."""
        title: Title = await self._wire.call(PUBLISH, NewPublication(new, publication))
        return title

    async def republish(self, publication: Publication) -> Title:
        """Put a publication in place of an older one of the same asset."""
        title: Title = await self._wire.call(REPUBLISH, publication)
        return title

    async def title(self, slug: str) -> Title:
        """Return one title by slug or id."""
        title: Title = await self._wire.call(TITLE, slug=slug)
        return title

    async def titles(self) -> list[Title]:
        """Return all titles, the newest first."""
        titles: list[Title] = await self._wire.call(TITLES)
        return titles

    async def rows(self) -> list[Row]:
        """Return the home page."""
        rows: list[Row] = await self._wire.call(HOME)
        return rows

    async def change(self, slug: str, change: TitleChange) -> Title:
        """Edit a title's words."""
        title: Title = await self._wire.call(CHANGE, change, slug=slug)
        return title

    async def withdraw(self, slug: str) -> None:
        """Take a title off the site."""
        await self._wire.call(WITHDRAW, slug=slug)
