"""Equal results and equal errnos beside a real tmpfs, or what the kernel has instead."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from bijou.memfs import MemFS
from tests.unit.algorithms.machines import Machine, run_machine
from tests.unit.memfs.kernel import Kernel
from tests.unit.memfs.operations import EVERYBODY, Identity, Operation, Outcome, Performer, some_operation

OPERATIONS = 10_000


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with Kernel() as kernel:
        yield kernel


class Both:
    """A `MemFS` and a tmpfs that must answer alike."""

    def __init__(self, kernel: Kernel) -> None:
        kernel.reset()
        fs = MemFS(now=lambda: 0, extent_bytes=16)
        fs.chown("/", kernel.owner.uid, kernel.owner.gid)
        self.kernel = kernel
        self.memfs = Performer(fs)
        self.openers: dict[Any, Identity] = {}
        self.perform(kernel.owner, ("chmod", "/", 0o777))

    def perform(self, identity: Identity, operation: Operation) -> Outcome:
        name, slot = operation[0], operation[1]
        if name.startswith("handle_"):
            identity = self.openers.get(slot, self.kernel.owner)  # a handle acts for who opened it
        expected = self.kernel.comparable(operation, self.kernel.perform(identity, operation))
        answer = self.kernel.comparable(operation, self.memfs.perform(identity, operation))

        assert answer == expected, f"{operation} of {identity}: {answer}, the kernel says {expected}"
        if name == "open" and expected[0] == "ok":
            self.openers[slot] = identity
        return expected

    def compare_trees(self, path: str = "/") -> None:
        verdict, names = self.perform(self.kernel.owner, ("listdir", path))
        for name in names if verdict == "ok" else ():
            child = f"{path.rstrip('/')}/{name}"
            verdict, found = self.perform(self.kernel.owner, ("lstat", child))
            if verdict == "ok" and found[0] & 0o170000 == 0o040000:
                self.compare_trees(child)
            elif verdict == "ok":
                self.perform(self.kernel.owner, ("readlink", child))
                self.perform(self.kernel.owner, ("read", child))


def compare(kernel: Kernel, operations: int) -> dict[str, int]:
    chance = Random(20_261_121)
    seen: dict[str, int] = {}
    while sum(seen.values()) < operations:
        both = Both(kernel)
        for _ in range(1000):
            operation = some_operation(chance.choice)
            if kernel.is_fair(operation):
                both.perform(chance.choice(kernel.people), operation)
                seen[operation[0]] = seen.get(operation[0], 0) + 1
        both.compare_trees()
    return seen


def test_ten_thousand_operations_give_equal_results_and_errnos(kernel: Kernel) -> None:
    seen = compare(kernel, OPERATIONS)

    assert min(seen.values()) > 50, seen


def test_an_ordinary_user_on_a_disk_gets_equal_results_and_errnos() -> None:
    with Kernel(ordinary=True, above=Path(tempfile.gettempdir())) as kernel:
        seen = compare(kernel, 2000)

    assert min(seen.values()) > 10, seen


@st.composite
def operations(draw: Any) -> Operation:
    return some_operation(lambda choices: draw(st.sampled_from(choices)))


class TmpfsMachine(Machine):
    """The same, shrunk to the shortest story where they part."""

    kernel: Kernel
    both: Both

    @initialize()
    def begin(self) -> None:
        self.both = Both(self.kernel)

    @rule(operation=operations(), who=st.integers(0, len(EVERYBODY) - 1))
    def perform(self, operation: Operation, who: int) -> None:
        if self.kernel.is_fair(operation):
            self.both.perform(self.kernel.people[who % len(self.kernel.people)], operation)

    @invariant()
    def the_root_is_alike(self) -> None:
        if hasattr(self, "both"):
            self.both.perform(self.kernel.owner, ("listdir", "/"))

    def teardown(self) -> None:
        if hasattr(self, "both"):
            self.both.compare_trees()


def test_a_state_machine_finds_no_difference_to_tmpfs(kernel: Kernel) -> None:
    TmpfsMachine.kernel = kernel

    run_machine(TmpfsMachine)
