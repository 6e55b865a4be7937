"""The model is sabre's: its figures, and its script itself where it is at hand."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bijou.abr import Film, Outcomes, Trace, drawn_traces, reference_film, simulate

NAMES = {"throughput": "throughput", "bola": "bola", "bola-e": "bolae", "dynamic": "dynamic"}
TRACES = drawn_traces(6, seed=7)

# What sabre (09b03bb, buffer 25 s) makes of the reference film over those traces: score, utility, kb/s,
# rebuffer ratio and log bitrate change, averaged over time. Of BOLA-E only sessions in which it leaves
# no download: leaving one sets its buffer exactly between two rungs, and rounding decides which.
GOLDEN = {
    (0, "throughput"): (2.242783, 2.242783, 2307.083328, 0.000000, 0.051337),
    (0, "bola"): (2.287586, 2.287586, 2792.992881, 0.000000, 0.335549),
    (0, "bola-e"): (2.384230, 2.416482, 2991.530914, 0.006450, 0.237441),
    (0, "dynamic"): (2.362171, 2.362171, 2861.950707, 0.000000, 0.249336),
    (1, "throughput"): (1.099386, 1.163289, 819.135485, 0.012781, 0.108577),
    (1, "bola"): (1.464961, 1.464961, 1273.095196, 0.000000, 0.269251),
    (1, "bola-e"): (1.513436, 1.519817, 1319.254509, 0.001276, 0.197499),
    (1, "dynamic"): (1.455043, 1.475416, 1256.670151, 0.004075, 0.240809),
    (2, "bola-e"): (2.906810, 2.907539, 4506.176168, 0.000146, 0.146541),
    (3, "throughput"): (0.668207, 0.726940, 544.873850, 0.011747, 0.108503),
    (3, "bola"): (1.010038, 1.010038, 804.062222, 0.000000, 0.219615),
    (3, "dynamic"): (0.964931, 0.984232, 775.971537, 0.003860, 0.226081),
    (4, "bola"): (1.614840, 1.614840, 1292.611943, 0.000000, 0.201618),
    (4, "bola-e"): (1.595230, 1.618323, 1282.559056, 0.004619, 0.164175),
    (4, "dynamic"): (1.513012, 1.599479, 1265.522173, 0.017293, 0.169316),
    (5, "throughput"): (1.682351, 1.701680, 1456.719800, 0.003866, 0.129649),
    (5, "bola"): (1.949760, 1.949760, 2266.900295, 0.000000, 0.323893),
    (5, "dynamic"): (1.931216, 1.937576, 2205.847276, 0.001272, 0.315267),
}


@pytest.mark.parametrize(("place", "policy"), GOLDEN)
def test_every_figure_is_sabres_to_its_last_printed_digit(place: int, policy: str) -> None:
    seen = simulate(reference_film(), [TRACES[place]], policy)

    assert figures(seen) == pytest.approx(GOLDEN[place, policy], abs=1e-6)


if named := os.environ.get("BIJOU_SABRE"):
    SCRIPT = Path(named)

    def test_the_script_itself_says_the_same(tmp_path: Path) -> None:
        film = reference_film(segments=60)
        for trace in drawn_traces(4, seed=11):
            for policy in ("throughput", "bola", "dynamic"):
                printed = run(SCRIPT, film, trace, policy, tmp_path)

                assert figures(simulate(film, [trace], policy)) == pytest.approx(printed, abs=1e-6)


def figures(seen: Outcomes) -> tuple[float, ...]:
    kbps = seen.bitrate_bps[0] / 1000
    return seen.score[0], seen.utility[0], kbps, seen.rebuffer[0], seen.uneven[0]


def run(script: Path, film: Film, trace: Trace, policy: str, folder: Path) -> tuple[float, ...]:
    movie, network = folder / "movie.json", folder / "network.json"
    rates = [bitrate / 1000 for bitrate in film.bitrates.tolist()]
    movie.write_text(
        json.dumps(
            {
                "segment_duration_ms": 1000 * film.segment_s,
                "bitrates_kbps": rates,
                "segment_sizes_bits": film.sizes.tolist(),
            }
        )
    )
    periods = zip(trace.durations.tolist(), trace.rates.tolist(), trace.latencies.tolist(), strict=True)
    network.write_text(
        json.dumps(
            [
                {"duration_ms": 1000 * long, "bandwidth_kbps": rate / 1000, "latency_ms": 1000 * late}
                for long, rate, late in periods
            ]
        )
    )
    command = [
        sys.executable,
        str(script),
        "-n",
        str(network),
        "-m",
        str(movie),
        "-a",
        NAMES[policy],
        "-b",
        "25",
    ]
    lines = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=60
    ).stdout.splitlines()
    said = {name: float(value) for name, _, value in (line.rpartition(": ") for line in lines)}
    return (
        said["time average score"],
        said["time average played utility"],
        said["time average played bitrate"],
        said["rebuffer ratio"],
        said["time average log bitrate change"],
    )
