"""Writes `web/src/api/types.ts` from the Structs that travel between server and site."""

import argparse
import importlib
import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
from msgspec import inspect as shapes

from bijou.ads.model.nouns import Noun
from bijou.audience import Rule
from bijou.ports import Instant, Load, Problem, Role

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "web" / "src" / "api" / "types.ts"
MODULES = (
    "bijou.accounts.api",
    "bijou.ads.api",
    "bijou.ads.matching.asking",
    "bijou.ads.matching.service",
    "bijou.ads.matching.uses",
    "bijou.ads.model.nouns",
    "bijou.ads.model.record",
    "bijou.app.status",
    "bijou.audience.dimensions",
    "bijou.audience.manifest",
    "bijou.audience.orders",
    "bijou.audience.rules.contradictions",
    "bijou.audience.rules.nodes",
    "bijou.audience.shown",
    "bijou.catalog.api",
    "bijou.delivery.api",
    "bijou.encoding.api",
    "bijou.ingest.api",
    "bijou.playback.api",
)
# What the site sends: a field with a default may be left out.
SENT = frozenset(
    {
        "AdBreak",
        "AdCategory",
        "AdEdit",
        "AdRendition",
        "AdType",
        "Advertiser",
        "AudienceReference",
        "Brand",
        "Campaign",
        "Combination",
        "Creative",
        "ExplainPage",
        "ExplainQuestion",
        "FrequencyCap",
        "InsertionOrder",
        "LineItem",
        "NewAdChange",
        "NewAudience",
        "NewBatch",
        "NewDimension",
        "NewTitle",
        "NewUpload",
        "NewUser",
        "Placement",
        "RuleText",
        "SignIn",
        "TitleChange",
        "Viewer",
    }
)
# Words that are too general for the site's one namespace, or that TypeScript uses itself.
NAMES = {
    "bijou.ads.api.Changed": "AdChanged",
    "bijou.ads.api.Edit": "AdEdit",
    "bijou.ads.api.NewChange": "NewAdChange",
    "bijou.ads.matching.service.Answer": "Explanation",
    "bijou.ads.matching.service.Page": "ExplainPage",
    "bijou.ads.matching.service.Question": "ExplainQuestion",
    "bijou.ads.model.nouns.Category": "AdCategory",
    "bijou.ads.model.nouns.Rendition": "AdRendition",
    "bijou.ads.model.record.Change": "AdChange",
    "bijou.ads.model.record.Record": "AdRecord",
    "bijou.ads.model.terms.State": "AdState",
}
# What only services, and the command line, say to each other.
INTERNAL = frozenset(
    {
        "After",
        "Cell",
        "Checksum",
        "Dayparts",
        "EdgeHealth",
        "EdgeStatistics",
        "Layer",
        "Layout",
        "Line",
        "Literal",
        "Manifest",
        "Matches",
        "OriginHealth",
        "OriginStatistics",
        "SentBytes",
        "SignedIn",
        "SteeringHealth",
    }
)
# Unions that are written out once.
UNIONS: dict[str, Any] = {"Noun": Noun, "Rule": Rule}
HEAD = """\
// Generated from the Structs of src/bijou by `python -m tools.typescript`; do not edit.

/** A moment as RFC 3339, in UTC. */
export type Instant = string;
"""
_PRIMITIVES: dict[type[shapes.Type], str] = {
    shapes.AnyType: "unknown",
    shapes.BoolType: "boolean",
    shapes.FloatType: "number",
    shapes.IntType: "number",
    shapes.NoneType: "null",
    shapes.RawType: "unknown",
    shapes.StrType: "string",
}


def generate() -> str:
    """Return the whole file: every public Struct and enumeration, by name."""
    structs = _structs()
    enums = {Role.__name__: Role}
    blocks = {}
    for name, struct in structs.items():
        blocks[name] = _interface(struct, enums)
    for name, enum in enums.items():
        members = " | ".join(f'"{member.value}"' for member in enum)
        blocks[name] = f"{_comment(enum)}export type {name} = {members};\n"
    for name, written in _unions().items():
        for other, block in blocks.items():
            blocks[other] = block.replace(f"({written})", name).replace(written, name)
        blocks[name] = f"export type {name} = {written};\n"
    return "\n".join([HEAD, *(blocks[name] for name in sorted(blocks))])


def main(arguments: list[str], target: Path = TARGET) -> int:
    """Write the file, or with `--check` say whether the committed one is true."""
    parser = argparse.ArgumentParser(prog="python -m tools.typescript", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit 1 where the file is out of date"
    )
    options = parser.parse_args(arguments)
    fresh = generate()
    if target.is_file() and target.read_text() == fresh:
        return 0
    if options.check:
        print(f"{target} is not what the Structs say; run `python -m tools.typescript`", file=sys.stderr)
        return 1
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(fresh)
    return 0


def _structs() -> dict[str, type[msgspec.Struct]]:
    found: dict[str, type[msgspec.Struct]] = {kind.__name__: kind for kind in (Load, Problem)}
    for module in MODULES:
        for struct in _declared_in(importlib.import_module(module)):
            name = _name(struct)
            if name in found:
                raise ValueError(f"two Structs are called {name}; the site sees one namespace")
            found[name] = struct
    return {name: struct for name, struct in found.items() if name not in INTERNAL}


def _unions() -> dict[str, str]:
    return {name: _typescript(shapes.type_info(union), {}) for name, union in UNIONS.items()}


def _declared_in(module: ModuleType) -> list[type[msgspec.Struct]]:
    return [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, msgspec.Struct)
        and value.__module__ == module.__name__
        and not value.__name__.startswith("_")
    ]


def _name(kind: type) -> str:
    return NAMES.get(f"{kind.__module__}.{kind.__name__}", kind.__name__)


def _interface(struct: type[msgspec.Struct], enums: dict[str, Any]) -> str:
    shape = shapes.type_info(struct)
    if not isinstance(shape, shapes.StructType):
        raise TypeError(f"{struct.__name__} is no Struct")
    may_lack = _name(struct) in SENT or struct.__struct_config__.omit_defaults
    lines = [f'  {shape.tag_field}: "{shape.tag}";'] if shape.tag_field else []
    for field in shape.fields:
        mark = "?" if may_lack and not field.required else ""
        lines.append(f"  {field.encode_name}{mark}: {_typescript(field.type, enums)};")
    return "\n".join([f"{_comment(struct)}export interface {_name(struct)} {{", *lines, "}", ""])


def _typescript(shape: shapes.Type, enums: dict[str, Any]) -> str:
    if isinstance(shape, shapes.EnumType):
        enums[_name(shape.cls)] = shape.cls
    match shape:
        case shapes.StructType(cls=cls) | shapes.EnumType(cls=cls):
            return _name(cls)
        case shapes.ListType(item_type=item) | shapes.VarTupleType(item_type=item):
            inner = _typescript(item, enums)
            return f"({inner})[]" if " | " in inner else f"{inner}[]"
        case shapes.DictType(value_type=value):
            return f"Record<string, {_typescript(value, enums)}>"
        case shapes.UnionType(types=types):
            return " | ".join(dict.fromkeys(_typescript(one, enums) for one in types))
        case shapes.CustomType(cls=cls) if cls is Instant:
            return Instant.__name__
        case _ if type(shape) in _PRIMITIVES:
            return _PRIMITIVES[type(shape)]
    raise TypeError(f"no TypeScript form for {shape}; give `_typescript` a case for it")


def _comment(kind: type) -> str:
    said = (inspect.getdoc(kind) or "").partition("\n")[0]
    return f"/** {said} */\n" if said else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
