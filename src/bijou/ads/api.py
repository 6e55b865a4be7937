"""Ad operations, as other rooms and the console see them."""

from typing import Any, Protocol

import msgspec

from bijou.ads.model.nouns import Noun
from bijou.ads.model.record import Change, Record
from bijou.ports import Instant


class Edit(msgspec.Struct, frozen=True):
    """A record to be made, or its next version.

    Args:
        id: Empty for a new record.
        version: The version that the edit was made on; 0 for a new record.
    """

    noun: Noun
    id: str = ""
    version: int = 0


class NewChange(msgspec.Struct, frozen=True):
    """Edits that take effect together or not at all.

    Args:
        reason: Why, 1 to 500 characters; what no later reader can guess.
        only_check: Whether to say what would happen, and change nothing.
    """

    reason: str
    edits: list[Edit]
    only_check: bool = False


class Changed(msgspec.Struct, frozen=True):
    """A change as it took effect.

    Args:
        revision: Of the configuration; 0 where it was only checked.
        records: The new versions, in the order of the edits.
    """

    revision: int
    records: list[Record]


class AdOperations(Protocol):
    """The configuration of ads: every version of every record, who made it and why."""

    async def change(self, new: NewChange, *, author: str) -> Changed:
        """Write new versions, all or none.

        Raises:
            InvalidRequest: one sentence: which edit, where in it, the values, the rule.
            NotFound: `ads.no_record`.
            Conflict: `ads.changed_meanwhile`, `ads.name_taken`.
        """
        ...

    async def record(self, record_id: str, version: int = 0) -> Record:
        """Return one version of a record; the current one for 0.

        Raises:
            NotFound: `ads.no_record`.
        """
        ...

    async def records(self, kind: str, *, after: int = 0, at_most: int = 100) -> list[Record]:
        """Return current records of a kind whose number is over `after`.

        Raises:
            InvalidRequest: `ads.no_such_kind`.
        """
        ...

    async def history(self, record_id: str) -> list[Record]:
        """Return all versions of a record, the newest first.

        Raises:
            NotFound: `ads.no_record`.
        """
        ...

    async def changes(self, *, before: int = 0, at_most: int = 100) -> list[Change]:
        """Return revisions, the newest first; those below `before` where it is not 0."""
        ...

    async def configuration(self, *, revision: int | None = None, at: Instant | None = None) -> list[Record]:
        """Return everything that was in effect at a revision or a moment; neither: now."""
        ...

    async def schemas(self) -> dict[str, Any]:
        """Return the JSON Schema of every noun, by name; what forms are made of."""
        ...
