//! Centroid linkage as SciPy has it, bit for bit, ties and inversions included; and its cut.
//!
//! The generic algorithm of Müllner, "Modern hierarchical, agglomerative clustering algorithms", 2011, section 3.1, with
//! the Lance-Williams update for centroids. Which of equals is merged first depends on the history of a binary heap, so
//! the heap is here as well. The later of two merged clusters keeps its place.

use crate::npy::Array;

/// A binary heap of values by key, smallest first, in which a value may change. Nothing moves past an equal.
struct Heap {
    /// Value and key, by place.
    entries: Vec<(f64, usize)>,
    /// Place, by key.
    places: Vec<usize>,
}

impl Heap {
    fn new(values: &[f64]) -> Heap {
        let entries = values.iter().enumerate().map(|(key, &value)| (value, key)).collect();
        let mut heap = Heap {
            entries,
            places: (0..values.len()).collect(),
        };
        for place in (0..values.len() / 2).rev() {
            heap.sink(place);
        }
        heap
    }

    fn put(&mut self, place: usize, entry: (f64, usize)) {
        self.entries[place] = entry;
        self.places[entry.1] = place;
    }

    fn sink(&mut self, mut place: usize) {
        let entry = self.entries[place];
        loop {
            let mut child = 2 * place + 1;
            if child >= self.entries.len() {
                break;
            }
            if child + 1 < self.entries.len() && self.entries[child + 1].0 < self.entries[child].0 {
                child += 1;
            }
            if entry.0 <= self.entries[child].0 {
                break;
            }
            self.put(place, self.entries[child]);
            place = child;
        }
        self.put(place, entry);
    }

    fn rise(&mut self, mut place: usize) {
        let entry = self.entries[place];
        while place > 0 {
            let parent = (place - 1) / 2;
            if self.entries[parent].0 <= entry.0 {
                break;
            }
            self.put(place, self.entries[parent]);
            place = parent;
        }
        self.put(place, entry);
    }

    fn change(&mut self, key: usize, value: f64) {
        let place = self.places[key];
        let before = std::mem::replace(&mut self.entries[place].0, value);
        if value < before {
            self.rise(place);
        } else {
            self.sink(place);
        }
    }

    fn pop(&mut self) {
        if let Some(last) = self.entries.pop() {
            if !self.entries.is_empty() {
                self.put(0, last);
                self.sink(0);
            }
        }
    }
}

/// The clusters that are left; `size` is 0 where a place was given up.
struct Forest {
    count: usize,
    /// (count, count), kept whole: both triangles are the same.
    distance: Vec<f64>,
    size: Vec<usize>,
    neighbour: Vec<usize>,
    /// Of each cluster to the nearest later one, or below that.
    bound: Vec<f64>,
    heap: Heap,
}

impl Forest {
    fn new(rows: &[f64], count: usize, length: usize) -> Forest {
        let mut distance = vec![0.0; count * count];
        for x in 0..count {
            for y in 0..x {
                let pairs = rows[x * length..(x + 1) * length]
                    .iter()
                    .zip(&rows[y * length..(y + 1) * length]);
                let apart = pairs.fold(0.0, |sum, (a, b)| sum + (a - b) * (a - b)).sqrt();
                (distance[x * count + y], distance[y * count + x]) = (apart, apart);
            }
        }
        let heap = Heap::new(&[]);
        let bound = vec![f64::INFINITY; count];
        let mut forest = Forest {
            count,
            distance,
            size: vec![1; count],
            neighbour: vec![0; count],
            bound,
            heap,
        };
        for x in 0..count - 1 {
            if let Some((neighbour, bound)) = forest.nearest_behind(x) {
                (forest.neighbour[x], forest.bound[x]) = (neighbour, bound);
            }
        }
        forest.heap = Heap::new(&forest.bound[..count - 1]);
        forest
    }

    fn between(&self, x: usize, y: usize) -> f64 {
        self.distance[x * self.count + y]
    }

    /// The nearest of the clusters behind x, the first of equals, and how far it is; None where there is none.
    fn nearest_behind(&self, x: usize) -> Option<(usize, f64)> {
        let mut nearest = None;
        let mut lowest = f64::INFINITY;
        for y in x + 1..self.count {
            if self.size[y] > 0 && (nearest.is_none() || self.between(x, y) < lowest) {
                lowest = self.between(x, y);
                nearest = Some((y, lowest));
            }
        }
        nearest
    }

    fn set(&mut self, x: usize, neighbour: usize, bound: f64) {
        (self.neighbour[x], self.bound[x]) = (neighbour, bound);
        self.heap.change(x, bound);
    }

    /// The two closest clusters and their distance; bounds may be too low, never too high.
    fn closest(&mut self) -> (usize, usize, f64) {
        loop {
            let (bound, x) = self.heap.entries[0];
            let y = self.neighbour[x];
            if bound == self.between(x, y) {
                return (x, y, bound);
            }
            let (neighbour, bound) = self.nearest_behind(x).unwrap_or((y, f64::INFINITY));
            self.set(x, neighbour, bound);
        }
    }

    fn merge(&mut self, x: usize, y: usize, height: f64) {
        let (size_x, size_y) = (std::mem::take(&mut self.size[x]), self.size[y]);
        self.size[y] = size_x + size_y;
        for z in (0..self.count).filter(|&z| z != y) {
            if self.size[z] > 0 {
                let merged = merged_distance(self.between(z, x), self.between(z, y), height, size_x, size_y);
                self.distance[z * self.count + y] = merged;
                self.distance[y * self.count + z] = merged;
            }
        }
        for z in 0..x {
            if self.size[z] > 0 && self.neighbour[z] == x {
                self.neighbour[z] = y;
            }
        }
        for z in 0..y {
            if self.size[z] > 0 && self.between(z, y) < self.bound[z] {
                self.set(z, y, self.between(z, y));
            }
        }
        if let Some((neighbour, bound)) = self.nearest_behind(y) {
            self.set(y, neighbour, bound);
        }
    }
}

/// Distance of the merged cluster to another, in SciPy's order of operations; rounding may put a square below zero.
fn merged_distance(to_x: f64, to_y: f64, height: f64, size_x: usize, size_y: usize) -> f64 {
    let (x, y) = (size_x as f64, size_y as f64);
    let squares = (x * to_x * to_x + y * to_y * to_y - x * y * height * height / (x + y)) / (x + y);
    let distance = squares.sqrt();
    if distance.is_nan() {
        f64::INFINITY
    } else {
        distance
    }
}

/// Rows (count, length), at least two -> dendrogram (count - 1, 4): the two clusters, their distance, the new size.
pub fn centroid_linkage(rows: &[f64], count: usize, length: usize) -> Array<f64> {
    let mut forest = Forest::new(rows, count, length);
    let mut name: Vec<usize> = (0..count).collect();
    let mut data = Vec::with_capacity(4 * (count - 1));
    for step in 0..count - 1 {
        let (x, y, height) = forest.closest();
        forest.heap.pop();
        let (one, other) = (name[x].min(name[y]), name[x].max(name[y]));
        data.extend([
            one as f64,
            other as f64,
            height,
            (forest.size[x] + forest.size[y]) as f64,
        ]);
        forest.merge(x, y, height);
        name[y] = count + step;
    }
    Array {
        shape: vec![count - 1, 4],
        data,
    }
}

/// Labels from 0 of the clusters whose merges all lie at or below the threshold, in the order in which SciPy walks the
/// tree: a merge's subtrees, left before right, then its leaves. Centroid linkage has inversions: the highest merge in a
/// subtree need not be the last one.
pub fn cut(dendrogram: &Array<f64>, threshold: f64) -> Vec<i64> {
    let merges: Vec<[usize; 2]> = dendrogram
        .data
        .chunks_exact(4)
        .map(|row| [row[0] as usize, row[1] as usize])
        .collect();
    let leaves = merges.len() + 1;
    let mut highest: Vec<f64> = Vec::with_capacity(merges.len());
    for (children, row) in merges.iter().zip(dendrogram.data.chunks_exact(4)) {
        let below = children
            .iter()
            .filter(|&&child| child >= leaves)
            .map(|&child| highest[child - leaves]);
        highest.push(below.fold(row[2], f64::max));
    }
    let (mut labels, mut clusters) = (vec![0; leaves], 0);
    let (mut walk, mut leader) = (vec![merges.len() - 1], None);
    let mut seen = vec![false; merges.len()];
    while let Some(&node) = walk.last() {
        if leader.is_none() && highest[node] <= threshold {
            leader = Some(node);
            clusters += 1;
        }
        if let Some(&child) = merges[node]
            .iter()
            .find(|&&child| child >= leaves && !seen[child - leaves])
        {
            seen[child - leaves] = true;
            walk.push(child - leaves);
            continue;
        }
        for &child in merges[node].iter().filter(|&&child| child < leaves) {
            clusters += i64::from(leader.is_none());
            labels[child] = clusters - 1;
        }
        if leader == Some(node) {
            leader = None;
        }
        walk.pop();
    }
    labels
}
