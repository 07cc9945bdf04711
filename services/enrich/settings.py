"""The knobs of enrich."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class EnrichSettings(BaseSettings):
    """What can be turned; built by the service, never at import."""

    model_config = SettingsConfigDict(env_prefix="KONTAKTWERK_ENRICH_", frozen=True)
    batch_messages_max: int = Field(
        default=200, ge=1, le=5_000, description="Messages taken at once; 200 keep the process busy for about 20 ms."
    )
    private_addresses: Literal["refuse", "allow"] = Field(
        default="refuse",
        description="Whether providers may lie in private networks, on this machine or without TLS; `allow` only where "
        "whoever writes providers.yaml may reach everything this process reaches.",
    )
