"""Server-sent events: from chunks of bytes, cut anywhere, to the data of each event.

The parser works on bytes and looks for line ends only, so a chunk may end inside a line, between CR
and LF, or inside a UTF-8 character. Comments (keep-alives) and fields other than ``data`` are
dropped. A line that arrives in many chunks is joined once, when its end is seen.
"""

from __future__ import annotations


class EventParser:
    """Collects the ``data`` of events (WHATWG HTML, section 9.2.6)."""

    def __init__(self) -> None:
        self._line: list[bytes] = []
        """The pieces of a line whose end has not come yet."""
        self._data: list[bytes] = []
        """The data lines of an event whose end has not come yet."""
        self._after_cr = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of each event that this chunk completes."""
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        if not chunk:
            return []
        self._after_cr = chunk.endswith(b"\r")
        events: list[bytes] = []
        for line in chunk.splitlines(keepends=True):
            self._line.append(line)
            if line.endswith((b"\n", b"\r")):
                self._take(b"".join(self._line).rstrip(b"\r\n"), events)
                self._line.clear()
        return events

    def finish(self) -> list[bytes]:
        """The data of an event that the stream's end cut short of its blank line."""
        events: list[bytes] = []
        self._take(b"".join(self._line), events)
        self._take(b"", events)
        self._line.clear()
        return events

    def _take(self, line: bytes, events: list[bytes]) -> None:
        if not line:
            if self._data:
                events.append(b"\n".join(self._data))
                self._data.clear()
            return
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
