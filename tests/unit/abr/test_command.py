import json
from pathlib import Path

from click.testing import CliRunner

from bijou.abr import drawn_traces
from bijou.cli.abr import vectors_text
from bijou.cli.commands import bijou

ROOT = Path(__file__).resolve().parents[3]


def write_traces(folder: Path, count: int) -> None:
    for one in drawn_traces(count, seed=4):
        starts = [0.0, *one.durations.cumsum().tolist()]
        lines = [f"{at} {rate / 1e6}" for at, rate in zip(starts, one.rates.tolist(), strict=False)]
        (folder / f"{one.name}.txt").write_text("\n".join(lines))


def test_compare_prints_every_policy_and_who_wins(tmp_path: Path) -> None:
    write_traces(tmp_path, 6)
    drawing = tmp_path / "abr.svg"

    done = CliRunner().invoke(
        bijou,
        ["abr", "compare", str(tmp_path), "--policies", "bola,throughput,bijou", "--plot", str(drawing)],
    )

    assert done.exit_code == 0, done.output
    assert "6 sessions of 6 recordings" in done.stdout
    assert all(name in done.stdout for name in ("bola", "throughput", "bijou", "of the switches"))
    assert drawing.read_text().startswith("<svg")


def test_held_out_recordings_are_judged_apart(tmp_path: Path) -> None:
    write_traces(tmp_path, 8)

    done = CliRunner().invoke(
        bijou, ["abr", "compare", str(tmp_path), "--policies", "bola,bijou", "--held-out", "0.5", "--json"]
    )

    judged = json.loads(done.stdout)
    assert [one["name"].rpartition(", ")[2] for one in judged] == ["held out", "the others"]
    assert sum(one["traces"] for one in judged) == 8


def test_a_policy_file_stands_beside_the_known_ones(tmp_path: Path) -> None:
    write_traces(tmp_path, 3)
    mine = tmp_path / "mine.json"
    mine.write_text((ROOT / "src" / "bijou" / "abr" / "policy.json").read_text())

    done = CliRunner().invoke(
        bijou, ["abr", "compare", str(tmp_path), "--policies", f"bijou,{mine}", "--json"]
    )

    rows = {row["policy"]: row["score"]["mean"] for row in json.loads(done.stdout)[0]["rows"]}
    assert rows["mine"] == rows["bijou"]


def test_what_is_no_folder_of_traces_is_refused(tmp_path: Path) -> None:
    empty = CliRunner().invoke(bijou, ["abr", "compare", str(tmp_path)])
    missing = CliRunner().invoke(bijou, ["abr", "compare", str(tmp_path / "nowhere")])
    unknown = CliRunner().invoke(bijou, ["abr", "compare", "--policies", "oracle"])

    assert (empty.exit_code, missing.exit_code, unknown.exit_code) == (1, 1, 1)
    assert "no .txt files" in empty.output
    assert "oracle" in unknown.output


def test_the_browsers_vectors_are_what_the_simulator_decides_today() -> None:
    kept = (ROOT / "web" / "test" / "abr_vectors.json").read_text()

    assert kept.rstrip("\n") == vectors_text(), "run: bijou abr vectors > web/test/abr_vectors.json"
