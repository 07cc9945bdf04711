"""Whether any input makes any endpoint break: `make fuzz` (schemathesis, in an environment of its own).

Starts the whole system, and asks every path of the one address as its own document describes it, and as it does not:
no answer may be a 500 or a status that the document does not name. The stream of events is left out, as it has no end.
Ends as schemathesis ends: 1 where it found something.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.support.system import running


async def fuzzed(schemathesis: Path, folder: Path, examples: int, seed: int) -> int:
    """One run against a system of its own; what schemathesis ends with."""
    async with running(folder / "data", None, {"KONTAKTWERK_VALIDATE_DNS": "off"}) as system:
        endpoints = system.endpoints()
        process = await asyncio.create_subprocess_exec(
            schemathesis,
            "run",
            f"{endpoints['http']}/openapi.json",
            "--header",
            f"Authorization: Bearer {endpoints['tokens']['operator']}",
            "--checks",
            "not_a_server_error,status_code_conformance",
            "--phases",
            "examples,coverage,fuzzing",
            "--exclude-path",
            "/v1/events",
            "--max-examples",
            str(examples),
            "--seed",
            str(seed),
            cwd=folder,
        )
        return await process.wait()


def main() -> int:
    """Read the wishes, run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--schemathesis", type=Path, required=True, help="its executable")
    parser.add_argument("--examples", type=int, default=60, help="of each endpoint at most, beside those of its bounds")
    parser.add_argument("--seed", type=int, default=11, help="the dice")
    wished = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kontaktwerk-fuzz-") as name:
        Path(name).chmod(0o755)
        return asyncio.run(fuzzed(wished.schemathesis.absolute(), Path(name), wished.examples, wished.seed))


if __name__ == "__main__":
    sys.exit(main())
