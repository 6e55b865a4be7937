"""Tables of what was decided about campaigns, by whom, when and why."""

from sqlalchemy import DDL, CheckConstraint, ForeignKey, Index, event

from bijou.ads.model.columns import table, text, whole

REVISION = table(
    "ads_revision",
    "one row, locked by every change: revisions become visible in the order of their numbers",
    whole("one", "there is one row; its key says so", primary_key=True, autoincrement=False),
    whole("number", "the newest revision; a decision writes down which one it was made under"),
    whole("at", "its moment; the next one is never earlier, though clocks are"),
    CheckConstraint("one = 1", name="ads_revision_one"),
    CheckConstraint("number >= 0 AND at >= 0", name="ads_revision_number"),
    rebuilt="the greatest of ads_changes",
)

CHANGES = table(
    "ads_changes",
    "one row a revision: who changed the configuration, when, and why",
    whole("number", "the revision; dense, so that a gap is a loss", primary_key=True, autoincrement=False),
    whole("at", "when it took effect; rises with the number, so that a moment names one revision"),
    text("author", "whom to ask; an id, for names change"),
    text("reason", "what no later reader can guess"),
    CheckConstraint("number >= 1", name="ads_changes_number"),
    CheckConstraint("length(author) BETWEEN 1 AND 100", name="ads_changes_author"),
    CheckConstraint("length(reason) BETWEEN 1 AND 500", name="ads_changes_reason"),
    Index("ads_changes_at", "at"),
)

ENTITIES = table(
    "ads_entities",
    "one row a record of any kind: its numbers, and the version that is current",
    whole(
        "number",
        "names the record in facts: 4 bytes in a row of billions, where an id takes 40",
        primary_key=True,
        autoincrement=True,
    ),
    text("id", "names the record everywhere else", unique=True),
    text("kind", "which noun it is, and so which table holds its current state"),
    whole("version", "the current version; a change must name it, or it was made on an old picture"),
    CheckConstraint("version >= 1", name="ads_entities_version"),
    CheckConstraint("length(kind) BETWEEN 1 AND 40", name="ads_entities_kind"),
    Index("ads_entities_kind_number", "kind", "number"),
)

VERSIONS = table(
    "ads_versions",
    "every version of every record, whole and never changed: what replays and audits read",
    text("id", "whose version it is", ForeignKey("ads_entities.id"), primary_key=True),
    whole("version", "1, 2, 3 ... of this record", primary_key=True, autoincrement=False),
    whole(
        "change",
        "the revision that made it: with it one query finds any past",
        ForeignKey("ads_changes.number"),
    ),
    text("kind", "spares a join when a whole configuration is read"),
    text("body", "the noun as JSON, whole: a version is read without its neighbours"),
    text("sha256", "of the body: a version that was tampered with is found"),
    CheckConstraint("version >= 1", name="ads_versions_version"),
    CheckConstraint("length(sha256) = 64", name="ads_versions_sha256"),
    CheckConstraint("body LIKE '{%}'", name="ads_versions_body"),
    Index("ads_versions_change", "change"),
)

HEADS_FROM = "the newest row of ads_versions for each record (`bijou.ads.store.rebuild`)"


def _immutable(name: str) -> None:
    """Have the database refuse what no code of ours does: changing the past."""
    said = f"{name} is never changed; write a new version"
    for verb in ("UPDATE", "DELETE"):
        trigger = f"{name}_no_{verb.lower()}"
        _after_create(
            name,
            "sqlite",
            f"CREATE TRIGGER {trigger} BEFORE {verb} ON {name} BEGIN SELECT RAISE(ABORT, '{said}'); END",
        )
    _after_create(
        name,
        "postgresql",
        f"CREATE FUNCTION {name}_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{said}'; END $$",
    )
    _after_create(
        name,
        "postgresql",
        f"CREATE TRIGGER {name}_immutable BEFORE UPDATE OR DELETE ON {name} "
        f"FOR EACH ROW EXECUTE FUNCTION {name}_refuse()",
    )


def _after_create(name: str, dialect: str, statement: str) -> None:
    ddl = DDL(statement.replace("%", "%%"))  # type: ignore[no-untyped-call]
    event.listen(VERSIONS.metadata.tables[name], "after_create", ddl.execute_if(dialect=dialect))


for _name in ("ads_changes", "ads_versions"):
    _immutable(_name)
