"""People, their roles, their sessions and their profiles.

It knows who is calling and what they may be; what a role may do stands with
each route. It keeps no password and no token, only what recognises them.
"""

from bijou.accounts.api import Accounts, NewUser, Profile, SignedIn, SignIn, User, Whoami
from bijou.accounts.model import check_name, check_password

__all__ = [
    "Accounts",
    "NewUser",
    "Profile",
    "SignIn",
    "SignedIn",
    "User",
    "Whoami",
    "check_name",
    "check_password",
]
