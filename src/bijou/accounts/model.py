"""What a name, a password, a profile and a token may be."""

import hashlib
import hmac
import re

from bijou.accounts.api import NewUser
from bijou.ports import InvalidRequest, Role

HUMAN_ROLES = (Role.VIEWER, Role.EDITOR, Role.ADOPS, Role.OPERATOR)
MAX_PROFILES = 5
PROFILE_COLOURS = ("#ffb84d", "#6fd3c7", "#f4728a", "#8fa8ff", "#b9e36b")

_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_NAME = re.compile(r"[a-z0-9._-]{1,64}")
_EMAIL = re.compile(r"[a-z0-9._%+-]{1,64}@[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+")
_EMAIL_MAX = 254


def checked(new: NewUser) -> NewUser:
    """Return a new person with a folded name and sorted roles; an operator holds all of them.

    Raises:
        InvalidRequest: `accounts.bad_name`, `accounts.bad_password`,
            `accounts.bad_role`.
    """
    name = check_name(new.name)
    check_password(new.password)
    for role in new.roles:
        if role not in HUMAN_ROLES:
            raise InvalidRequest(
                "accounts.bad_role", f"people cannot be {role}; roles are {', '.join(HUMAN_ROLES)}"
            )
    roles = set(HUMAN_ROLES) if Role.OPERATOR in new.roles else set(new.roles)
    return NewUser(name=name, password=new.password, roles=sorted(roles))


def check_name(name: str) -> str:
    """Return a sign-in name, folded.

    Raises:
        InvalidRequest: `accounts.bad_name`.
    """
    kept = folded(name)
    if not _NAME.fullmatch(kept) and not (_EMAIL.fullmatch(kept) and len(kept) <= _EMAIL_MAX):
        raise InvalidRequest(
            "accounts.bad_name",
            f"{name[:80]!r} is no sign-in name; take 1 to 64 of a-z 0-9 . _ - or an e-mail address",
        )
    return kept


def check_password(password: str) -> None:
    """Return if a password may be one.

    Raises:
        InvalidRequest: `accounts.bad_password`.
    """
    if not 10 <= len(password) <= 256:
        raise InvalidRequest(
            "accounts.bad_password", f"the password has {len(password)} characters; take 10 to 256"
        )


def folded(name: str) -> str:
    """Return a sign-in name as it is compared: without case or outer spaces."""
    return name.strip().casefold()


def profile_name(name: str) -> str:
    """Return a profile's name, trimmed.

    Raises:
        InvalidRequest: `accounts.bad_profile`.
    """
    trimmed = " ".join(name.split())
    if not 1 <= len(trimmed) <= 40 or _INVISIBLE.search(trimmed):
        raise InvalidRequest(
            "accounts.bad_profile",
            f"the profile's name has {len(trimmed)} characters; it has 1 to 40 and no control characters",
        )
    return trimmed


def fingerprint(token: str) -> str:
    """Return what is kept of a session's token: its SHA-256."""
    return hashlib.sha256(token.encode()).hexdigest()


def csrf_of(token: str) -> str:
    """Return the CSRF token that belongs to a session's token, and to no other.

    It can be worked out from the token and says nothing about it, so nothing
    more is kept.
    """
    return hmac.digest(token.encode(), b"bijou csrf", "sha256").hex()
