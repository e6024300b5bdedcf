"""What the artefacts are called in other people's folders, beside their own names."""

from __future__ import annotations

CALLED: dict[str, tuple[str, ...]] = {
    "waveform": ("wav", "audio", "samples"),
    "chunk_waveforms": ("waveforms", "chunks", "first_chunk_waveform"),
    "segmentation_logits": ("logits", "seg_logits", "log_probabilities", "powerset"),
    "segmentations": ("segmentation", "segmentation_data", "binarized_segmentations", "seg"),
    "count": ("counts", "speaker_count", "speaker_counting", "speaker_counting_data", "speaker_count_capped"),
    "masks": ("mask", "clean_masks", "weights"),
    "fbank": ("features", "filterbank", "mel", "fbanks"),
    "embeddings": ("emb", "raw_embeddings", "embeddings_data", "xvectors"),
    "train_chunk_idx": ("chunk_idx",),
    "train_speaker_idx": ("speaker_idx",),
    "post_xvec": ("x0", "xvec"),
    "post_plda": ("fea", "plda"),
    "phi": ("psi",),
    "dendrogram": ("linkage", "linkage_z", "z"),
    "ahc_clusters": ("ahc", "ahc_labels", "ahc_init_labels"),
    "qinit": ("q_init", "gamma_init", "initial_gamma"),
    "q_final": ("gamma", "gamma_trace", "q"),
    "sp_final": ("pi", "pi_trace", "priors", "sp"),
    "elbo_trajectory": ("elbo", "li"),
    "kmeans_clusters": ("kmeans",),
    "centroids": ("centers", "centroid"),
    "soft_clusters": ("soft", "scores"),
    "hard_clusters": ("hard", "assignment", "hard_clusters_final"),
    "discrete_diarization": ("discrete", "discrete_diarization_data", "discrete_diarization_overlap"),
    "exclusive_discrete_diarization": ("discrete_diarization_exclusive",),
    "diarization": ("reference", "expected", "turns"),
    "exclusive_diarization": ("exclusive", "reference_exclusive"),
}
"""What artefacts are called elsewhere."""
