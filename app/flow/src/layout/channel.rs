//! The vertical pieces between two layers, each on a track of its own.
//!
//! The pieces of one port are one wire. Wires are ordered so that they cross each other and cover
//! each other's ends as little as possible, after Sander ("Layout of directed hypergraphs with
//! orthogonal hyperedges", 2004), with the greedy cycle removal of Eades, Lin and Smyth ("A fast
//! and effective heuristic for the feedback arc set problem", 1993).

use super::sort_by;

/// A vertical piece with the heights at which horizontal ones meet it from the left and the right.
#[derive(Clone, Debug, Default)]
pub(super) struct Wire {
    pub(super) lefts: Vec<f64>,
    pub(super) rights: Vec<f64>,
}

/// Above these, wires are ordered by rule instead of pair by pair.
const WIRES: usize = 128;
const ENDS: usize = 4_000;
/// Two lines on top of each other are as bad as this many crossings.
const COVER: i64 = 64;

impl Wire {
    fn low(&self) -> f64 {
        self.lefts
            .iter()
            .chain(&self.rights)
            .copied()
            .fold(f64::MAX, f64::min)
    }

    fn high(&self) -> f64 {
        self.lefts
            .iter()
            .chain(&self.rights)
            .copied()
            .fold(f64::MIN, f64::max)
    }
}

/// A track for every wire, counted from the left, and the number of tracks. Wires that pass the
/// same height are on different tracks.
pub(super) fn tracks(mut wires: Vec<Wire>) -> (Vec<usize>, usize) {
    for wire in &mut wires {
        wire.lefts.sort_by(f64::total_cmp);
        wire.rights.sort_by(f64::total_cmp);
    }
    let extent: Vec<(f64, f64)> = wires.iter().map(|wire| (wire.low(), wire.high())).collect();
    let mut sequence = by_rule(&wires, &extent);
    let ends: usize = wires
        .iter()
        .map(|wire| wire.lefts.len() + wire.rights.len())
        .sum();
    if wires.len() <= WIRES && ends <= ENDS {
        sequence = by_pairs(&wires, &extent, &sequence);
    }
    let mut heights: Vec<f64> = extent.iter().flat_map(|&(low, high)| [low, high]).collect();
    heights.sort_by(f64::total_cmp);
    heights.dedup();
    let mut skyline = Skyline::new(heights.len());
    let index = |height: f64| heights.partition_point(|&other| other < height);
    let (mut track, mut count) = (vec![0; wires.len()], 0);
    for wire in sequence {
        let (low, high) = (index(extent[wire].0), index(extent[wire].1));
        track[wire] = skyline.most(low, high);
        skyline.raise(low, high, track[wire] + 1);
        count = count.max(track[wire] + 1);
    }
    (track, count)
}

/// Without crossings, wires that lead down are stairs from the lowest to the highest, and wires
/// that lead up from the highest to the lowest.
fn by_rule(wires: &[Wire], extent: &[(f64, f64)]) -> Vec<usize> {
    let mean = |ends: &[f64]| ends.iter().sum::<f64>() / ends.len().max(1) as f64;
    let up: Vec<bool> = wires
        .iter()
        .map(|wire| mean(&wire.rights) < mean(&wire.lefts))
        .collect();
    let mut sequence: Vec<usize> = (0..wires.len()).collect();
    sort_by(&mut sequence, &|one, other| {
        let height = |wire: usize| if up[wire] { extent[wire].1 } else { -extent[wire].0 };
        (up[one].cmp(&up[other])).then(height(one).total_cmp(&height(other)))
    });
    sequence
}

/// Orders wires by what each pair would rather have, from both ends inwards.
fn by_pairs(wires: &[Wire], extent: &[(f64, f64)], sequence: &[usize]) -> Vec<usize> {
    let count = sequence.len();
    // How much it helps when the wire of the row is left of the wire of the column.
    let mut gain = vec![0_i64; count * count];
    for (at, &one) in sequence.iter().enumerate() {
        for (other_at, &other) in sequence.iter().enumerate().skip(at + 1) {
            let (a, b) = (extent[one], extent[other]);
            if a.0 <= b.1 && b.0 <= a.1 {
                let gains = cost(wires, extent, other, one) - cost(wires, extent, one, other);
                gain[at * count + other_at] = gains.max(0);
                gain[other_at * count + at] = (-gains).max(0);
            }
        }
    }
    let mut left: Vec<i64> = (0..count)
        .map(|at| gain[at * count..(at + 1) * count].iter().sum())
        .collect();
    let mut right: Vec<i64> = (0..count)
        .map(|at| (0..count).map(|other| gain[other * count + at]).sum())
        .collect();
    let mut waiting: Vec<usize> = (0..count).collect();
    let (mut head, mut tail) = (Vec::with_capacity(count), Vec::new());
    while !waiting.is_empty() {
        let source = waiting.iter().position(|&at| right[at] == 0);
        let sink = waiting.iter().rposition(|&at| left[at] == 0);
        let best = || {
            (0..waiting.len())
                .max_by_key(|&place| (left[waiting[place]] - right[waiting[place]], usize::MAX - place))
        };
        let Some(place) = source.or(sink).or_else(best) else {
            break;
        };
        let at = waiting.remove(place);
        if source.is_none() && sink.is_some() {
            tail.push(sequence[at])
        } else {
            head.push(sequence[at])
        }
        for &other in &waiting {
            left[other] -= gain[other * count + at];
            right[other] -= gain[at * count + other];
        }
    }
    head.extend(tail.into_iter().rev());
    head
}

/// Crossings and covered pieces when wire `left` is left of wire `right`.
fn cost(wires: &[Wire], extent: &[(f64, f64)], left: usize, right: usize) -> i64 {
    let within = |ends: &[f64], (low, high): (f64, f64)| {
        ends.partition_point(|&end| end < high)
            .saturating_sub(ends.partition_point(|&end| end <= low)) as i64
    };
    let covered = wires[left].rights.iter().filter(|end| {
        wires[right]
            .lefts
            .binary_search_by(|other| other.total_cmp(end))
            .is_ok()
    });
    within(&wires[right].lefts, extent[left])
        + within(&wires[left].rights, extent[right])
        + COVER * covered.count() as i64
}

/// The first free track over a range of heights: a segment tree of maxima that are only raised.
struct Skyline {
    size: usize,
    /// The greatest value below the tree node, and the value the whole of it was raised to.
    most: Vec<usize>,
    all: Vec<usize>,
}

impl Skyline {
    fn new(count: usize) -> Self {
        let size = count.next_power_of_two().max(1);
        Self {
            size,
            most: vec![0; 2 * size],
            all: vec![0; 2 * size],
        }
    }

    /// The tree nodes that make up a range, both ends included.
    fn cover(&self, low: usize, high: usize) -> Vec<usize> {
        let (mut low, mut high, mut cover) = (low + self.size, high + self.size + 1, Vec::new());
        while low < high {
            if low % 2 == 1 {
                cover.push(low);
                low += 1;
            }
            if high % 2 == 1 {
                high -= 1;
                cover.push(high);
            }
            (low, high) = (low / 2, high / 2);
        }
        cover
    }

    fn most(&self, low: usize, high: usize) -> usize {
        let mut most = 0;
        for mut node in self.cover(low, high) {
            most = most.max(self.most[node]);
            while node > 1 {
                node /= 2;
                most = most.max(self.all[node]);
            }
        }
        most
    }

    fn raise(&mut self, low: usize, high: usize, to: usize) {
        for mut node in self.cover(low, high) {
            self.all[node] = self.all[node].max(to);
            while node >= 1 {
                self.most[node] = self.most[node].max(to);
                node /= 2;
            }
        }
    }
}
