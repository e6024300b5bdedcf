// The stages: functions of the folder to read, the folder to write, and the parameters.
//
// `parity stages` lists what each reads and writes. C chunks of F = 589 frames and S = 3 local speakers, N output
// frames, K clusters, T embeddings to cluster. A stage that you add goes into the table at the end.

import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { bestAssignment } from "./assignment.mjs";
import { INTEGERS, readArray, writeArray } from "./npy.mjs";
import { rank } from "./ranking.mjs";

const FRAMES = 589;
const SPEAKERS = 3;
const [FRAME_SECONDS, FRAME_STEP, CHUNK_SECONDS] = [991 / 16000, 270 / 16000, 10];
const MIN_ACTIVE_RATIO = 0.2;
const SHORTEST = 1e-6; // seconds
const UNASSIGNED = -2;

// To the nearest whole number, halves to the even one.
function roundHalfEven(number) {
  const below = Math.floor(number);
  const rest = number - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

const closestFrame = (seconds) => roundHalfEven((seconds - 0.5 * FRAME_SECONDS) / FRAME_STEP);
const firstFrame = (chunk) => closestFrame(chunk + 0.5 * FRAME_SECONDS);
const numFrames = (chunks) => closestFrame(CHUNK_SECONDS + (chunks - 1) + 0.5 * FRAME_SECONDS) + 1;

const readSegmentations = (source) => readArray(source, "segmentations", ["<f4"], [null, FRAMES, SPEAKERS]);

// The three local speakers of a frame of a chunk.
function frameOf(segmentations, chunk, frame) {
  const at = (chunk * FRAMES + frame) * SPEAKERS;
  return segmentations.data.subarray(at, at + SPEAKERS);
}

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

// segmentations (C, F, S) f4 -> count (N, 1) u1: the mean over chunks, rounded half to even
function speakerCounting(source, target) {
  const segmentations = readSegmentations(source);
  const [chunks] = segmentations.shape;
  const total = new Float32Array(numFrames(chunks));
  const weight = new Float32Array(total.length);
  for (let chunk = 0; chunk < chunks; chunk++) {
    for (let frame = 0; frame < FRAMES; frame++) {
      const active = sum(frameOf(segmentations, chunk, frame));
      if (Number.isNaN(active)) continue; // the chunk says nothing of this frame
      total[firstFrame(chunk) + frame] += active;
      weight[firstFrame(chunk) + frame] += 1;
    }
  }
  const mean = total.map((active, frame) => active / Math.max(weight[frame], 1e-12));
  writeArray(target, "count", "|u1", [total.length, 1], Uint8Array.from(mean, roundHalfEven));
}

// embeddings (C, S, 256) f4, segmentations -> train_chunk_idx, train_speaker_idx (T,) i8: speakers who are alone for a
// fifth of the chunk and whose embedding holds no NaN; in chunk order, then speaker order
function filter(source, target) {
  const segmentations = readSegmentations(source);
  const [chunks] = segmentations.shape;
  const embeddings = readArray(source, "embeddings", ["<f4"], [chunks, SPEAKERS, null]);
  const length = embeddings.shape[2];
  const kept = [];
  for (let chunk = 0; chunk < chunks; chunk++) {
    const clean = [0, 0, 0];
    for (let frame = 0; frame < FRAMES; frame++) {
      const row = frameOf(segmentations, chunk, frame);
      const alone = Number(sum(row) === 1);
      row.forEach((activity, speaker) => (clean[speaker] += activity * alone));
    }
    clean.forEach((frames, speaker) => {
      const at = (chunk * SPEAKERS + speaker) * length;
      const embedding = embeddings.data.subarray(at, at + length);
      if (frames >= MIN_ACTIVE_RATIO * FRAMES && !embedding.some(Number.isNaN)) kept.push([chunk, speaker]);
    });
  }
  for (const [column, name] of ["train_chunk_idx", "train_speaker_idx"].entries()) {
    writeArray(target, name, "<i8", [kept.length], BigInt64Array.from(kept, (pair) => BigInt(pair[column])));
  }
}

// soft_clusters (C, S, K) f8 -> hard_clusters (C, S) i1, -2 for nobody. Within a chunk two speakers never share a
// cluster and the best total wins, unless KMeans made the clusters. With fewer than two embeddings all are speaker 0.
function assignment(source, target) {
  const scores = readArray(source, "soft_clusters", ["<f8", "<f4"], [null, null, null]);
  const train = readArray(source, "train_chunk_idx", INTEGERS, [null]);
  const imposed = readArray(source, "kmeans_clusters", INTEGERS, [null], true);
  const [chunks, speakers, clusters] = scores.shape;
  const rowOf = (index) => Array.from(scores.data.subarray(index * clusters, (index + 1) * clusters));
  const hard = new Int8Array(chunks * speakers);
  if (train.data.length >= 2 && imposed !== null) {
    hard.forEach((_, index) => (hard[index] = firstBest(rowOf(index))));
  } else if (train.data.length >= 2) {
    const lowest = scores.data.reduce((low, score) => (score < low ? score : low), Infinity); // what NaN counts as
    for (let chunk = 0; chunk < chunks; chunk++) {
      const rows = Array.from({ length: speakers }, (_, speaker) => rowOf(chunk * speakers + speaker));
      const found = bestAssignment(rows.map((row) => row.map((score) => (Number.isNaN(score) ? lowest : score))));
      hard.set(Array.from(found, (cluster) => (cluster < 0 ? UNASSIGNED : cluster)), chunk * speakers);
    }
  }
  writeArray(target, "hard_clusters", "|i1", [chunks, speakers], hard);
}

// The first of the best scores; a NaN counts as the best.
function firstBest(scores) {
  const nan = scores.findIndex(Number.isNaN);
  return nan >= 0 ? nan : scores.indexOf(Math.max(...scores));
}

// segmentations (C, F, S) f4, hard_clusters (C, S), count (N, 1) u1 -> discrete_diarization and
// exclusive_discrete_diarization (N, speakers) f4, the latter with one speaker per frame at most
function reconstruction(source, target, parameters) {
  const segmentations = readSegmentations(source);
  const [chunks] = segmentations.shape;
  const hard = readArray(source, "hard_clusters", INTEGERS, [chunks, SPEAKERS]);
  const count = readArray(source, "count", ["|u1"], [numFrames(chunks), 1]);
  const most = parameters.num_speakers ?? parameters.max_speakers ?? Infinity;
  const activity = activations(segmentations, Array.from(hard.data, Number));
  for (const [name, cap] of [["discrete_diarization", most], ["exclusive_discrete_diarization", Math.min(most, 1)]]) {
    writeMostActive(target, name, activity, Array.from(count.data, (active) => Math.min(active, cap)));
  }
}

// How many chunks say that a cluster speaks, by frame and cluster. Who says nothing in a chunk belongs to nobody.
function activations(segmentations, hard) {
  const [chunks] = segmentations.shape;
  const owners = [];
  for (let chunk = 0; chunk < chunks; chunk++) {
    const said = [0, 0, 0];
    for (let frame = 0; frame < FRAMES; frame++) {
      frameOf(segmentations, chunk, frame).forEach((activity, speaker) => (said[speaker] += activity));
    }
    owners.push(said.map((total, speaker) => (total === 0 ? UNASSIGNED : hard[chunk * SPEAKERS + speaker])));
  }
  const clusters = owners.flat().reduce((highest, cluster) => Math.max(highest, cluster), -1) + 1;
  const total = Array.from({ length: numFrames(chunks) }, () => new Float32Array(clusters));
  owners.forEach((own, chunk) => {
    for (const cluster of new Set(own.filter((owner) => owner >= 0))) {
      for (let frame = 0; frame < FRAMES; frame++) {
        const active = Math.max(...frameOf(segmentations, chunk, frame).filter((_, speaker) => own[speaker] === cluster));
        if (!Number.isNaN(active)) total[firstFrame(chunk) + frame][cluster] += active;
      }
    }
  });
  return total;
}

function writeMostActive(target, name, activity, count) {
  const columns = count.reduce((most, active) => Math.max(most, active), activity[0].length);
  const discrete = new Float32Array(activity.length * columns);
  activity.forEach((row, frame) => {
    const padded = new Float32Array(columns); // columns are added where the count exceeds the clusters
    padded.set(row);
    for (const cluster of rank(padded).slice(0, count[frame])) discrete[frame * columns + cluster] = 1;
  });
  writeArray(target, name, "<f4", [activity.length, columns], discrete);
}

// discrete_diarization, exclusive_discrete_diarization (N, speakers) f4 -> diarization, exclusive_diarization as RTTM,
// under the same names: speakers' numbers in their order as text
function annotation(source, target, parameters) {
  const [plain, alone] = ["discrete_diarization", "exclusive_discrete_diarization"].map((name) =>
    turnsOf(readArray(source, name, ["<f4"], [null, null], true), parameters.min_duration_off),
  );
  const speakers = [...new Set(plain.map((turn) => turn.speaker))].sort(asText);
  const names = new Map(speakers.map((speaker, index) => [speaker, `SPEAKER_${String(index).padStart(2, "0")}`]));
  writeRttm(target, "diarization", plain, parameters.uri, names);
  writeRttm(target, "exclusive_diarization", alone, parameters.uri, names);
}

const compare = (a, b) => (a < b ? -1 : Number(a > b));
const asText = (a, b) => compare(String(a), String(b));

const byTime = (a, b) =>
  compare(a.start, b.start) || compare(a.end, b.end) || compare(a.track, b.track) || compare(a.speaker, b.speaker);

// From the middle of a turn's first frame to the middle of the first frame after it, ordered as in RTTM.
function turnsOf(discrete, gap) {
  if (discrete === null) return []; // nobody spoke: it was not made
  const turns = [];
  const speakers = Array.from({ length: discrete.shape[1] }, (_, speaker) => speaker).sort(asText);
  for (const speaker of speakers) {
    const spans = spansOf(discrete, speaker).filter(([start, end]) => end - start > SHORTEST);
    for (const [start, end] of gap > 0 ? joined(spans, gap) : spans) {
      // Tracks lose their names where gaps are filled, as in the reference.
      turns.push({ start, end, speaker, track: track(gap > 0 ? turns.length : speaker) });
    }
  }
  return turns.sort(byTime);
}

function frameMiddle(frame) {
  const start = frame * FRAME_STEP;
  return 0.5 * (start + (start + FRAME_SECONDS));
}

function spansOf({ shape: [frames, columns], data }, speaker) {
  const spans = [];
  const active = (frame) => frame < frames && data[frame * columns + speaker] > 0.5;
  for (let frame = 0; frame < frames; frame++) {
    if (!active(frame)) continue;
    const first = frame;
    while (active(frame)) frame++;
    spans.push([frameMiddle(first), frameMiddle(Math.min(frame, frames - 1))]);
  }
  return spans;
}

// Spans less than `gap` seconds apart become one.
function joined(spans, gap) {
  const found = [];
  for (const [start, end] of spans) {
    if (found.length && start - found.at(-1)[1] < gap) found.at(-1)[1] = end;
    else found.push([start, end]);
  }
  return found;
}

// A, B, …, Z, AA, AB, … as pyannote.core names tracks; turns that begin and end together are ordered by them.
function track(index) {
  let letters = "";
  for (let rest = index + 1; rest; rest = Math.floor((rest - 1) / 26)) {
    letters = String.fromCharCode(65 + ((rest - 1) % 26)) + letters;
  }
  return letters;
}

// With three decimals, halves to even as Python formats them; `toFixed` takes the larger. A half has four decimals, and
// those that binary numbers have are sixteenths.
function threeDecimals(seconds) {
  const sixteenths = seconds * 16;
  const half = Number.isInteger(sixteenths) && sixteenths % 2 !== 0;
  return half ? (roundHalfEven(seconds * 1000) / 1000).toFixed(3) : seconds.toFixed(3);
}

function writeRttm(target, name, turns, uri, names) {
  const lines = turns.map(({ start, end, speaker }) => {
    const times = `${threeDecimals(start)} ${threeDecimals(end - start)}`;
    return `SPEAKER ${uri} 1 ${times} <NA> <NA> ${names.get(speaker) ?? speaker} <NA> <NA>\n`;
  });
  writeFileSync(join(target, `${name}.rttm`), lines.join(""));
}

export const STAGES = { speaker_counting: speakerCounting, filter, assignment, reconstruction, annotation };
