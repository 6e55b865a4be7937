"""The generated pages of the reference."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import click

import bijou as package
from bijou.app.model_pages import schema_page
from bijou.app.routes import all_endpoints
from bijou.app.settings import Settings
from bijou.cli.commands import bijou
from bijou.events import registered, report_of, written
from bijou.runtime.settings import manual

_HEAD = "<!-- written by `./run reference`; a test compares it -->\n"


def all_pages() -> dict[str, str]:
    """Return every generated page by file name."""
    makers: dict[str, Callable[[], str]] = {
        "ads-model.md": lambda: schema_page(_HEAD),
        "bijou.toml": lambda: manual(Settings),
        "commands.md": commands_page,
        "errors.md": errors_page,
        "events.json": lambda: written(report_of(registered())),
        "routes.md": routes_page,
    }
    return {name: make() for name, make in makers.items()}


def commands_page() -> str:
    """Return every command with its help, as the terminal shows it."""
    lines = [_HEAD, "# Commands\n", "Exit status: 0 ok, 1 no, 2 usage, 3 the environment.\n"]
    context = click.Context(bijou, info_name="bijou", max_content_width=100, terminal_width=100)
    context.help_option_names = ["-h", "--help"]
    for title, text in _helps(bijou, context):
        lines += [f"## {title}\n", "```", text, "```\n"]
    return "\n".join(lines)


def _helps(group: click.Group, context: click.Context) -> Iterator[tuple[str, str]]:
    """Yield each command of a group, and of the groups in it, with its help."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None:
            inner = click.Context(command, context, name, max_content_width=100, terminal_width=100)
            yield inner.command_path, command.get_help(inner).rstrip()
            if isinstance(command, click.Group):
                yield from _helps(command, inner)


def routes_page() -> str:
    """Return the table of all routes of all services."""
    lines = [
        _HEAD,
        "# Routes\n",
        "Who may call what. `tests/contract/test_routes.py` tries every role on every row.\n",
    ]
    for service, endpoints in all_endpoints().items():
        lines += [
            f"## {service}\n",
            "| method | path | role | takes | gives | |",
            "|---|---|---|---|---|---|",
        ]
        lines += [
            f"| {e.method} | `{e.path}` | {e.role} | {_type(e.takes)} | {_type(e.gives)} | {e.summary} |"
            for e in endpoints
        ]
        lines.append("")
    return "\n".join(lines)


def errors_page() -> str:
    """Return every error code with the kind that carries it and where it is raised."""
    found: dict[str, tuple[str, set[str]]] = {}
    for path in sorted(Path(package.__file__).parent.rglob("*.py")):
        room = path.relative_to(Path(package.__file__).parent).parts[0]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and (code := _code_of(node)):
                found.setdefault(code, (ast.unparse(node.func), set()))[1].add(room.removesuffix(".py"))
    lines = [_HEAD, "# Error codes\n", "Stable; on the wire as `code`, and as `type` behind `urn:bijou:`.\n"]
    lines += ["| code | kind | raised in |", "|---|---|---|"]
    lines += [
        f"| `{code}` | {kind} | {', '.join(sorted(rooms))} |" for code, (kind, rooms) in sorted(found.items())
    ]
    return "\n".join(lines) + "\n"


_CODE = re.compile(r"[a-z_]+\.[a-z_]+")


def _code_of(call: ast.Call) -> str:
    """Return the code that a call carries, where it makes an error: a class, and a code first."""
    name = ast.unparse(call.func)
    first = call.args[0] if call.args else None
    if name[:1].isupper() and isinstance(first, ast.Constant) and isinstance(first.value, str):
        return first.value if _CODE.fullmatch(first.value) else ""
    return ""


def _type(kind: object) -> str:
    if kind is None:
        return ""
    name = kind.__name__ if isinstance(kind, type) and not hasattr(kind, "__args__") else str(kind)
    return (
        name.split(".")[-1]
        if "[" not in name
        else f"{name.split('[')[0]} of {name.split('[')[1].rstrip(']').split('.')[-1]}"
    )
