"""The least that an engine can do: ask, find the letter, score, journal. The yardstick for the others.

Nothing is retried, resumed, sealed or estimated, so that the distance from here to an engine is what
these cost. A sample is on disk, as far as ``kill -9`` goes, before it counts.

    python perf/floor.py --data questions.jsonl --url http://127.0.0.1:8399/v1 --concurrency 100 --out journal.jsonl
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp

ANSWER = re.compile("ANSWER: ([A-D])")


def prompt(question: dict[str, Any]) -> str:
    """The question as it is sent."""
    options = "\n".join(f"{letter}. {text}" for letter, text in zip("ABCD", question["choices"], strict=True))
    return f'{question["question"]}\n\n{options}\n\nOne option is right. End with the line "ANSWER: X".'


async def ask_all(questions: Iterator[dict[str, Any]], url: str, concurrency: int, journal_path: Path) -> list[bool]:
    """Put every question to the server; whether each was answered rightly."""
    verdicts: list[bool] = []
    with journal_path.open("wb", buffering=0) as journal:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

            async def work() -> None:
                for question in questions:
                    body = {"model": "mock", "messages": [{"role": "user", "content": prompt(question)}]}
                    async with session.post(f"{url}/chat/completions", json=body) as reply:
                        reply.raise_for_status()
                        response = json.loads(await reply.read())
                    found = ANSWER.search(response["choices"][0]["message"]["content"])
                    right = found is not None and found[1] == question["answer"]
                    record = {"id": question["id"], "request": body, "response": response, "right": right}
                    journal.write(json.dumps(record).encode() + b"\n")
                    verdicts.append(right)

            await asyncio.gather(*(work() for _ in range(concurrency)))
    return verdicts


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--url", required=True)
    parser.add_argument("--concurrency", type=int, default=100)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    with args.data.open("rb") as lines:
        asking = ask_all(map(json.loads, lines), args.url, args.concurrency, args.out)
        try:
            import uvloop
        except ImportError:
            verdicts = asyncio.run(asking)
        else:
            verdicts = uvloop.run(asking)
    print(json.dumps({"n": len(verdicts), "accuracy": sum(verdicts) / len(verdicts)}))


if __name__ == "__main__":
    main()
