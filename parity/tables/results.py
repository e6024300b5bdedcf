"""`to_frame` of results, whatever room they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


class Tabular:
    """A result that can be had as tables.

    Which tables a result has is known to the reports, which stand on a floor above every result: the question goes out
    by the house's door, `parity.to_frame`, and nothing below imports them.
    """

    def to_frame(self, table: str | None = None) -> pd.DataFrame:
        """One table of this result: one row per observation, units in the columns' names, missing is `pandas.NA`.

        Parameters
        ----------
        table : its name (docs/reference/tables.md); the first of the result's tables by default

        Raises
        ------
        InputError : there is no such table; the message names those there are
        """
        import parity

        return parity.to_frame(self, table)
