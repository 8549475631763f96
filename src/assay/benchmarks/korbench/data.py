"""The owners' files: where they are, which bytes they were, and what is in them.

Every category has a folder with ``rule.jsonl`` (25 rules), ``sample.jsonl`` (ten items a rule, in the
rules' order) and ``three-shot.jsonl`` (three worked examples a rule); ``mixed`` puts items together,
``cipher/subquestions.json`` takes some apart, and ``prompt`` holds the templates. Files are read line by
line, and a line that is not as it should be is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from assay.benchmarks.fetch import fetch
from assay.benchmarks.files import find_data, read_jsonl
from assay.errors import DatasetMalformed, DatasetNotFound
from assay.places import cache_dir

Category = Literal["operation", "logic", "cipher", "puzzle", "counterfactual"]
Setting = Literal[
    "zero-shot", "three-shot", "mixed", "trick", "subquestions", "self-correction", "self-correction-with-needle"
]
Part = Literal["Multi-Q", "Multi-R", "Multi-RQ", "Multi-RQ-Hard"]
CATEGORIES: tuple[Category, ...] = ("operation", "logic", "cipher", "puzzle", "counterfactual")
PARTS: tuple[Part, ...] = ("Multi-Q", "Multi-R", "Multi-RQ")
"""The parts of the mixed setting that the paper reports; ``Multi-RQ-Hard`` is published and not used."""
STEPS_FILE = "cipher/subquestions.json"

SOURCE = "https://github.com/KOR-Bench/KOR-Bench"
_RAW = "https://raw.githubusercontent.com/KOR-Bench/KOR-Bench/main/"
_DIGESTS = {
    "operation/rule.jsonl": "6deeb083bc1f015f137f1dc8aecc3098265e236c9e2bcbfc6c7bb79bfaac3b9f",
    "operation/sample.jsonl": "8c62c2f5da05aa7fe5582e1b75a1e930c3baf2ef05bce832e1aef64fbfda4aae",
    "operation/three-shot.jsonl": "7755af546aa5424410320b3ac30e0dce63fdd549603cbf8b65182a3eedcf9f56",
    "logic/rule.jsonl": "dbd5799c9bc00a1cdfc65666e1c967b7b772391091fd82205dfcdc86d66bbef3",
    "logic/sample.jsonl": "7a68e511c2d33dff22bec59aab959c19726ad6b1a68304fdfd833b8c4a1990e4",
    "logic/three-shot.jsonl": "dcca85da8f7ebe3218ca92e2946802ae6532401bca078ab681dfea9ae5d9e4cb",
    "cipher/rule.jsonl": "a37e7d581cba5563fb501e4593c0bedebbd1dde960c1b8df8c787f223373796c",
    "cipher/sample.jsonl": "071d99669c9650a900029d752cc77b233ced51772179cb279a0f10355781834c",
    "cipher/three-shot.jsonl": "e841c9bfd7d19dc13fac0a0be66a47559053449891f588801b3f9aecffe07ba1",
    "puzzle/rule.jsonl": "6e4e21d8f59e61e366e423e4b9135dd23ff877a2f614f64d876fca5e20e88401",
    "puzzle/sample.jsonl": "6e6b7463c64788ff83d17ff2e898939c033c3c34e21426ba0330219459a2c12c",
    "puzzle/three-shot.jsonl": "502e84dc6547d364784b5b5faf9f1ae64f94b8b6d037a001f4be408c33acd20f",
    "counterfactual/rule.jsonl": "085551b90bf65a6c5099083f770effd78aff062edfe395c0f052741bae60f1fd",
    "counterfactual/sample.jsonl": "111ff495b3ec7e01859c29fe546c57a80c0d7e744c684b34531e63fdae97687f",
    "counterfactual/three-shot.jsonl": "371adcec44e38f03dd6318c41908eb9ec36b023dd387c9338b432c952ecff8de",
    "prompt/zero-shot.yaml": "4d35e8060aa66167b9d405e13024632df92d8b4ccfa0a0da710a0945b55f9d98",
    "prompt/three-shot.yaml": "a609638e48f0a39b8c096b8a5004ae263ab8e8fd9b3b7c710556d3ffb7d07696",
}
"""SHA-256 of each file as it is today; anything else that the address may serve is refused."""
_MORE_DIGESTS = {
    "mixed/Multi-Q.jsonl": "99e4fe134a6be81f0d18d47bbb0de98fe8dfc8c21b6dd3f59d9b6d4df8be569d",
    "mixed/Multi-R.jsonl": "f5419b0efc885c40effa06887ba7222486ffe5d19069f4f8b5b9dbc1edaf1426",
    "mixed/Multi-RQ.jsonl": "ba323ade8b024a80d1439ce6a9911646228c09413e9dc441ea504db1d7cedee3",
    "mixed/Multi-RQ_Hard.jsonl": "b020941d759994508aa54a1ae28373e9c3529e75406b1a32303acd30fb7f242c",
    STEPS_FILE: "8a0da8a3b91de87ddb5d1e17faf0eacae8880583c1fc4c368e1c31764cc7cfd0",
    "prompt/mixed.yaml": "f61e33db296e7647fa63a992ba1da5aa9d31b9b58ae4298429225736f0095df3",
    "prompt/trick.yaml": "7689fd6bb9faf95d57a3fef8c3bc80e5a3b495ff6908c831e38d363df5a1fe30",
    "prompt/self-correction.yaml": "52579322f547152d4c07899efcb2e95252c17ecad035ef286759cb0d9b647a2a",
}
"""The same for the files of single settings, fetched where they are asked for."""


class Rule(Struct, frozen=True):
    """A rule that no training corpus holds, as the model is told it."""

    idx: int
    rule_content: str
    title: str = ""
    tag: str = ""


class Item(Struct, frozen=True):
    """A question about a rule."""

    idx: int
    rule_id: int
    question: str
    answer: str
    real_life_answer: str | None = None
    """What would be right in the real world (counterfactual items only)."""
    direction: str = msgspec.field(default="", name="category")
    """``Encryption`` or ``Decryption`` (cipher items only)."""
    trick: str = ""
    """A hint (puzzle items only)."""
    needle: tuple[str, ...] | str = ()
    """The sentences of the rule that the item depends on."""

    @property
    def needle_sentences(self) -> tuple[str, ...]:
        """The needle as a tuple, however it is written."""
        return (self.needle,) if isinstance(self.needle, str) else self.needle


class Mix(Struct, frozen=True):
    """Rules and questions that are put into one prompt, by names such as ``cipher_226``."""

    idx: int
    rule_list: tuple[str, ...]
    question_list: tuple[str, ...]


class Step(Struct, frozen=True):
    """A step on the way to a cipher item's answer; the description tells what the earlier ones gave."""

    description: str
    answer: str
    type: str = ""


class SteppedItem(Struct, frozen=True):
    """A cipher item taken apart. Its number is one of its own, not the item's in ``sample.jsonl``."""

    idx: int
    rule_id: int
    input: str
    steps_details: tuple[Step, ...]
    direction: str = msgspec.field(default="", name="category")


class Folder(Struct, frozen=True):
    """A local copy: the categories' folders lie in ``data``, ``prompt`` in ``config``."""

    data: Path
    config: Path

    def file(self, path: str) -> Path:
        """Where one of the owners' files lies."""
        return (self.config if path.startswith("prompt/") else self.data) / path


def needed_files(categories: Sequence[str], setting: str, parts: Sequence[str] = ()) -> list[str]:
    """The files that a configuration reads."""
    if setting == "subquestions":
        return ["cipher/rule.jsonl", STEPS_FILE, "prompt/zero-shot.yaml"]
    kinds = ("rule", "sample", "three-shot") if setting == "three-shot" else ("rule", "sample")
    files = [f"{category}/{kind}.jsonl" for category in categories for kind in kinds]
    files += [mix_file(part) for part in parts]
    if setting.startswith("self-correction"):
        return [*files, "prompt/zero-shot.yaml", "prompt/self-correction.yaml"]
    return [*files, f"prompt/{setting}.yaml"]


def mix_file(part: str) -> str:
    """The file of a part of the mixed setting."""
    return f"mixed/{'Multi-RQ_Hard' if part == 'Multi-RQ-Hard' else part}.jsonl"


def locate(data: Path | None, needed: Sequence[str], *, offline: bool = False) -> Folder | None:
    """The folder with the files ``needed``, fetched from the owners where there is none.

    ``data`` may be laid out flat or be a checkout of the owners' repository. ``None`` where there is no
    copy and ``offline`` forbids fetching one. Raises ``DatasetNotFound``.
    """
    if data is not None and (data / "data").is_dir() and (data / "config").is_dir():
        checkout = Folder(data / "data", data / "config")
        missing = [path for path in needed if not checkout.file(path).is_file()]
        if not missing:
            return checkout
        raise DatasetNotFound(f"korbench: no {missing[0]} in the checkout {data}: update it")
    folder = find_data("korbench", data, needed)
    if folder is None:
        if offline:
            return None
        folder = cache_dir() / "data" / "korbench"
        pinned = _DIGESTS | {path: _MORE_DIGESTS[path] for path in needed if path in _MORE_DIGESTS}
        # Where the templates lie in the owners' repository is taken from code that reads them; digests guard it.
        for place, prompts in (("data/", False), ("config/", True)):
            wanted = {path: digest for path, digest in pinned.items() if path.startswith("prompt/") is prompts}
            fetch("korbench", _RAW + place, wanted, folder)
    return Folder(folder, folder)


def read_rules(path: Path) -> dict[int, Rule]:
    """A category's rules by number. Raises ``DatasetMalformed`` with file and line."""
    return {rule.idx: rule for _, rule in read_jsonl(path, Rule)}


def read_items(path: Path, rules: dict[int, Rule]) -> Iterator[Item]:
    """Stream a category's items, or worked examples. Raises ``DatasetMalformed`` with file and line."""
    seen = set()
    for number, item in read_jsonl(path, Item):
        if item.rule_id not in rules:
            raise DatasetMalformed(f"{path}, line {number}: there is no rule {item.rule_id}")
        if item.idx in seen:
            raise DatasetMalformed(f"{path}, line {number}: item {item.idx} was there before")
        seen.add(item.idx)
        yield item


def read_mixes(path: Path) -> Iterator[Mix]:
    """Stream a part of the mixed setting. Raises ``DatasetMalformed`` with file and line."""
    for number, mix in read_jsonl(path, Mix):
        if not mix.question_list:
            raise DatasetMalformed(f"{path}, line {number}: no questions")
        yield mix


def read_stepped(path: Path, rules: dict[int, Rule]) -> list[SteppedItem]:
    """The cipher items that are taken apart. Raises ``DatasetMalformed``."""
    try:
        items = msgspec.json.decode(path.read_bytes(), type=list[SteppedItem], strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DatasetMalformed(f"{path}: not a list of items with steps ({error})") from None
    for item in items:
        if item.rule_id not in rules:
            raise DatasetMalformed(f"{path}: item {item.idx}: there is no rule {item.rule_id}")
    return items
