"""Where a configuration leads to addresses that would not be called: found before anything is called. Pure."""

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from shared.domain.configuration import Configuration
from shared.runtime.addresses import Private, refused


class Reach(NamedTuple):
    """What each service may call besides the public Internet."""

    enrich: Private
    rules: Private
    ingest: Private


class Unreachable(NamedTuple):
    """One entry of a file that leads nowhere, and the setting that would let it be called. Names no address."""

    place: str
    setting: str

    @property
    def found(self) -> str:
        """What is the matter with it."""
        return f"{self.place} lies at an address that is not called"

    @property
    def remedy(self) -> str:
        """What to do."""
        return f"name a public one, or set {self.setting}=allow"


def unreachable(configuration: Configuration, reach: Reach) -> list[Unreachable]:
    """The entries whose host is an address, not a name, that the service would refuse; where names lead is seen when
    they are called.
    """
    every = (
        (_providers(configuration), "enrich", reach.enrich),
        (_channels(configuration), "rules", reach.rules),
        (_apis(configuration), "ingest", reach.ingest),
    )
    return [
        Unreachable(place, f"KONTAKTWERK_{service.upper()}_PRIVATE_ADDRESSES")
        for named, service, private in every
        for place, url in named
        if refused(_host(url), private)
    ]


def _providers(configuration: Configuration) -> Iterator[tuple[str, str]]:
    for name, provider in sorted(configuration.providers.items()):
        yield f"providers.yaml: {name}.url", provider.url


def _channels(configuration: Configuration) -> Iterator[tuple[str, str]]:
    for name, channel in sorted(configuration.channels.items()):
        for way, url in (("smtp", channel.smtp), ("webhook", channel.webhook)):
            if url is not None:
                yield f"channels.yaml: {name}.{way}", url


def _apis(configuration: Configuration) -> Iterator[tuple[str, str]]:
    for name, source in sorted(configuration.sources.items()):
        if source.api is not None:
            yield f"sources.yaml: {name}.api", source.api


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:  # what is no address at all is somebody else's to say
        return None
