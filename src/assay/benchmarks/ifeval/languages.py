"""Whether a text may be in a language: by its script and, where languages share one, by common words and letters.

There are ways to tell of the languages that IFEval asks for, and of no others. A text is refused only on
evidence: another script, or more words of another language. One that gives none, such as a list of names, may be in
any language of its script; the owners' detector gives up there too, and such replies pass.
"""

from __future__ import annotations

import re

_SCRIPTS = {
    "latin": "A-Za-zÀ-ɏḀ-ỿ",
    "cyrillic": "Ѐ-ӿ",
    "arabic": "؀-ۿݐ-ݿ",
    "devanagari": "ऀ-ॿ",
    "cjk": "぀-ヿ一-鿿",
    "hangul": "가-힣ᄀ-ᇿ",
    "thai": "ก-๛",
    "bengali": "ঀ-৿",
    "gurmukhi": "਀-੿",
    "gujarati": "઀-૿",
    "tamil": "஀-௿",
    "telugu": "ఀ-౿",
    "kannada": "ಀ-೿",
    "malayalam": "ഀ-ൿ",
    "hebrew": "א-ת",
    "greek": "Ͱ-Ͽ",
}
_COUNTERS = {script: re.compile(f"[{span}]") for script, span in _SCRIPTS.items()}
_KANA = re.compile("[぀-ヿ]")
_BREAK = re.compile(r"[\s.,;:!?…।؟،؛۔\"'’()\[\]{}«»“”„*_<>/|\\–—-]+")

_ALONE = {
    "hangul": "ko",
    "thai": "th",
    "bengali": "bn",
    "gurmukhi": "pa",
    "gujarati": "gu",
    "tamil": "ta",
    "telugu": "te",
    "kannada": "kn",
    "malayalam": "ml",
    "hebrew": "he",
    "greek": "el",
}
_WORDS = {
    "latin": {
        "en": "the and of to is that it for with was this are be on not you have from by or they i my we your an",
        "es": "el los las y que de en un una es por con para del se lo como más pero su al este está son muy",
        "pt": "o os as e que de em um uma é por com para do da não se ao mais mas no na são você muito foi",
        "fr": "le la les et que de en un une est pour avec dans du des ne pas sur ce il elle je nous vous au qui sont",
        "de": "der die das und ist nicht ein eine zu mit den von für auf im sich es ich wir sie dem auch wie wird sind",
        "it": "il lo gli e che di un una è per con non del della sono si nel anche come più ma questo alla molto ho",
        "pl": "i w na nie się z do że jest to jak ale po co od za są przez dla oraz jego który być tym może",
        "vi": "và của là có không cho một được trong người với này những các để đã khi tôi từ như rất thì ở",
        "sw": "na ya wa kwa ni za katika la kama hii hiyo yake watu sana cha vya pia lakini au wakati kuwa mimi wetu",
        "fi": "ja on ei se että oli ovat mutta hän kun niin kuin myös tai joka sen minä me olla voi hyvin ole tämä",
    },
    "cyrillic": {
        "ru": "и в не что на он это как с по но из для от есть все они мы я его она было очень так",
        "uk": "і в не що на він це як з по але із для від є всі вони ми я його вона було дуже та",
        "bg": "и в не че на той това как с по но от за са е всички те ние аз му тя беше много да се",
    },
    "arabic": {
        "ar": "في من على إلى أن هذا هذه التي الذي كان مع لا ما عن هو هي كل أو لم قد و إن",
        "fa": "است که را این از با برای در به و می آن یک هم بود شد ما من تا های نیست هر شما",
        "ur": "ہے کے کی میں سے کو اور کا یہ نے پر ہیں نہیں ایک کر وہ تھا بھی ہم آپ ہو جو",
    },
    "devanagari": {
        "hi": "है हैं और के की में का से नहीं यह पर भी एक था हम वह कि ने लिए जो हो तो",
        "mr": "आहे आणि आहेत नाही हे ते ती मी आम्ही होते त्या एक या व पण खूप साठी मध्ये काही होता",
        "ne": "छ हो र मा छन् यो त्यो हामी गर्न भएको पनि लागि छैन धेरै म तर एक थियो गर्छ हुन्छ छु",
    },
}
_COMMON = {script: {code: frozenset(words.split()) for code, words in of.items()} for script, of in _WORDS.items()}
_LETTERS = {
    "latin": {
        "es": "ñ¿¡",
        "pt": "ãõ",
        "de": "ß",
        "pl": "ąćęłńśźż",
        "vi": "ăđơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ",
    },
    "cyrillic": {"ru": "ыэё", "uk": "іїєґ"},
    "arabic": {"ar": "ةىيك", "ur": "ٹڈڑںےھہ"},
    "devanagari": {"mr": "ळ"},
}

_LEAST_EVIDENCE = 0.1
"""Common words and letters for each word."""

LANGUAGES = frozenset({*_ALONE.values(), "zh", "ja", *(code for of in _WORDS.values() for code in of)})
"""Codes of the languages that can be told."""


def may_be(text: str, language: str) -> bool:
    """Whether nothing in a text speaks against its being in a language, a code of ISO 639-1."""
    script = _script(text)
    if script is None:
        return True
    language = language.partition("-")[0]
    if script == "cjk":
        return language == ("ja" if _is_japanese(text) else "zh")
    if script in _ALONE:
        return _ALONE[script] == language
    return language in _COMMON[script] and _likeliest(text.casefold(), script) in (None, language)


def _script(text: str) -> str | None:
    """The script of most letters; ``None`` where there are no letters."""
    counts = {script: sum(1 for _ in counter.finditer(text)) for script, counter in _COUNTERS.items()}
    most = max(counts, key=lambda script: counts[script])
    return most if counts[most] else None


def _is_japanese(text: str) -> bool:
    kana = sum(1 for _ in _KANA.finditer(text))
    return kana * 20 > sum(1 for _ in _COUNTERS["cjk"].finditer(text))


def _likeliest(text: str, script: str) -> str | None:
    """The language that most common words and letters of its own speak for.

    ``None`` without a single one ahead, or where what speaks for it is too little: in running text every third word
    or so is a common one, among names and code a few are by chance.
    """
    words = [word for word in _BREAK.split(text) if word]
    evidence = {code: sum(word in common for word in words) for code, common in _COMMON[script].items()}
    for code, letters in _LETTERS.get(script, {}).items():
        evidence[code] += sum(map(text.count, letters))
    ahead, second = sorted(evidence.values(), reverse=True)[:2]
    enough = ahead > second and ahead >= _LEAST_EVIDENCE * len(words)
    return max(evidence, key=lambda code: evidence[code]) if enough else None
