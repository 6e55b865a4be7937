"""Tables of what happened: decisions, events, their statistics, invoices, archives, shards."""

from sqlalchemy import CheckConstraint, ForeignKey, Index

from bijou.ads.model.columns import blob, small, table, text, whole

_DAY = "days since 1970-01-01 UTC; in every key, so that a day is a partition and goes by itself"
_SLOT = "the shard slot; second in the key, so that a slot is one range of a day when it moves"
_NUMBER = "by number, 4 bytes; facts refer to no table, for they outlive partitions and cross databases"
_ROLLED_UP = "the sum over ads_events (`bijou.ads.model.booking.rebuild_day`)"

DECISIONS = table(
    "ads_decisions",
    "what was decided for a break and from what: enough to decide it again and compare",
    small("day", _DAY, primary_key=True, autoincrement=False),
    small("slot", _SLOT, primary_key=True, autoincrement=False),
    blob("decision", "16 bytes of a UUIDv7; the token of an ad names it", primary_key=True),
    whole("at", "the moment that was decided for"),
    text("region", "which process of which region, when two disagree"),
    whole("revision", "the configuration in effect; replay reads exactly that one"),
    text("policy", "the version of the deciding code"),
    whole("break", "the number of the break"),
    blob("inputs", "request, profile, caps and pacing as they were, sealed with the viewer's key"),
    text("outcome", "what was chosen for each slot and at which price, as JSON; who it was for is not in it"),
    CheckConstraint("day >= 0 AND slot BETWEEN 0 AND 1023", name="ads_decisions_place"),
    CheckConstraint("length(decision) = 16", name="ads_decisions_decision"),
    CheckConstraint("revision >= 0", name="ads_decisions_revision"),
    CheckConstraint("outcome LIKE '{%}'", name="ads_decisions_outcome"),
    by_day=True,
)

EVENTS = table(
    "ads_events",
    "what was seen and clicked, each once: what is billed",
    small(
        "day",
        "of the decision, not of arrival: a late duplicate meets its first copy in the same partition",
        primary_key=True,
        autoincrement=False,
    ),
    small("slot", _SLOT, primary_key=True, autoincrement=False),
    blob("impression", "16 bytes of the impression token; with the kind it counts once", primary_key=True),
    text("kind", "what happened; a word, for ad types bring their own", primary_key=True),
    whole("at", "when, by the device"),
    whole("received_at", "when we learned of it; lateness is the difference"),
    small("line_item", _NUMBER),
    small("creative", _NUMBER),
    small("placement", _NUMBER),
    small("advertiser", "of the line item, again: sums by advertiser need no four joins"),
    text("region", "where it came in"),
    whole("charge_micros", "what it costs the client: fixed by the decision, not by today's price"),
    text("currency", "of the charge"),
    CheckConstraint("day >= 0 AND slot BETWEEN 0 AND 1023", name="ads_events_place"),
    CheckConstraint("length(impression) = 16", name="ads_events_impression"),
    CheckConstraint("length(kind) BETWEEN 1 AND 40", name="ads_events_kind"),
    CheckConstraint("charge_micros >= 0", name="ads_events_charge"),
    by_day=True,
)

HOURLY = table(
    "ads_hourly",
    "counts and charges an hour: what reports and pacing read instead of events",
    small("day", _DAY, primary_key=True, autoincrement=False),
    small("hour", "hours since 1970-01-01 UTC, of the event", primary_key=True, autoincrement=False),
    small("line_item", _NUMBER, primary_key=True, autoincrement=False),
    small("creative", _NUMBER, primary_key=True, autoincrement=False),
    small("placement", _NUMBER, primary_key=True, autoincrement=False),
    text("region", "which region delivers too little", primary_key=True),
    text("kind", "one row a kind, not a column: ad types bring their own", primary_key=True),
    text("currency", "sums of two currencies mean nothing", primary_key=True),
    small(
        "advertiser",
        "whose; in the key, for a line item may be given to another order",
        primary_key=True,
        autoincrement=False,
    ),
    whole("events", "how many"),
    whole("charge_micros", "what they cost together"),
    CheckConstraint("day >= 0 AND hour >= 0", name="ads_hourly_time"),
    CheckConstraint("events >= 1 AND charge_micros >= 0", name="ads_hourly_counts"),
    Index("ads_hourly_line_item", "line_item", "day"),
    rebuilt=_ROLLED_UP,
    by_day=True,
)

DAILY = table(
    "ads_daily",
    "the same a day: kept when events and hours are archived, so it is small and never partitioned",
    small("day", "days since 1970-01-01 UTC, of the decision", primary_key=True, autoincrement=False),
    small("advertiser", "whose; the table is sharded by it", primary_key=True, autoincrement=False),
    small("line_item", _NUMBER, primary_key=True, autoincrement=False),
    text("kind", "what happened", primary_key=True),
    text("currency", "of the charge", primary_key=True),
    whole("events", "how many"),
    whole("charge_micros", "what they cost together"),
    CheckConstraint("day >= 0", name="ads_daily_time"),
    CheckConstraint("events >= 1 AND charge_micros >= 0", name="ads_daily_counts"),
    Index("ads_daily_line_item", "line_item", "day"),
    rebuilt=_ROLLED_UP,
)

INVOICES = table(
    "ads_invoices",
    "what a client was asked to pay; closed, it is a fact of its own and no sum is taken again",
    text("id", "names the invoice", primary_key=True),
    text("insertion_order", "under which contract", ForeignKey("ads_insertion_orders.id"), index=True),
    small("first_day", "first day billed"),
    small("last_day", "last day billed, included"),
    text("currency", "of all its lines"),
    whole("total_micros", "the sum of its lines"),
    text("state", "open ones may be made anew, closed ones never"),
    whole("made_at", "when it was made"),
    CheckConstraint("id LIKE 'inv\\_%' ESCAPE '\\'", name="ads_invoices_id"),
    CheckConstraint("first_day >= 0 AND last_day >= first_day", name="ads_invoices_days"),
    CheckConstraint("length(currency) = 3 AND currency = upper(currency)", name="ads_invoices_currency"),
    CheckConstraint("total_micros >= 0", name="ads_invoices_total"),
    CheckConstraint("state IN ('open', 'closed')", name="ads_invoices_state"),
)

INVOICE_LINES = table(
    "ads_invoice_lines",
    "one a line item and kind of event",
    text("invoice", "of which invoice", ForeignKey("ads_invoices.id", ondelete="CASCADE"), primary_key=True),
    small("line_item", "for which line item, by number", primary_key=True, autoincrement=False),
    text("kind", "what is paid for", primary_key=True),
    whole("events", "how many"),
    whole("amount_micros", "what they cost together"),
    CheckConstraint("events >= 0 AND amount_micros >= 0", name="ads_invoice_lines_amount"),
)

ARCHIVES = table(
    "ads_archives",
    "days that have left the database: what is where, and the sums by which it is proved whole",
    text("table", "of which table", primary_key=True),
    small("day", "which day", primary_key=True, autoincrement=False),
    text("file", "where it lies"),
    text("sha256", "of the file"),
    whole("rows", "how many it holds; counted in the partition and again in the file"),
    whole("charge_micros", "what they cost together; counted in both too"),
    whole("archived_at", "when"),
    CheckConstraint("length(sha256) = 64", name="ads_archives_sha256"),
    CheckConstraint("rows >= 0 AND charge_micros >= 0 AND day >= 0", name="ads_archives_sums"),
)

SHARD_SLOTS = table(
    "ads_shard_slots",
    "which database holds which slot of viewers or advertisers; each shard keeps its own row as a fence",
    text("keyspace", "sharded by viewer, or by advertiser", primary_key=True),
    small(
        "slot",
        "one of 1,024: a key's place never changes, a slot's does",
        primary_key=True,
        autoincrement=False,
    ),
    text("shard", "who holds it and answers for it"),
    text("target", "whom it moves to, and who gets every write too; empty where it stays"),
    whole("epoch", "rises with every change: a write that was routed by an older one is refused"),
    CheckConstraint("keyspace IN ('viewer', 'advertiser')", name="ads_shard_slots_keyspace"),
    CheckConstraint("slot BETWEEN 0 AND 1023", name="ads_shard_slots_slot"),
    CheckConstraint("length(shard) >= 1 AND target <> shard", name="ads_shard_slots_shard"),
    CheckConstraint("epoch >= 1", name="ads_shard_slots_epoch"),
)
