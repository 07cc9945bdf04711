"""The knobs of validate."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ValidateSettings(BaseSettings):
    """What can be turned; built by the service, never at import."""

    model_config = SettingsConfigDict(env_prefix="KONTAKTWERK_VALIDATE_", frozen=True)
    batch_messages_max: int = Field(
        default=200, ge=1, le=5_000, description="Messages taken at once; 200 keep the process busy for about 30 ms."
    )
