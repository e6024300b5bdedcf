"""More mistakes in fbank: what other toolkits take for a filterbank, and what happens to it on the way."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import numpy as np
from scipy import fft

from parity.community1.fbank import FFT_SIZE, SHIFT_SAMPLES, WINDOW_SAMPLES, mel_bank
from parity.faults.fault import Fault
from parity.faults.known.filter_tables import (
    equal_areas,
    librosa_bank,
    long_window,
    povey_window,
    rectangular_window,
    short_window,
    snapped_bank,
)
from parity.faults.known.filterbank import (
    Filterbank,
    series,
    triangles,
)
from parity.faults.known.planting import fault, instead
from parity.pipeline import ChunkSeries

LIBROSA_OFFSET = 1e-6
OTHER_BINS = 72
OTHER_RATE = 8000
BATCH = 8
FRAMES = 998
RANGE = np.log(10.0) * 8  # 80 dB of power, in nats
HALF_TINY = float(np.finfo(np.float16).tiny)
HALF_LARGEST = float(np.finfo(np.float16).max)

Compute = Callable[[np.ndarray, int], np.ndarray]
Change = Callable[[np.ndarray], np.ndarray]

PLAIN = Filterbank(centred=False)


def centred(features: np.ndarray) -> np.ndarray:
    """Features (frames, bins) with the mean of every bin taken off, float32."""
    return (features - features.mean(axis=0, keepdims=True)).astype(np.float32)


def framed_as_stft(samples: np.ndarray, window: np.ndarray, *, reflected: bool) -> np.ndarray:
    """Frames of 512 samples centred on every 10 ms, the window in their middle: (1 + n // 160, 512).

    As `torch.stft` (its ends reflected) and librosa (zeros) lay them out with `center` on, which it is by default.
    """
    padded = np.pad(samples, FFT_SIZE // 2, mode="reflect" if reflected else "constant")
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT_SIZE)[::SHIFT_SAMPLES]
    return np.asarray(frames * np.pad(window, (FFT_SIZE - WINDOW_SAMPLES) // 2))


def _power(frames: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(fft.rfft(frames, axis=1)[:, : FFT_SIZE // 2]).astype(np.float64) ** 2)


def as_librosa(samples: np.ndarray, seed: int = 0) -> np.ndarray:
    """`log(melspectrogram + 1e-6)` of librosa's defaults at 80 bins, centred: (1001, 80) float32."""
    window = np.hanning(WINDOW_SAMPLES + 1)[:-1]
    power = _power(framed_as_stft(samples.astype(np.float64), window, reflected=False))
    return centred(np.log(power @ librosa_bank().T.astype(np.float64) + LIBROSA_OFFSET))


def of_centred_windows(samples: np.ndarray, seed: int = 0) -> np.ndarray:
    """Everything as it should be, on `torch.stft`'s frames of the whole signal emphasised: (1001, 80) float32."""
    scaled = samples.astype(np.float64) * 2.0**15
    emphasised = scaled - 0.97 * np.concatenate([scaled[:1], scaled[:-1]])
    power = _power(framed_as_stft(emphasised, np.hamming(WINDOW_SAMPLES), reflected=True))
    return centred(np.log(np.maximum(power @ mel_bank().T.astype(np.float64), PLAIN.floor)))


def in_float16(samples: np.ndarray, seed: int = 0) -> np.ndarray:
    """Power, filters' sums and logarithms in float16, of samples within [-1, 1]; too large is the largest."""
    magnitudes = Filterbank(scale=1.0).magnitudes(samples)
    power = np.minimum(magnitudes.astype(np.float64) ** 2, HALF_LARGEST).astype(np.float16).astype(np.float32)
    energies = np.clip(power @ mel_bank().T, HALF_TINY, HALF_LARGEST).astype(np.float16)
    return centred(np.log(energies).astype(np.float32))


def scaled_where_quiet(samples: np.ndarray, seed: int = 0) -> np.ndarray:
    """Samples multiplied by 2^15 only where none of the chunk is beyond full scale."""
    return Filterbank(scale=1.0 if np.abs(samples).max() > 1.0 else 2.0**15)(samples)


def with_energy_first(samples: np.ndarray, seed: int = 0) -> np.ndarray:
    """The window's log-energy before the 80 bins, and the last of these cut off."""
    features = PLAIN(samples)
    scaled = samples.astype(np.float32) * np.float32(2**15)
    frames = np.lib.stride_tricks.sliding_window_view(scaled, WINDOW_SAMPLES)[::SHIFT_SAMPLES]
    energy = np.log(np.maximum(np.var(frames, axis=1, dtype=np.float64) * WINDOW_SAMPLES, PLAIN.floor))
    return centred(np.concatenate([energy[:, None], features[:, :-1]], axis=1))


def packed(samples: np.ndarray, seed: int = 0) -> np.ndarray:
    """Inner bins of the spectrum twice as large as they are."""
    magnitudes = PLAIN.magnitudes(samples)
    magnitudes[:, 1:] *= 2
    energies = magnitudes.astype(np.float64) ** 2 @ mel_bank().T.astype(np.float64)
    return centred(np.log(np.maximum(energies, PLAIN.floor)))


def _changed(change: Change, filterbank: Filterbank = PLAIN) -> Compute:
    """Features changed after the logarithm."""
    return lambda samples, seed: change(filterbank(samples)).astype(np.float32)


def normalised(features: np.ndarray) -> np.ndarray:
    """Mean and deviation of every bin taken out."""
    return centred(features) / np.maximum(features.std(axis=0, keepdims=True), 1e-5)


def of_rows(features: np.ndarray) -> np.ndarray:
    """The mean over bins taken off each frame."""
    return features - features.mean(axis=1, keepdims=True)


def within_80_db(features: np.ndarray) -> np.ndarray:
    """Nothing more than 80 dB below the loudest, as librosa's `top_db` has it, then centred."""
    return centred(np.maximum(features, features.max() - RANGE))


def reshaped(features: np.ndarray) -> np.ndarray:
    """The numbers of (bins, frames) read as (frames, bins)."""
    return np.ascontiguousarray(features.T).reshape(features.shape)


def of_the_recording(chunk_waveforms: ChunkSeries) -> ChunkSeries:
    """The mean of all chunks taken off each."""
    mean: list[np.ndarray] = []

    def of_chunk(index: int) -> np.ndarray:
        if not mean:
            mean.append(
                np.mean([PLAIN(chunk_waveforms.compute(int(c))).mean(axis=0) for c in chunk_waveforms.chunks], 0)
            )
        return (PLAIN(chunk_waveforms.compute(index)) - mean[0]).astype(np.float32)

    return ChunkSeries(chunk_waveforms.chunks, of_chunk)


def of_the_last_chunks(chunk_waveforms: ChunkSeries) -> ChunkSeries:
    """A mean that goes on from chunk to chunk: half of it the chunk's, half what it was before."""
    means: dict[int, np.ndarray] = {}

    def mean_at(index: int) -> np.ndarray:
        for chunk in map(int, chunk_waveforms.chunks[chunk_waveforms.chunks <= index]):
            if chunk not in means:
                own = PLAIN(chunk_waveforms.compute(chunk)).mean(axis=0)
                means[chunk] = own if not means else 0.5 * own + 0.5 * means[max(means)]
        return means[index]

    def of_chunk(index: int) -> np.ndarray:
        return (PLAIN(chunk_waveforms.compute(index)) - mean_at(index)).astype(np.float32)

    return ChunkSeries(chunk_waveforms.chunks, of_chunk)


def of_joined_chunks(chunk_waveforms: ChunkSeries) -> ChunkSeries:
    """Filterbanks of eight chunks computed over their samples in a row, and cut into equal parts."""

    @cache
    def of_batch(batch: int) -> dict[int, np.ndarray]:
        mine = [int(chunk) for chunk in chunk_waveforms.chunks if chunk // BATCH == batch]
        features = PLAIN(np.concatenate([chunk_waveforms.compute(chunk) for chunk in mine]))
        apart = len(features) // len(mine)
        return {chunk: centred(features[place * apart :][:FRAMES]) for place, chunk in enumerate(mine)}

    return ChunkSeries(chunk_waveforms.chunks, lambda index: of_batch(index // BATCH)[index])


def _fbank(name: str, about: str, compute: Compute) -> Fault:
    return _series(name, about, partial(series, compute))


def _series(name: str, about: str, run: Callable[[ChunkSeries], ChunkSeries]) -> Fault:
    return fault(name, "fbank", about, instead(run), reruns_trunk=True)


FAULTS = [
    _fbank(
        "fbank_povey_window", "Kaldi's default, a Povey window, instead of Hamming", Filterbank(window=povey_window)
    ),
    _fbank("fbank_without_window", "no window instead of Hamming", Filterbank(window=rectangular_window)),
    _fbank(
        "fbank_window_of_512",
        "windows of 512 samples, as long as the transform, instead of 400",
        Filterbank(window=long_window),
    ),
    _fbank("fbank_without_preemphasis", "no pre-emphasis, where 0.97 is", Filterbank(preemphasis=0.0)),
    _fbank(
        "fbank_first_sample_whole",
        "a window's first sample left whole by pre-emphasis, where 0.97 of itself is taken off",
        Filterbank(keep_first=True),
    ),
    _fbank(
        "fbank_window_before_emphasis",
        "the window laid over samples before pre-emphasis, not after",
        Filterbank(window_first=True),
    ),
    _fbank(
        "fbank_fft_of_400",
        "a transform of 400 samples, where windows are filled up to 512",
        Filterbank(fft_size=400, bank=cache(partial(triangles, fft_size=400))),
    ),
    _fbank(
        "fbank_mel_edges_at_bins",
        "mel edges snapped to bins of the transform, where they lie between them",
        Filterbank(bank=snapped_bank),
    ),
    _fbank(
        "fbank_to_7600_hz",
        "filters up to 7600 Hz instead of 8000 Hz",
        Filterbank(bank=cache(partial(triangles, high_hz=7600.0))),
    ),
    _fbank(
        "fbank_equal_areas",
        "filters of equal area: a constant per bin, which the mean takes off again but for the floor",
        Filterbank(bank=equal_areas),
    ),
    _fbank(
        "fbank_72_bins",
        "72 mel bins instead of 80",
        Filterbank(bank=cache(partial(triangles, count=OTHER_BINS))),
    ),
    _fbank(
        "fbank_8_khz",
        "samples of 16 kHz taken for 8 kHz: twice as many windows, mel filters up to 4 kHz",
        Filterbank(
            window=short_window,
            shift=80,
            fft_size=256,
            bank=cache(partial(triangles, fft_size=256, sample_rate=OTHER_RATE, high_hz=OTHER_RATE / 2)),
        ),
    ),
    _fbank(
        "fbank_shift_of_161",
        "windows every 161 samples instead of 160",
        Filterbank(shift=161),
    ),
    _fbank("fbank_librosa", "librosa's log-mel spectrogram in place of Kaldi's filterbank", as_librosa),
    _fbank(
        "fbank_centred_stft",
        "windows centred on every 10 ms, as torch.stft lays them out: 1001 instead of 998",
        of_centred_windows,
    ),
    _fbank(
        "fbank_log_of_sum",
        "1e-6 added before the logarithm to samples within [-1, 1], where a floor is and samples are scaled",
        Filterbank(scale=1.0, floor=0.0, offset=LIBROSA_OFFSET),
    ),
    _fbank(
        "fbank_log10",
        "logarithms to the base of ten instead of natural ones",
        _changed(lambda features: centred(features) / np.float32(np.log(10.0))),
    ),
    _fbank("fbank_without_log", "no logarithm", lambda samples, seed: centred(PLAIN.energies(samples))),
    _fbank(
        "fbank_within_80_db",
        "what is 80 dB below the loudest raised to that, as librosa's top_db",
        _changed(within_80_db),
    ),
    _fbank("fbank_float16", "power, filters and logarithm in float16: quiet bins underflow", in_float16),
    _fbank(
        "fbank_scaled_where_quiet",
        "samples multiplied by 2^15 only in chunks whose peak is at most 1",
        scaled_where_quiet,
    ),
    _fbank(
        "fbank_packed_transform",
        "inner bins of a packed real transform taken twice as large: four times the power",
        packed,
    ),
    _fbank(
        "fbank_energy_first",
        "the log-energy before the bins (use_energy), and the last bin lost",
        with_energy_first,
    ),
    _fbank(
        "fbank_deviation_too",
        "divided by each bin's deviation, where the mean alone is taken off",
        _changed(normalised),
    ),
    _fbank("fbank_mean_of_frames", "the mean over bins taken off each frame (the other axis)", _changed(of_rows)),
    _fbank(
        "fbank_reshaped",
        "bins by frames read as frames by bins without turning the array round",
        _changed(lambda features: reshaped(centred(features))),
    ),
    _series("fbank_mean_of_recording", "the recording's mean taken off instead of the chunk's", of_the_recording),
    _series(
        "fbank_running_mean",
        "a running mean taken off, half the chunk's and half what it was, instead of the chunk's",
        of_the_last_chunks,
    ),
    _series(
        "fbank_of_joined_chunks", "eight chunks' filterbanks computed over their samples in a row", of_joined_chunks
    ),
]
