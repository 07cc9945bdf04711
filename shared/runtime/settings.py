"""The settings that every service shares; built by the launcher, never at import. Each service adds its own."""

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, FilePath, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class KafkaSettings(BaseSettings):
    """How Kafka is reached."""

    model_config = SettingsConfigDict(env_prefix="KAFKA_", frozen=True)
    bootstrap_servers: str = Field(default="127.0.0.1:9092", description="Addresses of an existing Kafka, 3.7 to 4.x.")
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        default=None, description="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512."
    )
    sasl_username: str | None = Field(default=None, description="User for SASL.")
    sasl_password: SecretStr | None = Field(default=None, description="Password for SASL.")
    ssl_cafile: FilePath | None = Field(
        default=None, description="Certificate authority that signed the broker's certificate."
    )
    ssl_certfile: FilePath | None = Field(default=None, description="Our certificate, where the broker asks for one.")
    ssl_keyfile: FilePath | None = Field(default=None, description="The key of that certificate.")


class DatabaseSettings(BaseSettings):
    """How Postgres is reached."""

    model_config = SettingsConfigDict(env_prefix="DATABASE_", frozen=True)
    url: SecretStr = Field(
        default=SecretStr("postgresql://127.0.0.1:5432/kontaktwerk"), description="An existing Postgres, 15 or newer."
    )

    @field_validator("url", mode="after")
    @classmethod
    def _postgres(cls, url: SecretStr) -> SecretStr:
        """Anything else would be asked again and again, as if it were away."""
        if not url.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("begins with postgresql://")
        return url


def in_words(error: ValidationError) -> str:
    """Which variables of the environment cannot be used, and what each should be; never what they hold."""
    prefix = next(
        (str(kind.model_config.get("env_prefix", "")) for kind in _kinds() if kind.__name__ == error.title), ""
    )
    return "; ".join(
        f"{prefix}{'_'.join(map(str, fault['loc']))}".upper() + f": {fault['msg'][:1].lower()}{fault['msg'][1:]}"
        for fault in error.errors(include_url=False, include_input=False, include_context=False)
    )


def _kinds(kind: type[BaseSettings] = BaseSettings) -> list[type[BaseSettings]]:
    """All settings there are."""
    return [one for below in kind.__subclasses__() for one in (below, *_kinds(below))]


def door_of(service: str) -> int | None:
    """The descriptor of the listening socket a supervisor hands to a service, such as KONTAKTWERK_INGEST_FD.

    The one address is held open there while processes come and go; None without a supervisor.
    """
    text = os.environ.get(f"KONTAKTWERK_{service.upper()}_FD", "")
    return int(text) if text.isdigit() else None


CONFIG_DIR = Path("deploy/config")
"""Where the configuration is unless said otherwise: below the working directory, else beside the code."""

BESIDE_THE_CODE = Path(__file__).parents[2] / CONFIG_DIR


class Settings(BaseSettings):
    """What is the same for every service of one installation."""

    model_config = SettingsConfigDict(env_prefix="KONTAKTWERK_", frozen=True, validate_default=True)
    config_dir: Path = Field(default=CONFIG_DIR, description="The folder with the configuration files.")
    partitions: int = Field(
        default=12, ge=1, le=1_000, description="Partitions of every topic; cannot change afterwards."
    )
    replication_factor: int = Field(default=1, ge=1, le=9, description="Copies of every partition; 3 in production.")
    topic_prefix: str = Field(default="", description="Before every topic's name, in a Kafka that others use too.")
    group_prefix: str = Field(default="kontaktwerk.", description="Before every consumer group's name.")
    log_format: str = Field(default="auto", description="console, json, or auto: console on a terminal, else json.")
    log_level: str = Field(default="info", description="debug, info, warning or error.")
    instance: str | None = Field(
        default=None,
        description="A stable, unique name of this process, such as dedup-0; set only by who guarantees that.",
    )
    host: str = Field(default="127.0.0.1", description="Where this process answers HTTP; 0.0.0.0 in a container.")
    port: int = Field(default=8080, ge=0, le=65_535, description="This process's own HTTP port.")
    owners: str = Field(
        default="", description="Where each service answers, as `dedup=http://a:1 http://b:2;rules=http://c:3`."
    )
    database_connections: int = Field(
        default=6,
        ge=2,
        le=64,
        description="Connections of one process to Postgres: one for its stage, the rest for its API.",
    )
    release: str = Field(default="0.1.0", description="The release that writes; stands in dead letters.")

    @field_validator("config_dir", mode="after")
    @classmethod
    def _found(cls, folder: Path) -> Path:
        """The default wherever a command is called: a verb knows its own configuration from another folder too."""
        return BESIDE_THE_CODE if folder == CONFIG_DIR and not folder.is_dir() else folder
