"""``assay diagnose-bench`` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from assay.cli.main import app
from assay.errors import UsageError


def test_parts_are_chosen_by_name_or_letter_and_every_cell_is_in_the_json() -> None:
    arguments = ["diagnose-bench", "--only", "b", "--reports", "1", "--quick", "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert {cell["part"] for cell in found["cells"]} == {"null"}
    assert len(found["cells"]) == 3
    assert found["sizes"]["reports"] == 1


def test_parts_without_their_data_are_left_out_with_a_note() -> None:
    result = CliRunner().invoke(app, ["diagnose-bench", "--only", "contrasts", "--quick"])
    assert result.exit_code == 0, result.output
    assert "no stored responses" in result.output


def test_unknown_parts_and_empty_data_folders_are_refused(tmp_path: Path) -> None:
    for arguments, words in ((["--only", "magic"], "no part 'magic'"), (["--data", str(tmp_path)], "no folder")):
        result = CliRunner().invoke(app, ["diagnose-bench", *arguments])
        assert isinstance(result.exception, UsageError)
        assert words in str(result.exception)
