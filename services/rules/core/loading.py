"""Loading: from rules as they are written to a rulebook that can be asked, or everything that is wrong with them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from services.rules.core.conditions import Refused, compiled
from services.rules.core.confirming import asked
from services.rules.core.dates import dated
from services.rules.core.faults import faults_of_channel, faults_of_rule
from services.rules.core.rulebook import Checked, Rulebook
from services.rules.core.templates import Template, templates
from services.rules.core.trials import failures
from services.rules.core.viewing import viewer
from shared.domain.configuration import Channel, Configuration, Rule, Source
from shared.domain.text import fold

RULES_MAX: Final = 1_000
"""Each condition costs some microseconds a contact; a thousand of them are as dear as the rest of the chain."""


class InvalidRules(ValueError):
    """Rules that cannot be used; the text has one line for each fault, by file, rule and place."""


def rulebook_of(configuration: Configuration) -> Rulebook:
    """The rules of a configuration, checked with its channels and templates. Raises InvalidRules."""
    return rulebook(configuration.rules, configuration.channels, configuration.templates, configuration.sources)


def rulebook(
    rules: Sequence[Rule],
    channels: Mapping[str, Channel] | None = None,
    texts: Mapping[str, str] | None = None,
    sources: Mapping[str, Source] | None = None,
) -> Rulebook:
    """The rules, checked; `texts` are the templates by file. Raises InvalidRules that names all that is wrong."""
    wrong: list[str] = []
    if len(rules) > RULES_MAX:
        wrong.append(f"rules.yaml: {len(rules)} rules, more than {RULES_MAX}")
    known: dict[str, Template] = {}
    try:
        known = templates(texts or {})
    except ValueError as error:
        wrong.append(str(error))
    for name, channel in (channels or {}).items():
        wrong += [f"channels.yaml: channels.{name}: {fault}" for fault in faults_of_channel(channel)]
    checked = [one for rule in rules[:RULES_MAX] if (one := _checked(rule, channels or {}, known, wrong)) is not None]
    wrong += _unasked(rules, sources or {})
    if wrong:
        raise InvalidRules("\n".join(wrong))
    fields = [one.condition.fields for one in checked if one.condition is not None]
    reads = (one for checks in checked for one in (checks.condition, checks.dated) if one is not None)
    book = Rulebook(
        rules=tuple(checked),
        view=viewer(None if None in fields else frozenset().union(*(one for one in fields if one is not None))),
        reads_timeline=any(one.reads_timeline for one in reads),
        channels=channels or {},
        templates=known,
        sources=sources or {},
        countries={name: source.country for name, source in (sources or {}).items()},
    )
    if wrong := [f"rules.yaml: rules.{failure}" for failure in failures(book)]:
        raise InvalidRules("\n".join(wrong))
    return book


def _unasked(rules: Sequence[Rule], sources: Mapping[str, Source]) -> Iterator[str]:
    """Forms with double opt-in whose mail no rule sends: their consents would stay pending for ever."""
    confirmed = {
        fold(rule.then.mail.purpose) for rule in rules if rule.then.mail is not None and rule.then.mail.confirms
    }
    for name, source in sources.items():
        if source.opt_in is not None and fold(source.opt_in.purpose) not in confirmed:
            mail = f"{{purpose: {source.opt_in.purpose}, template: confirm, confirms: true}}"
            yield (
                f"sources.yaml: sources.{name}.opt_in: no rule asks for the confirmation; add to rules.yaml "
                f"{{name: confirm, then: {{mail: {mail}}}}}"
            )


def _checked(
    rule: Rule, channels: Mapping[str, Channel], known: Mapping[str, Template], wrong: list[str]
) -> Checked | None:
    """The rule, ready to be asked; what is wrong is added to `wrong`."""
    faults = list(faults_of_rule(rule, channels, known))
    condition = date = None
    try:
        condition = None if rule.when is None else compiled(rule.when)
    except Refused as error:
        faults.append(f"when: {error}")
    try:
        if rule.then.mail is not None and rule.then.mail.confirms:
            date = asked(rule.then.mail.purpose)
        else:
            date = None if rule.at is None else dated(rule.at)
    except ValueError as error:
        faults.append(f"at.{error}")
    wrong += [f"rules.yaml: rules.{rule.name}.{fault}" for fault in faults]
    if faults:
        return None
    then = rule.then
    parts = (*(("notify",) if then.notify is not None else ()), *(("mail",) if then.mail is not None else ()))
    return Checked(rule, condition, date, parts, labels=then.category is not None or then.segment is not None)
