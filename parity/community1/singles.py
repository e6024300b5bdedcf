"""Distances of single embeddings, of as many of them kept as there is memory for.

Task: the distance of any two rows, to the bits of SciPy's `cdist`, in whichever order they are asked for. Every one of
them counts: the height at which two embeddings come together is made of their distance's bits, so none can be spared,
only none computed twice. They are computed on all cores at once, for SciPy lets go of the interpreter meanwhile.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import scipy

from parity.networks.runtime import available_cores

AT_ONCE = 64  # embeddings whose nearest neighbours are searched in one go


def cdist(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Euclidean distances: (n, dimension), (m, dimension) -> (n, m) float64."""
    return scipy.spatial.distance.cdist(ours, theirs)


class Singles:
    """Rows at positions that may be squeezed, and the distances of the first of them to all.

    Parameters
    ----------
    rows : (num, dimension) float64
    limit : bytes that distances may take; none are kept where it is below those of one row

    Attributes
    ----------
    bytes : that the kept distances take
    """

    def __init__(self, rows: np.ndarray, limit: float) -> None:
        count = len(rows)
        self._rows = rows
        self._number = np.arange(count)  # of what is at each position, in the beginning
        self._table = np.empty((int(max(0, min(count, limit / (8 * count)))), count))
        self.bytes = self._table.nbytes

    def first_neighbours(self) -> tuple[np.ndarray, np.ndarray]:
        """Of each row the nearest later one, and how far it is: (num,) int64, (num,) float64. Fills the table."""
        count = len(self._rows)
        neighbour, bound = np.full(count, -1), np.full(count, np.inf)

        def search(start: int) -> None:
            stop = min(start + AT_ONCE, count)
            block = cdist(self._rows[start:stop], self._rows[start:])
            self._keep(start, stop, block)
            block[np.tri(*block.shape, dtype=np.bool_)] = np.inf
            neighbour[start:stop] = start + np.argmin(block, axis=1)
            bound[start:stop] = block.min(axis=1)

        with ThreadPoolExecutor(available_cores()) as pool:
            list(pool.map(search, range(0, count, AT_ONCE)))
        return neighbour, bound

    def between(self, x: int, y: int) -> float:
        """The distance of what is at two positions."""
        for one, other in ((self._number[x], self._number[y]), (self._number[y], self._number[x])):
            if one < len(self._table):
                return float(self._table[one, other])
        return float(cdist(self._rows[[x]], self._rows[[y]])[0, 0])

    def row(self, x: int, start: int) -> np.ndarray:
        """Distances of what is at one position to all from `start` on, a copy."""
        if self._number[x] < len(self._table):
            return self._table[self._number[x]].take(self._number[start:])
        return cdist(self._rows[[x]], self._rows[start:])[0]

    def squeeze(self, kept: np.ndarray) -> None:
        """Leave out all positions but these."""
        self._rows, self._number = self._rows[kept], self._number[kept]

    def _keep(self, start: int, stop: int, block: np.ndarray) -> None:
        # A block's rows, and, turned over, the part of later rows that lies below them: distances have no direction.
        table = self._table
        held = min(stop, len(table))
        if start < held:
            table[start:held, start:] = block[: held - start]
        if stop < len(table):
            table[stop:, start:stop] = block[:, stop - start : len(table) - start].T
