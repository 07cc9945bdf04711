"""The configuration folder, read and checked: what is wrong is said by file and place, with what was probably meant.

YAML 1.2 as the contract shows it: `NO`, `18:00`, `01067` and dates are texts, a key twice is an error, an unknown key
is an error with "did you mean". A value `env:NAME` or `file:PATH` is read from there.
"""

import difflib
import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar, get_args
from zoneinfo import available_timezones

import msgspec
from croniter import croniter

from shared.domain import identifiers, opt_in
from shared.domain.configuration import Auth, Channel, Configuration, Fields, Operations, Provider, Rule, Source
from shared.domain.pulled import fault_of
from shared.runtime.texts import Misconfigured, parsed

__all__ = ["FILES", "Files", "Misconfigured", "digest_of", "load", "parse", "read"]

T = TypeVar("T")

FILE_BYTES_MAX: Final = 1024 * 1024
"""A megabyte holds thousands of rules; what is larger is some other file."""

RESOLVED: Final = frozenset({"secrets"})
"""Keys whose values may be `env:NAME` or `file:PATH`."""

FILES: Final = ("sources.yaml", "fields.yaml", "rules.yaml", "channels.yaml", "providers.yaml", "operations.yaml")
"""What a configuration folder may hold, beside templates; only the first must be there."""

TEMPLATES: Final = "templates/"
"""Where the texts of notifications lie."""

TEMPLATES_MAX: Final = 1_000
"""As many as there may be rules."""

NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")
"""Names of sources stand in URLs, ids and metric labels."""


Files = Mapping[str, str]
"""The texts of a configuration folder by name (`rules.yaml`, `templates/birthday.de.txt`); absent ones are missing."""


def load(folder: Path, environment: Mapping[str, str] | None = None) -> Configuration:
    """The configuration in this folder (sources.yaml, fields.yaml, rules.yaml, channels.yaml, providers.yaml,
    operations.yaml, templates/*.txt; only the first must be there). Raises Misconfigured for whatever is wrong.
    """
    return parse(read(folder), folder, environment)


def read(folder: Path) -> Files:
    """The files of a folder as they are. Raises Misconfigured for one that cannot be read, is too large or no UTF-8."""
    texts = {name: _text(folder / name) for name in FILES} | _templates(folder / "templates")
    return {name: text for name, text in texts.items() if text}


def digest_of(files: Files) -> str:
    """Names these files: it covers the texts, not the secrets they point to."""
    parts = [part for name in sorted(files) for part in (name, files[name])]
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()


def parse(files: Files, folder: Path, environment: Mapping[str, str] | None = None, revision: int = 0) -> Configuration:
    """What these files configure, under the number they were activated as; what `file:` names lies in the folder.

    Raises Misconfigured for whatever is wrong.
    """
    environment = os.environ if environment is None else environment
    texts = {name: files.get(name, "") for name in FILES}
    if not texts["sources.yaml"].strip():
        raise Misconfigured(f"{folder / 'sources.yaml'}: missing or empty; it names the sources that may write")
    found = {name: parsed(name, text) for name, text in texts.items()}
    sources = _only(found["sources.yaml"], "sources", "sources.yaml", {})
    rules = _only(found["rules.yaml"], "rules", "rules.yaml", [])
    if not isinstance(sources, dict) or not isinstance(rules, list):
        raise Misconfigured("sources.yaml: `sources` is a map by name, and rules.yaml: `rules` is a list")
    channels = _only(found["channels.yaml"], "channels", "channels.yaml", {})
    if not isinstance(channels, dict):
        raise Misconfigured("channels.yaml: `channels` is a map by name")
    providers = _only(found["providers.yaml"], "providers", "providers.yaml", {})
    if not isinstance(providers, dict):
        raise Misconfigured("providers.yaml: `providers` is a map by name")
    return Configuration(
        digest=digest_of(files),
        revision=revision,
        sources={name: _source(name, said, folder, environment) for name, said in sources.items()},
        fields=_as(found["fields.yaml"] or {}, Fields, "fields.yaml"),
        rules=_rules(rules),
        channels={name: _channel(name, said, folder, environment) for name, said in channels.items()},
        templates={
            name.removeprefix(TEMPLATES).removesuffix(".txt"): text
            for name, text in files.items()
            if name.startswith(TEMPLATES)
        },
        operations=_operations(found["operations.yaml"], folder, environment),
        providers={name: _provider(name, said, folder, environment) for name, said in providers.items()},
    )


def _operations(said: Any, folder: Path, environment: Mapping[str, str]) -> Operations:
    """What is done by the clock; only an address that is used must be there."""
    operations = _as(said or {}, Operations, "operations.yaml")
    backup = operations.backup
    for name, job in (("backup", backup), ("reconcile", operations.reconcile)):
        if job.schedule is not None and not croniter.is_valid(job.schedule):
            raise Misconfigured(f"operations.yaml: {name}.schedule: is no cron expression such as 30 2 * * *")
        if job.timezone not in available_timezones():
            raise Misconfigured(f"operations.yaml: {name}.timezone: is no time zone such as Europe/Berlin")
    if any(number < 0 for number in backup.keep.values()):
        raise Misconfigured("operations.yaml: backup.keep: holds numbers from 0 on")
    if backup.to is None:
        return operations
    to = (
        backup.to
        if backup.to.startswith("file:")
        else _resolved(backup.to, "operations.yaml: backup.to", folder, environment)
    )
    return msgspec.structs.replace(operations, backup=msgspec.structs.replace(backup, to=to))


def _templates(folder: Path) -> dict[str, str]:
    """The texts of notifications, by file: templates/birthday.de.txt is `birthday.de`, in one language."""
    paths = sorted(folder.glob("*.txt"))
    if len(paths) > TEMPLATES_MAX:
        raise Misconfigured(f"templates: {len(paths)} files, more than {TEMPLATES_MAX}")
    return {TEMPLATES + path.name: _text(path) for path in paths}


def _channel(name: Any, said: Any, folder: Path, environment: Mapping[str, str]) -> Channel:
    place = f"channels.yaml: channels.{name}"
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise Misconfigured(f"{place}: a channel's name has 1 to 64 of a-z, 0-9, - and _")
    channel = _as(said or {}, Channel, place)
    found = {key: getattr(channel, key) for key in ("smtp", "from_", "to", "webhook", "secret")}
    return msgspec.structs.replace(
        channel,
        **{
            key: value and _resolved(value, f"{place}.{key.rstrip('_')}", folder, environment)
            for key, value in found.items()
        },
    )


def _provider(name: Any, said: Any, folder: Path, environment: Mapping[str, str]) -> Provider:
    """A provider with its keys; what it is asked and fills is checked by enrich, which knows what can be."""
    place = f"providers.yaml: providers.{name}"
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise Misconfigured(f"{place}: a provider's name has 1 to 64 of a-z, 0-9, - and _")
    provider = _as(said or {}, Provider, place)

    def key(value: str | None, of: str) -> str | None:
        return None if value is None else _resolved(value, f"{place}.auth.{of}", folder, environment)

    auth = provider.auth
    found = Auth(
        bearer=key(auth.bearer, "bearer"),
        basic=key(auth.basic, "basic"),
        header={one: key(value, "header") or "" for one, value in auth.header.items()},
        query={one: key(value, "query") or "" for one, value in auth.query.items()},
    )
    return msgspec.structs.replace(
        provider, auth=found, url=_resolved(provider.url, f"{place}.url", folder, environment)
    )


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise Misconfigured(f"{path}: cannot be read ({type(error).__name__})") from None
    if len(data) > FILE_BYTES_MAX:
        raise Misconfigured(f"{path}: more than {FILE_BYTES_MAX} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Misconfigured(f"{path}: is not UTF-8") from None


def _only(found: Any, key: str, name: str, empty: Any) -> Any:
    """What stands under the one key a file has."""
    if found is None:
        return empty
    if not isinstance(found, dict):
        raise Misconfigured(f"{name}: begins with `{key}:`")
    for other in found:
        if other != key:
            raise Misconfigured(f"{name}: unknown key `{other}`{_meant(str(other), [key])}")
    return found.get(key, empty) or empty


def _source(name: Any, said: Any, folder: Path, environment: Mapping[str, str]) -> Source:
    place = f"sources.yaml: sources.{name}"
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise Misconfigured(f"{place}: a source's name has 1 to 64 of a-z, 0-9, - and _")
    source = _as(said or {}, Source, place)
    if not 0 <= source.trust <= 100:
        raise Misconfigured(f"{place}.trust: is from 0 to 100")
    if source.country is not None and not re.fullmatch(r"[A-Z]{2}", source.country):
        raise Misconfigured(f"{place}.country: is a code of two capital letters, such as DE")
    if source.connector == "form" and not re.fullmatch(r"pk_[A-Za-z0-9_-]{8,128}", source.key or ""):
        raise Misconfigured(f"{place}.key: a form needs a public key: pk_ and 8 or more letters or digits")
    if source.limit is not None and not re.fullmatch(r"[1-9][0-9]{0,5}/(s|min|h)", source.limit):
        raise Misconfigured(f"{place}.limit: is a number a second, minute or hour such as 10/min")
    if source.thanks is not None and not re.match(r"https?://", source.thanks):
        raise Misconfigured(f"{place}.thanks: is the whole address of a page such as https://example.org/thanks")
    secrets = tuple(_resolved(one, f"{place}.secrets", folder, environment) for one in source.secrets)
    url = None if source.url is None else _resolved(source.url, f"{place}.url", folder, environment)
    if (fault := fault_of(source, available_timezones())) is not None:
        raise Misconfigured(f"{place}: {fault}")
    if (fault := identifiers.fault_of(source)) is not None:
        raise Misconfigured(f"{place}.{fault}")
    token = None if source.token is None else _resolved(source.token, f"{place}.token", folder, environment)
    resolved = msgspec.structs.replace(source, secrets=secrets, url=url, token=token)
    if (fault := opt_in.fault_of(resolved)) is not None:
        raise Misconfigured(f"{place}.{fault}")
    return resolved


def _rules(said: list[Any]) -> tuple[Rule, ...]:
    rules: list[Rule] = []
    for index, one in enumerate(said):
        name = one.get("name") if isinstance(one, dict) else None
        rule = _as(one, Rule, f"rules.yaml: rules.{name if isinstance(name, str) else index}")
        if rule.name in {other.name for other in rules}:
            raise Misconfigured(f"rules.yaml: rules.{rule.name}: there are two rules of this name")
        rules.append(rule)
    return tuple(rules)


def _as(value: Any, type_: type[T], place: str) -> T:
    _refuse_unknown(value, type_, place)
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        fault, _, path = str(error).rpartition(" - at `$")
        where = path.rstrip("`")
        raise Misconfigured(f"{place}{where}: {fault or str(error)}") from None


def _refuse_unknown(value: Any, type_: type[Any], place: str) -> None:
    """Name the first key that no struct has, here and in structs below, with what was probably meant."""
    if not isinstance(value, dict):
        return
    fields = {field.encode_name: field for field in msgspec.structs.fields(type_)}
    for key, below in value.items():
        if key not in fields:
            raise Misconfigured(f"{place}: unknown key `{key}`{_meant(str(key), list(fields))}")
        kind = fields[key].type
        for one in (kind, *get_args(kind)):
            if isinstance(one, type) and issubclass(one, msgspec.Struct):
                _refuse_unknown(below, one, f"{place}.{key}")


def _meant(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f", did you mean `{near[0]}`?" if near else f"; known are {', '.join(sorted(known))}"


def _resolved(value: str, place: str, folder: Path, environment: Mapping[str, str]) -> str:
    """The value itself, or what the environment or the file it names holds (one line break at the end is no part)."""
    kind, _, name = value.partition(":")
    if kind == "env":
        if not environment.get(name):
            raise Misconfigured(f"{place}: the environment variable {name} is not set")
        return environment[name]
    if kind == "file":
        text = _text(folder / name)
        if not text.strip():
            raise Misconfigured(f"{place}: the file {name} is missing or empty")
        return text.removesuffix("\n").removesuffix("\r")
    return value
