"""The knobs of ingest; built by its `service.py`, never at import."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.runtime.addresses import Private


class IngestSettings(BaseSettings):
    """How patient the door is, and the key behind record ids."""

    model_config = SettingsConfigDict(env_prefix="KONTAKTWERK_INGEST_", frozen=True)
    record_key: SecretStr | None = Field(
        default=None,
        description="The key behind record ids, at least 16 characters; unset: one is made at the first start and kept "
        "in the database. Another key gives every record another id.",
    )
    kafka_wait_s: float = Field(
        default=5.0,
        gt=0,
        le=30,
        description="Seconds until a delivery that a busy Kafka does not acknowledge goes to the spool, or without one "
        "is answered with 503; less than one where Kafka acknowledges nothing at all.",
    )
    spool_dir: Path | None = Field(
        default=None,
        description="The folder on a local disk for what Kafka cannot take while it is away, one folder below it for "
        "each process; unset: deliveries are then answered with 503.",
    )
    spool_bytes_max: int = Field(
        default=1024**3,
        ge=1024**2,
        description="Bytes that one process may keep in its spool; beyond that deliveries are answered with 503. A "
        "record takes about 1.5 KiB.",
    )
    database_wait_s: float = Field(
        default=2.0,
        gt=0,
        le=30,
        description="Seconds until a delivery goes on without asking Postgres whether it is known.",
    )
    batch_messages_max: int = Field(
        default=500, ge=1, le=5_000, description="Messages whose receipts are brought up to date in one transaction."
    )
    owner_wait_s: float = Field(
        default=60.0,
        gt=0,
        description="Seconds that the owner of a path may be silent before the door answers 503 for it.",
    )
    private_addresses: Private = Field(
        default=Private.LOOPBACK,
        description="Whether APIs that are asked for orders and lists may lie on this machine (`loopback`), also in "
        "private networks (`allow`), or in public ones only (`refuse`).",
    )
