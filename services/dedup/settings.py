"""The knobs of dedup; built by its `service.py`, never at import."""

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class DedupSettings(BaseSettings):
    """What may be merged alone, how much is decided at once, and how long things wait."""

    model_config = SettingsConfigDict(env_prefix="KONTAKTWERK_DEDUP_", frozen=True)
    merge: Literal["careful", "eager", "never"] = Field(
        default="careful",
        description="careful: merge alone what is right in 995 of 1,000 decisions, offer the rest for review; "
        "eager: merge all that would be offered; never: merge only what a person decides.",
    )
    batch_messages_max: int = Field(
        default=200,
        ge=1,
        le=500,
        description="Messages decided in one transaction. Larger batches cost less each, here and in every stage after "
        "this one, and lock more at once: with several processes on hot data 200 lost a sixth in restarts (measured).",
    )
    key_records_max: int = Field(
        default=60,
        ge=5,
        le=1_000,
        description="Records that may share a blocking key; above, the key is generic and gives no candidates, "
        "the same for every order of arrival. Costs less than .001 recall at 30 to 60 (measured).",
    )
    unsaid_s: float = Field(
        default=5,
        gt=0,
        description="Seconds after which a contact that was decided but not said is said by the sweeper.",
    )
    parked_days: float = Field(
        default=30, gt=0, description="Days that an interaction waits for its person before it is dropped and counted."
    )
    decisions_days: float = Field(
        default=40,
        ge=31,
        description="Days for which decided events are remembered: longer than any topic or dead letter keeps them.",
    )
    model: Path = Field(
        default=Path(__file__).with_name("model.json"), description="The file with the weights of matching."
    )

    @property
    def parked(self) -> timedelta:
        """How long an interaction waits."""
        return timedelta(days=self.parked_days)

    @property
    def decisions(self) -> timedelta:
        """How long decided events are remembered."""
        return timedelta(days=self.decisions_days)
