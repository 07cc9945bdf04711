"""Texts: YAML 1.2 as people mean it: `NO`, `18:00`, `01067` and dates are texts, a key twice is an error."""

from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import ScalarNode


class Misconfigured(ValueError):
    """The configuration cannot be used; the text names file and place and what to change, never a secret."""


class _Constructor(SafeConstructor):
    """Reads numbers with a leading zero and dates as the texts they are."""

    def construct_yaml_int(self, node: ScalarNode) -> Any:
        """01067 is a postcode."""
        digits = node.value.lstrip("+-")
        if len(digits) > 1 and digits.isdigit() and digits.startswith("0"):
            return node.value
        return super().construct_yaml_int(node)

    def construct_as_text(self, node: ScalarNode) -> str:
        """2026-01-01 stays what was written."""
        return str(node.value)


_Constructor.add_constructor("tag:yaml.org,2002:int", _Constructor.construct_yaml_int)
_Constructor.add_constructor("tag:yaml.org,2002:timestamp", _Constructor.construct_as_text)


def parsed(name: str, text: str) -> Any:
    """What a file holds, None for an empty one. Raises Misconfigured with file, line and fault."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _Constructor
    try:
        return yaml.load(text)
    except MarkedYAMLError as error:
        place = "" if error.problem_mark is None else f" line {error.problem_mark.line + 1}"
        raise Misconfigured(f"{name}{place}: {(error.problem or 'is not YAML').splitlines()[0]}") from None
    except (YAMLError, ValueError, RecursionError):
        raise Misconfigured(f"{name}: is not YAML 1.2") from None
