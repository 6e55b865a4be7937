"""The refusal of what is not a tree."""


class MalformedTree(ValueError):
    """What was given is no tree in this form.

    Args:
        problem: What is wrong, with the values and the rule.
        position: Where: a byte of the compact form, a character of the text
            form (both from 0).
        where: The same for people, such as `line 2, column 7`.
    """

    def __init__(self, problem: str, position: int, where: str) -> None:
        super().__init__(f"{where}: {problem}")
        self.problem = problem
        self.position = position
        self.where = where

    def __reduce__(self) -> tuple[type["MalformedTree"], tuple[str, int, str]]:
        return type(self), (self.problem, self.position, self.where)
