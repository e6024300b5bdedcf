"""Centroid linkage of many embeddings, in a fraction of the memory that all their distances would take.

Task: what `scipy.cluster.hierarchy.linkage(rows, "centroid")` gives, bit for bit, ties and inversions included, for
recordings so long that SciPy's two copies of the condensed distance matrix, 8 T^2 bytes together, are too much.
Source: the generic algorithm of Müllner, "Modern hierarchical, agglomerative clustering algorithms", 2011, section 3.1,
with the Lance-Williams update for centroids (table 2 there). Which of equals is merged first depends on the history of
a binary heap, so the heap is here as well.
Memory: distances of merged clusters are kept, for each a row over all clusters that are left. Distances of embeddings
are kept too, of as many as the limit leaves room for (`singles.py`); those of others are computed anew whenever they
are needed, always to the same bits. Positions keep their order; the later of two stays when they are merged, and those
given up are squeezed out from time to time.
"""

from __future__ import annotations

import numpy as np

from parity.community1.heap import IndexedHeap
from parity.community1.singles import Singles
from parity.errors import InputError
from parity.files.limits import as_text

BLOCK_SHARE = 64  # rows of merged clusters are allocated by that part of the clusters at once
MERGED_BYTES = 3  # times num^2: more than merged clusters ever need, and left to them first
SQUEEZE_BELOW = 0.8  # of the positions still in use


def full_bytes(count: int) -> int:
    """What SciPy's linkage takes at its peak: the condensed float64 matrix and its copy, in bytes."""
    return 8 * count * (count - 1)


def centroid_linkage(rows: np.ndarray, *, limit: float) -> np.ndarray:
    """Dendrogram of centroid linkage, euclidean.

    Parameters
    ----------
    rows : (num, dimension) float, at least two
    limit : bytes that distances may take; those of merged clusters need at most 2 num^2, a tenth of that is usual.
        With 11 num^2 nothing is computed twice

    Returns
    -------
    dendrogram : (num - 1, 4) float64: the two clusters merged, their distance, the new size

    Raises
    ------
    InputError : it takes more than the limit
    ValueError : a row is not finite
    """
    rows = np.ascontiguousarray(rows, dtype=np.float64)
    if not np.isfinite(rows).all():
        raise ValueError("the rows to cluster must be finite")
    forest = _Forest(rows, limit)
    return np.array([forest.merge() for _ in range(len(rows) - 1)])


class _Forest:
    """The clusters that are left, and for each the nearest of those at later positions, or a bound on it."""

    def __init__(self, rows: np.ndarray, limit: float) -> None:
        count = len(rows)
        self.distances = _Distances(rows, limit)
        self.name = np.arange(count)  # what each position's cluster is called in the dendrogram
        self.next_name = count
        self.neighbour, self.bound = self.distances.first_neighbours()
        self.heap = IndexedHeap(self.bound[:-1])

    def merge(self) -> tuple[int, int, float, int]:
        """Merge the two closest clusters: their names, distance, and size together."""
        distances = self.distances
        if distances.used < SQUEEZE_BELOW * len(distances.size):
            self._squeeze()
        x, y, height = self._closest()
        self.heap.pop()
        names = sorted((int(self.name[x]), int(self.name[y])))
        updated = distances.merge(x, y, height)
        self.name[y], self.next_name = self.next_name, self.next_name + 1
        before = self.neighbour[:x]
        before[before == x] = y
        for z in np.flatnonzero(updated[:y] < self.bound[:y]).tolist():
            self._set(z, y, float(updated[z]))
        if y < len(updated) - 1:
            self._search(y, updated[y + 1 :])
        return names[0], names[1], height, int(distances.size[y])

    def _closest(self) -> tuple[int, int, float]:
        # Bounds may be too low, never too high: the first that is exact is the closest pair.
        while True:
            x, bound = self.heap.smallest()
            if bound == self.distances.between(x, int(self.neighbour[x])):
                return x, int(self.neighbour[x]), bound
            self._search(x, self.distances.after(x))

    def _search(self, x: int, later: np.ndarray) -> None:
        nearest = int(np.argmin(later))
        self._set(x, x + 1 + nearest, float(later[nearest]))

    def _set(self, x: int, neighbour: int, bound: float) -> None:
        self.neighbour[x], self.bound[x] = neighbour, bound
        self.heap.change(x, bound)

    def _squeeze(self) -> None:
        kept = np.flatnonzero(self.distances.size)
        position = np.full(len(self.name), -1)
        position[kept] = np.arange(len(kept))
        self.distances.squeeze(kept)
        self.name, self.bound = self.name[kept], self.bound[kept]
        self.neighbour = position[self.neighbour[kept]]
        self.heap.rename(position)


class _Distances:
    """Distances between the clusters at all positions; infinite to a position given up.

    Attributes
    ----------
    size : (positions,) int64, embeddings in each cluster, 0 where the position was given up
    used : positions that have a cluster
    """

    def __init__(self, rows: np.ndarray, limit: float) -> None:
        self.size = np.ones(len(rows), dtype=np.int64)
        self.used = len(rows)
        self._singles = Singles(rows, limit - MERGED_BYTES * len(rows) ** 2)
        self._kept = _MergedRows(len(rows), limit - self._singles.bytes)

    def first_neighbours(self) -> tuple[np.ndarray, np.ndarray]:
        """Of each embedding the nearest later one, and how far it is: (num,) int64, (num,) float64."""
        return self._singles.first_neighbours()

    def between(self, x: int, y: int) -> float:
        """The distance of two clusters."""
        if self.size[x] > 1:
            return float(self._kept.row(x)[y])
        if self.size[y] > 1:
            return float(self._kept.row(y)[x])
        return self._singles.between(x, y)

    def after(self, x: int) -> np.ndarray:
        """Distances of a cluster to those at later positions."""
        return self._row(x, x + 1)

    def merge(self, x: int, y: int, height: float) -> np.ndarray:
        """Give position x up, and y to both: its distances to all, (positions,) float64, infinite to itself."""
        to_x, to_y = self._row(x), self._row(y)
        updated = _centroid_update(to_x, to_y, height, int(self.size[x]), int(self.size[y]))
        merged, self.size[x] = self.size[x] + self.size[y], 0
        self.size[y] = merged
        self.used -= 1
        updated[self.size == 0] = updated[y] = np.inf
        self._kept.replace(x, y, updated)
        return updated

    def squeeze(self, kept: np.ndarray) -> None:
        """Leave out all positions but these."""
        self.size = self.size[kept]
        self._singles.squeeze(kept)
        self._kept.squeeze(kept)

    def _row(self, x: int, start: int = 0) -> np.ndarray:
        if self.size[x] > 1:
            row = self._kept.row(x)[start:].copy()
        else:
            row = self._singles.row(x, start)
            self._kept.put_column(x, row, start)
        row[self.size[start:] == 0] = np.inf
        return row


def _centroid_update(to_x: np.ndarray, to_y: np.ndarray, height: float, size_x: int, size_y: int) -> np.ndarray:
    # In SciPy's order of operations, for every bit counts. Infinite stays infinite.
    both = size_x + size_y
    weighted = size_x * to_x * to_x + size_y * to_y * to_y
    with np.errstate(invalid="ignore"):  # rounding may put a square below zero: NaN, which is never the closest
        updated = np.sqrt((weighted - float(size_x * size_y) * height * height / both) / both)
    return np.where(np.isnan(updated), np.inf, updated)


class _MergedRows:
    """The distances of merged clusters to all positions: a row for each, in blocks that grow as they are needed."""

    def __init__(self, count: int, limit: float) -> None:
        self._count, self._limit = count, limit
        self._block_rows = max(16, count // BLOCK_SHARE)
        self._columns = count
        self._blocks: list[np.ndarray] = []  # each (block_rows, positions) float64
        self._owners: list[np.ndarray] = []  # each (block_rows,) int64: whose row it is, -1 where it is free
        self._free: list[int] = []
        self._slot = np.full(count, -1)  # of each position, -1 for a single embedding

    def row(self, x: int) -> np.ndarray:
        """The row of one merged cluster, not a copy."""
        block, index = divmod(int(self._slot[x]), self._block_rows)
        return self._blocks[block][index]

    def put_column(self, x: int, values: np.ndarray, start: int) -> None:
        """Write every merged cluster's distance to position x into the array of distances from `start` on."""
        for block, owners in zip(self._blocks, self._owners):
            rows = np.flatnonzero(owners >= start)
            values[owners[rows] - start] = block[rows, x]

    def replace(self, x: int, y: int, values: np.ndarray) -> None:
        """Forget x and y, and keep these distances for what is at y now."""
        self._forget(x)
        self._forget(y)
        if not self._free:
            self._grow()
        self._slot[y] = slot = self._free.pop()
        block, index = divmod(slot, self._block_rows)
        self._owners[block][index] = y
        self._blocks[block][index] = values
        for kept, owners in zip(self._blocks, self._owners):
            rows = np.flatnonzero(owners >= 0)
            kept[rows, y] = values[owners[rows]]

    def squeeze(self, kept: np.ndarray) -> None:
        """Leave out all positions but these."""
        self._columns = len(kept)
        self._slot = self._slot[kept]
        for number, rows in enumerate(self._blocks):
            self._blocks[number] = rows[:, kept]
            self._owners[number][:] = -1
        for position in np.flatnonzero(self._slot >= 0):
            block, index = divmod(int(self._slot[position]), self._block_rows)
            self._owners[block][index] = position

    def _forget(self, x: int) -> None:
        if (slot := int(self._slot[x])) >= 0:
            block, index = divmod(slot, self._block_rows)
            self._owners[block][index] = self._slot[x] = -1
            self._free.append(slot)

    def _grow(self) -> None:
        needed = (len(self._blocks) + 1) * self._block_rows * self._columns * 8
        if needed > self._limit:
            raise InputError(
                f"clustering {self._count:,} embeddings needs more than {as_text(needed)} for the distances of merged "
                f"clusters; the limit is {as_text(self._limit)} (PARITY_MEMORY, by default half of the memory that is "
                "free): give it more, or diarize the recording in parts"
            )
        first = len(self._blocks) * self._block_rows
        self._blocks.append(np.empty((self._block_rows, self._columns)))
        self._owners.append(np.full(self._block_rows, -1))
        self._free.extend(range(first + self._block_rows - 1, first - 1, -1))
