r"""Which option of a multiple-choice question a reply commits itself to.

The rule: the *last* commitment counts, and nothing is guessed. Commitments come in two strengths.
Strong ones name an answer as such: ``Answer: B``, ``the answer is (b)``, ``\boxed{B}``, ``[[B]]``,
``答案是B``, a first or last line that is nothing but an option. A model may change its mind, so the last
of them wins; where that one names several options, the reply is ambiguous. Weak ones only suggest an
answer (``B is correct``, ``I would pick B``, a bold **B**): they count where there is no strong one, and
only if all of them agree. An ambiguous reply has no letter; its competitors are listed instead.

The traps are letters that are words or names: "A" the article, "I" the pronoun, variables, initials,
options listed again from the question, and the next question that a base model goes on to invent.

Scans over the whole text are linear (possessive quantifiers, bounded gaps). What is done for each cue, or
lone letter, looks at a bounded window, and only the last ``_CUES`` of them are looked at.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from msgspec import Struct

from assay.records import Outcome, Sample, Score, Trajectory
from assay.scoring.thinking import before_next_question, outcome_without_answer, split_thinking
from assay.task import Scorer

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Extraction(Struct, frozen=True):
    """What was found in a reply."""

    letter: str | None
    """The option committed to; ``None`` where there is none, or no single one."""
    pattern: str | None = None
    """The kind of commitment that decided."""
    span: tuple[int, int] | None = None
    """Where in the text it stands."""
    competitors: tuple[str, ...] = ()
    """Other options: those given up for this one or, without a letter, those that compete."""


def extract_choice(
    text: str, letters: Sequence[str], options: Sequence[str] = (), *, cut_off: bool = False
) -> Extraction:
    """Find the option that a reply commits itself to.

    Args:
        text: The reply, its thinking split off.
        letters: The options' labels: single capital letters.
        options: The options' texts in the same order, for replies that give the text instead.
        cut_off: The reply hit its token limit: the last of several lines is half a line, and a lone
            letter there may be anything.
    """
    if len(text) <= 48 and (quick := _QUICK.match(text.strip())) and quick[1].upper() in letters:
        at = text.rindex(quick[1])
        return Extraction(quick[1].upper(), "answer", (at, at + 1))
    plain = text if text.isascii() else text.translate(_PLAIN)
    head = before_next_question(plain)
    if head is not None:
        found = _last(_Reply(head, letters, options, False).strong())
        if found.letter:
            return found
    reply = _Reply(plain, letters, options, cut_off)
    strong = reply.strong()
    return _last(strong) if strong else _unanimous(reply.weak())


def choice_scorer(letters: Sequence[str] | None = None) -> Scorer:
    """Score 1 where the reply commits itself to the sample's target, a letter (or to one of several).

    ``letters`` label the options; without them A, B, C ... label ``sample.choices``. A reply without
    a single commitment has no value: it is unparsed, truncated or refused.
    """

    def score(sample: Sample, trajectory: Trajectory) -> Score:
        labels = tuple(letters or LETTERS[: len(sample.choices)])
        targets = (sample.target,) if isinstance(sample.target, str) else sample.target
        if not targets or any(target not in labels for target in targets):
            raise ValueError(f"sample {sample.id}: target {sample.target!r} is none of its options' labels")
        unfinished = outcome_without_answer(trajectory.response)
        answer = split_thinking(trajectory.text)[1]
        found = extract_choice(answer, labels, sample.choices, cut_off=unfinished is Outcome.TRUNCATED)
        trace = {"pattern": found.pattern, "span": found.span, "competitors": found.competitors}
        if found.letter is None:
            why = f"ambiguous: {', '.join(found.competitors)}" if found.competitors else "no option named"
            return Score(unfinished, explanation=why, trace=trace)
        return Score(
            Outcome.SCORED, float(found.letter in targets), found.letter, f"{found.pattern}: {found.letter}", trace
        )

    return score


class _Commitment(Struct, frozen=True):
    letters: tuple[str, ...]
    pattern: str
    start: int
    end: int

    def also(self, *letters: str) -> _Commitment:
        """The commitment to further letters as well: an ambiguous one."""
        return _Commitment(tuple(dict.fromkeys((*self.letters, *letters))), self.pattern, self.start, self.end)


def _last(commitments: Sequence[_Commitment]) -> Extraction:
    if not commitments:
        return Extraction(None)
    last = commitments[-1]
    span = (last.start, last.end)
    if len(last.letters) > 1:
        return Extraction(None, last.pattern, span, last.letters)
    letter = last.letters[0]
    others = dict.fromkeys(other for c in commitments for other in c.letters if other != letter)
    return Extraction(letter, last.pattern, span, tuple(others))


def _unanimous(commitments: Iterable[_Commitment]) -> Extraction:
    named: dict[str, _Commitment] = {}
    for commitment in commitments:
        named |= dict.fromkeys(commitment.letters, commitment)
    if len(named) != 1:
        return Extraction(None, competitors=tuple(named))
    letter, last = next(iter(named.items()))
    return Extraction(letter, last.pattern, (last.start, last.end))


_PLAIN: dict[int, str] = {wide: chr(wide - 0xFEE0) for wide in range(0xFF01, 0xFF5F)}
_PLAIN |= dict(zip(map(ord, "【】「」“”‘’。、\u00a0\u3000"), "[][]\"\"''.,  ", strict=True))
"""Full-width and typographic characters, one for one so that spans stay true."""

_OPEN = r"[*_`~$\"'(\[{<>|\#:=-]"
_CLOSE = r"[*_`~$\"')\]}>|\\]*+"
_LATEX = r"\\(?:text(?:bf|it)?|math(?:bf|rm|sf)|boxed|bf|rm|\(|\[)"
_FILLER = (
    r"(?i:the|option|choice|letter|answer|therefore|thus|then|clearly|indeed|most[ ]likely|likely|probably|definitely|"
    r"actually|simply|still|only|obviously|certainly|either|i[ ]think|i[ ]believe|i[ ]choose|it[ ]is|it's|must[ ]be|"
    r"should[ ]be|选项|選項)(?![a-zA-Z])"
)
_BOUNDARY = r"(?![A-Za-z0-9\u00c0-\u024f]|['_-][A-Za-z0-9]|[+\#^%°²³]|\.\w\.|\.\d)"
_LEAD = rf"(?:\s*+(?:{_OPEN}|{_LATEX}|{_FILLER}))*+\s*+"
_PAUSE = r"(?=[ \t]*(?:[.,;!\n]|\Z))"

_QUICK = re.compile(
    r"(?:(?:the )?(?:final |correct )?answer(?:\*{0,2}: ?| is:? ))?[*(\[]{0,3}([A-Z])[*)\].]{0,4}\Z", re.IGNORECASE
)

# What a cue is followed by.
_LETTER = re.compile(rf"{_LEAD}([A-Za-z]){_BOUNDARY}({_CLOSE})")
_ANOTHER = re.compile(
    rf"\s*(?:[,;/&]\s*(?:(?:and|or)\b)?|(?:and|or)\b|[和或与及])\s*{_OPEN}*+([A-Z]){_BOUNDARY}({_CLOSE})"
    r"(?!\s+(?:is|was|has|does|isn't|would|can)\b)"
)
_MAKES_A_WORD = re.compile(
    r"[ \t]+(?!(?:and|as|at|based|because|but|by|due|for|from|given|here|if|in|is|on|or|per|since|so|that|then|"
    r"therefore|to|when|where|which|while|with)\b)[A-Za-z]",
    re.IGNORECASE,
)
"""A following word that could not follow an option's letter: then "a" is the article, "I" the pronoun."""
_VARIABLE = re.compile(
    r"[ \t]*(?:=|[-+*/^<>][ \t]*\(?[A-Za-z0-9.]{1,6}\)?[ \t]*[-+*/=^]|\([^()\n]{0,20}\)[ \t]*[-+*/=^])"
)
_NOT_BUT = re.compile(r"\s*not\b[^\n.;]{1,40}?\bbut\b(?: rather\b)?")

# Cues. All begin with one of a few characters: the scan is fast because the pattern says so at once.
_CUE = re.compile(
    r"[\\\[<aocAOC答正选選](?:"
    r"(?P<boxed>(?<=\\)(?:boxed|fbox)\s{0,2}\{)|(?P<double>(?<=\[)\[)|(?P<tag>(?<=<)(?i:answer)>)"
    r"|(?P<noun>(?<![A-Za-z][A-Za-z])(?i:(?<=a)nswer|(?<=o)ption|(?<=c)hoice)(?![A-Za-z]))"
    r"|(?P<zh_noun>(?<=答)案|(?<=正)[确確]的?[选選][项項])"
    r"|(?P<zh_verb>(?<=[选選])(?<!不.)(?<!不能.)[择擇]?(?![项項择擇])))"
)
_ENDS = {"boxed": "}", "double": "]]", "tag": "</"}
_CUES = 256
_WINDOW = 240
_DIRECT = re.compile(r"[\s*_`\"')\]}]{0,10}?(?::|=|->|→|⇒|-|–|—|\n)")
_ALONE_AFTER = re.compile(rf"[ \t]+{_OPEN}*+[A-Za-z]{_BOUNDARY}{_CLOSE}[ \t]*\.?[ \t]*(?=\n|\Z)")
_VERB = re.compile(r"\b(?:is|are|be|was)\b")
_SENTENCE_END = re.compile(r"[.;?!](?=\s|\Z)|\n")
_NEGATED = re.compile(r"\b(?:not|never|cannot|neither|nor|wrong|incorrect|false)\b|n't\b|[不非错錯]", re.IGNORECASE)
_WRONG = re.compile(
    r"(?:\b(?:wrong|incorrect|false|other|another|previous|not (?:the|an))\s+|[错錯误誤]的?)\Z", re.IGNORECASE
)
_RIGHT = re.compile(
    r"\b(?:correct|right|best|final|only|appropriate|true|closest|most|my|chosen|selected|answer)\b", re.IGNORECASE
)
_ZH_LINK = re.compile(r"[^\n.;,]{0,16}?(?:是|为|為|选择|選擇|选|選|[:=\]])")

# Lines.
_LINE_LETTER = re.compile(
    rf"(?:[ \t]*+(?:{_OPEN}|{_LATEX}|(?i:option|choice)\b))*+[ \t]*+([A-Za-z]){_BOUNDARY}({_CLOSE})"
)
_LISTED = re.compile(r"\s*+(?:[>*_(\[#-][ \t]?)*+([A-Z])[*_]*+(?:[)\].:]|(?=[ \t]*(?:\n|\Z)))[*_ \t]*(?P<lone>\n|\Z)?")
_LABEL_AFTER = re.compile(r"(.*?)[ \t]*[(\[]([A-Z])[)\]][\s.*_]*\Z", re.DOTALL)
_REASON = re.compile(r"[ \t]*[,;:–—-]?[ \t]*(?:because|since|as)\b", re.IGNORECASE)

# Suggestions: a lone capital letter, by what stands before and after it.
_LONE = re.compile(rf"[A-Z](?<![A-Za-z0-9'].){_BOUNDARY}")
_SUGGESTIONS = (
    ("is correct", re.compile(r""), re.compile(
        rf"{_CLOSE} (?:is|seems|appears|must be|would be)(?: to be)?(?: also| indeed| clearly| therefore| thus)?"
        r"(?: the)?(?: most| only| single)? (?:correct|right|best|accurate|appropriate|plausible|likely|answer)\b")),
    ("pick", re.compile(
        r"\b(?:[Ii]|[Ww]e)(?:'d|'ll|'m| would| will| must| should| am)?(?: have to| probably| then)? "
        r"(?:choose|choosing|pick|select|selecting|go with|going with|opt for|settle on)"
        r"(?: the)?(?: option| choice| answer| letter)?[ :]+"
        rf"{_OPEN}*+\Z"), re.compile(rf"{_CLOSE}(?: because| since|{_PAUSE})")),
    ("conclusion", re.compile(
        r"(?:\b(?i:think|believe|guess|say|therefore|thus|hence|so|it is|it's|must be|should be|would be|leaves|"
        r"leaving)|[⇒→∴])(?: us with)?(?: that)?(?: it's| it is)?(?: only)?(?: option| choice)?[,:]? ?"
        rf"{_OPEN}*+\Z"), re.compile(rf"{_CLOSE}(?=[ \t]*(?:[.!\n]|\Z))")),
    ("correct one is", re.compile(rf"\b(?i:correct|right|best)\b[^\n.;:]{{0,40}} is {_OPEN}*+\Z"), re.compile(
        rf"{_CLOSE}{_PAUSE}")),
    ("emphasis", re.compile(r"(?<![*\w])(?:\*\*|__)(?:Option |Choice )?\(?\Z"),
        re.compile(r"[).:]?(?:\*\*|__)(?![*\w])")),
    ("zh: is correct", re.compile(r""), re.compile(r"(?:选项|選項|[项項])?是?最?(?:正确|正確|对的|對的)")),
)  # fmt: skip
_BEFORE = 60


class _Reply:
    """A reply and the options that it may name."""

    def __init__(self, plain: str, letters: Sequence[str], options: Sequence[str], cut_off: bool) -> None:
        self.plain = plain
        self.cut_off = cut_off
        self.letters = frozenset(letters)
        self.options = dict(zip(letters, options, strict=False))
        self.reach = _WINDOW + max(map(len, options), default=0)

    @cached_property
    def texts(self) -> dict[str, tuple[str, ...]]:
        """The letters that each option text stands for."""
        texts: dict[str, tuple[str, ...]] = {}
        for letter, option in self.options.items():
            key = _simple(option)
            texts[key] = (*texts.get(key, ()), letter)
        texts.pop("", None)
        return texts

    def strong(self) -> list[_Commitment]:
        """Commitments by a cue, and first and last lines that are nothing but an option, in order."""
        found = [c for cue in deque(_CUE.finditer(self.plain), _CUES) if (c := self._cued(cue))]
        found += self._edge_lines()
        return sorted(found, key=lambda c: c.start)

    def weak(self) -> Iterator[_Commitment]:
        """Suggestions: the first line if it argues for an option, and lone letters in telling places."""
        yield from self._reasoned_line()
        for lone in deque(_LONE.finditer(self.plain), _CUES):
            start, end = lone.span()
            if lone[0] not in self.letters:
                continue
            before = self.plain[max(0, start - _BEFORE) : start]
            called_option = before.rstrip().lower().endswith(("option", "choice"))
            if lone[0] in "AI" and not called_option and _MAKES_A_WORD.match(self.plain, end):
                continue
            for name, precedes, follows in _SUGGESTIONS:
                if follows.match(self.plain, end) and precedes.search(before):
                    yield _Commitment((lone[0],), name, start, end)

    def _cued(self, cue: re.Match[str]) -> _Commitment | None:
        kind = cue.lastgroup or ""
        if kind in _ENDS:
            return self._read(cue.end(), kind, self._content_end(cue.end(), kind))
        before = self.plain[max(0, cue.start() - 40) : cue.start()]
        if _WRONG.search(before):
            return None
        if kind == "zh_verb":
            return self._read(cue.end(), "zh: choose")
        if kind == "zh_noun":
            link = _ZH_LINK.match(self.plain, cue.end())
            return self._read(link.end(), "zh: answer") if link and not _NEGATED.search(link[0]) else None
        return self._after_noun(cue[0].lower(), cue.end(), before)

    def _after_noun(self, noun: str, end: int, before: str) -> _Commitment | None:
        """What follows "answer", or "option" and "choice" where they are called the right one."""
        called_right = noun == "answer" or _RIGHT.search(_SENTENCE_END.split(before)[-1]) is not None
        direct = _DIRECT.match(self.plain, end)
        if direct:
            return self._read(direct.end(), noun) if called_right else None
        if noun == "answer" and _ALONE_AFTER.match(self.plain, end):
            return self._read(end, noun)
        sentence = _SENTENCE_END.split(self.plain[end : end + _WINDOW], maxsplit=1)[0]
        for verb in _VERB.finditer(sentence):
            link = sentence[: verb.end()]
            if _NEGATED.search(link):
                return None
            if (called_right or _RIGHT.search(link)) and (found := self._read(end + verb.end(), f"{noun} is")):
                return found
        return None

    def _content_end(self, start: int, kind: str) -> int:
        limit = min(start + self.reach, len(self.plain))
        if kind != "boxed":
            return max(start, self.plain.find(_ENDS[kind], start, limit))
        depth = 1
        for at in range(start, limit):
            depth += {"{": 1, "}": -1}.get(self.plain[at], 0)
            if not depth:
                return at
        return start

    def _read(self, start: int, pattern: str, end: int | None = None) -> _Commitment | None:
        """The option or options named right at ``start``, by letter or by text."""
        window = self.plain[start:end] if end is not None else self._window(start)
        skipped = _NOT_BUT.match(window)
        offset = skipped.end() if skipped else 0
        found = _LETTER.match(window, offset)
        letter = self._letter(window, found) if found else None
        sure = letter and found and found[1].isupper() and not _rest(window, found.end())
        by_text = None if sure else self._read_text(window, offset, start, pattern)
        if by_text:
            lower = letter is not None and found is not None and found[1].islower()
            return by_text if not lower else by_text.also(letter or "")
        if not found or not letter:
            return None
        letters, stop = self._and_others(window, found, letter)
        lone = not _rest(window, stop)
        if "\n" in window[: found.start(1)] and self._is_listed(letter, lone, after=start + stop):
            return None
        commitment = _Commitment(letters, pattern, start + found.start(1), start + stop)
        contradicted = self._by_text(_rest(window, stop))
        return commitment.also(*contradicted) if letter not in contradicted else commitment

    def _window(self, start: int) -> str:
        """The text from ``start`` as far as an answer may reach; a word that the end would cut is left out."""
        stop = start + self.reach
        if self.plain[stop : stop + 1].isalnum():
            while stop > start and self.plain[stop - 1].isalnum():
                stop -= 1
        return self.plain[start:stop]

    def _read_text(self, window: str, offset: int, start: int, pattern: str) -> _Commitment | None:
        """The option whose text the line gives."""
        rest = window[offset:].lstrip(_MARKS + "\n")
        text = rest.partition("\n")[0]
        begin = start + len(window) - len(rest)
        letters = self._by_text(text)
        return _Commitment(letters, f"{pattern}, text", begin, begin + len(text)) if letters else None

    def _by_text(self, text: str) -> tuple[str, ...]:
        """The options whose text this is."""
        if not text or not self.options:
            return ()
        found = self.texts.get(_simple(text), ())
        labelled = None if found else _LABEL_AFTER.match(text)
        if labelled and labelled[2] in self.letters and (found := self.texts.get(_simple(labelled[1]), ())):
            return (labelled[2],) if labelled[2] in found else (labelled[2], *found)
        return found

    def _letter(self, line: str, found: re.Match[str]) -> str | None:
        """The letter in ``found``, unless it is a word or a variable."""
        raw, closers, end = found[1], found[2], found.end()
        letter = raw.upper()
        if letter not in self.letters:
            return None
        if closers:
            return letter
        is_word = (raw.islower() or raw in "AI") and _MAKES_A_WORD.match(line, end)
        is_variable = _VARIABLE.match(line, end) or (raw.islower() and line[end : end + 1] in tuple("(<^/"))
        return None if (is_word or is_variable) and letter not in self._by_text(_rest(line, end)) else letter

    def _and_others(self, window: str, found: re.Match[str], letter: str) -> tuple[tuple[str, ...], int]:
        """The letters of "B, C or D", and where they end."""
        letters, stop = [letter], found.end()
        while (another := _ANOTHER.match(window, stop)) and self._letter(window, another):
            letters.append(another[1])
            stop = another.end()
        return tuple(dict.fromkeys(letters)), stop

    @cached_property
    def _edges(self) -> tuple[tuple[int, int], tuple[int, int] | None]:
        """Where the first line stands and, if it is another, the last."""
        start = len(self.plain) - len(self.plain.lstrip())
        end = max(start, len(self.plain.rstrip()))
        first_end = self.plain.find("\n", start, end)
        if first_end < 0:
            return (start, end), None
        return (start, first_end), (self.plain.rfind("\n", start, end) + 1, end)

    def _edge_lines(self) -> Iterator[_Commitment]:
        first, last = self._edges
        found = self._line(*first, alone=last is None)
        if found and not self._is_listed(found.letters[0], found.pattern == "lone letter", after=first[1]):
            yield found
        if last and not self.cut_off:
            found = self._line(*last, alone=False)
            if found and not self._is_listed(found.letters[0], found.pattern == "lone letter", before=last[0]):
                yield found

    def _line(self, start: int, end: int, *, alone: bool) -> _Commitment | None:
        """A line that is an option and nothing else: its letter, its text, or both."""
        if end - start > self.reach:
            return None
        line = self.plain[start:end]
        found = _LINE_LETTER.match(line)
        letter = found[1].upper() if found and (alone or found[1].isupper()) else ""
        if found and letter in self.letters:
            letters, stop = self._and_others(line, found, letter)
            rest = _rest(line, stop)
            if not rest.strip("`;!$ "):
                return _Commitment(letters, "lone letter", start, end)
            by_text = self._by_text(rest)
            if by_text:
                commitment = _Commitment((letter,), "line", start, end)
                return commitment if letter in by_text else commitment.also(*by_text)
        by_text = self._by_text(line)
        return _Commitment(by_text, "line, text", start, end) if by_text else None

    def _reasoned_line(self) -> Iterator[_Commitment]:
        """A reply that opens with an option and a reason: "B, because ...", "B. The capital is ..."."""
        (start, end), last = self._edges
        line = self.plain[start : min(end, start + self.reach)]
        found = _LINE_LETTER.match(line)
        if not found or not found[1].isupper() or not self._letter(line, found):
            return
        rest, own = line[found.end() :], _simple(self.options.get(found[1], ""))
        names_own = own and _simple(_rest(line, found.end())).startswith(own)
        sentence = last is None and rest.startswith(".") and rest[1:].lstrip()[:1].isupper() and found[1] != "I"
        if (names_own or sentence or _REASON.match(rest)) and not self._is_listed(found[1], False, after=end):
            yield _Commitment((found[1],), "line start", start, start + found.end())

    def _is_listed(self, letter: str, lone: bool, *, after: int | None = None, before: int | None = None) -> bool:
        """Whether the line after or before is another option, so that this letter belongs to a list.

        What follows a lone letter may well go through the options, so there only lone letters count.
        """
        if before is not None:
            text = self.plain[max(0, before - self.reach) : before].rstrip()
            neighbour = text[text.rfind("\n") + 1 :]
        else:
            neighbour = self.plain[after : (after or 0) + 2 * self.reach].partition("\n")[2].lstrip()
        found = _LISTED.match(neighbour)
        if found is None or found[1] == letter:
            return False
        return before is not None or (found["lone"] is not None) == lone


_MARKS = " \t*_`\"'$:=->#"


def _simple(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .*_`\"'$")


def _rest(line: str, start: int) -> str:
    """What follows a letter on its line, without the delimiter between them."""
    return line[start:].partition("\n")[0].strip(" \t).:,=–—*_\"'")
