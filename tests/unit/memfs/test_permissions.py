"""Who may do what, held to an oracle that spells the rule out bit by bit."""

import errno
from itertools import product

import pytest

from bijou.memfs import Credentials, MemFS, Users

OWNER, MEMBER, STRANGER = Credentials(1, 10), Credentials(2, 20, frozenset({10})), Credentials(3, 30)
READ, WRITE, SEARCH = 4, 2, 1


def oracle(mode: int, who: Credentials, wanted: str) -> bool:
    """Read `rwxr-x---` as a person does."""
    letters = "".join(letter if mode >> (8 - place) & 1 else "-" for place, letter in enumerate("rwxrwxrwx"))
    thirds = {OWNER: letters[:3], MEMBER: letters[3:6], STRANGER: letters[6:]}
    return all(each in thirds[who] for each in wanted)


@pytest.fixture
def fs() -> MemFS:
    fs = MemFS(now=lambda: 0)
    fs.chmod("/", 0o777)
    fs.acting(OWNER).mkdir("/dir")
    fs.acting(OWNER).write("/dir/file", b"content")
    return fs


def works(call: object) -> bool:
    try:
        call()  # type: ignore[operator]
    except PermissionError:
        return False
    return True


@pytest.mark.parametrize("who", [OWNER, MEMBER, STRANGER])
def test_every_mode_of_a_file_means_what_its_letters_say(fs: MemFS, who: Credentials) -> None:
    view = fs.acting(who)
    for mode in range(0o1000):
        fs.chmod("/dir/file", mode)

        assert works(lambda: view.read("/dir/file")) == oracle(mode, who, "r")
        assert works(lambda: view.append("/dir/file", b"")) == oracle(mode, who, "w")
        assert works(lambda: view.open("/dir/file", "r+")) == oracle(mode, who, "rw")
        for bits in range(1, 8):
            wanted = "".join(letter for letter, bit in zip("rwx", (4, 2, 1), strict=True) if bits & bit)
            assert view.access("/dir/file", bits) == oracle(mode, who, wanted)


@pytest.mark.parametrize("who", [OWNER, MEMBER, STRANGER])
def test_every_mode_of_a_directory_means_what_its_letters_say(fs: MemFS, who: Credentials) -> None:
    view = fs.acting(who)
    fs.chmod("/dir/file", 0o777)
    for mode in range(0o1000):
        fs.chmod("/dir", mode)

        assert works(lambda: view.listdir("/dir")) == oracle(mode, who, "r")
        assert works(lambda: view.stat("/dir/file")) == oracle(mode, who, "x")
        made = works(lambda: view.mkdir("/dir/new"))
        assert made == oracle(mode, who, "wx")
        if made:
            view.rmdir("/dir/new")


@pytest.mark.parametrize(("owns_file", "owns_directory"), list(product([True, False], repeat=2)))
def test_in_a_sticky_directory_only_an_owner_removes(*, owns_file: bool, owns_directory: bool) -> None:
    fs = MemFS(now=lambda: 0)
    fs.chmod("/", 0o777)
    fs.acting(STRANGER if owns_directory else OWNER).mkdir("/tmp")
    fs.chmod("/tmp", 0o1777)
    fs.acting(STRANGER if owns_file else MEMBER).write("/tmp/file", b"")
    fs.acting(OWNER).write("/tmp/other", b"")

    for remove in (
        lambda: fs.acting(STRANGER).rename("/tmp/file", "/tmp/moved"),
        lambda: fs.acting(STRANGER).unlink("/tmp/moved" if owns_file or owns_directory else "/tmp/file"),
    ):
        assert works(remove) == (owns_file or owns_directory)


@pytest.mark.parametrize(
    ("given", "wanted"), [((-1, -1), (1, 10)), ((-1, 7), (1, 7)), ((7, -1), (7, 10)), ((None, 7), (1, 7))]
)
def test_minus_one_leaves_owner_or_group_as_it_is(
    fs: MemFS, given: tuple[int | None, int], wanted: tuple[int, int]
) -> None:
    fs.chown("/dir/file", *given)
    found = fs.stat("/dir/file")

    assert (found.uid, found.gid) == wanted


def test_minus_one_is_no_gift_and_nobody_has_a_lower_number(fs: MemFS) -> None:
    fs.acting(OWNER).chown("/dir/file", -1, -1)
    for uid, gid in ((-2, 0), (0, -2)):
        with pytest.raises(OSError, match="-2") as caught:
            fs.chown("/dir/file", uid, gid)
        assert caught.value.errno == errno.EINVAL


def test_umask_takes_bits_from_what_is_made(fs: MemFS) -> None:
    view = fs.acting(OWNER, umask=0o027)
    view.mkdir("/dir/deep")
    view.write("/dir/private", b"")

    assert fs.stat("/dir/deep").mode & 0o7777 == 0o750
    assert fs.stat("/dir/private").mode & 0o7777 == 0o640


def test_a_set_group_id_directory_hands_its_group_down(fs: MemFS) -> None:
    fs.chown("/dir", gid=77)
    fs.chmod("/dir", 0o2777)
    fs.acting(STRANGER).mkdir("/dir/deep")
    fs.acting(STRANGER).write("/dir/deep/file", b"")

    assert (fs.stat("/dir/deep").gid, fs.stat("/dir/deep/file").gid) == (77, 77)


def test_users_have_names_and_groups() -> None:
    users = Users()
    users.add_group("editors", gid=50)
    anna = users.add_user("anna", groups=["editors"])
    ben = users.add_user("ben", group="editors")

    assert users.credentials("anna") == anna
    assert (users.user_name(anna.uid), users.user_name(4711)) == ("anna", "4711")
    assert ben.gid == 50
    with pytest.raises(ValueError, match="taken"):
        users.add_user("anna")
    with pytest.raises(ValueError, match="taken"):
        users.add_group("others", gid=50)
    with pytest.raises(ValueError, match="at least 0"):
        Credentials(-1, 0)
