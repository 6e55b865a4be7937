"""What the catalogue tells of: the payloads of its events."""

import msgspec

from bijou.events import register


class TitlePublished(msgspec.Struct, frozen=True):
    """A title can be watched from now on."""

    slug: str
    name: str


class TitleChanged(msgspec.Struct, frozen=True):
    """A title's words changed, or there is more of it."""

    slug: str
    name: str


class TitleWithdrawn(msgspec.Struct, frozen=True):
    """A title can no longer be watched."""

    slug: str


register("title.published@1", TitlePublished, tells="A title can be watched from now on.")
register("title.changed@1", TitleChanged, tells="A title's words changed, or there is more of it.")
register("title.withdrawn@1", TitleWithdrawn, tells="A title can no longer be watched.")
