//! Discrete diarization -> speaker turns -> RTTM.
//!
//! A turn starts at the middle of its first frame and ends at the middle of the first frame after it; turns of a
//! microsecond or less vanish. Speakers are named in the order of their numbers as text (0, 1, 10, 2); turns are ordered
//! by start, then end, then track, whose names (A, B, …, Z, AA) are compared as text too.

use std::collections::HashMap;
use std::fmt::Write;

use crate::geometry::frame_middle;
use crate::npy::Array;

const SHORTEST: f64 = 1e-6;

pub struct Turn {
    start: f64,
    end: f64,
    track: String,
    speaker: usize,
}

/// The turns of a diarization (frames, speakers), gaps of one speaker that are shorter than `gap` seconds filled.
pub fn turns_of(discrete: &Array<f32>, gap: f64) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    for speaker in as_text((0..discrete.shape[1]).collect()) {
        let mut spans = spans_of(discrete, speaker);
        spans.retain(|(start, end)| end - start > SHORTEST);
        if gap > 0.0 {
            spans = joined(&spans, gap);
        }
        for (start, end) in spans {
            // Tracks lose their names where gaps are filled, as in the reference.
            let track = track(if gap > 0.0 { turns.len() } else { speaker });
            turns.push(Turn {
                start,
                end,
                track,
                speaker,
            });
        }
    }
    turns.sort_by(|a, b| {
        let times = a.start.total_cmp(&b.start).then(a.end.total_cmp(&b.end));
        times
            .then_with(|| a.track.cmp(&b.track))
            .then(a.speaker.cmp(&b.speaker))
    });
    turns
}

/// What the speakers that occur are called.
pub fn names(turns: &[Turn]) -> HashMap<usize, String> {
    let mut speakers: Vec<usize> = turns.iter().map(|turn| turn.speaker).collect();
    speakers.sort_unstable();
    speakers.dedup();
    as_text(speakers)
        .into_iter()
        .enumerate()
        .map(|(index, speaker)| (speaker, format!("SPEAKER_{index:02}")))
        .collect()
}

/// Times with three decimals, halves to even.
pub fn to_rttm(turns: &[Turn], uri: &str, names: &HashMap<usize, String>) -> String {
    let mut lines = String::new();
    for Turn {
        start, end, speaker, ..
    } in turns
    {
        let name = names.get(speaker).cloned().unwrap_or_else(|| speaker.to_string());
        let duration = end - start;
        writeln!(
            lines,
            "SPEAKER {uri} 1 {start:.3} {duration:.3} <NA> <NA> {name} <NA> <NA>"
        )
        .expect("a String grows");
    }
    lines
}

/// In the order of the numbers as text.
fn as_text(mut speakers: Vec<usize>) -> Vec<usize> {
    speakers.sort_by_key(usize::to_string);
    speakers
}

fn spans_of(discrete: &Array<f32>, speaker: usize) -> Vec<(f64, f64)> {
    let (frames, columns) = (discrete.shape[0], discrete.shape[1]);
    let active = |frame: usize| frame < frames && discrete.data[frame * columns + speaker] > 0.5;
    let mut spans = Vec::new();
    let mut frame = 0;
    while frame < frames {
        let first = frame;
        while active(frame) {
            frame += 1;
        }
        if frame > first {
            spans.push((frame_middle(first), frame_middle(frame.min(frames - 1))));
        }
        frame += 1;
    }
    spans
}

/// Spans less than `gap` seconds apart become one.
fn joined(spans: &[(f64, f64)], gap: f64) -> Vec<(f64, f64)> {
    let mut found: Vec<(f64, f64)> = Vec::new();
    for &(start, end) in spans {
        match found.last_mut() {
            Some(last) if start - last.1 < gap => last.1 = end,
            _ => found.push((start, end)),
        }
    }
    found
}

/// A, B, …, Z, AA, AB, … as pyannote.core names tracks.
fn track(index: usize) -> String {
    let mut letters = Vec::new();
    let mut rest = index + 1;
    while rest > 0 {
        letters.push(b'A' + ((rest - 1) % 26) as u8);
        rest = (rest - 1) / 26;
    }
    letters.iter().rev().map(|&letter| char::from(letter)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracks_are_named_like_columns_of_a_sheet() {
        let named: Vec<String> = [0, 25, 26, 51, 52, 701, 702].map(track).to_vec();
        assert_eq!(named, ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]);
    }

    #[test]
    fn halves_are_rounded_to_even() {
        assert_eq!(
            [0.0625, 0.1875, 0.3125].map(|time: f64| format!("{time:.3}")),
            ["0.062", "0.188", "0.312"]
        );
    }
}
