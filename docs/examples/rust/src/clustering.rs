//! ahc, vbx, centroids, scoring: embeddings -> speakers, and how close every embedding is to every speaker.
//!
//! T embeddings are clustered, K0 speakers is what VBx starts with, K what it keeps.

use std::f64::consts::PI;

use crate::geometry::SPEAKERS;
use crate::linkage::{centroid_linkage, cut};
use crate::npy::Array;
use crate::plda::read_training;
use crate::protocol::Job;
use crate::stages::{frames_of, read_segmentations};

const SMOOTHING: f64 = 7.0;
const STOP_BELOW: f64 = 1e-4;
const PRIOR_EPS: f64 = 1e-8;
const MOST_ITERATIONS: f64 = 1e4;
const MOST_CLUSTERS: i64 = 127;
/// A prior above which a speaker survives VBx.
const SURVIVAL: f64 = 1e-7;

/// The sum of squares in NumPy's order: eight sums in turns, halves of more than 128 numbers apart.
fn sum_of_squares(row: &[f32]) -> f32 {
    if row.len() > 128 {
        let (one, other) = row.split_at(row.len() / 2 - row.len() / 2 % 8);
        return sum_of_squares(one) + sum_of_squares(other);
    }
    let mut sums = [0.0f32; 8];
    row.iter()
        .enumerate()
        .for_each(|(index, number)| sums[index % 8] += number * number);
    ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))
}

/// embeddings, train_chunk_idx, train_speaker_idx -> dendrogram (T-1, 4) f8, ahc_clusters (T,) i8: centroid linkage of
/// unit-norm embeddings; merges at or below the threshold are kept.
pub fn ahc(job: &Job) -> Result<(), String> {
    let rows = read_training(job)?;
    let (count, length) = (rows.shape[0], rows.shape[1]);
    if count < 2 {
        return Err(format!("train_chunk_idx.npy: {count} embeddings; clustering takes two"));
    }
    let mut unit = Vec::with_capacity(rows.data.len());
    for row in rows.data.chunks_exact(length) {
        let norm = sum_of_squares(row).sqrt(); // float32, as in the reference
        unit.extend(row.iter().map(|number| f64::from(number / norm)));
    }
    if let Some(at) = unit.iter().position(|number: &f64| !number.is_finite()) {
        return Err(format!("embeddings.npy: embedding {} has no direction", at / length));
    }
    let dendrogram = centroid_linkage(&unit, count, length);
    let labels = cut(&dendrogram, job.parameter("threshold")?.unwrap_or(0.6));
    job.write("dendrogram", &dendrogram)?;
    job.write(
        "ahc_clusters",
        &Array {
            shape: vec![count],
            data: labels,
        },
    )
}

/// What VBx works on.
struct Model<'a> {
    fa: f64,
    fb: f64,
    phi: &'a [f64],
    /// (T, D), and each row's constant of the log-likelihood.
    rho: Vec<f64>,
    constant: Vec<f64>,
    /// (T, K0) responsibilities and (K0,) priors.
    q: Vec<f64>,
    prior: Vec<f64>,
    /// (K0, D) each.
    alpha: Vec<f64>,
    inverse: Vec<f64>,
}

impl Model<'_> {
    fn update_speakers(&mut self) {
        let (length, speakers, ratio) = (self.phi.len(), self.prior.len(), self.fa / self.fb);
        self.alpha.fill(0.0);
        for k in 0..speakers {
            let alpha = &mut self.alpha[k * length..(k + 1) * length];
            let mut total = 0.0;
            for (q, rho) in self.q.chunks_exact(speakers).zip(self.rho.chunks_exact(length)) {
                total += q[k];
                alpha.iter_mut().zip(rho).for_each(|(alpha, rho)| *alpha += q[k] * rho);
            }
            let inverse = &mut self.inverse[k * length..(k + 1) * length];
            for ((inverse, alpha), phi) in inverse.iter_mut().zip(alpha).zip(self.phi) {
                *inverse = 1.0 / (1.0 + ratio * total * phi);
                *alpha *= ratio * *inverse;
            }
        }
    }

    /// New responsibilities and priors; the sum of the rows' log-evidence.
    fn update_rows(&mut self) -> f64 {
        let (length, speakers) = (self.phi.len(), self.prior.len());
        let spread = |k: usize| -> f64 {
            let of = |numbers: &[f64], d: usize| numbers[k * length + d];
            (0..length)
                .map(|d| (of(&self.inverse, d) + of(&self.alpha, d).powi(2)) * self.phi[d])
                .sum()
        };
        let spreads: Vec<f64> = (0..speakers).map(spread).collect();
        let mut sum = 0.0;
        let mut prior = vec![0.0; speakers];
        for (i, q) in self.q.chunks_exact_mut(speakers).enumerate() {
            let rho = &self.rho[i * length..(i + 1) * length];
            for (k, q) in q.iter_mut().enumerate() {
                let fit: f64 = rho
                    .iter()
                    .zip(&self.alpha[k * length..])
                    .map(|(rho, alpha)| rho * alpha)
                    .sum();
                let likelihood = self.fa * (fit - 0.5 * spreads[k] + self.constant[i]);
                *q = likelihood + (self.prior[k] + PRIOR_EPS).ln();
            }
            let highest = q.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let evidence = highest + q.iter().map(|q| (q - highest).exp()).sum::<f64>().ln();
            for (q, prior) in q.iter_mut().zip(&mut prior) {
                *q = (*q - evidence).exp();
                *prior += *q;
            }
            sum += evidence;
        }
        let all: f64 = prior.iter().sum();
        self.prior = prior.iter().map(|prior| prior / all).collect();
        sum
    }

    fn penalty(&self) -> f64 {
        let pairs = self.inverse.iter().zip(&self.alpha);
        self.fb
            * 0.5
            * pairs
                .map(|(inverse, alpha)| inverse.ln() - inverse - alpha * alpha + 1.0)
                .sum::<f64>()
    }
}

/// One-hot labels times 7 through a softmax: (T, K0).
fn initial(labels: &[i64], speakers: usize) -> Vec<f64> {
    let other = (-SMOOTHING).exp();
    let all = 1.0 + (speakers as f64 - 1.0) * other;
    let row = |&label: &i64| (0..speakers as i64).map(move |k| if k == label { 1.0 / all } else { other / all });
    labels.iter().flat_map(row).collect()
}

/// post_plda (T, D) f8, phi (D,) f8, ahc_clusters (T,) -> qinit, q_final (T, K0), sp_final (K0,), elbo_trajectory, all
/// f8; it stops when the ELBO grows by less than 1e-4. Equations (16), (17), (23), (25) of Landini et al., 2022.
pub fn vbx(job: &Job) -> Result<(), String> {
    let rows: Array<f64> = job.read("post_plda", &[None, None])?;
    let (count, length) = (rows.shape[0], rows.shape[1]);
    let phi: Array<f64> = job.read("phi", &[Some(length)])?;
    let labels = job.read_integers("ahc_clusters", &[Some(count)])?;
    if let Some(wrong) = labels.data.iter().find(|&&label| !(0..count as i64).contains(&label)) {
        return Err(format!("ahc_clusters.npy: a cluster {wrong} of {count} embeddings"));
    }
    let number = |name: &str, otherwise: f64| job.parameter(name).map(|found| found.unwrap_or(otherwise));
    let speakers = labels.data.iter().max().map_or(0, |highest| *highest as usize + 1);
    let qinit = initial(&labels.data, speakers);
    let squares = |row: &[f64]| row.iter().map(|number| number * number).sum::<f64>();
    let log_two_pi = (2.0 * PI).ln();
    let mut model = Model {
        fa: number("fa", 0.07)?,
        fb: number("fb", 0.8)?,
        phi: &phi.data,
        rho: rows
            .data
            .iter()
            .zip(phi.data.iter().cycle())
            .map(|(number, phi)| number * phi.sqrt())
            .collect(),
        constant: rows
            .data
            .chunks_exact(length)
            .map(|row| -0.5 * (squares(row) + length as f64 * log_two_pi))
            .collect(),
        q: qinit.clone(),
        prior: vec![1.0 / speakers as f64; speakers],
        alpha: vec![0.0; speakers * length],
        inverse: vec![0.0; speakers * length],
    };
    let iterations = number("max_iterations", 20.0)?;
    if !(1.0..=MOST_ITERATIONS).contains(&iterations) {
        return Err(format!(
            "parameters.json: max_iterations is {iterations}, expected 1 to {MOST_ITERATIONS}"
        ));
    }
    let mut elbo: Vec<f64> = Vec::new();
    while elbo.len() < iterations as usize {
        model.update_speakers();
        let evidence = model.update_rows();
        elbo.push(evidence + model.penalty());
        if elbo.len() > 1 && elbo[elbo.len() - 1] - elbo[elbo.len() - 2] < STOP_BELOW {
            break;
        }
    }
    job.write(
        "qinit",
        &Array {
            shape: vec![count, speakers],
            data: qinit,
        },
    )?;
    job.write(
        "q_final",
        &Array {
            shape: vec![count, speakers],
            data: model.q,
        },
    )?;
    job.write(
        "sp_final",
        &Array {
            shape: vec![speakers],
            data: model.prior,
        },
    )?;
    job.write(
        "elbo_trajectory",
        &Array {
            shape: vec![elbo.len()],
            data: elbo,
        },
    )
}

/// The plain mean of some rows, float32 as in the reference; NaN where there are none.
fn plain_mean<'a>(rows: impl Iterator<Item = &'a [f32]>, length: usize) -> Vec<f32> {
    let (mut mean, mut count) = (vec![0.0f32; length], 0.0f32);
    for row in rows {
        mean.iter_mut().zip(row).for_each(|(sum, number)| *sum += number);
        count += 1.0;
    }
    mean.iter().map(|sum| sum / count).collect()
}

/// How many clusters KMeans was told to make, `automatic` of which VBx had kept; 0 where it was not told.
fn imposed(job: &Job, automatic: usize) -> Result<usize, String> {
    let number = job.parameter("num_speakers")?;
    let low = number.or(job.parameter("min_speakers")?).unwrap_or(1.0);
    let high = number.or(job.parameter("max_speakers")?).unwrap_or(f64::INFINITY);
    let automatic = automatic as f64;
    let found = if automatic > high {
        high
    } else if automatic < low || low == high {
        low
    } else {
        0.0
    };
    Ok(found as usize)
}

/// embeddings, train_chunk_idx, train_speaker_idx, q_final, sp_final, kmeans_clusters -> centroids (K, 256): means over
/// KMeans' clusters (f4), over everything where there was nothing to cluster (f4), or weighted by the responsibilities of
/// the speakers that survived (f8).
pub fn centroids(job: &Job) -> Result<(), String> {
    let rows = read_training(job)?;
    let (count, length) = (rows.shape[0], rows.shape[1]);
    let each = || rows.data.chunks_exact(length);
    if !job.has("sp_final") {
        return job.write(
            "centroids",
            &Array {
                shape: vec![1, length],
                data: plain_mean(each(), length),
            },
        );
    }
    let prior: Array<f64> = job.read("sp_final", &[None])?;
    let kept: Vec<usize> = (0..prior.data.len()).filter(|&k| prior.data[k] > SURVIVAL).collect();
    if job.has("kmeans_clusters") {
        let labels = job.read_integers("kmeans_clusters", &[Some(count)])?.data;
        if let Some(wrong) = labels.iter().find(|label| !(0..=MOST_CLUSTERS).contains(*label)) {
            return Err(format!("kmeans_clusters.npy: a cluster {wrong}"));
        }
        let highest = labels.iter().max().map_or(0, |label| *label as usize + 1);
        let clusters = imposed(job, kept.len())?.max(highest);
        let of = |cluster: usize| each().zip(&labels).filter(move |(_, &label)| label == cluster as i64);
        let means = (0..clusters).flat_map(|cluster| plain_mean(of(cluster).map(|(row, _)| row), length));
        return job.write(
            "centroids",
            &Array {
                shape: vec![clusters, length],
                data: means.collect(),
            },
        );
    }
    let q: Array<f64> = job.read("q_final", &[Some(count), Some(prior.data.len())])?;
    let mut means: Array<f64> = Array::zeros(&[kept.len(), length]);
    for (&k, mean) in kept.iter().zip(means.data.chunks_exact_mut(length)) {
        let mut weights = 0.0;
        for (row, q) in each().zip(q.data.chunks_exact(prior.data.len())) {
            weights += q[k];
            mean.iter_mut()
                .zip(row)
                .for_each(|(sum, number)| *sum += q[k] * f64::from(*number));
        }
        mean.iter_mut().for_each(|sum| *sum /= weights);
    }
    job.write("centroids", &means)
}

/// 2 minus the cosine distance.
fn closeness(embedding: &[f32], centroid: &[f64]) -> f64 {
    let (mut dot, mut one, mut other) = (0.0, 0.0, 0.0);
    for (&number, &mean) in embedding.iter().zip(centroid) {
        let number = f64::from(number);
        dot += number * mean;
        one += number * number;
        other += mean * mean;
    }
    let cosine = dot / (f64::sqrt(one) * f64::sqrt(other));
    2.0 - (1.0 - cosine.clamp(-1.0, 1.0))
}

/// embeddings (C, S, 256) f4, centroids (K, 256), segmentations, train_chunk_idx, kmeans_clusters -> soft_clusters
/// (C, S, K) f8; all ones where there was nothing to cluster. Who says nothing in a chunk gets a score one below the
/// smallest, unless KMeans made the clusters.
pub fn scoring(job: &Job) -> Result<(), String> {
    let embeddings: Array<f32> = job.read("embeddings", &[None, Some(SPEAKERS), None])?;
    let (chunks, length) = (embeddings.shape[0], embeddings.shape[2]);
    if job.read_integers("train_chunk_idx", &[None])?.data.len() < 2 {
        let ones = vec![1.0f64; chunks * SPEAKERS];
        return job.write(
            "soft_clusters",
            &Array {
                shape: vec![chunks, SPEAKERS, 1],
                data: ones,
            },
        );
    }
    let means = job.read_floats("centroids", &[None, Some(length)])?;
    let clusters = means.shape[0];
    let mut scores: Array<f64> = Array::zeros(&[chunks, SPEAKERS, clusters]);
    for (index, score) in scores.data.iter_mut().enumerate() {
        let (row, cluster) = (index / clusters * length, index % clusters * length);
        *score = closeness(
            &embeddings.data[row..row + length],
            &means.data[cluster..cluster + length],
        );
    }
    if !job.has("kmeans_clusters") {
        let segmentations = read_segmentations(job)?;
        // NaN where any score is, as in the reference.
        let lowest = scores
            .data
            .iter()
            .copied()
            .reduce(|a, b| if b >= a || a.is_nan() { a } else { b });
        for index in 0..chunks * SPEAKERS {
            let said: f32 = frames_of(&segmentations, index / SPEAKERS)
                .map(|row| row[index % SPEAKERS])
                .sum();
            if said == 0.0 {
                scores.data[index * clusters..(index + 1) * clusters].fill(lowest.unwrap_or(0.0) - 1.0);
            }
        }
    }
    job.write("soft_clusters", &scores)
}
