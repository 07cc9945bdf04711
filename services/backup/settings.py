"""The knobs of backup; built by the launcher, never at import."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class BackupSettings(BaseSettings):
    """The knobs of backup."""

    model_config = SettingsConfigDict(env_prefix="KONTAKTWERK_BACKUP_", frozen=True)
    batch_messages_max: int = Field(
        default=500, ge=1, le=5_000, description="Messages of one transaction: inserting 500 takes about 30 ms."
    )
    passphrase: SecretStr | None = Field(
        default=None,
        min_length=12,
        description="Seals every backup and opens what is sealed with it; unset: backups are written as they are. "
        "Whoever loses it has no backup.",
    )
