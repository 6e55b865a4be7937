"""Four calls, for whoever wants no more."""

from bijou.memfs.filesystem import MemFS


class FileSystem:
    """Directories and text files by four calls.

    A thin front: `full` is the same tree with everything else.

    Args:
        full: The tree to work on.

    Example:
        >>> files = FileSystem(MemFS(now=lambda: 0))
        >>> files.mkdir("/a/b/c")
        >>> files.addContentToFile("/a/b/c/d", "hello ")
        >>> files.addContentToFile("/a/b/c/d", "world")
        >>> files.readContentFromFile("/a/b/c/d")
        'hello world'
        >>> files.ls("/"), files.ls("/a/b/c/d")
        (['a'], ['d'])
    """

    def __init__(self, full: MemFS) -> None:
        self.full = full

    def ls(self, path: str) -> list[str]:
        """Return the names in a directory, in order; of a file its own name."""
        try:
            return self.full.listdir(path)
        except NotADirectoryError:
            self.full.stat(path)  # a file on the way is still an error
            return [path.rpartition("/")[2]]

    def mkdir(self, path: str) -> None:
        """Make a directory and those above it; no error where it is there."""
        self.full.makedirs(path)

    def addContentToFile(self, path: str, content: str) -> None:  # noqa: N802 - the name that is asked for
        """Add text, as UTF-8, at the end of a file; make it if it is missing."""
        self.full.append(path, content.encode())

    def readContentFromFile(self, path: str) -> str:  # noqa: N802 - as above
        """Return a file's text."""
        return self.full.read(path).decode()
