"""Tables of viewers: what they are recognised by, and what they agreed to."""

from sqlalchemy import CheckConstraint, Index

from bijou.ads.model.columns import blob, small, table, text, whole

IDENTIFIERS = table(
    "ads_identifiers",
    "by what a viewer is recognised: only keyed hashes, so that a stolen copy names nobody",
    blob("identifier", "keyed hash of the identifier, 16 bytes; the raw one is never kept", primary_key=True),
    text("kind", "account, profile, device, household, or a partner's", primary_key=True),
    blob("viewer", "the pseudonym it stands for, 16 bytes; caps and audiences are by it"),
    small("slot", "the shard slot of the viewer: rows move with their slot"),
    whole("seen_at", "when last; what has not been seen for long is forgotten"),
    CheckConstraint("length(identifier) = 16 AND length(viewer) = 16", name="ads_identifiers_hashed"),
    CheckConstraint(
        "kind IN ('account', 'profile', 'device', 'household', 'partner')", name="ads_identifiers_kind"
    ),
    CheckConstraint("slot BETWEEN 0 AND 1023", name="ads_identifiers_slot"),
    Index("ads_identifiers_viewer", "slot", "viewer"),
    Index("ads_identifiers_seen_at", "seen_at"),
)

CONSENTS = table(
    "ads_consents",
    "what a viewer agreed to, per purpose, every answer kept: the newest holds, the older ones prove",
    blob("viewer", "whose answer", primary_key=True),
    text("purpose", "for what: one answer does not stand for another", primary_key=True),
    whole("at", "when it was given: a decision is judged by what held then", primary_key=True),
    small("slot", "the shard slot of the viewer"),
    small("granted", "the answer; where none is, it is no"),
    text("source", "where it was given: what was asked can be looked up"),
    CheckConstraint("length(viewer) = 16", name="ads_consents_viewer"),
    CheckConstraint("slot BETWEEN 0 AND 1023", name="ads_consents_slot"),
    CheckConstraint("granted IN (0, 1)", name="ads_consents_granted"),
    CheckConstraint("length(purpose) BETWEEN 1 AND 64", name="ads_consents_purpose"),
)
