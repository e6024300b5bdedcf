"""Which mistakes are a value? Every family that the lab knows, in the pipeline's order, the resampler last.

`settings` are the pipeline's own parameters set otherwise, `numbers` a scale or an offset of what a stage makes,
`turns` what is done to times, `filterbank` the steps of the filterbank, `resampler` its width and cut-off. `building`
makes families of the numbers of one stage.
"""

from __future__ import annotations

from parity.faults.families import filterbank, networks, numbers, resampler, settings, turns
from parity.faults.family import Family

FAMILIES: list[Family] = [
    *networks.FAMILIES,
    *filterbank.FAMILIES,
    *settings.FAMILIES,
    *numbers.FAMILIES,
    *turns.FAMILIES,
    *resampler.FAMILIES,
]
