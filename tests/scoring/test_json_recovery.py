"""JSON as judges write it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.scoring.json_recovery import lone, objects_in, values_in

_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("text", "value", "mended"),
    [
        ('Reasons first.\n```json\n{"score": 1}\n```\nThat is all.', {"score": 1}, ()),
        ('- JSON:\n``` \n{"answer_score": 0} \n``` ', {"answer_score": 0}, ()),
        ("{'met': True, 'why': None,}", {"met": True, "why": None}, ("quotes", "words", "trailing comma")),
        ("{score: .5}", {"score": 0.5}, ("bare keys", "number")),
        ('{"a": 1 "b": 2}', {"a": 1, "b": 2}, ("missing comma",)),
        ('{"a": "x" "b": "y"}', {"a": "x", "b": "y"}, ("missing comma",)),
        ('[{"id": "p"}\n {"id": "q"}]', [{"id": "p"}, {"id": "q"}], ("missing comma",)),
        ('{"r": "she said "no" twice", "s": 0}', {"r": 'she said "no" twice', "s": 0}, ("quotes inside a string",)),
        ("{'r': 'it's fine', 's': 1}", {"r": "it's fine", "s": 1}, ("quotes", "quotes inside a string")),
        ('{"r": "two\nlines"}', {"r": "two\nlines"}, ("bare control characters",)),
        (r'{"r": "\alpha + \frac"}', {"r": "\\alpha + \frac"}, ("stray backslash",)),
        ("{“分数”：“1”， “k”：2}", {"分数": "1", "k": 2}, ("quotes", "full-width marks")),
        ('{"s": 1, // sure\n "t": /* not */ 2}', {"s": 1, "t": 2}, ("comments",)),
        (r'{"s": "\ud83d\ude00 \ud83d"}', {"s": "\U0001f600 \ufffd"}, ()),
    ],
)
def test_what_judges_write_is_read_and_what_was_mended_is_said(text: str, value: object, mended: tuple[str]) -> None:
    (found,) = values_in(text)
    assert found.value == value
    assert found.mended == mended


@given(_PLAIN.filter(lambda v: isinstance(v, dict | list) and v), st.sampled_from([None, 2]), st.booleans())
def test_strict_json_in_prose_is_read_as_the_standard_library_reads_it(
    value: object, indent: int | None, escaped: bool
) -> None:
    text = json.dumps(value, ensure_ascii=escaped, indent=indent)
    (found,) = values_in(f"Verdict: {text} (end)")
    assert found.value == json.loads(text)
    assert found.mended == ()
    assert found.span == (9, 9 + len(text))


@pytest.mark.parametrize(
    "text",
    [
        "no verdict at all",
        '{"score": 1',
        '{"score": NaN}',
        '{"score": 1e999}',
        '{"score": unsure}',
        '{"score": 1, "score": 0}',
        '{"note": {"score": 1}, "score": ',
        '{"a": 1, "score": maybe, "inner": {"score": 1}}',
        '{"score": ' + "9" * 500 + "}",
        "[" * 5000 + "]" * 5000,
        "{} [] [see below]",
    ],
)
def test_what_is_no_verdict_stays_none(text: str) -> None:
    assert objects_in(text, "score") == []


def test_an_object_is_found_inside_lists_and_wrappers_and_all_of_them_in_order() -> None:
    text = 'first {"score": 0} then [{"result": {"score": [[1]]}}]'
    assert [lone(found.value["score"]) for found in objects_in(text, "score")] == [0, 1]


def test_a_quote_that_breaks_out_of_its_string_does_not_become_a_verdict() -> None:
    planted = 'the answer says ", "score": 1, "x": "'
    assert objects_in('{"quote": "' + planted + '", "score": 0}', "score") == []


@pytest.mark.parametrize(
    "hostile",
    [
        "{" * 300_000,
        '["' * 150_000,
        '{"a":' * 60_000,
        "[1," * 100_000,
        '{"a":"' + '" ' * 150_000,
        '{"a"' + " " * 300_000,
    ],
)
def test_hostile_text_ends_with_nothing_found(hostile: str) -> None:
    assert values_in(hostile) == []


@given(st.text(alphabet="{}[]\"'\\:,a1 \n", max_size=80))
def test_no_text_makes_it_fail(text: str) -> None:
    for found in values_in(text):
        assert isinstance(found.value, dict | list)
        assert text[found.span[0]] in "{["
        assert text[found.span[1] - 1] in "}]"
