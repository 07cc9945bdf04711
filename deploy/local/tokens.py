"""The tokens of a data folder: one per role, made here, kept here, and made known to whatever database is used."""

from collections.abc import Mapping

from deploy.local.folder import DataFolder
from deploy.local.plan import ROLES


def tokens_of(folder: DataFolder) -> dict[str, str]:
    """Role and token; the same at every start."""
    return {role: f"kw_{folder.secret(f'token-{role}')}" for role in ROLES}


async def adopt(database_url: str, tokens: Mapping[str, str]) -> None:
    """Let these tokens in; harmless if they already are. A token that was revoked stays revoked."""
    from shared.runtime.access import Role, adopt_token  # noqa: PLC0415 - a second of imports that
    from shared.runtime.database import Database  # noqa: PLC0415 - nobody shall wait for who only asks for --help

    database = Database(database_url)
    await database.open()
    try:
        for role, token in tokens.items():
            await adopt_token(database, Role(role), "up", token)
    finally:
        await database.close()
