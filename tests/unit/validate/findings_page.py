"""Writes docs/findings.md from the codes: `python -m tests.unit.validate.findings_page > docs/findings.md`."""

from services.validate.core.codes import MEANINGS, Code
from services.validate.core.quality import PENALTY

HEAD = """# Findings

What validation says about a path of a contact (`quality.findings` on `contacts.clean`, in
`GET /v1/contacts/{id}` and in the answer of `POST /v1/validations`). Written from
`services/validate/core/codes.py`; a test compares the two.

A finding has a `path` (a JSON pointer into the contact), a `code`, a `severity` and a `message` that says what to do
and never quotes the value. New codes may appear; one that is here keeps its meaning.

| code | severity | when | message |
|---|---|---|---|
"""

TAIL = """
What was probably meant stands in `suggestions` of the contact, under the same path; nothing is ever corrected alone.

`status` of a mail address: `invalid` with `email.syntax`, `risky` with `email.typo`, `email.disposable` or
`email.placeholder`, else `valid`. Of a number: `valid` or `invalid`. Of a postal address: `invalid` with
`postcode.invalid`, `risky` with `postcode.city-mismatch` or `country.unknown`, `valid` when street, city and a postcode
of a known country are there, else `unknown`. `valid` means that nothing known here speaks against the value; whether a
mailbox exists or a line is connected has not been asked.

`postcode.city-mismatch` knows the postcode areas of some fifty large cities in Germany, Austria and Switzerland
(`services/validate/core/city_areas.json`); about every other city it says nothing. Of an organisation no person's name
is required.

## Completeness and score

`completeness` is the share of what `fields.yaml` requires that is there and not known to be wrong; a field that two
purposes require counts twice. `score` is the mean of completeness and soundness, where soundness is 1 less
{error} for every error, {warning} for every warning and {info} for every info, never below 0. `field.missing` lowers
completeness only. Both are rounded to hundredths.
"""


def page() -> str:
    """The page as it should be."""
    lines = [
        f"| `{code}` | {MEANINGS[code].severity} | {MEANINGS[code].when} | {MEANINGS[code].message} |"
        for code in sorted(Code, key=str)
    ]
    return HEAD + "\n".join(lines) + "\n" + TAIL.format(**PENALTY)


if __name__ == "__main__":
    print(page(), end="")
