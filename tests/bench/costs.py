"""What processes cost: CPU seconds and memory by name, and of Postgres what it does for each service.

A backend of Postgres serves one connection; whose that is, its port on this machine tells.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

import asyncpg
import psutil

MIB: Final = 1024 * 1024


async def cpu_seconds(endpoints: Mapping[str, Any]) -> dict[str, float]:
    """User and system seconds so far: `dedup`, `kafka`, `postgres for dedup`, `postgres` (all that is nobody's)."""
    costs: dict[str, float] = defaultdict(float)
    owners = await _backends(endpoints)
    for name, process in _processes(endpoints["pids"]):
        costs[name] += _cpu(process)
        if name == "postgres":
            for child in process.children(recursive=True):
                owner = owners.get(child.pid)
                costs[name if owner is None else f"{name} for {owner}"] += _cpu(child)
    return costs


def memory_mib(pids: Mapping[str, Any]) -> dict[str, float]:
    """Memory by name in MiB; what processes share is divided among them (PSS), so that the sum is true."""
    found: dict[str, float] = defaultdict(float)
    for name, process in _processes(pids):
        family = [process, *process.children(recursive=True)] if name == "postgres" else [process]
        for member in family:
            try:
                found[name] += member.memory_full_info().pss
            except psutil.Error:
                continue
    return {name: size / MIB for name, size in found.items()}


async def _backends(endpoints: Mapping[str, Any]) -> dict[int, str]:
    """The name behind each backend's pid, of those that belong to one of our processes."""
    connection = await asyncpg.connect(endpoints["database"])
    try:
        rows = await connection.fetch("SELECT pid, client_port FROM pg_stat_activity WHERE client_port > 0")
    finally:
        await connection.close()
    ports: dict[int, str] = {}
    for name, process in _processes(endpoints["pids"]):
        if name not in ("postgres", "kafka"):
            try:
                ports |= {one.laddr.port: name for one in process.net_connections("tcp")}
            except psutil.Error:
                continue
    return {row["pid"]: ports[row["client_port"]] for row in rows if row["client_port"] in ports}


def _processes(pids: Mapping[str, Any]) -> Iterator[tuple[str, psutil.Process]]:
    for name, pid in pids.items():
        for one in pid if isinstance(pid, list) else [pid]:
            try:
                yield name, psutil.Process(one)
            except psutil.NoSuchProcess:
                continue


def _cpu(process: psutil.Process) -> float:
    """Of the process itself, and of children that have ended."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)
