"""Values of families that are in no list, by a seed, for a calibration to plant and recover."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from parity.faults.family import Family

SEED = 19
"""Another one than the values that look-ups were mended on had (18), so that what is recovered is no recitation."""

EACH = 3
"""Values of one family."""

RANGES: dict[str, tuple[float, float, int | None]] = {
    "segmentation_threshold": (0.25, 0.75, 3),
    "pooling_epsilon": (1e-4, 1.0, None),
    "fbank_emphasis": (0.6, 0.95, 3),
    "fbank_scale_of_samples": (10.0, 1e4, None),
    "fbank_floor_of_energies": (1e-1, 1e5, None),
    "fbank_added_to_energies": (1e-1, 1e5, None),
    "fbank_window_peak": (0.42, 0.8, 3),
    "fbank_exponent": (0.5, 3.0, 3),
    "fbank_low_edge": (5.0, 200.0, 1),
    "fbank_high_edge": (3500.0, 7900.0, 0),
    "fbank_mel_break": (400.0, 1200.0, 0),
    "fbank_hop": (120, 220, 0),
    "fbank_window_length": (200, 512, 0),
    "fbank_bins": (40, 128, 0),
    "fbank_late": (1, 100, 0),
    "fbank_dither_deviation": (0.1, 20.0, None),
    "count_threshold": (0.05, 0.95, 3),
    "filter_ratio": (0.02, 0.6, 3),
    "ahc_threshold": (0.2, 1.2, 3),
    "vbx_fa": (0.02, 1.0, 3),
    "vbx_fb": (0.1, 20.0, 2),
    "vbx_iterations": (1, 12, 0),
    "vbx_smoothing": (1.0, 12.0, 2),
    "vbx_stop": (1e-2, 100.0, None),
    "centroids_survival_prior": (1e-6, 0.5, None),
    "gaps_collar": (0.1, 3.0, 2),
    "embeddings_scale": (0.2, 5.0, 3),
    "post_xvec_scale": (0.2, 5.0, 3),
    "post_plda_scale": (0.2, 5.0, 3),
    "phi_scale": (0.2, 5.0, 3),
    "centroids_scale": (0.2, 5.0, 3),
    "soft_clusters_scale": (0.2, 5.0, 3),
    "dendrogram_scale": (0.2, 5.0, 3),
    "fbank_scale": (0.2, 5.0, 3),
    "fbank_offset": (-2.0, 2.0, 3),
    "embeddings_offset": (-0.5, 0.5, 3),
    "post_plda_offset": (-1.0, 1.0, 3),
    "phi_offset": (-1.0, 1.0, 3),
    "soft_clusters_offset": (-2.0, 2.0, 3),
    "post_xvec_offset": (-1.0, 1.0, 3),
    "centroids_offset": (-1.0, 1.0, 3),
    "turns_late": (-0.5, 0.5, 3),
    "turns_frame_step": (0.0160, 0.0180, 5),
    "turns_frame_duration": (0.01, 0.1, 3),
    "turns_padding": (0.02, 0.4, 3),
    "turns_shortest": (0.1, 2.0, 2),
    "resampler_width": (2, 32, 0),
    "resampler_roll_off": (0.8, 0.98, 3),
}
"""Family -> smallest and largest value, and decimals that people write it with (None: four digits)."""


def seeded_values(families: Sequence[Family], each: int = EACH) -> list[tuple[Family, float]]:
    """Values between the ends of each family's range: by the logarithm where they span more than ten times.

    None is the reference's, nor one at which a fault of the dictionary lies. A family's depend on its name alone, so
    that they stay what they are beside new families.
    """
    chosen = []
    for family in families:
        if family.name not in RANGES:
            continue
        low, high, decimals = RANGES[family.name]
        rng = np.random.default_rng((SEED, zlib.crc32(family.name.encode())))
        for _ in range(each):
            wide = low > 0 and high / low > 10
            value = float(np.exp(rng.uniform(np.log(low), np.log(high))) if wide else rng.uniform(low, high))
            value = float(f"{value:.4g}") if decimals is None else round(value, decimals)
            if value not in family.points.values():
                chosen.append((family, value))
    return chosen
