import pytest

from bijou.accounts import NewUser
from bijou.accounts.model import checked
from bijou.ports import InvalidRequest, Role


def test_an_operator_holds_every_role_of_people() -> None:
    operator = checked(NewUser("edda", "a long pass phrase", [Role.OPERATOR]))

    assert set(operator.roles) == {Role.VIEWER, Role.EDITOR, Role.ADOPS, Role.OPERATOR}


def test_other_roles_are_what_was_said() -> None:
    assert checked(NewUser("Edda", "a long pass phrase", [Role.EDITOR, Role.EDITOR])).roles == [Role.EDITOR]


@pytest.mark.parametrize("role", [Role.SERVICE, Role.ANYONE])
def test_nobody_is_made_a_service(role: Role) -> None:
    with pytest.raises(InvalidRequest, match="roles are viewer, editor, adops, operator"):
        checked(NewUser("edda", "a long pass phrase", [role]))
