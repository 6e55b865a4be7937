"""A batch of features whose control process is killed with -9 while it is brought in."""

import json
import os
import signal
from pathlib import Path

from tests.topology.installation import Installation, eventually
from tests.topology.patience import strained

USERS = 600_000


def staged(installation: Installation) -> bool:
    return any((installation.folder / "audience" / "incoming").glob("content-*/rows.cols"))


def test_a_batch_goes_on_when_the_control_process_was_killed_and_ends_as_if_nothing_had_happened(
    installation: Installation, tmp_path: Path
) -> None:
    file, rule = tmp_path / "users.parquet", 'home_country in ("DE") and watched("noir", 30d)'
    installation.command("audience", "sample", "--users", str(USERS), "--out", str(file))

    sending = installation.begin("audience", "upload", str(file), "--full", "--json")
    eventually(lambda: staged(installation), 60, "a chunk is staged")
    (pid,) = installation.pids("control")
    os.kill(pid, signal.SIGKILL)
    sending.communicate(timeout=strained(90))
    eventually(installation.healthy, 30, "control is up again")
    again = installation.command("audience", "upload", str(file), "--full", "--json", timeout_s=strained(90))

    report = json.loads(again.stdout)
    assert (report["state"], report["kept"], report["users"]) == ("kept", USERS, USERS)
    assert not list((installation.folder / "audience" / "files").rglob("upl_*"))
    assert not list((installation.folder / "audience" / "arriving").iterdir())
    deleted = installation.command("audience", "delete", "nobody@example.org", "--json")
    assert (json.loads(deleted.stdout)["known"], json.loads(deleted.stdout)["waiting"]) == (False, [])

    elsewhere = ["--house-data-dir", str(tmp_path / "undisturbed")]
    installation.command("audience", "upload", str(file), "--full", *elsewhere, timeout_s=strained(90))
    members = []
    for where in ([], elsewhere):
        installation.command("audience", "define", "noir", rule, *where)
        built = installation.command("audience", "build", "--json", *where, timeout_s=strained(90))
        members.append(json.loads(built.stdout)[0]["members"])
    assert members[0] == members[1] > 0
