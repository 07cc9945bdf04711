"""The knobs of rules; built by the launcher, never at import."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.runtime.addresses import Private


class RulesSettings(BaseSettings):
    """The knobs of rules."""

    model_config = SettingsConfigDict(env_prefix="KONTAKTWERK_RULES_", frozen=True)
    batch_messages_max: int = Field(
        default=200, ge=1, le=2_000, description="Messages of one transaction: 200 keep it below 50 ms."
    )
    private_addresses: Private = Field(
        default=Private.LOOPBACK,
        description="Whether web hooks and mail servers of channels.yaml may lie on this machine (`loopback`), also in "
        "private networks (`allow`), or in public ones only (`refuse`).",
    )
