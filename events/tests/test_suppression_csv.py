from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events import suppression_csv
from events.models import Suppression
from events.suppression_csv import BadRow, CsvUnreadable
from events.suppressions import Entry

REASON = Suppression.Reason


def read(text):
    return list(suppression_csv.read(text.encode()))


def write(*rows):
    return "".join(suppression_csv.write(rows))


class TestRead:
    def test_a_plain_list_of_addresses(self):
        assert read("carol@example.net\r\nDave@Example.NET\n") == [
            Entry("carol@example.net"),
            Entry("dave@example.net"),
        ]

    def test_a_heading_names_the_columns_in_any_order(self):
        assert read("note,Address,origin,reason\nhello,carol@example.net,x,Bounce\n") == [
            Entry("carol@example.net", REASON.BOUNCE, "hello")
        ]

    def test_times_are_read_with_and_without_an_offset(self):
        rows = read("a@b.example,,,2027-01-01T00:00:00Z\na@b.example,,,2027-01-01 02:00:00\n")

        assert [row.expires_at for row in rows] == [
            datetime(2027, 1, 1, tzinfo=UTC),
            datetime(2027, 1, 1, 2, tzinfo=UTC),
        ]

    def test_bad_rows_are_named_by_line_and_the_others_taken(self):
        rows = read('address,reason\n"carol@example.net"\n\nnobody\na@b.example,spam\n')

        assert rows[0] == Entry("carol@example.net")
        assert [row.line for row in rows[1:]] == [4, 5]
        assert rows[1].detail == "'nobody' is not an address"
        assert rows[2].detail.startswith("The reason 'spam' is none of")

    @pytest.mark.parametrize(
        "row", ["a@b.example,,,tomorrow", "a@b.example,,,2027-02-30", "a@b.example,,a\0b", ",,x"]
    )
    def test_what_cannot_be_stored_is_bad(self, row):
        assert isinstance(read(row)[0], BadRow)

    @pytest.mark.parametrize("time", ["2027-13-01T00:00:00Z", "9999-12-31T23:59:59-14:00"])
    def test_a_time_on_no_calendar_of_ours_is_told_in_our_words(self, time):
        (row,) = read(f"a@b.example,,,{time}")

        assert row.detail == f"The time '{time}' is not like 2026-12-31T00:00:00Z"

    def test_a_note_has_a_limit(self):
        assert isinstance(read(f"a@b.example,,{'x' * 1001}")[0], BadRow)

    def test_the_mark_of_utf_8_does_not_matter(self):
        assert list(suppression_csv.read(b"\xef\xbb\xbfaddress\na@b.example\n")) == [
            Entry("a@b.example")
        ]

    def test_other_encodings_are_refused(self):
        with pytest.raises(CsvUnreadable, match="octet 0"):
            suppression_csv.read(b"\xe9\xff")

    def test_a_field_without_end_is_a_bad_row(self):
        assert isinstance(read('"' + "x" * 200_000)[0], BadRow)


class TestWrite:
    def test_it_has_a_heading_and_times_in_utc(self):
        moment = datetime(2027, 1, 1, tzinfo=UTC)
        row = Suppression(address="a@b.example", note="x, y", expires_at=moment)

        assert write(row) == (
            'address,reason,note,expires_at\r\na@b.example,manual,"x, y",2027-01-01T00:00:00Z\r\n'
        )

    @pytest.mark.parametrize("note", ["=1+1", "+1", "-1", "@x", "\tx"])
    def test_no_cell_is_a_formula(self, note):
        assert (
            f",'{note},".encode() in write(Suppression(address="a@b.example", note=note)).encode()
        )


class TestBothWays:
    @given(
        st.from_regex(r"[=+\-'a]{1,4}[a-z]{1,5}@[a-z]{1,9}\.example", fullmatch=True),
        st.text(alphabet="=+-@'\"a ,;\n", max_size=12).map(str.strip),
    )
    def test_what_was_written_comes_back(self, address, note):
        row = Suppression(address=address, note=note)

        assert read(write(row)) == [Entry(address, REASON.MANUAL, note)]

    @given(st.binary(max_size=200))
    def test_any_octets_give_entries_and_bad_rows(self, octets):
        try:
            rows = list(suppression_csv.read(octets))
        except CsvUnreadable:
            return
        assert all(isinstance(row, Entry | BadRow) for row in rows)
