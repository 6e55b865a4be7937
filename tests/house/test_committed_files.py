from pathlib import Path

# Spelt in two halves, so that this file does not hold what it forbids.
REGISTRY_HOSTS = [
    "pypi" + ".org",
    "python" + "hosted.org",
    "registry.npm" + "js.org",
    "deb.deb" + "ian.org",
]


def test_no_committed_file_names_a_package_registry(texts: dict[Path, str], root: Path) -> None:
    offenders = [
        f"{path.relative_to(root)}: {host}"
        for path, text in texts.items()
        for host in REGISTRY_HOSTS
        if host in text
    ]

    assert not offenders


def test_constraints_hold_names_and_versions_only(root: Path) -> None:
    addresses = [
        line for line in (root / "constraints.txt").read_text().splitlines() if "://" in line or "@" in line
    ]

    assert not addresses


def test_no_committed_file_is_larger_than_a_megabyte(committed: list[Path], root: Path) -> None:
    large = [
        f"{path.relative_to(root)}: {path.stat().st_size}"
        for path in committed
        if path.stat().st_size > 1_000_000
    ]

    assert not large


def test_every_commented_suppression_gives_its_reason(texts: dict[Path, str], root: Path) -> None:
    silent = [
        f"{path.relative_to(root)}:{number}"
        for path, text in texts.items()
        if path.suffix == ".py" and path != Path(__file__)
        for number, line in enumerate(text.splitlines(), 1)
        if "# noqa: " in line and " - " not in line.split("# noqa: ", 1)[1] and "src" in path.parts
    ]

    assert not silent
