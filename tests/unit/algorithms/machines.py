"""State machines that are held to a number of steps, the same ones in every run."""

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, run_state_machine_as_test

STEPS = 2000


class Machine(RuleBasedStateMachine):
    """A state machine that counts the steps it took, over all its runs."""

    steps = 0

    @invariant()
    def count_the_step(self) -> None:
        type(self).steps += 1


def run_machine(machine: type[Machine], *, examples: int = 60, shrinks: bool = True) -> None:
    """Run it with fixed seeds; fail where it took fewer than `STEPS` steps.

    One whose steps are slow does better without `shrinks`: its first failure is shown as it is.
    """
    machine.steps = 0
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=50,
            derandomize=True,
            database=None,
            deadline=None,
            report_multiple_bugs=False,
            phases=tuple(Phase) if shrinks else (Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert machine.steps >= STEPS, f"only {machine.steps} steps; raise `examples`"
