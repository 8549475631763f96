"""The report of a diagnosis: HTML, Markdown and JSON from one record and the cases that it was found in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from assay.errors import StorageFailed

if TYPE_CHECKING:
    import polars as pl

    from assay.analyze.findings import Diagnosis

PAGE, TEXT, RECORD = "index.html", "report.md", "diagnosis.json"


def write(folder: Path, diagnosis: Diagnosis, cases: pl.DataFrame) -> None:
    """Write ``index.html``, ``report.md`` with its figures, and ``diagnosis.json``. Raises ``StorageFailed``."""
    from assay.report.diagnosis import compose, html, markdown
    from assay.report.diagnosis.evidence import cut
    from assay.report.markdown import adaptive_svg
    from assay.report.sections import Figure
    from assay.store.encoding import encode

    title = f"Diagnosis of {cut(diagnosis.models[0])}"
    chapters = compose.chapters(diagnosis, cases)
    figures: list[Figure] = []
    text = markdown.render(title, chapters, figures, "figures")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / RECORD).write_bytes(msgspec.json.format(encode(diagnosis), indent=2) + b"\n")
        (folder / PAGE).write_text(html.render(title, chapters), "utf-8")
        (folder / TEXT).write_text(text, "utf-8")
        if figures:
            (folder / "figures").mkdir(exist_ok=True)
        for number, figure in enumerate(figures, 1):
            (folder / "figures" / f"{number}.svg").write_text(adaptive_svg(figure.svg), "utf-8")
    except OSError as error:
        raise StorageFailed(f"cannot write the report to {folder}: {error.strerror}") from None
