import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bijou.cli.commands import bijou
from bijou.ports import Instant


def run(*arguments: str, **env: str) -> Result:
    return CliRunner().invoke(bijou, arguments, env={"BIJOU_TOKEN": "", **env})


@pytest.mark.parametrize(
    "command", ["config", "demo", "fs", "reference", "run", "serve", "sign-in", "status", "upload"]
)
def test_every_command_says_what_it_does_with_two_examples(command: str) -> None:
    said = run(command, "--help").stdout

    assert said.count(f"bijou {command}") >= 2 or command in {"config", "reference"}
    assert f"Usage: bijou {command}" in said.replace("Usage: bijou-root", "Usage: bijou")


def test_every_flag_shows_its_default_and_its_name_in_the_environment() -> None:
    said = " ".join(run("run", "--help").stdout.split())

    assert "[BIJOU_EDGE_CACHE_BYTES; default: 268435456]" in said


def test_a_bad_setting_is_one_sentence_and_status_one() -> None:
    result = run("serve", "--edge-port", "eighty")

    assert result.exit_code == 1
    assert "--edge-port = 'eighty'" in result.stderr
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

    people = run("status", BIJOU_HOUSE_DATA_DIR=str(tmp_path))
    programs = run("status", "--json", BIJOU_HOUSE_DATA_DIR=str(tmp_path))

    assert people.stdout.split() == ["origin", "healthy", "http://a:1", "restarts", "2"]
    assert json.loads(programs.stdout) == [service]


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
