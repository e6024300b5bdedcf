//! Where chunks and frames lie in time: a chunk is 10 s long and starts every second, a frame is 991 samples every 270.

pub const FRAMES: usize = 589;
pub const SPEAKERS: usize = 3;
const FRAME_SECONDS: f64 = 991.0 / 16000.0;
const FRAME_STEP: f64 = 270.0 / 16000.0;
const CHUNK_SECONDS: f64 = 10.0;

/// Index of the frame whose middle is closest; halves go to the even index.
fn closest_frame(seconds: f64) -> usize {
    ((seconds - 0.5 * FRAME_SECONDS) / FRAME_STEP).round_ties_even() as usize
}

/// The output frame that the first frame of a chunk is added to.
pub fn first_frame(chunk: usize) -> usize {
    closest_frame(chunk as f64 + 0.5 * FRAME_SECONDS)
}

/// How many output frames so many chunks have.
pub fn num_frames(chunks: usize) -> usize {
    closest_frame(CHUNK_SECONDS + (chunks as f64 - 1.0) + 0.5 * FRAME_SECONDS) + 1
}

/// The middle of an output frame in seconds, in the reference's order of operations.
pub fn frame_middle(frame: usize) -> f64 {
    let start = frame as f64 * FRAME_STEP;
    0.5 * (start + (start + FRAME_SECONDS))
}
