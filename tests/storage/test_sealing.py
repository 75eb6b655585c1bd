"""Sealed values and key rings."""

from __future__ import annotations

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from storage_factories import SECRET, data_key, make_keys

from storage import Keys, StorageError, WrongKey
from storage.sealing import Box, new_uid

UID = b"u" * 16


@given(st.binary(), st.text(max_size=20), st.binary(min_size=16, max_size=16))
def test_what_was_sealed_opens_in_its_place(plain: bytes, column: str, uid: bytes) -> None:
    box = Box(b"k" * 32)
    assert box.open(box.seal(plain, column, uid), column, uid) == plain


def test_a_sealed_value_does_not_open_in_another_column_or_row_or_with_another_key() -> None:
    box = Box(b"k" * 32)
    sealed = box.seal(b"words", "entry.body", UID)
    for other, column, uid in (
        (box, "entry.meta", UID),
        (box, "entry.body", new_uid()),
        (Box(b"x" * 32), "entry.body", UID),
    ):
        with pytest.raises(WrongKey):
            other.open(sealed, column, uid)


@given(st.integers(min_value=0, max_value=40), st.integers(min_value=1, max_value=255))
def test_a_changed_byte_anywhere_is_noticed(position: int, flip: int) -> None:
    box = Box(b"k" * 32)
    sealed = bytearray(box.seal(b"some words!!", "entry.body", UID))
    sealed[position % len(sealed)] ^= flip
    with pytest.raises(WrongKey):
        box.open(bytes(sealed), "entry.body", UID)


@pytest.mark.parametrize("cut", [0, 1, 5, 13, 20])
def test_a_cut_value_is_noticed(cut: int) -> None:
    sealed = Box(b"k" * 32).seal(b"words", "entry.body", UID)
    with pytest.raises(WrongKey):
        Box(b"k" * 32).open(sealed[:cut], "entry.body", UID)
    with pytest.raises(WrongKey):
        make_keys().open(make_keys().seal("words", "staff.alias", UID)[:cut], "staff.alias", UID)


def test_the_first_data_key_writes_and_the_others_still_read() -> None:
    old = make_keys(data_key("a", 1))
    both = make_keys(f"{data_key('b', 2)}, {data_key('a', 1)}")
    only_new = make_keys(data_key("b", 2))
    assert both.open(old.seal("Ola", "staff.alias", UID), "staff.alias", UID) == "Ola"
    assert only_new.open(both.seal("Ola", "staff.alias", UID), "staff.alias", UID) == "Ola"
    with pytest.raises(WrongKey, match="no key a"):
        only_new.open(old.seal("Ola", "staff.alias", UID), "staff.alias", UID)


def test_hashes_differ_by_kind_and_by_secret_and_by_where_parts_end() -> None:
    keys = make_keys()
    assert keys.hash("psid", "1") == make_keys().hash("psid", "1")
    assert (
        len({keys.hash("psid", "1"), keys.hash("mid", "1"), make_keys(secret="x" * 16).hash("psid", "1")})
        == 3
    )
    assert keys.hash("mid", 1, "12") != keys.hash("mid", 11, "2")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is empty"),
        ("nocolon", "id:base64"),
        (f"A B:{base64.b64encode(b'k' * 32).decode()}", "id:base64"),
        ("a:???", "is not base64"),
        (f"a:{base64.b64encode(b'k' * 16).decode()}", "must be 32 bytes"),
        (f"{data_key('a')},{data_key('a', 2)}", "twice"),
    ],
)
def test_a_wrong_data_key_is_named_without_its_value(text: str, complaint: str) -> None:
    with pytest.raises(StorageError, match=complaint) as caught:
        Keys.from_environment(text, SECRET)
    assert base64.b64encode(b"k" * 16).decode()[:8] not in str(caught.value)


def test_a_short_secret_key_is_refused() -> None:
    with pytest.raises(StorageError, match="SECRET_KEY"):
        Keys.from_environment(data_key(), "short")


def test_keys_do_not_show_themselves() -> None:
    assert not re.search(r"\\x0|Box|index", repr(make_keys()).removeprefix("<storage.sealing.Keys object"))
