"""What audiences show of themselves, and what is said to them: the shapes on the wire."""

import msgspec

from bijou.audience.dimensions import Dimension
from bijou.audience.manifest import BatchReport
from bijou.audience.rules.contradictions import Warned
from bijou.ports import Instant


class NewAudience(msgspec.Struct, frozen=True):
    """What somebody says of an audience.

    Args:
        name: 1 to 80 characters.
        rule: In the rule language.
        purpose: What its members must have consented to.
        households: Everybody who lives with a match belongs to it, too.
    """

    name: str
    rule: str
    purpose: str = "ads"
    households: bool = False
    says: str = ""


class Audience(msgspec.Struct, frozen=True):
    """An audience as it is shown.

    Args:
        rule: In the rule language, as we would write it.
        members: None while it is not built, or withheld.
        withheld: It has fewer members than may be told.
        evaluated_at: When all of its members were looked at; None: never.
        warnings: What is odd about the rule.
    """

    name: str
    rule: str
    purpose: str
    households: bool
    says: str
    members: int | None
    withheld: bool
    evaluated_at: Instant | None
    warnings: list[Warned]


class Reach(msgspec.Struct, frozen=True):
    """About how many users a rule reaches.

    Args:
        users: Rounded to tens, so that nobody is found by two questions that
            differ in one person; None where fewer than `floor`.
        low, high: Where the true number is, 19 times out of 20.
        of: Users of whom anything is known, rounded alike.
        exact: Everybody was looked at.
        floor: Fewer are not told.
    """

    users: int | None
    low: int
    high: int
    of: int
    exact: bool
    floor: int


class Overlap(msgspec.Struct, frozen=True):
    """How two audiences share members; counts as in `Reach`.

    Args:
        jaccard: Shared members among all of both; None below the floor.
    """

    one: str
    other: str
    shared: Reach
    jaccard: float | None


class Reason(msgspec.Struct, frozen=True):
    """What people of an audience have in common.

    Args:
        weight: Natural log of how much more common it is among them.
    """

    dimension: str
    value: str
    weight: float


class Alike(msgspec.Struct, frozen=True):
    """People like those of an audience, and in what they are alike, the strongest first."""

    reach: Reach
    reasons: list[Reason]


class RuleText(msgspec.Struct, frozen=True):
    """A rule as it is typed."""

    rule: str
    purpose: str = "ads"


class Checked(msgspec.Struct, frozen=True):
    """What can be said of a rule while it is typed.

    Args:
        problem: What is wrong, or empty.
        at, until: Where, as offsets of characters.
        rule: As we would write it; empty where it is none.
        reach: None where it is none, nothing is stored yet, or it names an
            audience that was not built.
    """

    problem: str
    at: int
    until: int
    rule: str
    warnings: list[Warned]
    reach: Reach | None


class Combination(msgspec.Struct, frozen=True):
    """Built audiences, joined: any (or all) of some, without those of others."""

    include: list[str]
    exclude: list[str] = []
    all_of: bool = False


class AudienceState(msgspec.Struct, frozen=True):
    """What stands in a folder of audiences.

    Args:
        users: Identifiers ever numbered, less the deleted.
        layers: Deltas above the base.
        pending: Whether features changed since audiences were built.
        built_at: None while nothing was.
        batches: The last hundred, the newest first.
    """

    users: int
    version: int
    layers: int
    audiences: int
    pending: bool
    built_at: Instant | None
    size_bytes: int
    batches: list[BatchReport]
    dimensions: list[Dimension]


class Forgotten(msgspec.Struct, frozen=True):
    """The certificate of one deletion.

    Args:
        known: Whether anything had been stored.
        files: How many files were changed.
        staged_rows: Rows of unfinished batches that were emptied.
    """

    known: bool
    files: int
    staged_rows: int
    at: Instant
    took_s: float = 0.0


class Person(msgspec.Struct, frozen=True):
    """Somebody, by the identifier under which their features came."""

    user: str
