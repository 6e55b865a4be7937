"""Reads the rule language: text in, nodes out, errors with their places.

rule     := all {"or" all}
all      := one {"and" one}
one      := "not" one | "(" rule ")" | test
test     := "true" | "false"
          | ["not"] "in" "audience" "(" string ")"    also without the "in"
          | name ["not"] "in" "(" value {"," value} ")"
          | name ("=" | "!=") value
          | name [number] ".." [number] | name ("<" | "<=" | ">" | ">=") number
          | name                                      of a flag
          | occasion | event "(" string "," duration ")"
occasion := event "(" string ")" "then" ["not"] event "(" string ")" "within" duration
"""

from collections.abc import Callable, Iterable
from typing import Final, NoReturn

from bijou.audience.dimensions import WORDS_OF_THE_LANGUAGE, Dimension, Kind, Registry, suggestion
from bijou.audience.rules.nodes import (
    MAX_DEPTH,
    And,
    Const,
    In,
    InAudience,
    Leaf,
    Not,
    Occasion,
    Or,
    Range,
    Recency,
    Rule,
    Scalar,
    Sequence,
    depth,
)
from bijou.audience.rules.typing import asked_wrongly, problem_of
from bijou.audience.rules.words import BadRule, Word, number_of, seconds_of, string_of, words_of

_TOO_DEEP: Final = f"the rule is over {MAX_DEPTH} levels deep; flatten it"
_COMPARISONS: Final = {"<", "<=", ">", ">="}


def read_rule(text: str, registry: Registry, audiences: Iterable[str] | None = None) -> Rule:
    """Read a rule, checked against the registry.

    Args:
        audiences: Names of those that there are; None: any name will do.

    Raises:
        BadRule: It is none; says line, column, what is wrong and what fits.

    Example:
        >>> read_rule('country in ("DE") and live', Registry.shipped())
        And(of=(In(dimension='country', values=('DE',)), In(dimension='live', values=(True,))))
        >>> read_rule('country in ("DE") and agee > 3', Registry.shipped())
        Traceback (most recent call last):
        bijou.audience.rules.words.BadRule: line 1, column 23: there is no dimension 'agee'; did you mean age?
    """
    return _Reader(text, registry, None if audiences is None else set(audiences)).whole()


class _Reader:
    """A recursive descent over the words; `MAX_DEPTH` bounds it."""

    def __init__(self, text: str, registry: Registry, audiences: set[str] | None) -> None:
        self._text = text
        self._registry = registry
        self._audiences = audiences
        self._words = words_of(text)
        self._at = 0
        self._depth = 0

    def whole(self) -> Rule:
        if self._word.kind == "end":
            self._refuse("the rule is empty; `true` is everybody")
        rule = self._any()
        if self._word.kind != "end":
            self._refuse(f"{self._word.shown()} cannot follow here; `and`, `or` or the end can")
        if depth(rule) > MAX_DEPTH:
            self._refuse(_TOO_DEEP, self._words[0], len(self._text))
        return rule

    @property
    def _word(self) -> Word:
        return self._words[self._at]

    def _refuse(self, problem: str, word: Word | None = None, until: int | None = None) -> NoReturn:
        word = word or self._word
        raise BadRule(problem, self._text, word.at, word.until if until is None else until)

    def _is(self, text: str, ahead: int = 0) -> bool:
        at = min(self._at + ahead, len(self._words) - 1)
        return self._words[at].text == text and self._words[at].kind in {"name", "sign"}

    def _accept(self, text: str) -> bool:
        found = self._is(text)
        self._at += found
        return found

    def _expect(self, text: str, where: str) -> None:
        if not self._accept(text):
            self._refuse(f"{self._word.shown()} stands where {text!r} must: {where}")

    def _take(self, kind: str, where: str) -> Word:
        word = self._word
        if word.kind != kind:
            self._refuse(f"{word.shown()} stands where a {kind} must: {where}")
        self._at += 1
        return word

    def _any(self) -> Rule:
        return self._joined("or", self._all, Or)

    def _all(self) -> Rule:
        return self._joined("and", self._one, And)

    def _joined(self, word: str, read: Callable[[], Rule], kind: type[And] | type[Or]) -> Rule:
        found = [read()]
        while self._accept(word):
            found.append(read())
        return found[0] if len(found) == 1 else kind(tuple(found))

    def _one(self) -> Rule:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._refuse(_TOO_DEEP)
        try:
            if self._accept("not"):
                return Not(self._one())
            if self._accept("("):
                rule = self._any()
                self._expect(")", "a bracket is open")
                return rule
            return self._test()
        finally:
            self._depth -= 1

    def _test(self) -> Rule:
        word = self._word
        if word.kind != "name":
            self._refuse(f"{word.shown()} stands where a test must, such as age 25..34")
        if word.text in {"in", "audience"}:
            return self._checked(word, self._audience())
        if word.text in {"true", "false"}:
            self._at += 1
            return Const(word.text == "true")
        if word.text in WORDS_OF_THE_LANGUAGE:
            self._refuse(f"{word.text!r} stands where a test must, such as age 25..34")
        dimension = self._dimension()
        if dimension.kind is Kind.EVENT:
            return self._checked(word, self._event(dimension, word))
        return self._of_dimension(dimension, word)

    def _checked(self, begin: Word, leaf: Leaf) -> Leaf:
        problem = problem_of(leaf, self._registry, self._audiences)
        if problem:
            self._refuse(problem, begin, self._words[self._at - 1].until)
        return leaf

    def _dimension(self) -> Dimension:
        word = self._take("name", "the name of a dimension")
        if word.text not in self._registry:
            near = suggestion(word.text, self._registry.names())
            self._refuse(f"there is no dimension {word.text!r}; {near}", word)
        return self._registry[word.text]

    def _audience(self) -> Leaf:
        self._accept("in")
        self._expect("audience", 'a member of another audience is `in audience("name")`')
        return InAudience(self._string_in_brackets('audience("name")'))

    def _string_in_brackets(self, form: str) -> str:
        self._expect("(", form)
        name = string_of(self._take("string", form), self._text)
        self._expect(")", form)
        return name

    def _event(self, dimension: Dimension, begin: Word) -> Leaf:
        form = asked_wrongly(dimension)
        self._expect("(", form)
        value = string_of(self._take("string", form), self._text)
        if self._accept(","):
            within = self._take("duration", "how far back, such as 30d (s, m, h, d or w)")
            self._expect(")", form)
            return Recency(dimension.name, value, seconds_of(within))
        self._expect(")", form)
        if not self._accept("then"):
            self._refuse(f'{form}, or {dimension.name}("…") then not {dimension.name}("…") within 7d', begin)
        absent = self._accept("not")
        then = self._dimension()
        other = self._string_in_brackets(f'{then.name}("…")')
        self._expect("within", "how long after, such as within 7d")
        within = self._take("duration", "how long after, such as 7d (s, m, h, d or w)")
        return Sequence(
            Occasion(dimension.name, value), Occasion(then.name, other), seconds_of(within), absent
        )

    def _of_dimension(self, dimension: Dimension, begin: Word) -> Rule:
        word = self._word
        if self._is("in"):
            return self._checked(begin, self._in(dimension))
        if self._is("not") and self._is("in", ahead=1):
            self._at += 1
            return Not(self._checked(begin, self._in(dimension)))
        if word.kind == "sign" and word.text in {"=", "!="}:
            self._at += 1
            equal = self._checked(begin, In(dimension.name, (self._value(dimension),)))
            return equal if word.text == "=" else Not(equal)
        if word.kind == "sign" and word.text in _COMPARISONS:
            self._at += 1
            bound = number_of(self._take("number", asked_wrongly(dimension)))
            return self._checked(begin, _comparison(dimension.name, word.text, bound))
        if word.kind == "number" or self._is(".."):
            return self._checked(begin, self._range(dimension))
        if dimension.kind is not Kind.FLAG:
            self._refuse(asked_wrongly(dimension), begin)
        return self._checked(begin, In(dimension.name, (True,)))

    def _in(self, dimension: Dimension) -> In:
        form = asked_wrongly(dimension)
        self._expect("in", form)
        self._expect("(", form)
        values = [self._value(dimension)]
        while self._accept(","):
            values.append(self._value(dimension))
        self._expect(")", "the list of values is open")
        return In(dimension.name, tuple(values))

    def _value(self, dimension: Dimension) -> Scalar:
        word = self._word
        value: Scalar | None = None
        if word.kind == "string":
            value = string_of(word, self._text)
        elif word.kind == "name" and word.text in {"true", "false"}:
            value = word.text == "true"
        elif word.kind == "number" and "." not in word.text:
            value = int(word.text)
        if value is not None:
            self._at += 1
            return value
        return self._refuse(f"{word.shown()} is no value of {dimension.name}; {asked_wrongly(dimension)}")

    def _range(self, dimension: Dimension) -> Range:
        form = asked_wrongly(dimension)
        low = number_of(self._take("number", form)) if self._word.kind == "number" else None
        self._expect("..", form)
        high = number_of(self._take("number", form)) if self._word.kind == "number" else None
        return Range(dimension.name, low, high)


def _comparison(name: str, sign: str, bound: float) -> Range:
    if sign.startswith(">"):
        return Range(name, low=bound, low_open=sign == ">")
    return Range(name, high=bound, high_open=sign == "<")
