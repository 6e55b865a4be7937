from itertools import count

import pytest

from bijou.memfs import Credentials, MemFS, Stat


@pytest.fixture
def fs() -> MemFS:
    ticks = count(100)
    return MemFS(now=lambda: next(ticks))


def instants(found: Stat) -> tuple[int, int, int]:
    return found.accessed_at, found.modified_at, found.changed_at


def test_a_change_of_content_and_one_of_attributes_leave_their_own_marks(fs: MemFS) -> None:
    fs.write("/f", b"x")
    born = fs.stat("/f").modified_at
    fs.append("/f", b"y")
    fs.chmod("/f", 0o600)
    fs.read("/f")

    assert instants(fs.stat("/f")) == (born, born + 1, born + 2)


def test_a_change_of_names_is_a_change_of_the_directory(fs: MemFS) -> None:
    fs.mkdir("/d")
    stamps = [fs.stat("/d").modified_at]
    for change in (
        lambda: fs.write("/d/f", b""),
        lambda: fs.rename("/d/f", "/d/g"),
        lambda: fs.mkdir("/d/e"),
        lambda: fs.rename("/d/g", "/out"),
        lambda: fs.rename("/out", "/d/in"),
        lambda: fs.unlink("/d/in"),
        lambda: fs.rmdir("/d/e"),
    ):
        change()
        stamps.append(fs.stat("/d").modified_at)

    assert stamps == sorted(set(stamps))
    assert fs.stat("/d").links == 2


def test_instants_can_be_set_by_the_owner_alone(fs: MemFS) -> None:
    fs.write("/f", b"")
    fs.utime("/f", accessed_at=1, modified_at=2)

    assert instants(fs.stat("/f"))[:2] == (1, 2)
    with pytest.raises(PermissionError):
        fs.acting(Credentials(9, 9)).utime("/f", modified_at=3)
