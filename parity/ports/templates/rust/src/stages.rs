//! The stages: functions of a job. `parity stages` lists what each reads and writes.
//!
//! C chunks of F = 589 frames and S = 3 local speakers, N output frames, K clusters, T embeddings to cluster.

use crate::assignment::best_assignment;
use crate::geometry::{first_frame, num_frames, FRAMES, SPEAKERS};
use crate::npy::Array;
use crate::protocol::Job;
use crate::ranking::rank;
use crate::turns;

const MIN_ACTIVE_RATIO: f64 = 0.2;
const UNASSIGNED: i8 = -2;

pub fn read_segmentations(job: &Job) -> Result<Array<f32>, String> {
    job.read("segmentations", &[None, Some(FRAMES), Some(SPEAKERS)])
}

/// The frames of one chunk, each with its three local speakers.
pub fn frames_of(segmentations: &Array<f32>, chunk: usize) -> impl Iterator<Item = &[f32]> {
    segmentations.data[chunk * FRAMES * SPEAKERS..(chunk + 1) * FRAMES * SPEAKERS].chunks_exact(SPEAKERS)
}

/// segmentations (C, F, S) f4 -> count (N, 1) u1: the mean over chunks, rounded half to even.
pub fn speaker_counting(job: &Job) -> Result<(), String> {
    job.write(
        "count",
        &count_speakers(&read_segmentations(job)?, f32::round_ties_even),
    )
}

pub fn count_speakers(segmentations: &Array<f32>, round: fn(f32) -> f32) -> Array<u8> {
    let chunks = segmentations.shape[0];
    let mut total = vec![0.0f32; num_frames(chunks)];
    let mut weight = total.clone();
    for chunk in 0..chunks {
        for (frame, row) in frames_of(segmentations, chunk).enumerate() {
            let active: f32 = row.iter().sum();
            if !active.is_nan() {
                total[first_frame(chunk) + frame] += active;
                weight[first_frame(chunk) + frame] += 1.0;
            }
        }
    }
    let mean = total
        .iter()
        .zip(&weight)
        .map(|(total, weight)| total / weight.max(1e-12));
    Array {
        shape: vec![total.len(), 1],
        data: mean.map(|mean| round(mean) as u8).collect(),
    }
}

/// embeddings (C, S, 256) f4, segmentations -> train_chunk_idx, train_speaker_idx (T,) i8: speakers who are alone for a
/// fifth of the chunk and whose embedding holds no NaN; in chunk order, then speaker order.
pub fn filter(job: &Job) -> Result<(), String> {
    let segmentations = read_segmentations(job)?;
    let chunks = segmentations.shape[0];
    let embeddings: Array<f32> = job.read("embeddings", &[Some(chunks), Some(SPEAKERS), None])?;
    let length = embeddings.shape[2];
    let (mut chunk_idx, mut speaker_idx) = (Vec::new(), Vec::new());
    for chunk in 0..chunks {
        for speaker in 0..SPEAKERS {
            let alone = |row: &[f32]| if row.iter().sum::<f32>() == 1.0 { 1.0 } else { 0.0 };
            let clean: f32 = frames_of(&segmentations, chunk)
                .map(|row| row[speaker] * alone(row))
                .sum();
            let at = (chunk * SPEAKERS + speaker) * length;
            let valid = !embeddings.data[at..at + length].iter().any(|number| number.is_nan());
            if f64::from(clean) >= MIN_ACTIVE_RATIO * FRAMES as f64 && valid {
                chunk_idx.push(chunk as i64);
                speaker_idx.push(speaker as i64);
            }
        }
    }
    job.write(
        "train_chunk_idx",
        &Array {
            shape: vec![chunk_idx.len()],
            data: chunk_idx,
        },
    )?;
    job.write(
        "train_speaker_idx",
        &Array {
            shape: vec![speaker_idx.len()],
            data: speaker_idx,
        },
    )
}

/// Clusters of the speakers of one chunk from their scores (S, K).
pub type Assign = fn(&[f64], usize, usize) -> Result<Vec<Option<usize>>, String>;

/// soft_clusters (C, S, K) f8, train_chunk_idx (T,), kmeans_clusters where a number was imposed -> hard_clusters (C, S)
/// i1, -2 for nobody. Within a chunk two speakers never share a cluster and the best total wins.
pub fn assignment(job: &Job) -> Result<(), String> {
    assign_by(job, best_assignment)
}

pub fn assign_by(job: &Job, assign: Assign) -> Result<(), String> {
    let scores = job.read_floats("soft_clusters", &[None, None, None])?;
    let [chunks, speakers, clusters] = scores.shape[..] else {
        unreachable!("three dims were asked for")
    };
    if !(1..=127).contains(&clusters) {
        return Err(format!("soft_clusters.npy: {clusters} clusters, expected 1 to 127"));
    }
    let mut hard: Array<i8> = Array::zeros(&[chunks, speakers]);
    if job.read_integers("train_chunk_idx", &[None])?.data.len() < 2 {
        // Nothing was clustered: everybody is speaker 0.
    } else if job.has("kmeans_clusters") {
        hard.data = scores
            .data
            .chunks_exact(clusters)
            .map(|row| first_best(row) as i8)
            .collect();
    } else {
        let lowest = scores.data.iter().copied().fold(f64::INFINITY, f64::min); // passes NaN over, which counts as it
        if lowest == f64::INFINITY {
            return Err("soft_clusters.npy: no score is a number".into());
        }
        let numbers: Vec<f64> = scores
            .data
            .iter()
            .map(|&score| if score.is_nan() { lowest } else { score })
            .collect();
        hard.data.clear();
        for chunk in numbers.chunks_exact(speakers * clusters) {
            let found = assign(chunk, speakers, clusters)?;
            hard.data.extend(
                found
                    .into_iter()
                    .map(|cluster| cluster.map_or(UNASSIGNED, |cluster| cluster as i8)),
            );
        }
    }
    job.write("hard_clusters", &hard)
}

/// The first of the best scores; a NaN counts as the best.
fn first_best(scores: &[f64]) -> usize {
    let mut best = 0;
    for (index, score) in scores.iter().enumerate() {
        if !scores[best].is_nan() && (score.is_nan() || *score > scores[best]) {
            best = index;
        }
    }
    best
}

/// segmentations (C, F, S) f4, hard_clusters (C, S), count (N, 1) u1 -> discrete_diarization and
/// exclusive_discrete_diarization (N, speakers) f4, the latter with at most one speaker per frame.
pub fn reconstruction(job: &Job) -> Result<(), String> {
    let segmentations = read_segmentations(job)?;
    let chunks = segmentations.shape[0];
    let hard = job.read_integers("hard_clusters", &[Some(chunks), Some(SPEAKERS)])?;
    let count: Array<u8> = job.read("count", &[Some(num_frames(chunks)), Some(1)])?;
    let most = match job.parameter("num_speakers")? {
        Some(number) => number,
        None => job.parameter("max_speakers")?.unwrap_or(f64::INFINITY),
    };
    let activity = activations(&segmentations, &hard.data)?;
    for (name, cap) in [
        ("discrete_diarization", most),
        ("exclusive_discrete_diarization", most.min(1.0)),
    ] {
        let capped: Vec<usize> = count
            .data
            .iter()
            .map(|&active| f64::from(active).min(cap) as usize)
            .collect();
        job.write(name, &most_active(&activity, &capped))?;
    }
    Ok(())
}

/// How many chunks say that a cluster speaks: (N, K). Who says nothing in a chunk belongs to nobody.
fn activations(segmentations: &Array<f32>, hard: &[i64]) -> Result<Array<f32>, String> {
    let chunks = segmentations.shape[0];
    let mut owners = Vec::with_capacity(hard.len());
    for (index, &cluster) in hard.iter().enumerate() {
        let said: f32 = frames_of(segmentations, index / SPEAKERS)
            .map(|row| row[index % SPEAKERS])
            .sum();
        let number = i8::try_from(cluster).ok().filter(|number| *number >= UNASSIGNED);
        let number = number.ok_or(format!("hard_clusters.npy: a cluster {cluster}"))?;
        owners.push(if said == 0.0 { UNASSIGNED } else { number });
    }
    let clusters = owners.iter().map(|&cluster| i64::from(cluster) + 1).fold(0, i64::max) as usize;
    let mut total: Array<f32> = Array::zeros(&[num_frames(chunks), clusters]);
    for (chunk, own) in owners.chunks_exact(SPEAKERS).enumerate() {
        for (speaker, &cluster) in own.iter().enumerate() {
            if cluster < 0 || own[..speaker].contains(&cluster) {
                continue;
            }
            for (frame, row) in frames_of(segmentations, chunk).enumerate() {
                total.data[(first_frame(chunk) + frame) * clusters + cluster as usize] +=
                    activity_of(row, own, cluster);
            }
        }
    }
    Ok(total)
}

/// A cluster's activity in one frame of a chunk: that of its most active speaker there; NaN counts as none.
fn activity_of(row: &[f32], own: &[i8], cluster: i8) -> f32 {
    let its = || {
        row.iter()
            .zip(own)
            .filter(|(_, owner)| **owner == cluster)
            .map(|(activity, _)| *activity)
    };
    if its().any(f32::is_nan) {
        0.0
    } else {
        its().fold(f32::NEG_INFINITY, f32::max)
    }
}

/// The `count` most active of each frame; columns are added where the count exceeds the clusters.
fn most_active(activity: &Array<f32>, count: &[usize]) -> Array<f32> {
    let clusters = activity.shape[1];
    let columns = count.iter().copied().fold(clusters, usize::max);
    let mut discrete: Array<f32> = Array::zeros(&[count.len(), columns]);
    let mut padded = vec![0.0f32; columns];
    for (frame, &winners) in count.iter().enumerate() {
        padded[..clusters].copy_from_slice(&activity.data[frame * clusters..(frame + 1) * clusters]);
        for cluster in &rank(&padded)[..winners] {
            discrete.data[frame * columns + cluster] = 1.0;
        }
    }
    discrete
}

/// discrete_diarization, exclusive_discrete_diarization (N, speakers) f4 -> diarization, exclusive_diarization as RTTM,
/// under the same speaker names.
pub fn annotation(job: &Job) -> Result<(), String> {
    let gap = job.parameter("min_duration_off")?.unwrap_or(0.0);
    let read = |name: &str| match job.has(name) {
        true => job.read::<f32>(name, &[None, None]),
        false => Ok(Array::zeros(&[0, 0])), // nobody spoke: it was not made
    };
    let plain = turns::turns_of(&read("discrete_diarization")?, gap);
    let alone = turns::turns_of(&read("exclusive_discrete_diarization")?, gap);
    let names = turns::names(&plain);
    job.write_rttm("diarization", &turns::to_rttm(&plain, job.recording()?, &names))?;
    job.write_rttm(
        "exclusive_diarization",
        &turns::to_rttm(&alone, job.recording()?, &names),
    )
}
