"""Which ids a file has had already, in some 20 bytes an id where a ``set`` takes 70.

An open-addressing table of 64-bit hashes. Python draws its string hashes afresh in each process, so
that no file can be made to collide; two of a billion ids do so by chance once in 37 files.
"""

from __future__ import annotations

from array import array

_FIRST = 1 << 10
"""Slots to begin with; a power of two, as every size after it."""


class Seen:
    """A set of texts that only grows and only knows hashes."""

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 * _FIRST))
        self._count = 0

    def add(self, text: str) -> bool:
        """Remember a text; whether it was new."""
        if not self._insert(hash(text) & 0xFFFF_FFFF_FFFF_FFFF or 1):  # an empty slot holds 0
            return False
        self._count += 1
        if self._count * 2 > len(self._slots):
            self._grow()
        return True

    def _insert(self, key: int) -> bool:
        slots, mask = self._slots, len(self._slots) - 1
        at = key & mask
        while (found := slots[at]) != 0:
            if found == key:
                return False
            at = (at + 1) & mask
        slots[at] = key
        return True

    def _grow(self) -> None:
        before, self._slots = self._slots, array("Q", bytes(16 * len(self._slots)))
        for key in before:
            if key:
                self._insert(key)
