"""A binary heap of numbered values whose values may change, smallest first.

The textbook structure (Williams, "Algorithm 232: Heapsort", 1964), with the place of every key beside it. Nothing moves
past an equal, and of two equal children the left one is taken: among equals the order depends on all that happened.
"""

from __future__ import annotations

import numpy as np


class IndexedHeap:
    """Values by key.

    Parameters
    ----------
    values : (n,) float64, of the keys 0 to n - 1
    """

    def __init__(self, values: np.ndarray) -> None:
        self._values = values.tolist()  # Python's numbers are faster than an array's one by one
        self._keys = list(range(len(values)))
        self._places = list(range(len(values)))  # of each key; what it says of keys taken off means nothing
        for place in reversed(range(len(values) // 2)):
            self._sink(place)

    def __len__(self) -> int:
        return len(self._keys)

    def smallest(self) -> tuple[int, float]:
        """The key of the smallest value, and the value."""
        return self._keys[0], self._values[0]

    def pop(self) -> None:
        """Take the smallest off; the last takes its place and sinks."""
        value, key = self._values.pop(), self._keys.pop()
        if self._keys:
            self._put(0, value, key)
            self._sink(0)

    def change(self, key: int, value: float) -> None:
        """Give a key another value."""
        place = self._places[key]
        before, self._values[place] = self._values[place], value
        if value < before:
            self._rise(place)
        else:
            self._sink(place)

    def rename(self, names: np.ndarray) -> None:
        """Give every key the name at its index, all places unchanged."""
        self._keys = names[self._keys].tolist()
        self._places = [0] * (max(self._keys, default=-1) + 1)
        for place, key in enumerate(self._keys):
            self._places[key] = place

    def _rise(self, place: int) -> None:
        value, key = self._values[place], self._keys[place]
        while place:
            parent = (place - 1) // 2
            if not self._values[parent] > value:
                break
            self._put(place, self._values[parent], self._keys[parent])
            place = parent
        self._put(place, value, key)

    def _sink(self, place: int) -> None:
        value, key = self._values[place], self._keys[place]
        while (child := 2 * place + 1) < len(self._keys):
            if child + 1 < len(self._keys) and self._values[child + 1] < self._values[child]:
                child += 1
            if not value > self._values[child]:
                break
            self._put(place, self._values[child], self._keys[child])
            place = child
        self._put(place, value, key)

    def _put(self, place: int, value: float, key: int) -> None:
        self._values[place], self._keys[place], self._places[key] = value, key, place
