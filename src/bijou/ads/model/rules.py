"""One rule a kind: what a noun must be before it becomes a version."""

from collections.abc import Callable, Mapping
from typing import Any

from bijou.ads.model import line_item_rules, selling_rules, showing_rules
from bijou.ads.model.around import Around
from bijou.ads.model.nouns import Noun, kind_of

_CHECKS: Mapping[str, Callable[[Any, str, Around], None]] = {
    "advertiser": selling_rules.check_advertiser,
    "brand": selling_rules.check_brand,
    "campaign": selling_rules.check_campaign,
    "insertion_order": selling_rules.check_insertion_order,
    "line_item": line_item_rules.check_line_item,
    "creative": showing_rules.check_creative,
    "placement": showing_rules.check_placement,
    "break": showing_rules.check_break,
    "category": showing_rules.check_category,
    "ad_type": showing_rules.check_ad_type,
    "dimension": showing_rules.check_dimension,
    "audience": showing_rules.check_audience,
}


def check(noun: Noun, record_id: str, around: Around) -> None:
    """Return if a noun may join the configuration around it.

    Args:
        record_id: Its own, so that its older self does not stand in its way.

    Raises:
        InvalidRequest: one sentence: where, the values, the rule.
    """
    _CHECKS[kind_of(noun)](noun, record_id, around)
