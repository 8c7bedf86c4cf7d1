"""Names of people who opted out, however they are spelled."""

from __future__ import annotations

import unicodedata

import pytest
from pgvoice_testkit.servers.databases import run
from pgvoice_testkit.stores.filled import X, put
from sqlalchemy import Connection, text

from pgvoice.store import VoiceStore
from pgvoice.store.errors import OptedOut

ZOE = "Zoë Ångström"
SPELLINGS = {
    "decomposed": unicodedata.normalize("NFD", ZOE),
    "capitals": "ZOË ÅNGSTRÖM",
    "no-break space": "Zoë\u00a0Ångström",
    "two blanks and a tab": " Zoë \tÅngström\n",
    "zero-width space": "Zo\u200bë Ångström",
    "zero-width joiner within a letter": "Zoe\u200d\u0308 Ångström",
    "soft hyphen": "Zoë Ång\u00adström",
    "direction mark": "\u200eZoë Ångström",
    "variation selector": "Zoë\ufe0f Ångström",
    "line separator": "Zoë\u2028Ångström",
    "full width": "\uff3aoë Ångström",
    "Cyrillic letters": "Z\u043e\u0435\u0308 Ångström",
    "a Greek letter": "Z\u03bfë Ångström",
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_an_opt_out_holds_for_every_spelling(store: VoiceStore, spelling: str) -> None:
    put(store, "v", {(0, 1): X})
    store.people.enroll_segments(ZOE, "v", [(0, 1)], min_speech=1)
    store.privacy.erase_speaker(ZOE, with_segments=False, opt_out=True)
    with pytest.raises(OptedOut):
        store.people.enroll_segments(spelling, "v", [(0, 1)], min_speech=1)
    store.privacy.lift_opt_out(spelling)
    assert store.people.enroll_segments(ZOE, "v", [(0, 1)], min_speech=1).added == 1


def test_names_are_displayed_as_given(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X})
    store.people.enroll_segments(SPELLINGS["decomposed"], "v", [(0, 1)], min_speech=1)
    assert [each.speaker for each in store.people.speakers()] == [SPELLINGS["decomposed"]]


def _key(connection: Connection, name: str) -> str:
    found: str = connection.scalar(text("SELECT pgvoice_internal.name_key(:name)"), {"name": name})
    return found


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ä", "ä"),
        ("STRASSE", "Straße"),
        ("Straẞe", "strasse"),
        ("İlker", "ilker"),
        ("Ilker", "ilker"),
        ("ΣΊΣΥΦΟΣ", "Σίσυφος"),
        ("ЁЛКИН", "Ёлкин"),
        ("ԵՐԵՎԱՆ", "երեվան"),
        ("ƏLİYEV", "əliyev"),
        ("ĐẶNG", "đặng"),
        ("ŁUKASZ", "łukasz"),
        ("Ⅳ", "iv"),
        ("ﬁona", "Fiona"),
        ("Ad\u0430", "Ada"),
    ],
)
def test_the_same_name(connection: Connection, one: str, other: str) -> None:
    assert _key(connection, one) == _key(connection, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Ada", "Eda"), ("Zoe", "Zoë"), ("Ann B", "AnnB"), ("Иван", "Ivan"), ("Ł", "L"), ("王", "李")],
)
def test_different_names(connection: Connection, one: str, other: str) -> None:
    assert _key(connection, one) != _key(connection, other)


def test_case_is_folded_as_unicode_does(connection: Connection) -> None:
    """Every Latin, Greek, Cyrillic, Armenian and Georgian letter, by Python's own tables."""
    letters = [
        chr(code)
        for first, last in ((0x41, 0x24F), (0x370, 0x52F), (0x531, 0x556), (0x1E00, 0x1FFF))
        for code in range(first, last + 1)
        if unicodedata.category(chr(code)) == "Lu"
    ]
    wrong = connection.scalars(
        text(
            "SELECT u FROM unnest(CAST(:upper AS text[]), CAST(:lower AS text[])) AS x(u, l)"
            " WHERE pgvoice_internal.name_key(u) <> pgvoice_internal.name_key(l)"
        ),
        {"upper": letters, "lower": [letter.casefold() for letter in letters]},
    ).all()
    assert wrong == []


def test_hashes_of_older_opt_outs_count(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X})
    run(
        store.database.engine,
        "SELECT pgvoice_internal.make_key()",
        "INSERT INTO pgvoice.opt_out (name_hash) SELECT sha256(key || convert_to('ada-\u00e9',"
        " 'UTF8')) FROM pgvoice.opt_out_key",
    )
    with pytest.raises(OptedOut):
        store.people.enroll_segments(" ADA-\u00e9", "v", [(0, 1)], min_speech=1)


def test_the_limit_for_a_voice_cannot_be_raised(store: VoiceStore) -> None:
    put(store, "v", {(0, 1): X})
    store.people.enroll_segments("ann", "v", [(0, 1)], min_speech=1)
    store.privacy.erase_speaker("ann", with_segments=False, opt_out_voice=True)
    run(
        store.database.engine,
        "UPDATE pgvoice.encoder SET default_threshold = 0.999",
        "UPDATE pgvoice.opt_out_voice SET similarity_limit = 2",
    )
    with pytest.raises(OptedOut):
        store.people.enroll_segments("other", "v", [(0, 1)], force=True)
