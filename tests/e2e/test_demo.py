"""Goal: the demo tells the truth, fits a screen, and leaves nothing behind.

Method: it runs in a folder of its own, as `make demo` runs it; its page and its summary are held against each other.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]


def test_the_demo_adds_up_on_one_screen_and_leaves_nothing_running(system_folder: Path) -> None:
    data = system_folder / "demo"
    command = [sys.executable, "-m", "deploy.local.demo", str(data)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    lines = ended.stdout.splitlines()
    assert len(lines) <= 45
    assert max(map(len, lines)) <= 80
    summary = json.loads((data / "summary.json").read_text())
    ends = ("in_contacts", "dropped", "dead_letters", "waiting")
    assert summary["accepted"] == sum(summary[end] for end in ends) >= 600
    assert [summary[name] for name in ("waiting", "lost", "twice", "twins", "strangers_joined")] == [0] * 5
    assert summary["merged_records"] > 100
    assert f"accepted {summary['accepted']} = in contacts {summary['in_contacts']}" in ended.stdout
    assert _left_running(data) == []


def _left_running(folder: Path) -> list[str]:
    """Command lines of living processes that know this folder."""
    found: list[str] = []
    for process in psutil.process_iter():
        try:
            told = " ".join(process.cmdline()) + " ".join(process.environ().values())
        except psutil.Error:
            continue
        if str(folder) in told and process.pid != os.getpid():
            found.append(" ".join(process.cmdline())[:200])
    return found
