"""The knobs of rules; built by the launcher, never at import."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class RulesSettings(BaseSettings):
    """The knobs of rules."""

    model_config = SettingsConfigDict(env_prefix="KONTAKTWERK_RULES_", frozen=True)
    batch_messages_max: int = Field(
        default=200, ge=1, le=2_000, description="Messages of one transaction: 200 keep it below 50 ms."
    )
