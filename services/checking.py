"""Verbs that look before anything runs, with what every service says of itself: `config check` and `doctor`."""

# ruff: noqa: PLC0415, FBT002
# Imports stand in the verb that needs them; options of a command line are booleans with a default.

from pathlib import Path
from typing import Annotated

import typer

from shared.commands.options import Data, Json, show, wait
from shared.commands.reaching import Reach, unreachable
from shared.commands.running import Failed, Running
from shared.domain.configuration import Configuration
from shared.runtime.addresses import Private

config_app = typer.Typer(help="The configuration, before it is used.", no_args_is_help=True)


@config_app.command("check")
def config_check(
    folder: Annotated[Path | None, typer.Argument(help="The folder; else KONTAKTWERK_CONFIG_DIR.")] = None,
    as_json: Json = False,
) -> None:
    """Check the configuration files, the conditions of the rules too, and say what they configure.

    Example: kontaktwerk config check deploy/config
    """
    from shared.commands import config_check as command
    from shared.runtime.settings import Settings

    configuration = command.read(folder or Settings().config_dir)
    try:
        usable(configuration)
    except ValueError as error:
        raise Failed(str(error)) from None
    found = command.described(configuration)
    doubts = [f"{one.found}: {one.remedy}" for one in unreachable(configuration, _reach())]
    lines = [f"{name:<9} {', '.join(values) or 'none'}" for name, values in found.items() if isinstance(values, list)]
    show(found | {"doubts": doubts}, [*lines, *(f"? {one}" for one in doubts)], as_json=as_json)


def doctor(as_json: Json = False, data: Data = None) -> None:
    """Look at Kafka, Postgres, topics, tables, clocks, secrets, configuration and disk; say how to mend what is wrong.

    Example: kontaktwerk doctor --json
    """
    from shared.commands import doctor as command

    checks = wait(command.run(Running(data), _reach()))
    show(command.document(checks), command.lines_of(checks), as_json=as_json)
    if count := command.to_mend(checks):
        raise Failed(f"{count} thing{'s' if count > 1 else ''} must be mended")


def usable(configuration: Configuration) -> None:
    """Whether every service can use a configuration. Raises ValueError naming file, place and what to change."""
    from services.enrich.core.asking import asked_of
    from services.rules.core.loading import rulebook_of
    from services.validate.core.standards import standards_of

    standards_of(configuration.fields, configuration.sources)
    rulebook_of(configuration)
    asked_of(configuration.providers, plain_http=_reach().enrich is Private.ALLOW)


def _reach() -> Reach:
    """What the services may call, by the environment of this process."""
    from services.enrich.settings import EnrichSettings
    from services.ingest.settings import IngestSettings
    from services.rules.settings import RulesSettings

    return Reach(
        Private(EnrichSettings().private_addresses),
        RulesSettings().private_addresses,
        IngestSettings().private_addresses,
    )
