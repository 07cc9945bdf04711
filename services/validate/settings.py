"""The knobs of validate."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ValidateSettings(BaseSettings):
    """What can be turned; built by the service, never at import."""

    model_config = SettingsConfigDict(env_prefix="KONTAKTWERK_VALIDATE_", frozen=True)
    batch_messages_max: int = Field(
        default=200, ge=1, le=5_000, description="Messages taken at once; 200 keep the process busy for about 30 ms."
    )
    dns: Literal["on", "off"] = Field(
        default="on", description="Whether the DNS is asked which mail domains take mail; `off` where there is none."
    )
    dns_server: str | None = Field(
        default=None, description="A name server as `address` or `address:port`; unset: those of the machine."
    )
    dns_rate: int = Field(
        default=100, ge=1, le=1_000, description="Questions to the DNS a second, of one process at most."
    )
