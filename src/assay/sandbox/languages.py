"""How a program of each language is checked, compiled and run, and where its toolchain is on this host.

A language is used only if its toolchain is readable by the user id that programs run as: one under a
0700 home is not, and is reported so. Every language has a check or compile step of its own, so that a
program that is none is told apart from one that fails. Sources lie in ``BOX``, which only that step can
write to.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from assay.sandbox.program import SandboxUnavailable

BOX = "/box"
"""Where the program's files lie inside the sandbox."""

_MB = 1 << 20


@dataclass(frozen=True)
class Language:
    """One language; argument vectors take the toolchain's path, the box and the source's file name."""

    name: str
    aliases: tuple[str, ...]
    tools: tuple[str, ...]
    """Programs of which the first found is ``{tool}``; all are needed where ``needs_all``."""
    suffix: str
    check: Callable[[dict[str, str], str, str], list[str]]
    execute: Callable[[dict[str, str], str, str], list[str]]
    specimen: str
    """A program that prints 42."""
    needs_all: bool = False
    stack: int = 8 * _MB
    overhead: int = 0
    """Bytes of memory that its run time needs beside the program."""
    fusion: str = ""
    """Its name in SandboxFusion, where that differs."""

    def source_name(self, source: str) -> str:
        """The file that the source must lie in."""
        return f"{java_class(source)}.java" if self.name == "java" else f"main{self.suffix}"


_PYTHON_CHECK = (
    "import sys\n"
    "try:\n"
    "    compile(open(sys.argv[1], 'rb').read(), 'main.py', 'exec', dont_inherit=True)\n"
    "except (SyntaxError, ValueError, MemoryError, RecursionError) as error:\n"
    "    sys.exit(f'{type(error).__name__}: {error}')\n"
)


def _stem(name: str) -> str:
    return name.rpartition(".")[0]


LANGUAGES: tuple[Language, ...] = (
    Language(
        "python",
        ("py", "python3"),
        ("python3",),
        ".py",
        lambda tool, box, name: [tool["python3"], "-I", "-B", "-c", _PYTHON_CHECK, f"{box}/{name}"],
        lambda tool, box, name: [tool["python3"], "-I", "-B", f"{box}/{name}"],
        "print(42)",
        stack=64 * _MB,
    ),
    Language(
        "cpp",
        ("c++", "cc", "cxx"),
        ("g++", "clang++"),
        ".cpp",
        lambda tool, box, name: [next(iter(tool.values())), "-O2", "-std=c++17", "-o", f"{box}/main", f"{box}/{name}"],
        lambda tool, box, name: [f"{box}/main"],
        "#include <iostream>\nint main() { std::cout << 42; }\n",
        stack=256 * _MB,
    ),
    Language(
        "javascript",
        ("js", "node", "nodejs"),
        ("node",),
        ".js",
        lambda tool, box, name: [tool["node"], "--check", f"{box}/{name}"],
        lambda tool, box, name: [tool["node"], f"{box}/{name}"],
        "console.log(42)",
        overhead=256 * _MB,
        fusion="nodejs",
    ),
    Language(
        "go",
        ("golang",),
        ("go",),
        ".go",
        lambda tool, box, name: [tool["go"], "build", "-o", f"{box}/main", f"{box}/{name}"],
        lambda tool, box, name: [f"{box}/main"],
        'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println(42) }\n',
        overhead=128 * _MB,
    ),
    Language(
        "java",
        (),
        ("javac", "java"),
        ".java",
        lambda tool, box, name: [
            *(tool["javac"], "-J-XX:+UseSerialGC", "-J-Xmx512m", "-J-Xshare:auto", "-proc:none"),
            *("-encoding", "UTF-8", "-d", box, f"{box}/{name}"),
        ],
        lambda tool, box, name: [
            *(tool["java"], "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx512m", "-Xss64m"),
            *("-XX:ReservedCodeCacheSize=64m", "-XX:CompressedClassSpaceSize=64m", "-cp", box, _stem(name)),
        ],
        "class Main { public static void main(String[] words) { System.out.println(42); } }",
        needs_all=True,
        overhead=512 * _MB,
    ),
    Language(
        "rust",
        ("rs",),
        ("rustc",),
        ".rs",
        lambda tool, box, name: [tool["rustc"], "-O", "--edition", "2021", "-o", f"{box}/main", f"{box}/{name}"],
        lambda tool, box, name: [f"{box}/main"],
        'fn main() { println!("{}", 42); }',
        stack=256 * _MB,
    ),
)


def find_language(name: str) -> Language:
    """The language of that name or alias, in any case. Raises ``SandboxUnavailable``."""
    wanted = name.strip().lower()
    for language in LANGUAGES:
        if wanted in (language.name, *language.aliases):
            return language
    known = ", ".join(language.name for language in LANGUAGES)
    raise SandboxUnavailable(f"no adapter for programs in {name[:40]!r}: there are {known}")


@dataclass(frozen=True)
class Toolchain:
    """Where a language's programs are."""

    tools: dict[str, str]
    """Name -> absolute path."""
    roots: tuple[str, ...] = ()
    """Folders outside the system's own that must be readable inside."""


@cache
def find_toolchain(language: Language) -> Toolchain:
    """The toolchain on this host. Raises ``SandboxUnavailable`` where it is missing or unreadable."""
    tools: dict[str, str] = {}
    why = f"no {' or '.join(language.tools)} on this host"
    for tool in language.tools:
        for path in _candidates(tool):
            if readable_by_others(path):
                tools[tool] = str(path)
                break
            why = f"{path} is not readable by other users (a home folder closed to them?): install {tool} under /usr"
        if tools and not language.needs_all:
            break
    if not tools or (language.needs_all and len(tools) < len(language.tools)):
        raise SandboxUnavailable(f"no toolchain for {language.name}: {why}")
    outside = {_installation(Path(path)) for path in tools.values() if not path.startswith(("/usr/", "/bin/"))}
    return Toolchain(tools, tuple(sorted(outside)))


def available_languages() -> dict[str, str | None]:
    """Each language with why it cannot be run here, or ``None`` where it can."""
    found: dict[str, str | None] = {}
    for language in LANGUAGES:
        try:
            find_toolchain(language)
            found[language.name] = None
        except SandboxUnavailable as error:
            found[language.name] = str(error)
    return found


def readable_by_others(path: Path) -> bool:
    """Whether a user without any rights of their own may read and execute the file."""
    try:
        real = path.resolve(strict=True)
        reachable = all(folder.stat().st_mode & stat.S_IXOTH for folder in real.parents)
        mode = real.stat().st_mode
    except OSError:
        return False
    return reachable and bool(mode & stat.S_IROTH) and bool(mode & stat.S_IXOTH)


def _candidates(tool: str) -> Iterable[Path]:
    """Where a program may be: the system's own first, since that is readable and has no shims."""
    yield from (path for folder in ("/usr/bin", "/usr/local/bin", "/bin") if (path := Path(folder) / tool).exists())
    if tool == "python3":
        yield Path(sys.base_prefix) / "bin" / "python3"
    found = shutil.which(tool, path=os.environ.get("PATH"))
    if found:
        yield Path(found).resolve()


def _installation(program: Path) -> str:
    """The folder over ``bin`` of a program that is installed outside the system's own folders."""
    return str(program.resolve().parent.parent)


_COMMENT = re.compile(r"//[^\n]*|/\*[^*]*\*+(?:[^/*][^*]*\*+)*/")
_CLASS = re.compile(r"\b(public\s+)?(?:final\s+|abstract\s+){0,2}class\s+([A-Za-z_]\w{0,80})")
_MAIN = re.compile(r"\bstatic\s+(?:public\s+)?void\s+main\b")


def java_class(source: str) -> str:
    """The class to run: the public one, else the last before ``main``, else ``Main``."""
    source = _COMMENT.sub(" ", source)
    classes = [(found.start(), bool(found[1]), found[2]) for found in _CLASS.finditer(source)]
    public = next((name for _, is_public, name in classes if is_public), None)
    if public:
        return public
    main = _MAIN.search(source)
    before = [name for start, _, name in classes if main and start < main.start()]
    return before[-1] if before else "Main"
