"""Settings: one typed schema makes the loader, the flags and the manual.

A setting has one name in three spellings: `[edge] cache_bytes`,
`BIJOU_EDGE_CACHE_BYTES`, `--edge-cache-bytes`; the flag wins over the
environment, that over the file, that over the default.
"""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from bijou.ports import InvalidRequest
from bijou.runtime import codec
from bijou.runtime.invocation import command

S = TypeVar("S", bound=msgspec.Struct)

_BOOLEANS = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}


class Setting(msgspec.Struct, frozen=True):
    """One setting of a schema, with all its names."""

    section: str
    name: str
    kind: Any
    default: Any
    describes: str

    @property
    def env(self) -> str:
        """Its name in the environment."""
        return f"BIJOU_{self.section}_{self.name}".upper()

    @property
    def flag(self) -> str:
        """Its name on the command line."""
        return f"--{self.section}-{self.name}".replace("_", "-")


def settings_of(schema: type[msgspec.Struct]) -> Iterator[Setting]:
    """Yield every setting of a schema: a Struct of sections, each a Struct of fields."""
    for section in msgspec.structs.fields(schema):
        hints = get_type_hints(section.type, include_extras=True)
        for field in msgspec.structs.fields(section.type):
            default = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
            hint = hints[field.name]
            yield Setting(section.name, field.name, get_args(hint)[0], default, _description(hint))


def load(
    schema: type[S],
    *,
    file: Path | None = None,
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, str] | None = None,
) -> S:
    """Read settings from a TOML file, the environment and flags, in rising order of say.

    Args:
        flags: Values by flag name, such as `{"--edge-port": "8810"}`.

    Raises:
        InvalidRequest: `settings.unreadable`, `settings.unknown` or
            `settings.bad_value`; the message says where it was set, and the rule.
    """
    known = {(s.section, s.name): s for s in settings_of(schema)}
    values: dict[str, dict[str, Any]] = {}
    origins: dict[tuple[str, str], str] = {}
    for section, name, value in _of_file(file):
        if (section, name) not in known:
            raise InvalidRequest(
                "settings.unknown",
                f"{file}: there is no setting [{section}] {name}; see `{command('config')}`",
            )
        values.setdefault(section, {})[name] = value
        origins[section, name] = f"{file}: [{section}] {name}"
    for key, setting in known.items():
        for spelling, given in ((setting.env, environ or {}), (setting.flag, flags or {})):
            if spelling in given:
                values.setdefault(setting.section, {})[setting.name] = _of_text(setting, given[spelling])
                origins[key] = spelling
    return _typed(schema, values, known, origins)


def manual(schema: type[msgspec.Struct]) -> str:
    """Return the whole configuration as commented TOML: every setting at its default."""
    lines: list[str] = []
    section = ""
    for setting in settings_of(schema):
        if setting.section != section:
            section = setting.section
            lines += ["", f"[{section}]"]
        lines += [f"# {line}" for line in setting.describes.splitlines()]
        lines += [f"# {setting.env} · {setting.flag}", f"{setting.name} = {_toml(setting.default)}"]
    return "\n".join(lines).strip() + "\n"


def environ_of(schema: type[S], settings: S) -> dict[str, str]:
    """Return the environment from which `load` makes `settings` again, whatever else is set."""
    given = {}
    for setting in settings_of(schema):
        value = getattr(getattr(settings, setting.section), setting.name)
        given[setting.env] = ",".join(value) if isinstance(value, list) else str(value)
    return given


def _description(hint: Any) -> str:
    for extra in get_args(hint)[1:]:
        if isinstance(extra, msgspec.Meta) and extra.description:
            return extra.description
    raise TypeError(f"{hint} has no description; a setting without one has no manual")


def _of_file(file: Path | None) -> Iterator[tuple[str, str, Any]]:
    if file is None:
        return
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidRequest("settings.unreadable", f"{file}: {error}") from error
    for section, content in document.items():
        if not isinstance(content, dict):
            raise InvalidRequest("settings.unknown", f"{file}: {section} stands outside any [section]")
        yield from ((section, name, value) for name, value in content.items())


def _of_text(setting: Setting, text: str) -> Any:
    if get_origin(setting.kind) is list:
        return [part.strip() for part in text.split(",") if part.strip()]
    if setting.kind is bool:
        return _BOOLEANS.get(text.strip().lower(), text)
    return text


def _typed(
    schema: type[S],
    values: dict[str, dict[str, Any]],
    known: Mapping[tuple[str, str], Setting],
    origins: Mapping[tuple[str, str], str],
) -> S:
    for (section, name), origin in origins.items():
        value = values[section][name]
        one = msgspec.defstruct(
            "One", [(name, get_type_hints(_section(schema, section), include_extras=True)[name])]
        )
        try:
            codec.convert({name: value}, one)
        except (msgspec.ValidationError, ValueError) as error:
            rule = str(error).split(" - at")[0]
            raise InvalidRequest(
                "settings.bad_value",
                f"{origin} = {value!r}: {rule} ({known[section, name].describes.splitlines()[0]})",
            ) from error
    return codec.convert(values, schema)


def _section(schema: type[msgspec.Struct], name: str) -> type[msgspec.Struct]:
    types: dict[str, type[msgspec.Struct]] = {
        field.name: field.type for field in msgspec.structs.fields(schema)
    }
    return types[name]


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(part) for part in value) + "]"
    return str(value) if isinstance(value, int | float) else f'"{value}"'
