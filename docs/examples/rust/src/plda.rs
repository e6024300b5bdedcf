//! xvec and plda: embeddings -> the space where VBx works.
//!
//! The lab re-solves the stored PLDA as a generalised eigenproblem. Its solution is known without solving: the rows of
//! the stored transform, by falling between-class variance, each up to its sign, which is arbitrary there too.

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::npy::{self, Array};
use crate::protocol::Job;

const WIDE: usize = 256;
const NARROW: usize = 128;

/// Where the PLDA's arrays lie: `constants` of a porting kit.
pub static FOLDER: OnceLock<PathBuf> = OnceLock::new();

fn constant(name: &str, shape: &[usize]) -> Result<Vec<f64>, String> {
    let path = FOLDER.get().ok_or("no --plda")?.join(format!("plda_{name}.npy"));
    let array = npy::read_floats(&path)?;
    if array.shape == shape {
        Ok(array.data)
    } else {
        Err(format!(
            "{}: shape {:?}, expected {shape:?}",
            path.display(),
            array.shape
        ))
    }
}

/// The embeddings to cluster, (T, D): those that train_chunk_idx and train_speaker_idx point at.
pub fn read_training(job: &Job) -> Result<Array<f32>, String> {
    let embeddings: Array<f32> = job.read("embeddings", &[None, None, None])?;
    let chunks = job.read_integers("train_chunk_idx", &[None])?;
    let speakers = job.read_integers("train_speaker_idx", &[Some(chunks.data.len())])?;
    let length = embeddings.shape[2];
    let mut rows = Vec::with_capacity(chunks.data.len() * length);
    for (&chunk, &speaker) in chunks.data.iter().zip(&speakers.data) {
        if !(0..embeddings.shape[0] as i64).contains(&chunk) || !(0..embeddings.shape[1] as i64).contains(&speaker) {
            return Err(format!("train_chunk_idx.npy: ({chunk}, {speaker}) is no embedding"));
        }
        let at = (chunk as usize * embeddings.shape[1] + speaker as usize) * length;
        rows.extend_from_slice(&embeddings.data[at..at + length]);
    }
    Ok(Array {
        shape: vec![chunks.data.len(), length],
        data: rows,
    })
}

/// Take a mean off and stretch to this norm.
fn centre(row: &mut [f64], mean: &[f64], norm: f64) {
    row.iter_mut().zip(mean).for_each(|(number, mean)| *number -= mean);
    let length = row.iter().map(|number| number * number).sum::<f64>().sqrt();
    row.iter_mut().for_each(|number| *number = norm * (*number / length));
}

/// embeddings, train_chunk_idx, train_speaker_idx -> post_xvec (T, 128) f8: centred, of norm sqrt(256), reduced by LDA,
/// centred again, of norm sqrt(128).
pub fn xvec(job: &Job) -> Result<(), String> {
    let rows = read_training(job)?;
    if rows.shape[1] != WIDE {
        return Err(format!(
            "embeddings.npy: {} numbers per embedding, expected {WIDE}",
            rows.shape[1]
        ));
    }
    let (mean1, mean2) = (constant("mean1", &[WIDE])?, constant("mean2", &[NARROW])?);
    let lda = constant("lda", &[WIDE, NARROW])?;
    let mut out: Array<f64> = Array::zeros(&[rows.shape[0], NARROW]);
    for (row, narrow) in rows.data.chunks_exact(WIDE).zip(out.data.chunks_exact_mut(NARROW)) {
        let mut wide: Vec<f64> = row.iter().map(|&number| f64::from(number)).collect();
        centre(&mut wide, &mean1, (WIDE as f64).sqrt());
        for (number, weights) in wide.iter().zip(lda.chunks_exact(NARROW)) {
            narrow
                .iter_mut()
                .zip(weights)
                .for_each(|(sum, weight)| *sum += weight * number);
        }
        centre(narrow, &mean2, (NARROW as f64).sqrt());
    }
    job.write("post_xvec", &out)
}

/// post_xvec -> post_plda (T, 128) f8, phi (128,) f8.
pub fn plda(job: &Job) -> Result<(), String> {
    let rows: Array<f64> = job.read("post_xvec", &[None, Some(NARROW)])?;
    let (mu, variance) = (constant("mu", &[NARROW])?, constant("psi", &[NARROW])?);
    let transform = constant("tr", &[NARROW, NARROW])?;
    let mut order: Vec<usize> = (0..NARROW).collect();
    order.sort_by(|&a, &b| variance[b].total_cmp(&variance[a]));
    let mut out: Array<f64> = Array::zeros(&rows.shape);
    for (row, to) in rows.data.chunks_exact(NARROW).zip(out.data.chunks_exact_mut(NARROW)) {
        for (number, &axis) in to.iter_mut().zip(&order) {
            let direction = &transform[axis * NARROW..(axis + 1) * NARROW];
            *number = row
                .iter()
                .zip(&mu)
                .zip(direction)
                .map(|((number, mu), weight)| (number - mu) * weight)
                .sum();
        }
    }
    job.write("post_plda", &out)?;
    job.write(
        "phi",
        &Array {
            shape: vec![NARROW],
            data: order.iter().map(|&axis| variance[axis]).collect(),
        },
    )
}
