"""`train matching`: learn new weights, compare old and new on what neither was learned from, switch only to better."""

# ruff: noqa: PLC0415, FBT002
# Imports stand in the verb that needs them; options of a command line are booleans with a default.

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from shared.commands.options import Data, Json, show, wait
from shared.commands.running import Failed, Running, WrongUsage

if TYPE_CHECKING:
    from services.dedup.core.model import Model
    from services.dedup.train.choosing import Trial

train_app = typer.Typer(help="Learn from labelled data; switch only to what is better.", no_args_is_help=True)

JUDGEMENTS_MAX: Final = 50_000
"""Judgements learned from, the newest: learning from more takes minutes and moves no weight."""


@train_app.callback()
def train() -> None:
    """Learn from labelled data; switch only to what is better."""


@train_app.command("matching")
def matching(
    pairs: Annotated[Path | None, typer.Option(help="Labelled CSV: record_id, cluster_id (the truth), fields.")] = None,
    from_reviews: Annotated[bool, typer.Option("--from-reviews", help="Learn from reviewers' answers.")] = False,
    output: Annotated[Path | None, typer.Option(help="The new model; else where the service finds its own.")] = None,
    country: Annotated[str, typer.Option(help="Region that numbers in the CSV are written for.")] = "DE",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only report; write nothing.")] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Learn new weights of matching, report them beside the present ones, and refuse to switch to worse ones.

    Example: kontaktwerk train matching --pairs labelled.csv.gz --dry-run
    """
    from services.dedup.settings import DedupSettings
    from services.dedup.train.choosing import worse
    from services.dedup.train.saying import compared, document, reliability
    from services.dedup.train.weights import written

    if (pairs is None) == (not from_reviews):
        raise WrongUsage("learn from --pairs FILE or --from-reviews, one of them")
    path = DedupSettings().model
    present = _present(path)
    new, before, model = _from_set(pairs, country, present) if pairs else wait(_from_reviews(Running(data), present))
    model = _named(model)
    refused = worse(new, before)
    lines = [
        *compared([("new", new), (f"present ({present.version})", before)]),
        "", "Reliability of the new model on what it had not seen:", "", *reliability(new), "",
    ]  # fmt: skip
    target = output or path
    if refused is None and not dry_run:
        _replace(target, written(model))
        lines.append(f"{target} is {model.version}; start dedup again with it, then `kontaktwerk reconcile`")
    found: dict[str, Any] = {"version": model.version, "new": document(new), "present": document(before)}
    show(found | {"refused": refused, "written": refused is None and not dry_run}, lines, as_json=as_json)
    if refused is not None:
        raise Failed(f"not switched: {refused}")


def _named(model: "Model") -> "Model":
    """The model under a name that follows from what it weighs: who learns the same has the same."""
    from hashlib import blake2b

    from msgspec.structs import replace

    from services.dedup.train.weights import written

    return replace(model, version=f"learned-{blake2b(written(model), digest_size=4).hexdigest()}")


def _present(path: Path) -> "Model":
    from services.dedup.core.model import load_model

    try:
        return load_model(path.read_bytes())
    except (OSError, ValueError) as error:
        raise Failed(f"the present model cannot be read: {error}") from None


def _from_set(path: Path, country: str, present: "Model") -> "tuple[Trial, Trial, Model]":
    from services.dedup.train.choosing import beside, crossed, halves_of, whole
    from services.dedup.train.sets import read_set

    try:
        labelled = read_set(path, country)
    except (OSError, ValueError) as error:
        raise Failed(f"the labelled set cannot be read: {error}") from None
    halves = halves_of(labelled)
    if not all(any(example.same for example in half.examples) for half in halves):
        raise Failed("the labelled set is too small: a half of its persons has no two records that are compared")
    new = crossed(halves)
    f1, careful = new.clusters("eager").counts().f1, new.clusters("careful").counts()
    provenance = {
        "learned_from": f"{labelled.name}: {len(labelled.traits)} records, {labelled.true_pairs} true pairs",
        "measured": "halves by person, each on the model of the other",
        "f1": f"{f1:.4f}",
        "merged_alone": f"precision {careful.precision:.4f}, recall {careful.recall:.4f}",
        "brier": f"{new.brier:.4f}",
    }
    return new, beside(halves, present), whole(halves, new, "learned", provenance)


async def _from_reviews(running: Running, present: "Model") -> "tuple[Trial, Trial, Model]":
    import msgspec

    from services.dedup.reconcile import store as epochs
    from services.dedup.train import store
    from services.dedup.train.judged import PAIRS_MIN, crossed, learned, pairs_of
    from shared.commands.database import database_of

    async with database_of(running) as database, database.connection() as connection:
        judgements = await store.judgements(connection, JUDGEMENTS_MAX)
        named = {record_id for one in judgements for record_id in (*one.left, *one.right)}
        traits = await store.traits(connection, named)
        population = await epochs.population(connection, (await epochs.standing(connection, ())).epoch)
    pairs = pairs_of(judgements, traits)
    if len(pairs) < PAIRS_MIN:
        raise Failed(f"there are {len(pairs)} judged pairs; {PAIRS_MIN} are needed to learn from")
    new, before = crossed(pairs, population, present)
    provenance = {"learned_from": f"{len(pairs)} judged pairs", "held_to": present.version, "brier": f"{new.brier:.4f}"}
    model = learned(pairs, population, present, "learned")
    return new, before, msgspec.structs.replace(model, provenance=provenance)


def _replace(path: Path, content: bytes) -> None:
    """Atomically: a service that starts at this moment finds the old model or the new one, whole."""
    beside = path.with_name(f"{path.name}.new")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as error:
        raise Failed(f"the model cannot be written: {error}") from None
