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

from bijou.ports import Instant, Load, Problem, Role

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "web" / "src" / "api" / "types.ts"
MODULES = (
    "bijou.accounts.api",
    "bijou.app.status",
    "bijou.catalog.api",
    "bijou.delivery.api",
    "bijou.encoding.api",
    "bijou.ingest.api",
    "bijou.playback.api",
)
# What the site sends: a field with a default may be left out.
SENT = frozenset({"NewTitle", "NewUpload", "NewUser", "SignIn", "TitleChange"})
# What only services, and the command line, say to each other.
INTERNAL = frozenset(
    {
        "Checksum",
        "EdgeHealth",
        "EdgeStatistics",
        "OriginHealth",
        "OriginStatistics",
        "SentBytes",
        "SignedIn",
        "SteeringHealth",
    }
)
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
    for name in MODULES:
        for struct in _declared_in(importlib.import_module(name)):
            if struct.__name__ in found:
                raise ValueError(f"two Structs are called {struct.__name__}; the site sees one namespace")
            found[struct.__name__] = struct
    return {name: struct for name, struct in found.items() if name not in INTERNAL}


def _declared_in(module: ModuleType) -> list[type[msgspec.Struct]]:
    return [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, msgspec.Struct)
        and value.__module__ == module.__name__
    ]


def _interface(struct: type[msgspec.Struct], enums: dict[str, Any]) -> str:
    shape = shapes.type_info(struct)
    if not isinstance(shape, shapes.StructType):
        raise TypeError(f"{struct.__name__} is no Struct")
    may_lack = struct.__name__ in SENT or struct.__struct_config__.omit_defaults
    lines = []
    for field in shape.fields:
        mark = "?" if may_lack and not field.required else ""
        lines.append(f"  {field.encode_name}{mark}: {_typescript(field.type, enums)};")
    return "\n".join([f"{_comment(struct)}export interface {struct.__name__} {{", *lines, "}", ""])


def _typescript(shape: shapes.Type, enums: dict[str, Any]) -> str:
    if isinstance(shape, shapes.EnumType):
        enums[shape.cls.__name__] = shape.cls
    match shape:
        case shapes.StructType(cls=cls) | shapes.EnumType(cls=cls):
            return cls.__name__
        case shapes.ListType(item_type=item) | shapes.VarTupleType(item_type=item):
            return f"{_typescript(item, enums)}[]"
        case shapes.DictType(value_type=value):
            return f"Record<string, {_typescript(value, enums)}>"
        case shapes.UnionType(types=types):
            return " | ".join(_typescript(one, enums) for one in types)
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
