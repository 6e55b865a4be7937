import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bijou.app.deployment import KINDS
from bijou.app.settings import Settings
from bijou.cli.commands import bijou
from bijou.cli.sending import patiently, token_for
from bijou.ports import EngineUnavailable, Instant, Unauthenticated, VirtualClock
from bijou.runtime.lockfile import hold
from bijou.runtime.settings import load, settings_of


def run(*arguments: str, **env: str) -> Result:
    return CliRunner().invoke(bijou, arguments, env={"BIJOU_TOKEN": "", "BIJOU_CALLED_AS": "", **env})


@pytest.mark.parametrize(
    "command", ["config", "demo", "encode", "fs", "reference", "run", "serve", "sign-in", "status", "upload"]
)
def test_every_command_says_what_it_does_with_two_examples(command: str) -> None:
    said = run(command, "--help").stdout

    assert said.count(f"bijou {command}") >= 2 or command in {"config", "reference"}
    assert f"Usage: bijou {command}" in said.replace("Usage: bijou-root", "Usage: bijou")


def test_every_flag_shows_its_default_and_its_name_in_the_environment() -> None:
    said = " ".join(run("run", "--help").stdout.split())

    assert "[BIJOU_EDGE_CACHE_BYTES; default: 268435456]" in said


@pytest.mark.parametrize(
    ("flag", "value"),
    [("--edge-port", "eighty"), ("--house-log-level", "loud"), ("--delivery-edges", "east=http://a:99999")],
)
def test_a_bad_setting_is_one_sentence_and_a_matter_of_usage(flag: str, value: str) -> None:
    result = run("serve", flag, value)

    assert result.exit_code == 2
    assert value in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not result.stdout


def test_an_unknown_command_is_usage() -> None:
    assert run("frobnicate").exit_code == 2


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    result = run("upload", str(tmp_path / "none.mp4"), BIJOU_TOKEN="any")

    assert result.exit_code == 1
    assert "none.mp4 is not a file that can be read here (cli.no_file)" in result.stderr


def test_an_upload_without_a_token_says_how_to_get_one(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"x")

    result = run("upload", str(film), XDG_CONFIG_HOME=str(tmp_path), BIJOU_HOUSE_DATA_DIR=str(tmp_path))

    assert result.exit_code == 1
    assert "run: bijou sign-in" in result.stderr


def test_a_command_to_copy_is_spelled_as_it_was_called(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"x")
    environment = {"XDG_CONFIG_HOME": str(tmp_path), "BIJOU_HOUSE_DATA_DIR": str(tmp_path)}

    result = run("upload", str(film), BIJOU_CALLED_AS="./run", **environment)

    assert "run: ./run sign-in" in result.stderr


@pytest.mark.parametrize("own", ["http://127.0.0.1:9", "http://localhost:9/"])
def test_the_folders_token_is_shown_to_this_installation_and_to_nobody_else(own: str, tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "operator.token").write_text("secret")
    settings = load(Settings, flags={"--house-data-dir": str(tmp_path), "--control-port": "9"})

    assert token_for(own, settings, environ={"HOME": str(tmp_path)}) == "secret"
    with pytest.raises(Unauthenticated, match=r"no token for http://films\.example\.org; run: "):
        token_for("http://films.example.org", settings, environ={"HOME": str(tmp_path)})


def test_an_upload_goes_to_the_configured_port(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"x")

    result = run("upload", str(film), BIJOU_TOKEN="any", BIJOU_CONTROL_PORT="9")

    assert result.exit_code == 3
    assert "http://127.0.0.1:9 did not answer" in result.stderr


@pytest.mark.parametrize("command", ["upload film.mp4", "sign-in operator --password x"])
def test_a_server_that_is_no_address_is_a_matter_of_usage(command: str) -> None:
    result = run(*command.split(), "--server", "nonsense")

    assert result.exit_code == 2
    assert "'nonsense' is no address; it is like http://127.0.0.1:8800" in result.stderr


def test_a_folder_in_use_is_the_environments_fault(tmp_path: Path) -> None:
    with hold(tmp_path):
        result = run("serve", "--house-data-dir", str(tmp_path))

    assert result.exit_code == 3
    assert "is in use by bijou's process" in result.stderr


def test_a_folder_that_cannot_hold_data_is_the_environments_fault(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    result = run("serve", "--house-data-dir", str(tmp_path / "file"))

    assert result.exit_code == 3
    assert "--house-data-dir" in result.stderr


def test_a_restart_of_the_service_is_waited_out_and_a_longer_silence_is_not() -> None:
    asked = []

    async def silent(times: int) -> int:
        clock = VirtualClock()

        async def ask() -> int:
            asked.append(clock.monotonic_ns())
            if len(asked) <= times:
                raise EngineUnavailable("http.unreachable", "nobody")
            return len(asked)

        asking = asyncio.create_task(patiently(ask, clock))
        while not asking.done():
            await turn()
            clock.advance(0.1)
        return await asking

    assert asyncio.run(silent(40)) == 41
    asked.clear()
    with pytest.raises(EngineUnavailable):
        asyncio.run(silent(10**6))
    assert 15 <= asked[-1] / 1e9 < 16


async def turn() -> None:
    """Let everybody go on who can."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    loop.call_soon(loop.call_soon, done.set_result, None)
    await done


def test_a_service_that_does_not_answer_is_the_environments_fault(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"x")

    result = run("upload", str(film), "--server", "http://127.0.0.1:9", BIJOU_TOKEN="any")

    assert result.exit_code == 3
    assert "is it running?" in result.stderr


def test_status_is_for_people_and_for_programs(tmp_path: Path) -> None:
    service = {
        "name": "origin",
        "healthy": True,
        "address": "http://a:1",
        "since_at": Instant(0).rfc3339(),
        "restarts": 2,
    }
    (tmp_path / "status.json").write_text(json.dumps([service]))

    with hold(tmp_path):
        people = run("status", BIJOU_HOUSE_DATA_DIR=str(tmp_path))
        programs = run("status", "--json", "--house-data-dir", str(tmp_path))
    dead = run("status", "--house-data-dir", str(tmp_path))

    assert people.stdout.split() == ["origin", "healthy", "http://a:1", "restarts", "2"]
    assert json.loads(programs.stdout) == [service]
    assert (dead.exit_code, dead.stdout) == (1, "nothing runs here\n")


def test_status_of_nothing_is_no(tmp_path: Path) -> None:
    result = run("status", BIJOU_HOUSE_DATA_DIR=str(tmp_path))

    assert (result.exit_code, result.stdout) == (1, "nothing runs here\n")


def test_an_edge_imports_neither_records_nor_media_tools() -> None:
    heavy = ("sqlalchemy", "av", "numpy", "httpx", "rich")
    probe = f"import sys, bijou.app.services, bijou.delivery; print([m for m in {heavy} if m in sys.modules])"

    loaded = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True, env={**os.environ}
    ).stdout

    assert loaded.strip() == "[]"


@pytest.mark.parametrize("command", ["demo", "serve", "run", "deploy"])
def test_every_setting_is_a_flag_of_what_starts_services_or_writes_what_does(command: str) -> None:
    said = run(command, "--help").stdout

    assert [setting.flag for setting in settings_of(Settings) if f"{setting.flag} " not in said] == []


@pytest.mark.parametrize("kind", KINDS)
def test_what_runs_bijou_elsewhere_is_written_with_the_settings_that_flags_give(
    tmp_path: Path, kind: str
) -> None:
    told = run("deploy", kind, str(tmp_path), "--delivery-edges", "north=http://10.1.0.1:8810")

    assert told.exit_code == 0, told.stderr
    written = {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*.*")}
    assert any("north" in path + text for path, text in written.items())


@pytest.mark.parametrize(
    "words", [["deploy", "systemd"], ["abr", "compare", "--policies", "bola,bijou", "--plot"]]
)
def test_a_file_that_cannot_be_written_is_said_in_one_sentence(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "taken").touch()
    refused = run(*words, str(tmp_path / "taken" / "file"))

    assert refused.exit_code == 3
    assert "cannot be written: " in refused.stderr
    assert refused.stderr.splitlines()[-1].endswith("(cli.unwritable)")


def test_line_items_are_explained_only_where_a_bijou_of_this_version_has_run(tmp_path: Path) -> None:
    refused = run("ads", "explain", "--house-data-dir", str(tmp_path))

    assert refused.exit_code == 3
    assert f"{tmp_path} holds no records of this bijou" in refused.stderr
    assert "(ads.no_installation)" in refused.stderr
    assert list(tmp_path.iterdir()) == []
