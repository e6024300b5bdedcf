//! Two mistakes that ports make, to be planted with `--mistake`.

use crate::protocol::Job;
use crate::stages::{assign_by, count_speakers, read_segmentations};

pub fn greedy_assignment(job: &Job) -> Result<(), String> {
    assign_by(job, best_pairs_first)
}

/// The best pair first, then the best that is left, where the best total wins.
fn best_pairs_first(scores: &[f64], rows: usize, columns: usize) -> Result<Vec<Option<usize>>, String> {
    let mut pairs: Vec<(usize, usize)> = (0..rows * columns)
        .map(|index| (index / columns, index % columns))
        .collect();
    pairs.sort_by(|a, b| scores[b.0 * columns + b.1].total_cmp(&scores[a.0 * columns + a.1]));
    let mut column_of_row = vec![None; rows];
    for (row, column) in pairs {
        if column_of_row[row].is_none() && !column_of_row.contains(&Some(column)) {
            column_of_row[row] = Some(column);
        }
    }
    Ok(column_of_row)
}

/// 0.5 becomes 1 and 2.5 becomes 3, where halves go to the even number.
pub fn count_half_up(job: &Job) -> Result<(), String> {
    job.write(
        "count",
        &count_speakers(&read_segmentations(job)?, |mean| (mean + 0.5).floor()),
    )
}
