"""Tables of people, roles, sessions and profiles."""

from collections.abc import Iterable

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Row,
    Table,
    Text,
    UniqueConstraint,
    delete,
    insert,
    select,
    update,
)

from bijou.accounts.api import Profile, User
from bijou.ports import Instant, Role

METADATA = MetaData()
_Int64 = BigInteger().with_variant(Integer(), "sqlite")  # a STRICT table knows INTEGER alone

USERS = Table(
    "accounts_users",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("created_at", _Int64, nullable=False),
    CheckConstraint("id LIKE 'usr\\_%' ESCAPE '\\'", name="accounts_users_id"),
    CheckConstraint("length(name) BETWEEN 1 AND 254 AND name = lower(name)", name="accounts_users_name"),
    CheckConstraint("password_hash LIKE '$argon2id$%'", name="accounts_users_password_hash"),
    sqlite_strict=True,
)

ROLES = Table(
    "accounts_roles",
    METADATA,
    Column("user_id", Text, ForeignKey(USERS.c.id, ondelete="CASCADE"), primary_key=True),
    Column("role", Text, primary_key=True),
    CheckConstraint("role IN ('viewer', 'editor', 'adops', 'operator')", name="accounts_roles_role"),
    sqlite_strict=True,
)

SESSIONS = Table(
    "accounts_sessions",
    METADATA,
    Column("token_sha256", Text, primary_key=True),
    Column("user_id", Text, ForeignKey(USERS.c.id, ondelete="CASCADE"), nullable=False),
    Column("created_at", _Int64, nullable=False),
    Column("expires_at", _Int64, nullable=False),
    CheckConstraint("length(token_sha256) = 64", name="accounts_sessions_token"),
    CheckConstraint("expires_at > created_at", name="accounts_sessions_expiry"),
    Index("accounts_sessions_expires_at", "expires_at"),
    sqlite_strict=True,
)

PROFILES = Table(
    "accounts_profiles",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, ForeignKey(USERS.c.id, ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("colour", Text, nullable=False),
    UniqueConstraint("user_id", "name", name="accounts_profiles_once"),
    CheckConstraint("id LIKE 'prf\\_%' ESCAPE '\\'", name="accounts_profiles_id"),
    CheckConstraint("length(name) BETWEEN 1 AND 40", name="accounts_profiles_name"),
    CheckConstraint("colour LIKE '#______'", name="accounts_profiles_colour"),
    sqlite_strict=True,
)


def add_user(db: Connection, user: User, password_hash: str) -> bool:
    """Add a person; False where the name is taken."""
    if db.scalar(select(USERS.c.id).where(USERS.c.name == user.name)):
        return False
    db.execute(
        insert(USERS).values(
            id=user.id, name=user.name, password_hash=password_hash, created_at=int(user.created_at)
        )
    )
    if user.roles:
        db.execute(insert(ROLES), [{"user_id": user.id, "role": role.value} for role in user.roles])
    return True


def user_named(db: Connection, name: str) -> tuple[User, str] | None:
    """Return a person and their password's hash."""
    row = db.execute(select(USERS).where(USERS.c.name == name)).first()
    return (_users(db, [row])[0], row.password_hash) if row else None


def users(db: Connection) -> list[User]:
    """Return all people, by name."""
    return _users(db, db.execute(select(USERS).order_by(USERS.c.name)))


def rehash(db: Connection, user_id: str, password_hash: str) -> None:
    """Keep another hash of the same password."""
    db.execute(update(USERS).where(USERS.c.id == user_id).values(password_hash=password_hash))


def change_password(db: Connection, user_id: str, password_hash: str) -> None:
    """Keep another password, and end what was opened with the one before."""
    rehash(db, user_id, password_hash)
    db.execute(delete(SESSIONS).where(SESSIONS.c.user_id == user_id))


def add_session(
    db: Connection, token_sha256: str, user_id: str, created_at: Instant, expires_at: Instant
) -> None:
    """Keep a session, and forget those that have run out."""
    db.execute(delete(SESSIONS).where(SESSIONS.c.expires_at <= int(created_at)))
    db.execute(
        insert(SESSIONS).values(
            token_sha256=token_sha256, user_id=user_id, created_at=int(created_at), expires_at=int(expires_at)
        )
    )


def user_of_session(db: Connection, token_sha256: str, now: Instant) -> User | None:
    """Return whose session it is, while it lasts."""
    row = db.execute(
        select(USERS)
        .join(SESSIONS)
        .where(SESSIONS.c.token_sha256 == token_sha256, SESSIONS.c.expires_at > int(now))
    ).first()
    return _users(db, [row])[0] if row else None


def end_session(db: Connection, token_sha256: str) -> None:
    """Forget a session."""
    db.execute(delete(SESSIONS).where(SESSIONS.c.token_sha256 == token_sha256))


def profiles(db: Connection, user_id: str) -> list[Profile]:
    """Return a person's profiles, the oldest first."""
    rows = db.execute(select(PROFILES).where(PROFILES.c.user_id == user_id).order_by(PROFILES.c.id))
    return [Profile(id=row.id, name=row.name, colour=row.colour) for row in rows]


def add_profile(db: Connection, user_id: str, profile: Profile) -> None:
    """Keep a profile."""
    db.execute(
        insert(PROFILES).values(id=profile.id, user_id=user_id, name=profile.name, colour=profile.colour)
    )


def user_exists(db: Connection, user_id: str) -> bool:
    """Tell whether there is such a person."""
    return db.scalar(select(USERS.c.id).where(USERS.c.id == user_id)) is not None


def _users(db: Connection, rows: Iterable[Row[tuple[object, ...]]]) -> list[User]:
    people = list(rows)
    roles: dict[str, list[Role]] = {row.id: [] for row in people}
    held = select(ROLES).where(ROLES.c.user_id.in_(roles)).order_by(ROLES.c.role)
    for user_id, role in db.execute(held):
        roles[user_id].append(Role(role))
    return [User(row.id, row.name, roles[row.id], Instant(row.created_at)) for row in people]
