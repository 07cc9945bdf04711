"""`why`: why one person, why not, why this value, why this segment."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from shared.commands.http import client, problem_of
from shared.commands.running import Failed, Running


async def run(running: Running, contact_id: str, path: str | None, language: str = "en") -> dict[str, Any]:
    """The contact and dedup's explanation of it in German (de) or English (en); with a path, what speaks of that path
    only; with the id of another contact, every pair of records across and what keeps them apart.
    """
    async with client(running, "operator", "steward", "reader") as asks:
        if path is not None and _is_id(path):
            body = {"contact_ids": [contact_id, path]}
            compared = await asks.ask("POST", "/v1/comparisons", body, params={"language": language})
            if compared.status != 200:
                raise Failed(problem_of(compared))
            return {"contact_ids": [contact_id, path], **compared.body}
        answer = await asks.ask("GET", f"/v1/contacts/{contact_id}")
        if answer.status != 200:
            raise Failed(problem_of(answer))
        contact = answer.body
        if path is not None:
            return value_of(contact, path if path.startswith("/") else f"/{path}")
        explained = await asks.ask("GET", f"/v1/explanations/{contact['contact_id']}", params={"language": language})
    explanation = explained.body if explained.status == 200 else None
    return {"contact_id": contact["contact_id"], "contact": contact, "explanation": explanation}


def value_of(contact: Mapping[str, Any], path: str) -> dict[str, Any]:
    """One value with its origin, findings, suggestions and former values. Raises Failed for a path that is none."""
    return {
        "contact_id": contact["contact_id"],
        "path": path,
        "value": _at(contact, path),
        "origin": origin_of(contact.get("provenance", {}), path),
        "findings": _about(contact["quality"]["findings"], path),
        "suggestions": _about(contact.get("suggestions", []), path),
        "former": _about(contact.get("former", []), path),
    }


def origin_of(provenance: Mapping[str, Any], path: str) -> Any:
    """Where the value at a path comes from: its own origin, or that of what it is part of or made of."""
    if path in provenance:
        return provenance[path]
    related = [origin for other, origin in provenance.items() if _related(other, path)]
    return related[0] if related else None


def lines_of(found: Mapping[str, Any]) -> list[str]:
    """The same for people."""
    if "contact_ids" in found:
        return _compared_lines(found)
    return _value_lines(found) if "path" in found else _contact_lines(found)


def _compared_lines(found: Mapping[str, Any]) -> list[str]:
    lines = [f"{found['contact_ids'][0]} and {found['contact_ids'][1]}: {found['outcome']}"]
    for pair in found["pairs"]:
        lines.append(f"records      {' + '.join(pair['record_ids'])}: {pair['text']}")
        lines += [f"             {_signed(part['millibits']):>8}  {part['text']}" for part in pair["parts"]]
        lines.append(f"             {_signed(pair['millibits']):>8}  {pair.get('why_not') or pair['text']}")
    return lines


def _signed(millibits: int) -> str:
    """Bits with all their digits, so that a column adds up."""
    return f"{millibits / 1_000:+.3f}"


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _value_lines(found: Mapping[str, Any]) -> list[str]:
    lines = [f"{found['path']}  {_shown(found['value'])}"]
    if origin := found["origin"]:
        lines.append(f"  from {_origin(origin)}")
    lines += [f"  finding {one['code']} ({one['severity']}): {one['message']}" for one in found["findings"]]
    lines += [f"  suggestion {_shown(one['value'])} by {one['from']}: {one['why']}" for one in found["suggestions"]]
    lines += [f"  before {_shown(one['value'])} from {one['source']} until {one['until']}" for one in found["former"]]
    return lines


def _contact_lines(found: Mapping[str, Any]) -> list[str]:
    contact = found["contact"]
    records = ", ".join(map(_label, contact["records"]))
    cause = contact["cause"]
    lines = [
        f"contact {contact['contact_id']}, version {contact['version']}, cause: {cause['kind']}"
        + (f" of {cause['source']}" if cause.get("source") else ""),
        f"records      {records}",
    ]
    lines += explained(found["explanation"])
    lines += [f"value        {path:<22} {_origin(origin)}" for path, origin in contact.get("provenance", {}).items()]
    lines += [
        f"finding      {one['path']:<22} {one['code']}: {one['message']}" for one in contact["quality"]["findings"]
    ]
    lines.append(
        f"segments     {', '.join(contact['segments']) or '-'}; categories {', '.join(contact['categories']) or '-'}"
    )
    lines.append(f"priority     {contact['priority']['score']:.2f}: {'; '.join(contact['priority']['reasons']) or '-'}")
    return lines


def explained(explanation: Any) -> list[str]:
    """Each pair inside with its sum in words, then the neighbours that stay apart; the words are dedup's own."""
    if not explanation:
        return []
    labels = {one["record_id"]: _label(one) for one in explanation["records"]}
    lines = [f"why one      {_pair(pair, labels)}: {pair['summary']}: {pair['text']}" for pair in explanation["pairs"]]
    for pair in explanation["neighbours"]:
        why = pair["veto"]["text"] if pair.get("veto") else pair["summary"]
        lines.append(f"why not      {_pair(pair, labels)} (contact {pair['contact_id']}): {why}")
    lines += [f"judgement    {_judged(one, labels)}" for one in explanation.get("judgements", [])]
    return lines


def _judged(judgement: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """What somebody said of two groups of records, who, when and why, and how it is taken back."""
    sides = ("+".join(labels.get(record, record) for record in judgement[side]) for side in ("left", "right"))
    reason = f", because: {judgement['reason']}" if judgement.get("reason") else ""
    return (
        f"{judgement['judgement']}: {' | '.join(sides)}, said by {judgement['by']} on {judgement['at'][:10]}{reason}; "
        f"taken back by DELETE /v1/judgements/{judgement['judgement_id']}"
    )


def _label(record: Mapping[str, Any]) -> str:
    return f"{record['source']}/{record.get('source_record_id') or record['record_id']}"


def _pair(pair: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    return " + ".join(labels.get(record, record) for record in pair["record_ids"])


def _origin(origin: Mapping[str, Any]) -> str:
    seen = f", seen {origin['observed_at'][:10]}" if origin.get("observed_at") else ""
    return f"{origin['source']}: {origin['why']}{seen}, confidence {origin['confidence']:.2f}"


def _at(contact: Any, path: str) -> Any:
    value = contact
    for part in path.strip("/").split("/"):
        try:
            value = value[int(part)] if isinstance(value, list) else value[part]
        except (KeyError, IndexError, ValueError, TypeError):
            raise Failed(f"the contact has nothing at {path}; paths look like /emails/0 or /name/given") from None
    return value


def _about(items: Sequence[Mapping[str, Any]], path: str) -> list[Mapping[str, Any]]:
    return [item for item in items if item["path"] == path or _related(item["path"], path)]


def _related(one: str, other: str) -> bool:
    return one.startswith(f"{other}/") or other.startswith(f"{one}/")


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {inner}" for name, inner in value.items() if inner is not None)
    if isinstance(value, list):
        return "; ".join(map(_shown, value)) or "-"
    return "-" if value is None else str(value)
