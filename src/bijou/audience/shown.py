"""What audiences show of themselves, and what is said to them: the shapes on the wire."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from bijou.audience.dimensions import Dimension
from bijou.audience.manifest import BatchReport
from bijou.audience.rules.contradictions import Warned
from bijou.audience.rules.nodes import Rule
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
        tree: The rule as a tree.
        builds_on: Audiences that its rule names.
        used_by: Audiences whose rules name it.
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
    tree: Rule
    builds_on: list[str]
    used_by: list[str]


class Reach(msgspec.Struct, frozen=True):
    """About how many users a rule reaches.

    Args:
        users: Rounded to tens, so that nobody is found by two questions that
            differ in one person; None where fewer than `floor`.
        low, high: Where the true number is, 19 times out of 20.
        of: Users of whom anything is known, rounded alike.
        exact: Everybody was looked at.
        floor: Fewer are not told.
        missing: Share of all users that could not be asked, since their shard
            is away: they are in none of these numbers.
    """

    users: int | None
    low: int
    high: int
    of: int
    exact: bool
    floor: int
    missing: float = 0.0


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
    """A rule as it is typed, or as a form has made it.

    Args:
        tree: In place of the text, where it is not None.
    """

    rule: str = ""
    purpose: str = "ads"
    tree: Rule | None = None


class Checked(msgspec.Struct, frozen=True):
    """What can be said of a rule while it is typed.

    Args:
        problem: What is wrong, or empty.
        at, until: Where, as offsets of characters.
        rule: As we would write it; empty where it is none.
        reach: None where it is none, nothing is stored yet, or it names an
            audience that was not built.
        tree: The rule as a tree; None where it is none.
    """

    problem: str
    at: int
    until: int
    rule: str
    warnings: list[Warned]
    reach: Reach | None
    tree: Rule | None = None


class Combination(msgspec.Struct, frozen=True):
    """Built audiences, joined: any (or all) of some, without those of others."""

    include: list[str]
    exclude: list[str] = []
    all_of: bool = False


class Names(msgspec.Struct, frozen=True):
    """Some built audiences."""

    names: Annotated[list[str], Meta(min_length=2, max_length=20)]


class OverlapMatrix(msgspec.Struct, frozen=True):
    """How some audiences share members; rows and columns in the order of `names`.

    Args:
        shared: Rounded to tens, None below the floor; on the diagonal members.
        jaccard: Shared members among all of both; None below the floor.
    """

    names: list[str]
    shared: list[list[int | None]]
    jaccard: list[list[float | None]]
    floor: int


class Seed(msgspec.Struct, frozen=True):
    """Whom others are to be like, and how many of them."""

    seed: str
    size: Annotated[int, Meta(ge=1, le=1_000_000_000)]


class Viewer(msgspec.Struct, frozen=True):
    """Whose profile is asked for, and what it is to be used for."""

    user: str
    purpose: str = "ads"


class Known(msgspec.Struct, frozen=True):
    """What may be used of a viewer for one purpose, now.

    Args:
        degraded: Empty, or why there is only the context to go by:
            `no_profile`, `no_consent`, `unavailable` or `stale`.
        age_s: How long ago the profiles were built.
        version: Of the snapshot of audiences.
    """

    audiences: list[str]
    features: dict[str, Any]
    degraded: str
    age_s: float
    version: int


class DimensionShown(msgspec.Struct, frozen=True):
    """A dimension, and the values that came so far.

    Args:
        stored: Whether something of it was ever uploaded.
        words: Values of a category, set or event, the first 500.
        more_words: How many more there are.
    """

    dimension: Dimension
    stored: bool
    words: list[str]
    more_words: int


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
        waiting: Batches whose files are on their way and may hold the person;
            they are kept out of what comes of them.
    """

    known: bool
    files: int
    staged_rows: int
    at: Instant
    took_s: float = 0.0
    waiting: list[str] = []


class Person(msgspec.Struct, frozen=True):
    """Somebody, by the identifier under which their features came."""

    user: str
