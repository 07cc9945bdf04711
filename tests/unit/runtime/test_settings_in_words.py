"""What is wrong with a variable of the environment is said by its name, never by what it holds."""

from collections.abc import Callable

import pytest
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from shared.runtime.settings import KafkaSettings, Settings, in_words


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("KAFKA_SECURITY_PROTOCOL", KafkaSettings),
        ("KAFKA_SASL_MECHANISM", KafkaSettings),
        ("KAFKA_SSL_CAFILE", KafkaSettings),
        ("KONTAKTWERK_PORT", Settings),
    ],
)
def test_a_variable_that_cannot_be_used_is_named_and_its_value_is_not(
    name: str, settings: Callable[[], BaseSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Harm: a password in the wrong variable stands in the log."""
    monkeypatch.setenv(name, "canary")
    with pytest.raises(ValidationError) as refused:
        settings()
    said = in_words(refused.value)
    assert said.startswith(f"{name}: ")
    assert "canary" not in said
    assert "canary" in str(refused.value), "the control: pydantic's own text shows what it was given"
