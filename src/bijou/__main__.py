"""`python -m bijou` is the `bijou` command."""

from bijou.cli import main

main()
