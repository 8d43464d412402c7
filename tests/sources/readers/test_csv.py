"""CSV files hold what the standard library's csv module reads in strict mode, cell by cell, or are refused by row."""

import bz2
import csv
import gzip
import io
import lzma
import zipfile
from typing import Any

import fsspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_platform.core.errors import SchemaChanged
from ml_platform.declarations.source import SourceSpec
from ml_platform.sources.reading.csv_blocks import BadQuote, row_blocks
from ml_platform.sources.reading.csv_cells import read_csv

FILES = fsspec.filesystem("memory")


def spec_of(columns, **reader):
    return SourceSpec.model_validate(
        {
            "spec_version": 1,
            "name": "s",
            "description": "For a test.",
            "owner": "team:test",
            "reader": {"csv": "x.csv", **reader},
            "key": ["id"],
            "event_timestamp": "at",
            "known_at": {"delay": "0s"},
            "columns": columns,
        }
    )


SPEC = spec_of({"x": "string", "y": "string"})


def cells(content, name="x.csv", spec=SPEC, **options):
    with FILES.open(f"/{name}", "wb") as file:
        file.write(content)
    tables = [batch.table for batch in read_csv(FILES, f"/{name}", spec, name, **options)]
    return [list(row.values()) for row in pa.concat_tables(tables).to_pylist()]


def oracle(content):
    """Rows as the csv module reads them, an empty cell as None; None where they are not two cells each."""
    text = io.TextIOWrapper(io.BytesIO(content), "utf-8", newline="")
    try:
        rows = [row for row in csv.reader(text, strict=True) if row]
    except csv.Error:
        return None
    return [[cell or None for cell in row] for row in rows] if all(len(row) == 2 for row in rows) else None


@settings(deadline=None)
@given(st.lists(st.sampled_from(list('aé,",,\n\r\n\x00 "')), max_size=24), st.integers(1, 9))
def test_any_text_is_read_as_by_the_csv_module_or_refused_like_it(signs, block_bytes):
    content = "".join(signs).encode()
    expected = oracle(b"x,y\n" + content)
    if expected is None:
        with pytest.raises(SchemaChanged):
            cells(b"x,y\n" + content, block_bytes=block_bytes)
    else:
        assert cells(b"x,y\n" + content, block_bytes=block_bytes) == expected[1:]


CELL = st.text(st.sampled_from(list('ab ,"\r\n\x00é€😀')), max_size=12) | st.sampled_from(
    ["z" * 400, '"' * 50, "\r\n" * 60]
)


@settings(deadline=None)
@given(st.lists(st.tuples(CELL, CELL)), st.sampled_from(["\n", "\r\n", "\r"]), st.integers(1, 60), st.booleans())
def test_what_the_csv_module_writes_comes_back(rows, line, block_bytes, quote_all):
    text = io.StringIO(newline="")
    minimal = line == "\r\n" and not quote_all  # beside another line end, the module leaves the other sign bare
    quoting: Any = csv.QUOTE_MINIMAL if minimal else csv.QUOTE_ALL
    csv.writer(text, lineterminator=line, quoting=quoting).writerows([("x", "y"), *rows])
    cell_rows = cells(text.getvalue().encode(), block_bytes=block_bytes)
    assert cell_rows == [[cell or None for cell in row] for row in rows]


def test_the_cr_of_a_quoted_line_break_stays_where_a_block_ends_with_it():
    head = b'x,y\r\n1,"'
    for more in range(-3, 4):
        long = b"z" * ((8 << 20) - len(head) - 1 + more)
        cell_rows = cells(head + long + b'\r\nB"\r\n2,plain\r\n')
        assert [row[1][-4:] for row in cell_rows] == ["z\r\nB", "lain"]
        assert len(cell_rows[0][1]) == len(long) + 3


def test_a_cell_may_be_longer_than_a_block():
    long = "ab\n" * 4_000_000
    assert cells(f'x,y\n1,"{long}"\n2,b\n'.encode()) == [["1", long], ["2", "b"]]


REFUSED = {
    "a quote that is never closed": (
        b'x,y\n1,"abc\n2,b\n3,c\n',
        "x.csv: row 1 (line 2): a quote that is opened here is never closed. "
        "Repair the file; inside quotes, write a quote as two.",
    ),
    "a quote that the next one closes": (
        b'x,y\n0,a\n1,"abc\n2,"def"\n',
        "x.csv: row 2 (line 3): text follows the quote that closes the one that is opened here, as where it is never "
        "closed; the text is in line 4. "
        "Repair the file; inside quotes, write a quote as two.",
    ),
    "a quote in the header": (
        b'x,"y\n1,2\n',
        "x.csv: header (line 1): a quote that is opened here is never closed. "
        "Repair the file; inside quotes, write a quote as two.",
    ),
    "a row with a cell too few": (
        b"x,y\n1,2\n3\n",
        "x.csv: row 2: it has 1 cell, and the header 2: '3'. Repair the file; a comma inside a cell needs quotes.",
    ),
    "a decimal comma": (
        b"x,y\n1,2\n3,4,5\n",
        "x.csv: row 2: it has 3 cells, and the header 2: '3,4,5'. Repair the file; a comma inside a cell needs quotes.",
    ),
    "another encoding": (
        "x,y\n1,a\n2,Zürich\n".encode("latin-1"),
        "x.csv: row 2: column y: b'Z\\xfcrich' is not text in UTF-8. "
        "Declare reader.encoding, such as cp1252, or convert the file to UTF-8.",
    ),
    "another encoding in the header": (
        "x,ÿ\n1,2\n".encode("latin-1"),
        "x.csv: its header is not text in UTF-8: 'utf-8' codec can't decode byte 0xff in position 2: "
        "invalid start byte. Declare reader.encoding, such as cp1252, or convert the file to UTF-8.",
    ),
    "UTF-16": (
        "x,y\n1,2\n".encode("utf-16"),
        "x.csv: not a text file in UTF-8: its header has NUL bytes. "
        "Unpack archives; for another encoding, declare reader.encoding, such as utf-16.",
    ),
    "another separator": (
        b"x;y\n1;2\n",
        "x.csv: none of the declared columns is in the header; its cells are separated by ';'. "
        'Declare separator: ";".',
    ),
    "no header": (
        b"1,2\n3,4\n",
        "x.csv: none of the declared columns is in the header, which is '1,2'. "
        "Write the columns' names in the first row; declared are x, y.",
    ),
    "a name twice": (b"x,y,x\n1,2,3\n", "x.csv: column x is there twice. Remove one of them."),
    "nothing": (b"", "x.csv: the file is empty: it has no header. Repair the file."),
    "only a byte order mark": (b"\xef\xbb\xbf", "x.csv: the file is empty: it has no header. Repair the file."),
}


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED)
def test_a_fault_names_the_file_and_the_row(content, message):
    with pytest.raises(SchemaChanged) as caught:
        cells(content)
    assert str(caught.value) == f"source s: {message}"


def test_rows_are_counted_over_blocks():
    content = b"x,y\n" + b"1,2\n" * 100 + b'3,"4\n'
    with pytest.raises(SchemaChanged, match=r"x\.csv: row 101 \(line 102\): a quote that is opened here"):
        cells(content, block_bytes=16)
    with pytest.raises(SchemaChanged, match=r"x\.csv: row 101: it has 1 cell"):
        cells(b"x,y\n" + b"1,2\n" * 100 + b"3\n", block_bytes=16)


def test_a_quote_that_is_never_closed_ends_the_reading_of_a_large_file():
    content = io.BytesIO(b'1,"2\n' + b"3,4\n" * 1000)
    with pytest.raises(BadQuote, match="no row ends within 0 MB"):
        list(row_blocks(content, block_bytes=100, row_bytes=500))
    assert content.tell() < 1000


def test_a_byte_order_mark_is_no_part_of_the_first_name():
    assert cells(b"\xef\xbb\xbfx,y\n1,2\n") == [["1", "2"]]


def test_columns_that_are_not_declared_may_have_any_name_and_bytes():
    assert cells(b"x,z,z,,y\n1,\xff,3,4,5\n") == [["1", "5"]]


def test_texts_for_null_are_null_also_in_quotes():
    spec = spec_of({"x": "string", "y": "string"}, null_values=["NA"])
    assert cells(b'x,y\nNA,"NA"\n"",N\n', spec=spec) == [[None, None], [None, "N"]]


# Archives --------------------------------------------------------------------


def zipped(**members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return content.getvalue()


def zstd(*parts):
    rows = []
    for part in parts:
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, "zstd") as stream:
            stream.write(part)
        rows.append(sink.getvalue().to_pybytes())
    return b"".join(rows)


TWO = (b"x,y\n1,2\n", b"3,4\n")
PACKED = {
    "x.csv.gz": b"".join(map(gzip.compress, TWO)),
    "x.csv.bz2": b"".join(map(bz2.compress, TWO)),
    "x.csv.xz": b"".join(map(lzma.compress, TWO)),
    "x.csv.zst": zstd(*TWO),
    "x.csv.zip": zipped(**{"data/": "", "data/x.csv": b"".join(TWO), "__MACOSX/data/._x.csv": "junk"}),
}


@pytest.mark.parametrize("name", PACKED)
def test_all_of_an_archive_is_read(name):
    assert cells(PACKED[name], name) == [["1", "2"], ["3", "4"]]


@pytest.mark.parametrize("name", PACKED)
def test_an_archive_that_was_cut_is_refused(name):
    with pytest.raises(SchemaChanged, match=f"{name}: not readable as CSV"):
        cells(PACKED[name][:-5], name)


@pytest.mark.parametrize("name", PACKED)
def test_a_damaged_archive_is_read_as_before_or_refused(name):
    for place in range(len(PACKED[name])):
        content = bytearray(PACKED[name])
        content[place] ^= 0x41
        try:
            cell_rows = cells(bytes(content), name)
        except SchemaChanged:
            continue
        assert cell_rows == [["1", "2"], ["3", "4"]] or name == "x.csv.zst"  # it has no checksum of its content


def test_an_archive_of_several_files_is_refused():
    content = zipped(**{"a.csv": b"x,y\n1,2\n", "b.csv": b"x,y\n3,4\n"})
    with pytest.raises(SchemaChanged) as caught:
        cells(content, "x.zip")
    assert str(caught.value) == (
        "source s: x.zip: the archive holds 2 files: a.csv, b.csv. Unpack it: an archive must hold one file."
    )
