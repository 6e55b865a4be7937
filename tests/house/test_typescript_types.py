"""The types that the site is compiled against are those that the server sends."""

from pathlib import Path

import msgspec
import pytest

from bijou.ports import Problem
from tools import typescript


def test_the_committed_types_are_what_the_structs_say() -> None:
    assert typescript.TARGET.read_text() == typescript.generate()
    assert typescript.main(["--check"]) == 0


def test_a_stale_file_is_reported_and_then_mended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stale = tmp_path / "web" / "types.ts"

    assert typescript.main(["--check"], stale) == 1
    assert not stale.exists()
    assert "python -m tools.typescript" in capsys.readouterr().err
    assert typescript.main([], stale) == 0
    assert typescript.main(["--check"], stale) == 0


def test_what_the_server_sends_has_every_field_and_what_the_site_sends_may_leave_defaults_out() -> None:
    written = typescript.generate()

    assert "  published_at: Instant;" in written
    assert "  state: JobState;" in written
    assert 'export type JobState = "queued" | "running" | "done" | "refused" | "failed";' in written
    assert "  problem: Problem | null;" in written
    assert "  retry_after_s?: number | null;" in written
    assert "  synopsis?: string;" in written
    assert "export interface Outcome" not in written


def test_lists_mappings_and_choices_keep_their_parts() -> None:
    class Parts(msgspec.Struct):
        many: list[Problem]
        named: dict[str, float]
        perhaps: str | None

    written = typescript._interface(Parts, {})

    assert "  many: Problem[];\n  named: Record<string, number>;\n  perhaps: string | null;" in written


def test_a_field_without_a_typescript_form_is_an_error() -> None:
    class Odd(msgspec.Struct):
        when: complex

    with pytest.raises(TypeError, match="no TypeScript form"):
        typescript._interface(Odd, {})
