import gzip
from pathlib import Path

import pytest

from shared.commands.reading import File, recognise, told
from shared.commands.running import Failed, WrongUsage


def _file(folder: Path, data: bytes, name: str = "list.csv") -> File:
    path = folder / name
    path.write_bytes(data)
    return recognise(path)


@pytest.mark.parametrize(("delimiter", "word"), [(",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "bar")])
def test_the_delimiter_is_told_by_the_first_line(tmp_path: Path, delimiter: str, word: str) -> None:
    file = _file(tmp_path, f"Vorname{delimiter}Ort\nJörg{delimiter}Köln\n".encode())
    assert word in file.described()
    assert [row.values for row in file.rows()] == [{"Vorname": "Jörg", "Ort": "Köln"}]


@pytest.mark.parametrize(
    ("encoding", "told"), [("utf-8", "UTF-8"), ("utf-8-sig", "UTF-8"), ("utf-16", "UTF-16"), ("cp1252", "Windows-1252")]
)
def test_the_encoding_is_found_out_and_shown(tmp_path: Path, encoding: str, told: str) -> None:
    file = _file(tmp_path, "Name;Straße\nMüller;Ährenweg\n".encode(encoding))
    assert told in file.described()
    assert file.columns == ("Name", "Straße")
    assert next(iter(file.rows())).values == {"Name": "Müller", "Straße": "Ährenweg"}


def test_what_the_sender_says_counts_more_than_what_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes("Name#Ort, Land\nŁukasz#Łódź, Polen\n".encode("iso-8859-2"))
    file = recognise(path, told("ISO-8859-2", "#"))
    assert file.described() == "CSV, delimiter #, iso8859-2"
    assert [row.values for row in file.rows()] == [{"Name": "Łukasz", "Ort, Land": "Łódź, Polen"}]
    assert recognise(path, told(None, "comma")).columns == ("Name#Ort", "Land")
    with pytest.raises(Failed, match="cannot be read"):
        recognise(path, told("utf-8", None))


@pytest.mark.parametrize(("encoding", "delimiter"), [("klingon", None), ("base64", None), (None, ",;"), (None, "x")])
def test_what_is_no_encoding_and_no_delimiter_is_refused(encoding: str | None, delimiter: str | None) -> None:
    with pytest.raises(WrongUsage, match="this is none"):
        told(encoding, delimiter)


def test_an_umlaut_far_behind_the_first_megabyte_still_tells_the_encoding(tmp_path: Path) -> None:
    plain = b"name,city\n" + b"Anna,Bonn\n" * 150_000
    assert "Windows-1252" in _file(tmp_path, plain + "Jörg,Köln\n".encode("cp1252")).described()
    assert "UTF-8" in _file(tmp_path, plain + "Jörg,Köln\n".encode()).described()


@pytest.mark.parametrize(
    ("first", "delimiter"), [("sep=;", ";"), ('"SEP=;"', ";"), ("sep=,", ","), ("sep=\t", "\t"), ("sep=#", "#")]
)
def test_a_first_line_for_excel_names_the_delimiter_and_is_no_row(tmp_path: Path, first: str, delimiter: str) -> None:
    text = f"{first}\r\nName{delimiter}Ort\r\nMüller{delimiter}Köln\r\n"
    for encoding in ("utf-16", "cp1252", "utf-8-sig"):
        file = _file(tmp_path, text.encode(encoding))
        assert (file.delimiter, file.columns) == (delimiter, ("Name", "Ort"))
        assert [(row.line, row.values) for row in file.rows()] == [(3, {"Name": "Müller", "Ort": "Köln"})]


def test_a_number_that_excel_was_kept_from_taking_for_one_is_what_stands_in_its_quotes(tmp_path: Path) -> None:
    data = b'plz;phone;note\n="01067";"=""0351 1234""";=A1+1\n'
    assert [row.values for row in _file(tmp_path, data).rows()] == [
        {"plz": "01067", "phone": "0351 1234", "note": "=A1+1"}
    ]


def test_gzipped_files_are_read_whatever_their_name(tmp_path: Path) -> None:
    file = _file(tmp_path, gzip.compress(b"name,city\nAnna,Bonn\n"))
    assert [row.values["city"] for row in file.rows()] == ["Bonn"]


def test_a_quoted_line_break_does_not_shift_the_line_numbers(tmp_path: Path) -> None:
    file = _file(tmp_path, b'name,note\nAnna,"one\ntwo"\nBerta,x\n')
    assert [(row.line, row.values["name"]) for row in file.rows()] == [(2, "Anna"), (4, "Berta")]


def test_a_row_with_too_many_cells_has_a_fault_and_the_next_one_goes_on(tmp_path: Path) -> None:
    rows = list(_file(tmp_path, b"name,city\nAnna,Bonn,x\nBerta,Kiel\nCarl\n").rows())
    assert [row.fault is None for row in rows] == [False, True, True]
    assert rows[2].values == {"name": "Carl"}


def test_lines_of_ndjson_that_are_no_object_have_a_fault(tmp_path: Path) -> None:
    data = b'{"email": "a@example.org"}\n\n[1]\nnonsense\n' + b"[" * 200_000 + b'\n{"email": "b@example.org"}\n'
    rows = list(_file(tmp_path, data, "list.ndjson").rows())
    assert [(row.line, row.fault) for row in rows] == [
        (1, None),
        (3, "is no JSON object"),
        (4, "is not JSON"),
        (5, "is not JSON"),
        (6, None),
    ]


def test_a_json_array_is_read_as_rows(tmp_path: Path) -> None:
    rows = list(_file(tmp_path, b'[{"email": "a@example.org"}, 7]', "list.json").rows())
    assert [row.fault for row in rows] == [None, "is no JSON object"]


@pytest.mark.parametrize("data", [b"", b"   \n", b"a,,b\n1,2,3\n", b"a,a\n1,2\n", b"\x00\x01\x02\x03"])
def test_what_is_no_list_is_refused_in_one_sentence(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(Failed):
        _file(tmp_path, data)


def test_a_truncated_archive_is_refused_and_no_row_is_made_up(tmp_path: Path) -> None:
    whole = gzip.compress(b"name,city\n" + b"Anna,Bonn\n" * 100_000)
    with pytest.raises(Failed):
        _file(tmp_path, whole[: len(whole) // 2])


def test_a_missing_file_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"nowhere\.csv is not there"):
        recognise(tmp_path / "nowhere.csv")
