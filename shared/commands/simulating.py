"""The verb `simulate`, as it stands on the command line."""

# ruff: noqa: PLC0415
# Imports stand in the verb that needs them.

from typing import Annotated

import typer

from shared.commands.options import Data, Json, wait
from shared.commands.running import Running

Shuffled = Annotated[bool, typer.Option("--out-of-order", help="Several at once, in any order.")]
Patient = Annotated[bool, typer.Option("--retries", help="Try again as it would, 600 times faster.")]


def simulate(  # noqa: PLR0913, PLR0917 (options of a command line)
    vendor: Annotated[str, typer.Argument(help="typeform, mailchimp, hubspot, …: a connector of sources.yaml.")],
    source: Annotated[
        str | None, typer.Option(help="The source to send to; unsaid: the only one of this vendor.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=1_000_000, help="So many people.")] = 10,
    rate: Annotated[float | None, typer.Option(min=0.1, help="At most so many requests a second.")] = None,
    duplicates: Annotated[float, typer.Option(min=0, max=1, help="Share of deliveries that come twice.")] = 0.0,
    bad_signatures: Annotated[float, typer.Option(min=0, max=1, help="Share that a forger sends, too.")] = 0.0,
    out_of_order: Shuffled = False,  # noqa: FBT002 (an option of a command line)
    retries: Patient = False,  # noqa: FBT002 (an option of a command line)
    api: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="Play the API that the hooks point to at this port.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed: the same order and choice.")] = 1,
    as_json: Json = False,  # noqa: FBT002 (an option of a command line)
    data: Data = None,
) -> None:
    """Send what a vendor would send, signed as it signs, to a source that is configured for it.

    Example: kontaktwerk simulate typeform --count 100 --duplicates 0.2 --out-of-order
    """
    from shared.commands import simulate as command

    plan = command.Plan(count, rate, duplicates, bad_signatures, out_of_order, retries, seed)
    wait(command.run(Running(data), vendor, source, plan, api=api, as_json=as_json))
