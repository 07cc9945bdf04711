"""Who may import whom: the contracts of .importlinter hold, and each is broken by a breach made for it."""

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.rules import ROOT

BREACHES = {
    "core-waits-for-nothing": ("services/validate/core/planted.py", "import asyncio\n"),
    "core-knows-no-shell": ("services/enrich/core/planted.py", "import services.enrich.settings\n"),
    "services-apart": ("services/validate/planted.py", "import services.enrich.core.decide\n"),
    "shared-below": ("shared/domain/planted.py", "import services.validate.core.codes\n"),
    "local-stack-by-launcher": ("services/rules/planted.py", "import deploy.local\n"),
    "pydantic-at-the-edges": ("services/rules/core/planted.py", "import pydantic\n"),
    "sql-in-stores": ("services/backup/core/planted.py", "import asyncpg\n"),
}
"""One for every contract, by its id: a file, and the import that breaks it."""


def lint(root: Path) -> tuple[int, str]:
    """The exit code and the report of import-linter over a checkout."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=root,
        env={"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


def contracts() -> dict[str, str]:
    """The contracts' names by their ids."""
    read = configparser.ConfigParser()
    read.read(ROOT / ".importlinter", encoding="utf-8")
    prefix = "importlinter:contract:"
    return {name.removeprefix(prefix): read[name]["name"] for name in read.sections() if name.startswith(prefix)}


def test_imports_keep_their_contracts() -> None:
    """Harm: what is pure, apart or below today leans on something else tomorrow, one convenient import at a time."""
    code, report = lint(ROOT)
    assert code == 0, report


def test_every_contract_is_shown_to_break() -> None:
    """Harm: a contract that names what does not exist holds for ever, and guards nothing."""
    assert set(BREACHES) == set(contracts())


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report over a copy of the code with all breaches planted."""
    copy = tmp_path_factory.mktemp("copy")
    for folder in ("services", "shared", "deploy"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__", "feeds", "*.json"))
    shutil.copy(ROOT / ".importlinter", copy)
    for name, text in BREACHES.values():
        (copy / name).write_text(text, "utf-8")
    code, report = lint(copy)
    assert code == 1
    return report


@pytest.mark.parametrize("contract", BREACHES)
def test_a_planted_import_breaks_its_contract(report: str, contract: str) -> None:
    assert re.search(rf"^{re.escape(contracts()[contract])} BROKEN$", report, re.MULTILINE), report
    assert BREACHES[contract][0].removesuffix(".py").replace("/", ".") in report
