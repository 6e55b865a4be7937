"""The `bijou` command: stdout is the answer, stderr the journey.

Exit status: 0 ok, 1 no, 2 usage, 3 the environment.
"""


def main() -> None:
    """Run the command line; imports only what the command needs."""
    from bijou.cli.commands import bijou  # noqa: PLC0415 - importing the package stays cheap

    bijou.main(prog_name="bijou")
