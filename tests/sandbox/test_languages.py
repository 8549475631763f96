"""Languages: the same small program in each, and how its failures are told apart."""

from __future__ import annotations

import pytest

from assay.sandbox.base import LocalSandbox
from assay.sandbox.languages import available_languages, find_language, java_class
from assay.sandbox.program import End, Limits, Program, SandboxUnavailable

# Reads two numbers and prints their sum; is no program; fails while running; never ends.
PROGRAMS = {
    "python": ("a, b = map(int, input().split())\nprint(a + b)", "def f(:", "print([][1])", "while True: pass"),
    "cpp": (
        "#include <iostream>\nint main() { long a, b; std::cin >> a >> b; std::cout << a + b << std::endl; }",
        "int main() { return x; }",
        "#include <cstdlib>\nint main() { abort(); }",
        "int main() { for (volatile int i = 0;;) i = i + 1; }",
    ),
    "javascript": (
        "const [a, b] = require('fs').readFileSync(0, 'utf8').split(' ').map(Number); console.log(a + b)",
        "let = ;",
        "null.x",
        "for (;;) {}",
    ),
    "go": (
        'package main\nimport "fmt"\nfunc main() { var a, b int; fmt.Scan(&a, &b); fmt.Println(a + b) }',
        "package main\nfunc main() { return 1 }",
        'package main\nfunc main() { panic("no") }',
        "package main\nfunc main() { for {} }",
    ),
    "java": (
        "import java.util.*;\npublic class Sum { public static void main(String[] a) {"
        " Scanner s = new Scanner(System.in); System.out.println(s.nextLong() + s.nextLong()); } }",
        "class Main { int x = ; }",
        "class Main { public static void main(String[] a) { throw new RuntimeException(); } }",
        "class Main { public static void main(String[] a) { for (;;) {} } }",
    ),
    "rust": (
        "use std::io; fn main() { let mut s = String::new(); io::stdin().read_line(&mut s).unwrap();"
        ' println!("{}", s.split_whitespace().map(|x| x.parse::<i64>().unwrap()).sum::<i64>()); }',
        'fn main() { let x: i32 = ""; }',
        "fn main() { panic!() }",
        "fn main() { loop {} }",
    ),
}


@pytest.mark.parametrize("language", PROGRAMS)
async def test_a_program_runs_and_its_failures_are_told_apart(box: LocalSandbox, language: str) -> None:
    if why := available_languages()[language]:
        pytest.skip(why)
    right, no_program, fails, endless = PROGRAMS[language]
    runs = [run async for run in box.run_each(Program(language, right), ["2 40", "-5 3\n"])]
    assert [(run.end, run.stdout) for run in runs] == [(End.EXITED, "42\n"), (End.EXITED, "-2\n")], runs
    assert (await box.run(Program(language, no_program))).end is End.COMPILE_ERROR
    assert (await box.run(Program(language, fails))).end is End.RUNTIME_ERROR
    assert (await box.run(Program(language, endless, "", Limits(cpu_s=0.6)))).end is End.CPU_LIMIT


async def test_a_language_without_toolchain_is_no_verdict(box: LocalSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SandboxUnavailable, match="no adapter for programs in 'cobol'"):
        await box.run(Program("cobol", ""))
    monkeypatch.setitem(box._checked, "python", "it prints 41")
    with pytest.raises(SandboxUnavailable, match=r"python does not work in .*it prints 41"):
        await box.run(Program("python", "print(1)"))


async def test_text_that_is_no_text_comes_through(box: LocalSandbox) -> None:
    run = await box.run(Program("python", "print(input())\nprint(ascii('\ud800'))", "h\u00e9\ud800 \u4e2d\n"))
    assert run.stdout == "h\u00e9? \u4e2d\n'?'\n"
    run = await box.run(Program("python", "import sys\nsys.stdout.buffer.write(bytes([255, 10]))"))
    assert run.stdout == "\ufffd\n"


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("public class A {} class Main { public static void main(String[] x) {} }", "A"),
        ("class A {}\nclass B { public static void main(String[] x) {} }", "B"),
        ("// public class No\n/* class No2 ** */ final class C { static public void main(String[] x) {} }", "C"),
        ("class ../../etc { }", "Main"),
        ("", "Main"),
    ],
)
def test_the_java_class_that_is_run(source: str, name: str) -> None:
    assert java_class(source) == name


def test_names_of_languages() -> None:
    assert [find_language(name).name for name in ("py", "C++", "node", " Rust", "golang")] == [
        *("python", "cpp", "javascript", "rust", "go")
    ]
