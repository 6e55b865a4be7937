import pytest

from bijou.memfs import FileSystem, MemFS


@pytest.fixture
def files() -> FileSystem:
    return FileSystem(MemFS(now=lambda: 0))


def test_names_come_in_order_and_a_file_lists_itself(files: FileSystem) -> None:
    files.mkdir("/b/c")
    files.mkdir("/a")
    files.addContentToFile("/b/a.txt", "x")

    assert files.ls("/") == ["a", "b"]
    assert files.ls("/b") == ["a.txt", "c"]
    assert files.ls("/b/a.txt") == ["a.txt"]


def test_content_is_added_at_the_end(files: FileSystem) -> None:
    files.addContentToFile("/f", "grüß ")
    files.addContentToFile("/f", "dich")

    assert files.readContentFromFile("/f") == "grüß dich"


def test_making_a_directory_twice_is_no_error_but_over_a_file_is(files: FileSystem) -> None:
    files.mkdir("/a/b")
    files.mkdir("/a/b")
    files.addContentToFile("/f", "")

    with pytest.raises(FileExistsError):
        files.mkdir("/f")
    with pytest.raises(NotADirectoryError):
        files.mkdir("/f/g")


@pytest.mark.parametrize(
    ("call", "argument", "error"),
    [
        ("ls", "/missing", FileNotFoundError),
        ("ls", "/f/x", NotADirectoryError),
        ("ls", "relative", OSError),
        ("readContentFromFile", "/missing", FileNotFoundError),
        ("readContentFromFile", "/d", IsADirectoryError),
    ],
)
def test_what_is_not_there_is_an_error(files: FileSystem, call: str, argument: str, error: type) -> None:
    files.mkdir("/d")
    files.addContentToFile("/f", "")

    with pytest.raises(error):
        getattr(files, call)(argument)


def test_content_needs_a_directory_to_lie_in(files: FileSystem) -> None:
    with pytest.raises(FileNotFoundError):
        files.addContentToFile("/missing/f", "x")
