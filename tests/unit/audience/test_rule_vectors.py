"""The console reads and writes rules by itself while one types: both sides are held to the same trees."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bijou.audience import Registry, Rule
from bijou.audience.rules.printing import print_rule
from bijou.audience.rules.reading import read_rule
from bijou.audience.rules.words import BadRule

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).resolve().parents[3] / "web" / "test" / "rule_vectors.json").read_text()
)
REGISTRY = Registry.shipped()


@pytest.mark.parametrize("vector", VECTORS["rules"], ids=lambda vector: vector["printed"])
def test_what_the_console_is_held_to_is_what_the_language_says(vector: dict[str, Any]) -> None:
    rule = read_rule(vector["text"], REGISTRY)

    assert rule == msgspec.convert(vector["tree"], Rule)
    assert print_rule(rule) == vector["printed"]
    assert read_rule(vector["printed"], REGISTRY) == rule


@pytest.mark.parametrize("text", VECTORS["no_rules"])
def test_what_the_console_does_not_read_is_no_rule(text: str) -> None:
    with pytest.raises(BadRule):
        read_rule(text, REGISTRY)
