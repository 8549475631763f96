"""IFEval: every kind of instruction against replies that follow it and that do not, and the measures over them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assay.benchmarks.ifeval.instructions import KINDS, fault, follows
from assay.benchmarks.ifeval.languages import LANGUAGES, may_be
from assay.benchmarks.ifeval.score import loose_forms, scorer
from assay.benchmarks.ifeval.text import count_capital_words, count_sentences
from assay.benchmarks.registry import load_task
from assay.errors import DatasetMalformed, DatasetNotFound
from assay.records import Call, Outcome, Request, Response, Sample, Score, Trajectory

# kind, arguments, replies that follow, replies that do not
TABLE: list[tuple[str, dict[str, Any], list[str], list[str]]] = [
    (
        "keywords:existence",
        {"keywords": ["Oak", "elm tree"]},
        ["An ELM TREE by an oak."],
        ["An oak.", "elm  tree, oak"],
    ),
    (
        "keywords:frequency",
        {"keyword": "oak", "frequency": 2, "relation": "at least"},
        ["Oak and oaks."],
        ["One oak.", "nothing"],
    ),
    (
        "keywords:frequency",
        {"keyword": "oak", "frequency": 2, "relation": "less than"},
        ["One oak.", "none"],
        ["Oak and oak."],
    ),
    (
        "keywords:forbidden_words",
        {"forbidden_words": ["cat", "c++"]},
        ["A category.", "c and more"],
        ["The CAT.", "cat", "in C++ it is"],
    ),
    (
        "keywords:letter_frequency",
        {"letter": "Q", "let_frequency": 2, "let_relation": "at least"},
        ["Quick and quiet"],
        ["Quick"],
    ),
    (
        "keywords:letter_frequency",
        {"letter": "!", "let_frequency": 1, "let_relation": "less than"},
        ["Calm."],
        ["Ah!"],
    ),
    (
        "language:response_language",
        {"language": "de"},
        ["Das ist nicht der Weg und wir sind müde."],
        ["This is the way."],
    ),
    (
        "length_constraints:number_sentences",
        {"num_sentences": 2, "relation": "at least"},
        ["One. Two.", "Really?! Yes", "一。二。"],
        ["Dr. A. Smith came.", "It is 3.5 m."],
    ),
    (
        "length_constraints:number_paragraphs",
        {"num_paragraphs": 2},
        ["one\n***\ntwo", "***\none\n\n***\n\ntwo ***"],
        ["one\n\ntwo", "one\n***\n\n***\ntwo", "a\n***\nb\n***\nc"],
    ),
    (
        "length_constraints:number_words",
        {"num_words": 3, "relation": "less than"},
        ["Two words."],
        ["It's me.", "one two three"],
    ),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "Then"},
        ["First.\n\nThen, more.", 'First.\n\n"Then" it was.'],
        ["Then.\n\nFirst.", "First.\n\nThen.\n\nMore.", "First.\nThen.", "A\n\nThenceforth."],
    ),
    (
        "detectable_content:number_placeholders",
        {"num_placeholders": 2},
        ["Dear [name], at [place]", "[a][b][c]"],
        ["Dear [name]", "[a\nb] [c]", "(a) (b)"],
    ),
    (
        "detectable_content:postscript",
        {"postscript_marker": "P.S."},
        ["Bye.\nP.S. More", "p. s. hm"],
        ["PS more", "Bye."],
    ),
    (
        "detectable_content:postscript",
        {"postscript_marker": "P.P.S"},
        ["Bye.\nP.P.S More", "p. p. s. more"],
        ["P.S. more"],
    ),
    (
        "detectable_format:number_bullet_lists",
        {"num_bullets": 2},
        ["* one\n* two", "Text\n  - one\n* two\n**bold**"],
        ["* one", "- a\n- b\n- c", "1. one\n2. two"],
    ),
    (
        "detectable_format:constrained_response",
        {},
        ["My answer is maybe.", "Well. My answer is no."],
        ["My answer is perhaps.", "my answer is yes", "Yes."],
    ),
    (
        "detectable_format:number_highlighted_sections",
        {"num_highlights": 2},
        ["*one* and *two*", "**one** and *two*"],
        ["*one*", "* * and * *", "*one\ntwo*"],
    ),
    (
        "detectable_format:multiple_sections",
        {"section_spliter": "SECTION", "num_sections": 2},
        ["SECTION 1\na\nSECTION 2\nb", "SECTION1 SECTION2 SECTION 3"],
        ["SECTION 1", "Section 1 Section 2", "SECTION one SECTION two"],
    ),
    (
        "detectable_format:json_format",
        {},
        ['{"a": [1, null]}', '```json\n{"a": 1}\n```', '```JSON\n"x"```'],
        ["{'a': 1}", 'Here: {"a": 1}', "{", "[" * 50_000],
    ),
    ("detectable_format:title", {}, ["<<Ode>>\nText", "x <<A b>> y"], ["<Ode>", "<<>>", "<< >>", "<<a\nb>>"]),
    (
        "combination:two_responses",
        {},
        ["a******b", "a\n******\nb\n******"],
        ["a", "a******a", "a******b******c", "a************b"],
    ),
    (
        "combination:repeat_prompt",
        {"prompt_to_repeat": "What is it? "},
        ["what is it? A cat.", "  What is it?"],
        ["A cat. What is it?", "What was it?"],
    ),
    ("startend:end_checker", {"end_phrase": "The end."}, ["So. THE END.", '"So. The end."\n'], ["The end. Or not"]),
    ("startend:quotation", {}, ['"All of it."', ' "a" and "b" '], ['"', '"open', "'All'", "“All”"]),
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 2, "capital_relation": "at least"},
        ["THE WELL-KNOWN one", "I AM here"],
        ["The Well", "A1b ONE"],
    ),
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 1, "capital_relation": "less than"},
        ["none here"],
        ["ONE here"],
    ),
    (
        "change_case:english_capital",
        {},
        ["THIS IS IT, 3 TIMES.", "OK"],
        ["This is it.", "DAS IST NICHT DER WEG.", "12"],
    ),
    ("change_case:english_lowercase", {}, ["this is it.", "ok"], ["This is it.", "das ist nicht der weg."]),
    ("punctuation:no_comma", {}, ["No comma; none."], ["One, two", ","]),
]


@pytest.mark.parametrize(("kind", "arguments", "following", "others"), TABLE, ids=[row[0] for row in TABLE])
def test_each_kind_tells_replies_that_follow_from_others(
    kind: str, arguments: dict[str, Any], following: list[str], others: list[str]
) -> None:
    assert fault(kind, arguments) is None
    for reply in following:
        assert follows(reply, kind, arguments), reply
    for reply in (*others, "", " \n"):
        assert not follows(reply, kind, arguments), reply


def test_the_table_has_all_25_kinds() -> None:
    assert len(KINDS) == 25
    assert {row[0] for row in TABLE} == set(KINDS)


def test_hostile_replies_neither_hang_nor_break_a_check() -> None:
    hostile: tuple[str, ...] = (
        "[" * 50_000,
        "<<" * 30_000,
        "*" * 60_001,
        "***\n" * 20_000,
        "a." * 50_000,
        ". " * 50_000,
        "\ud800" * 9,
    )
    hostile += ('"' * 50_000, "\x00", "P." * 40_000, "-\n" * 30_000, "SECTION " * 20_000, "é\u0301" * 20_000)
    for kind, arguments, _, _ in TABLE:
        for reply in hostile:
            assert follows(reply, kind, arguments) in (True, False)


SENTENCES = {
    "en": "The weather is fine today, and we are going to the lake with our friends.",
    "es": "Hoy hace buen tiempo y vamos al lago con los amigos de la escuela.",
    "pt": "Hoje o tempo está bom e vamos ao lago com os amigos da escola, mas não é longe.",
    "fr": "Il fait beau aujourd'hui et nous allons au lac avec les amis de la classe.",
    "de": "Heute ist das Wetter schön und wir gehen mit den Freunden an den See.",
    "it": "Oggi il tempo è bello e andiamo al lago con gli amici della scuola.",
    "pl": "Dzisiaj jest ładna pogoda i idziemy nad jezioro z przyjaciółmi, ale nie na długo.",
    "vi": "Hôm nay trời đẹp và chúng tôi đi ra hồ với các bạn của tôi.",
    "sw": "Leo hali ya hewa ni nzuri na sisi tunakwenda ziwani pamoja na marafiki wa shule.",
    "fi": "Tänään on hyvä sää ja me menemme järvelle, mutta se ei ole kaukana.",
    "ru": "Сегодня хорошая погода, и мы идём на озеро, но это не так далеко.",
    "uk": "Сьогодні гарна погода, і ми йдемо на озеро, але це не дуже далеко.",
    "bg": "Днес времето е хубаво и ние отиваме на езерото, но това не е много далече.",
    "ar": "الطقس جميل اليوم ونحن نذهب إلى البحيرة مع الأصدقاء في هذه السيارة.",
    "fa": "امروز هوا خوب است و ما با دوستان به دریاچه می رویم که از این جا دور نیست.",
    "ur": "آج موسم اچھا ہے اور ہم دوستوں کے ساتھ جھیل پر جا رہے ہیں۔",
    "hi": "आज मौसम अच्छा है और हम दोस्तों के साथ झील पर जा रहे हैं।",
    "mr": "आज हवामान छान आहे आणि आम्ही मित्रांबरोबर तळ्याकडे जात आहोत, ते लांब नाही.",
    "ne": "आज मौसम राम्रो छ र हामी साथीहरूसँग तालमा जाँदैछौं, तर त्यो टाढा छैन।",
    "ko": "오늘은 날씨가 좋아서 친구들과 호수에 갑니다.",
    "ja": "今日は天気がいいので、友だちと湖へ行きます。",
    "zh": "今天天气很好，我们和朋友一起去湖边。",
    "th": "วันนี้อากาศดี เราไปทะเลสาบกับเพื่อน",
    "bn": "আজ আবহাওয়া ভালো, আমরা বন্ধুদের সাথে হ্রদে যাচ্ছি।",
    "pa": "ਅੱਜ ਮੌਸਮ ਚੰਗਾ ਹੈ ਅਤੇ ਅਸੀਂ ਝੀਲ ਤੇ ਜਾ ਰਹੇ ਹਾਂ।",
    "gu": "આજે હવામાન સારું છે અને અમે તળાવ પર જઈએ છીએ.",
    "ta": "இன்று வானிலை நன்றாக இருக்கிறது, நாங்கள் ஏரிக்குச் செல்கிறோம்.",
    "te": "ఈ రోజు వాతావరణం బాగుంది, మేము సరస్సుకు వెళ్తున్నాము.",
    "kn": "ಇಂದು ಹವಾಮಾನ ಚೆನ್ನಾಗಿದೆ, ನಾವು ಕೆರೆಗೆ ಹೋಗುತ್ತಿದ್ದೇವೆ.",
    "ml": "ഇന്ന് നല്ല കാലാവസ്ഥയാണ്, ഞങ്ങൾ തടാകത്തിലേക്ക് പോകുന്നു.",
    "he": "היום מזג האוויר נעים ואנחנו הולכים לאגם.",
    "el": "Σήμερα ο καιρός είναι καλός και πάμε στη λίμνη.",
}


def test_each_language_is_told_from_every_other() -> None:
    assert set(SENTENCES) == LANGUAGES
    for code, sentence in SENTENCES.items():
        assert [other for other in SENTENCES if may_be(sentence, other)] == [code]


def test_without_evidence_any_language_of_the_script_may_be_meant() -> None:
    assert may_be("OK", "en")
    assert may_be("OK", "fi")
    assert not may_be("OK", "ru")
    assert may_be("1, 2, 3", "ko")
    assert may_be(f"{SENTENCES['ko']} (K-pop)", "ko")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One. Two! Three?", 3),
        ('He said "Go." Then he went.', 2),
        ("Dr. Smith met Mr. J. R. Jones at 5 p.m. on Monday.", 1),
        ("It was 5 p.m. The sun shone.", 2),
        ("1. First thing.\n2. Second thing.", 2),
        ("So am I. You too.", 2),
        ("Should I? No. I wait.", 3),
        ("Wait... what", 2),
        ("A title\n\nNo full stop", 1),
        ("三。四！五", 3),
        ("... !!! ?", 0),
        ("See example.com for 3.14 facts", 1),
    ],
)
def test_sentences_are_counted_as_a_reader_would(text: str, count: int) -> None:
    assert count_sentences(text) == count


def test_capital_words() -> None:
    assert count_capital_words("I met the U.S. TEAM, Bob and NASA's A-TEAM; 42") == 4


def prompt(key: int, *instructions: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "key": key,
        "prompt": f"Write something ({key}).",
        "instruction_id_list": [name for name, _ in instructions],
        "kwargs": [arguments for _, arguments in instructions],
    }


ROWS = [
    prompt(7, ("punctuation:no_comma", {})),
    prompt(
        8,
        ("startend:end_checker", {"end_phrase": "Bye."}),
        ("keywords:existence", {"keywords": ["oak"]}),
        ("keywords:forbidden_words", {"forbidden_words": ["elm"]}),
    ),
]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def judged(sample: Sample, reply: str) -> Score:
    call = Call("0", Request("m", sample.messages), Response(reply, finish_reason="stop"))
    return scorer(sample, Trajectory(sample.id, 1, (), (call,)))


def test_prompts_and_instructions_are_measured_strictly_and_loosely(tmp_path: Path) -> None:
    task = load_task("ifeval", data=write(tmp_path / "input_data.jsonl", ROWS))
    one, three = task.samples()
    assert (one.id, one.input, task.size) == ("7", "Write something (7).", 2)
    scores = [judged(one, "Sure, here it is:\nNo comma at all."), judged(three, "An oak and an elm. *Bye.*")]
    assert [score.value for score in scores] == [0, 0]
    assert [score.values["loose"] for score in scores] == [1, 0]
    # 1 of 4 instructions is followed strictly, 3 loosely; the mean over prompts is the share of instructions
    assert sum(score.values["instructions_strict"] for score in scores) / 2 == 1 / 4
    assert sum(score.values["instructions_loose"] for score in scores) / 2 == 3 / 4
    assert (scores[1].values["keywords"], scores[1].values["startend"]) == (0.5, 0)
    assert scores[1].trace["strict"] == [False, True, False]
    assert scores[1].explanation == "1 of 3 followed; not startend:end_checker, keywords:forbidden_words"
    assert judged(three, "Oak.\nBye.").value == 1
    assert [m.where for m in task.metrics if m.value == "keywords"] == [{"asks keywords": "yes"}]


def test_thinking_is_no_part_of_the_reply(tmp_path: Path) -> None:
    one, _ = load_task("ifeval", data=write(tmp_path / "input_data.jsonl", ROWS)).samples()
    assert judged(one, "<think>First, think.</think>None.").value == 1
    assert judged(one, "<think>Only, thought").outcome is Outcome.UNPARSED
    assert judged(one, " ").outcome is Outcome.UNPARSED


def test_the_loose_forms_are_eight() -> None:
    forms = list(loose_forms("Sure:\n*a*\nb\nDone."))
    assert len(forms) == 8
    assert set(forms) == {
        *("Sure:\n*a*\nb\nDone.", "Sure:\na\nb\nDone.", "*a*\nb\nDone.", "a\nb\nDone."),
        *("Sure:\n*a*\nb", "Sure:\na\nb", "*a*\nb", "a\nb"),
    }


def test_tables_with_empty_columns_are_the_same_prompts(tmp_path: Path) -> None:
    columns = {key for row in ROWS for arguments in row["kwargs"] for key in arguments}
    full = [{**row, "kwargs": [{**dict.fromkeys(columns), **kwargs} for kwargs in row["kwargs"]]} for row in ROWS]
    pl.DataFrame(full, infer_schema_length=None).write_parquet(tmp_path / "train-00000-of-00001.parquet")
    expected = list(load_task("ifeval", data=write(tmp_path / "p.jsonl", ROWS)).samples())
    assert list(load_task("ifeval", data=tmp_path / "train-00000-of-00001.parquet").samples()) == expected


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (prompt(1, ("keywords:rhyme", {})), "no instruction 'keywords:rhyme'"),
        (prompt(1, ("keywords:existence", {})), "keywords:existence lacks keywords"),
        (prompt(1, ("keywords:existence", {"keywords": "oak"})), "keywords is 'oak'"),
        (prompt(1, ("language:response_language", {"language": "xx"})), "no way to tell the language 'xx'"),
        (prompt(1, ("length_constraints:number_words", {"num_words": 3, "relation": "about"})), "relation is 'about'"),
        ({**prompt(1, ("punctuation:no_comma", {})), "kwargs": []}, "lists of one length"),
        ({**prompt(1), "prompt": ""}, "no prompt"),
    ],
)
def test_what_cannot_be_checked_is_named_with_its_line(tmp_path: Path, row: dict[str, Any], problem: str) -> None:
    with pytest.raises(DatasetMalformed, match=f"line 2: .*{problem}"):
        load_task("ifeval", data=write(tmp_path / "input_data.jsonl", [ROWS[0], row]))


def test_without_a_copy_it_says_what_to_get(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path))
    monkeypatch.delenv("ASSAY_DATA", raising=False)
    with pytest.raises(DatasetNotFound, match=r"ifeval: get .* --data PATH"):
        load_task("ifeval")
    assert list(load_task("ifeval", offline=True).samples()) == []
