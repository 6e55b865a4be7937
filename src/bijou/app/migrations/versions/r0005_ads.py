"""The configuration of ads with its history, viewers' consent, and what happened."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_Int64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_Float64: sa.types.TypeEngine[float] = sa.Double().with_variant(sa.REAL(), "sqlite")
_TYPES: dict[str, Any] = {
    "text": sa.Text(),
    "whole": _Int64,
    "small": sa.Integer(),
    "blob": sa.LargeBinary(),
    "fraction": _Float64,
}
_IMMUTABLE = ("ads_changes", "ads_versions")


class _Wanted(NamedTuple):
    """A table in few words.

    `columns` are `name type` and, in this order, `key`, `counted`, `null`,
    `unique`, `> table.column`, `cascade`, as they apply.
    """

    name: str
    columns: str
    checks: dict[str, str]
    indexes: Mapping[str, str] = MappingProxyType({})
    by_day: bool = False


def upgrade() -> None:
    """Make the tables, and have the database refuse changes of the past."""
    for wanted in _TABLES:
        _create(wanted)
    for name in _IMMUTABLE:
        _refuse_changes(name)


def downgrade() -> None:
    """Drop them, those that refer to others first."""
    for wanted in reversed(_TABLES):
        op.drop_table(wanted.name)
    if op.get_bind().dialect.name == "postgresql":
        for name in _IMMUTABLE:
            op.execute(f"DROP FUNCTION {name}_refuse()")


def _create(wanted: _Wanted) -> None:
    columns = [_column(words.split()) for words in wanted.columns.split(", ")]
    checks = [sa.CheckConstraint(sql, name=f"{wanted.name}_{rule}") for rule, sql in wanted.checks.items()]
    options: dict[str, Any] = {"postgresql_partition_by": "RANGE (day)"} if wanted.by_day else {}
    op.create_table(wanted.name, *columns, *checks, sqlite_strict=True, **options)
    for name, of in wanted.indexes.items():
        op.create_index(name, wanted.name, of.split())


def _column(words: list[str]) -> sa.Column[Any]:
    name, kind, *marks = words
    key = "key" in marks
    cascade = "CASCADE" if "cascade" in marks else None
    refers = [sa.ForeignKey(marks[marks.index(">") + 1], ondelete=cascade)] if ">" in marks else []
    return sa.Column(
        name,
        _TYPES[kind],
        *refers,
        primary_key=key,
        autoincrement="counted" in marks,
        nullable="null" in marks,
        unique=True if "unique" in marks else None,
    )


def _refuse_changes(name: str) -> None:
    said = f"{name} is never changed; write a new version"
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {name}_no_{verb.lower()} BEFORE {verb} ON {name} "
                f"BEGIN SELECT RAISE(ABORT, '{said}'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {name}_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{said}'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {name}_immutable BEFORE UPDATE OR DELETE ON {name} "
        f"FOR EACH ROW EXECUTE FUNCTION {name}_refuse()"
    )


_TABLES: tuple[_Wanted, ...] = (
    _Wanted(
        "ads_archives",
        "table text key, day small key, file text, sha256 text, rows whole, charge_micros whole, "
        "archived_at whole",
        {
            "sha256": "length(sha256) = 64",
            "sums": "rows >= 0 AND charge_micros >= 0 AND day >= 0",
        },
    ),
    _Wanted(
        "ads_changes",
        "number whole key, at whole, author text, reason text",
        {
            "author": "length(author) BETWEEN 1 AND 100",
            "number": "number >= 1",
            "reason": "length(reason) BETWEEN 1 AND 500",
        },
        {"ads_changes_at": "at"},
    ),
    _Wanted(
        "ads_consents",
        "viewer blob key, purpose text key, at whole key, slot small, granted small, source text",
        {
            "granted": "granted IN (0, 1)",
            "purpose": "length(purpose) BETWEEN 1 AND 64",
            "slot": "slot BETWEEN 0 AND 1023",
            "viewer": "length(viewer) = 16",
        },
    ),
    _Wanted(
        "ads_daily",
        "day small key, advertiser small key, line_item small key, kind text key, currency text key, "
        "events whole, charge_micros whole",
        {
            "counts": "events >= 1 AND charge_micros >= 0",
            "time": "day >= 0",
        },
        {"ads_daily_line_item": "line_item day"},
    ),
    _Wanted(
        "ads_decisions",
        "day small key, slot small key, decision blob key, at whole, region text, revision whole, policy "
        "text, break whole, inputs blob, outcome text",
        {
            "decision": "length(decision) = 16",
            "outcome": "outcome LIKE '{%}'",
            "place": "day >= 0 AND slot BETWEEN 0 AND 1023",
            "revision": "revision >= 0",
        },
        by_day=True,
    ),
    _Wanted(
        "ads_entities",
        "number whole key counted, id text unique, kind text, version whole",
        {
            "kind": "length(kind) BETWEEN 1 AND 40",
            "version": "version >= 1",
        },
        {"ads_entities_kind_number": "kind number"},
    ),
    _Wanted(
        "ads_events",
        "day small key, slot small key, impression blob key, kind text key, at whole, received_at whole, "
        "line_item small, creative small, placement small, advertiser small, region text, charge_micros "
        "whole, currency text",
        {
            "charge": "charge_micros >= 0",
            "impression": "length(impression) = 16",
            "kind": "length(kind) BETWEEN 1 AND 40",
            "place": "day >= 0 AND slot BETWEEN 0 AND 1023",
        },
        by_day=True,
    ),
    _Wanted(
        "ads_hourly",
        "day small key, hour small key, line_item small key, creative small key, placement small key, "
        "region text key, kind text key, currency text key, advertiser small key, events whole, "
        "charge_micros whole",
        {
            "counts": "events >= 1 AND charge_micros >= 0",
            "time": "day >= 0 AND hour >= 0",
        },
        {"ads_hourly_line_item": "line_item day"},
        by_day=True,
    ),
    _Wanted(
        "ads_identifiers",
        "identifier blob key, kind text key, viewer blob, slot small, seen_at whole",
        {
            "hashed": "length(identifier) = 16 AND length(viewer) = 16",
            "kind": "kind IN ('account', 'profile', 'device', 'household', 'partner')",
            "slot": "slot BETWEEN 0 AND 1023",
        },
        {"ads_identifiers_seen_at": "seen_at", "ads_identifiers_viewer": "slot viewer"},
    ),
    _Wanted(
        "ads_revision",
        "one whole key, number whole, at whole",
        {
            "number": "number >= 0 AND at >= 0",
            "one": "one = 1",
        },
    ),
    _Wanted(
        "ads_shard_slots",
        "keyspace text key, slot small key, shard text, target text, epoch whole",
        {
            "epoch": "epoch >= 1",
            "keyspace": "keyspace IN ('viewer', 'advertiser')",
            "shard": "length(shard) >= 1 AND target <> shard",
            "slot": "slot BETWEEN 0 AND 1023",
        },
    ),
    _Wanted(
        "ads_ad_types",
        "id text key > ads_entities.id, name text unique, renderer text, schema text, events text, timed "
        "small",
        {
            "json": "schema LIKE '{%}' AND events LIKE '{%}'",
            "name": "length(name) BETWEEN 1 AND 64 AND name = lower(name)",
            "renderer": "length(renderer) BETWEEN 1 AND 64",
            "timed": "timed IN (0, 1)",
        },
    ),
    _Wanted(
        "ads_advertisers",
        "id text key > ads_entities.id, name text, domain text, currency text, time_zone text, state text",
        {
            "currency": "length(currency) = 3 AND currency = upper(currency)",
            "name": "length(name) BETWEEN 1 AND 200",
            "state": "state IN ('draft', 'active', 'paused', 'archived')",
        },
    ),
    _Wanted(
        "ads_audiences",
        "id text key > ads_entities.id, name text unique, audience text, least_members whole",
        {
            "least_members": "least_members >= 1",
            "name": "length(name) BETWEEN 1 AND 64 AND name = lower(name)",
        },
    ),
    _Wanted(
        "ads_categories",
        "id text key > ads_entities.id, name text unique, label text, parent text",
        {
            "name": "length(name) BETWEEN 1 AND 64 AND name = lower(name)",
            "parent": "parent <> name",
        },
    ),
    _Wanted(
        "ads_dayparts",
        "line_item text key > ads_entities.id cascade, position small key, weekday small, begins_minute "
        "small, ends_minute small",
        {
            "minutes": "begins_minute >= 0 AND ends_minute > begins_minute AND ends_minute <= 1440",
            "position": "position >= 0",
            "weekday": "weekday BETWEEN 0 AND 6",
        },
    ),
    _Wanted(
        "ads_dimensions",
        "id text key > ads_entities.id, name text unique, kind text, source text, cardinality text, "
        "privacy text, values text, low fraction null, high fraction null, unit text, says text",
        {
            "cardinality": "cardinality IN ('few', 'some', 'many')",
            "kind": "kind IN ('category', 'set', 'integer', 'number', 'flag', 'event')",
            "name": "length(name) BETWEEN 1 AND 64 AND name = lower(name)",
            "privacy": "privacy IN ('open', 'personal', 'sensitive')",
            "source": "source IN ('profile', 'request', 'content', 'time')",
            "values": "\"values\" LIKE '[%]' AND low <= high",
        },
    ),
    _Wanted(
        "ads_flights",
        "line_item text key > ads_entities.id cascade, position small key, begins_at whole, ends_at whole, "
        "goal text, goal_units whole, budget_micros whole",
        {
            "budget": "budget_micros >= 0",
            "dates": "ends_at > begins_at",
            "goal": "goal IN ('impressions', 'completes', 'clicks', 'share', 'none')",
            "goal_units": (
                "(goal = 'none') = (goal_units = 0) AND goal_units >= 0 AND (goal <> 'share' OR goal_units "
                "<= 100)"
            ),
            "position": "position >= 0",
        },
        {"ads_flights_ends_at": "ends_at"},
    ),
    _Wanted(
        "ads_frequency_caps",
        "owner text key > ads_entities.id cascade, position small key, per text, at_most small, window_s "
        "whole",
        {
            "at_most": "at_most BETWEEN 1 AND 511",
            "per": "per IN ('viewer', 'household', 'device', 'session', 'break')",
            "position": "position >= 0",
            "window": "window_s >= 0 AND (per IN ('session', 'break')) = (window_s = 0)",
        },
    ),
    _Wanted(
        "ads_placements",
        "id text key > ads_entities.id, name text, surface text, floor_micros whole, currency text, state "
        "text",
        {
            "currency": "length(currency) = 3 AND currency = upper(currency)",
            "floor": "floor_micros >= 0",
            "name": "length(name) BETWEEN 1 AND 200",
            "state": "state IN ('draft', 'active', 'paused', 'archived')",
            "surface": "surface IN ('break', 'pause', 'overlay', 'companion')",
        },
    ),
    _Wanted(
        "ads_renditions",
        "creative text key > ads_entities.id cascade, position small key, url text, media_type text, width "
        "small, height small, bitrate_bps whole",
        {
            "media_type": "media_type LIKE '%/%'",
            "position": "position >= 0",
            "size": "width >= 0 AND height >= 0 AND bitrate_bps >= 0",
            "url": "length(url) BETWEEN 1 AND 2000",
        },
    ),
    _Wanted(
        "ads_trackers",
        "creative text key > ads_entities.id cascade, position small key, event text, url text",
        {
            "event": "length(event) BETWEEN 1 AND 64",
            "position": "position >= 0",
            "url": "url LIKE 'http%://%'",
        },
    ),
    _Wanted(
        "ads_versions",
        "id text key > ads_entities.id, version whole key, change whole > ads_changes.number, kind text, "
        "body text, sha256 text",
        {
            "body": "body LIKE '{%}'",
            "sha256": "length(sha256) = 64",
            "version": "version >= 1",
        },
        {"ads_versions_change": "change"},
    ),
    _Wanted(
        "ads_brand_categories",
        "brand text key > ads_entities.id cascade, position small key, value text > ads_categories.name",
        {
            "position": "position >= 0",
        },
        {"ix_ads_brand_categories_value": "value"},
    ),
    _Wanted(
        "ads_brands",
        "id text key > ads_entities.id, advertiser text > ads_advertisers.id, name text, state text",
        {
            "name": "length(name) BETWEEN 1 AND 200",
            "state": "state IN ('draft', 'active', 'paused', 'archived')",
        },
        {"ix_ads_brands_advertiser": "advertiser"},
    ),
    _Wanted(
        "ads_breaks",
        "id text key > ads_entities.id, placement text > ads_placements.id, title text, point text, at_ms "
        "whole, longest_ms whole, slots small, state text",
        {
            "longest": "longest_ms BETWEEN 1 AND 1200000",
            "point": "point IN ('pre', 'mid', 'post') AND (point = 'mid') = (at_ms > 0)",
            "slots": "slots BETWEEN 1 AND 30",
            "state": "state IN ('draft', 'active', 'paused', 'archived')",
        },
        {"ix_ads_breaks_placement": "placement"},
    ),
    _Wanted(
        "ads_campaigns",
        "id text key > ads_entities.id, advertiser text > ads_advertisers.id, name text, state text, "
        "begins_at whole, ends_at whole, budget_micros whole, currency text",
        {
            "budget": "budget_micros >= 0",
            "currency": "length(currency) = 3 AND currency = upper(currency)",
            "dates": "ends_at > begins_at",
            "name": "length(name) BETWEEN 1 AND 200",
            "state": "state IN ('draft', 'active', 'paused', 'archived')",
        },
        {"ix_ads_campaigns_advertiser": "advertiser"},
    ),
    _Wanted(
        "ads_placement_refusals",
        "placement text key > ads_entities.id cascade, position small key, value text > ads_categories.name",
        {
            "position": "position >= 0",
        },
        {"ix_ads_placement_refusals_value": "value"},
    ),
    _Wanted(
        "ads_placement_types",
        "placement text key > ads_entities.id cascade, position small key, value text > ads_ad_types.name",
        {
            "position": "position >= 0",
        },
        {"ix_ads_placement_types_value": "value"},
    ),
    _Wanted(
        "ads_creatives",
        "id text key > ads_entities.id, brand text > ads_brands.id, name text, ad_type text > "
        "ads_ad_types.name, duration_ms whole, click_url text, attributes text, state text",
        {
            "attributes": "attributes LIKE '{%}'",
            "click_url": "click_url = '' OR click_url LIKE 'http%://%'",
            "duration": "duration_ms BETWEEN 0 AND 3600000",
            "name": "length(name) BETWEEN 1 AND 200",
            "state": "state IN ('draft', 'active', 'paused', 'archived')",
        },
        {"ix_ads_creatives_ad_type": "ad_type", "ix_ads_creatives_brand": "brand"},
    ),
    _Wanted(
        "ads_insertion_orders",
        "id text key > ads_entities.id, campaign text > ads_campaigns.id, name text, reference text, state "
        "text, begins_at whole, ends_at whole, budget_micros whole, currency text",
        {
            "budget": "budget_micros >= 0",
            "currency": "length(currency) = 3 AND currency = upper(currency)",
            "dates": "ends_at > begins_at",
            "name": "length(name) BETWEEN 1 AND 200",
            "state": "state IN ('draft', 'active', 'paused', 'archived')",
        },
        {"ix_ads_insertion_orders_campaign": "campaign"},
    ),
    _Wanted(
        "ads_assignments",
        "line_item text key > ads_entities.id cascade, position small key, creative text > "
        "ads_creatives.id, weight small",
        {
            "position": "position >= 0",
            "weight": "weight BETWEEN 1 AND 1000",
        },
        {"ix_ads_assignments_creative": "creative"},
    ),
    _Wanted(
        "ads_invoices",
        "id text key, insertion_order text > ads_insertion_orders.id, first_day small, last_day small, "
        "currency text, total_micros whole, state text, made_at whole",
        {
            "currency": "length(currency) = 3 AND currency = upper(currency)",
            "days": "first_day >= 0 AND last_day >= first_day",
            "id": "id LIKE 'inv\\_%' ESCAPE '\\'",
            "state": "state IN ('open', 'closed')",
            "total": "total_micros >= 0",
        },
        {"ix_ads_invoices_insertion_order": "insertion_order"},
    ),
    _Wanted(
        "ads_line_items",
        "id text key > ads_entities.id, insertion_order text > ads_insertion_orders.id, name text, tier "
        "text, priority small, price_model text, price_micros whole, currency text, pacing text, "
        "separation text, time_zone text, targeting text, state text",
        {
            "currency": "length(currency) = 3 AND currency = upper(currency)",
            "name": "length(name) BETWEEN 1 AND 200",
            "pacing": "pacing IN ('even', 'asap', 'front_loaded')",
            "price": "price_micros >= 0 AND (tier <> 'house' OR price_micros = 0)",
            "price_model": "price_model IN ('cpm', 'cpcv', 'cpc', 'flat')",
            "priority": "priority BETWEEN 1 AND 16",
            "separation": "separation IN ('none', 'break', 'session')",
            "state": "state IN ('draft', 'active', 'paused', 'archived')",
            "targeting": "targeting LIKE '{%}'",
            "tier": "tier IN ('guaranteed', 'sponsorship', 'price_priority', 'house')",
        },
        {"ads_line_items_state_tier": "state tier", "ix_ads_line_items_insertion_order": "insertion_order"},
    ),
    _Wanted(
        "ads_invoice_lines",
        "invoice text key > ads_invoices.id cascade, line_item small key, kind text key, events whole, "
        "amount_micros whole",
        {
            "amount": "events >= 0 AND amount_micros >= 0",
        },
    ),
)
