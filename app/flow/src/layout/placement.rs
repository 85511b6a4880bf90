//! Positions across the layers, after Brandes and Köpf ("Fast and simple horizontal coordinate
//! assignment", 2001), with the sizes and ports of Rüegg, Schulze, Carstens and von Hanxleden
//! ("Size- and port-aware horizontal node coordinate assignment", 2015).
//!
//! Items are aligned with their median neighbours into blocks, four times: towards the layer
//! before and the layer after, preferring the upper and the lower of two medians. Every alignment
//! is packed by longest ways over the blocks, which needs no classes and so none of the original's
//! pitfalls (Brandes, Walter and Zink, "Erratum: Fast and simple horizontal coordinate
//! assignment", 2020). The result is the mean of the two middle positions.

use super::net::Net;
use super::ordering::Order;
use super::{GRID, Lists, Options, grid_ceil, grid_round, sort_by};

/// Least distances, rounded up to the grid so that cards can be moved to it without touching.
pub(super) struct Gaps {
    node: f64,
    bend: f64,
}

impl Gaps {
    pub(super) fn new(options: &Options) -> Self {
        let node = grid_ceil(options.node_gap);
        // Two cards with one line between them need not move apart for it.
        Self {
            node,
            bend: grid_ceil(options.edge_gap)
                .max(grid_ceil(node / 2.0))
                .min(node.max(2.0 * GRID)),
        }
    }

    /// From the top of an item to the top of the one below it.
    pub(super) fn pitch(&self, net: &Net, upper: usize, lower: usize) -> f64 {
        let gap = if net.is_bend(upper) || net.is_bend(lower) {
            self.bend
        } else {
            self.node
        };
        grid_ceil(net.height[upper] + gap)
    }
}

/// The segments of every item, sorted by their other ends.
struct Near {
    before: Lists,
    after: Lists,
}

/// Which of the four alignments.
#[derive(Clone, Copy)]
struct Variant {
    /// Align with the layer after instead of the layer before.
    after: bool,
    /// Prefer the lower median and pack from below.
    below: bool,
}

/// The top of every item; the topmost is at 0.
pub(super) fn place(net: &Net, order: &Order, gaps: &Gaps) -> Vec<f64> {
    let near = near(net, order);
    let barred = barred(net, order, &near);
    let variants = [(false, false), (false, true), (true, false), (true, true)];
    let mut four: Vec<Vec<f64>> = variants
        .into_iter()
        .map(|(after, below)| {
            let variant = Variant { after, below };
            let blocks = align(net, order, &near, &barred, variant);
            pack(net, order, gaps, &blocks, variant)
        })
        .collect();
    level(net, &mut four);
    let mut across: Vec<f64> = (0..net.rank.len())
        .map(|item| {
            let mut tops = [four[0][item], four[1][item], four[2][item], four[3][item]];
            tops.sort_by(f64::total_cmp);
            f64::midpoint(tops[1], tops[2])
        })
        .collect();
    let top = across.iter().copied().fold(f64::MAX, f64::min);
    for place in &mut across {
        *place = grid_round(*place - top);
    }
    across
}

fn near(net: &Net, order: &Order) -> Near {
    let items = net.rank.len();
    let mut before = Lists::new(
        items,
        net.segs.iter().enumerate().map(|(seg, ends)| (ends.to, seg)),
    );
    let mut after = Lists::new(
        items,
        net.segs.iter().enumerate().map(|(seg, ends)| (ends.from, seg)),
    );
    for item in 0..items {
        let above = |seg: usize| (order.pos[net.segs[seg].from], net.segs[seg].row);
        sort_by(before.of_mut(item), &|one, other| above(one).cmp(&above(other)));
        let below = |seg: usize| (net.segs[seg].row, order.pos[net.segs[seg].to]);
        sort_by(after.of_mut(item), &|one, other| below(one).cmp(&below(other)));
    }
    Near { before, after }
}

/// Segments that cross one between two bend points: long lines stay straight, so these bend.
fn barred(net: &Net, order: &Order, near: &Near) -> Vec<bool> {
    let mut barred = vec![false; net.segs.len()];
    let inner = |seg: usize| net.is_bend(net.segs[seg].from) && net.is_bend(net.segs[seg].to);
    for layer in 1..net.layers {
        let items = &order.layers[layer];
        let (mut low, mut scanned) = (0, 0);
        for (at, &item) in items.iter().enumerate() {
            let line = near.before.of(item).iter().copied().find(|&seg| inner(seg));
            if line.is_none() && at + 1 < items.len() {
                continue;
            }
            let high = line.map_or(usize::MAX, |seg| order.pos[net.segs[seg].from]);
            for &passed in &items[scanned..=at] {
                for &seg in near.before.of(passed) {
                    let from = order.pos[net.segs[seg].from];
                    if (from < low || from > high) && !inner(seg) {
                        barred[seg] = true;
                    }
                }
            }
            (low, scanned) = (if high == usize::MAX { low } else { high }, at + 1);
        }
    }
    barred
}

/// Items that share a straight line.
struct Blocks {
    /// The first item of the block.
    root: Vec<usize>,
    /// How far the item's top is below the root's.
    shift: Vec<f64>,
}

fn align(net: &Net, order: &Order, near: &Near, barred: &[bool], variant: Variant) -> Blocks {
    let items = net.rank.len();
    let mut blocks = Blocks {
        root: (0..items).collect(),
        shift: vec![0.0; items],
    };
    // Each item is aligned with at most one item of the next layer.
    for step in 1..net.layers {
        let layer = if variant.after {
            net.layers - 1 - step
        } else {
            step
        };
        let row = &order.layers[layer];
        let mut last: Option<usize> = None;
        for at in 0..row.len() {
            let item = if variant.below {
                row[row.len() - 1 - at]
            } else {
                row[at]
            };
            for seg in medians(net, near, item, variant) {
                let ends = net.segs[seg];
                let (other, shift) = if variant.after {
                    (ends.to, ends.enter - ends.leave)
                } else {
                    (ends.from, ends.leave - ends.enter)
                };
                let pos = order.pos[other];
                let free = last.is_none_or(|last| if variant.below { pos < last } else { pos > last });
                if free && !barred[seg] {
                    blocks.root[item] = blocks.root[other];
                    blocks.shift[item] = blocks.shift[other] + shift;
                    last = Some(pos);
                    break;
                }
            }
        }
    }
    blocks
}

/// The one or two segments in the middle, the preferred one first. A bend point looks only at the
/// next bend point of its line, when there is one.
fn medians(net: &Net, near: &Near, item: usize, variant: Variant) -> impl Iterator<Item = usize> {
    let list = if variant.after {
        near.after.of(item)
    } else {
        near.before.of(item)
    };
    let line = list.iter().copied().find(|&seg| {
        let other = if variant.after {
            net.segs[seg].to
        } else {
            net.segs[seg].from
        };
        net.is_bend(item) && net.is_bend(other)
    });
    let count = list.len();
    let (upper, lower) = (count.saturating_sub(1) / 2, count / 2);
    let (first, second) = if variant.below {
        (lower, upper)
    } else {
        (upper, lower)
    };
    let both = [
        list.get(first).copied(),
        list.get(second).copied().filter(|_| first != second),
    ];
    let picked = if line.is_some() { [line, None] } else { both };
    picked.into_iter().flatten()
}

/// Packs the blocks as tightly as their neighbours allow: first all to one side, then back towards
/// the blocks that keep them apart.
fn pack(net: &Net, order: &Order, gaps: &Gaps, blocks: &Blocks, variant: Variant) -> Vec<f64> {
    let items = net.rank.len();
    // Which block is above which, and how far their roots are apart at least.
    let mut pairs: Vec<(usize, usize, f64)> = Vec::with_capacity(items);
    for pair in order.layers.iter().flat_map(|layer| layer.windows(2)) {
        let apart = blocks.shift[pair[0]] + gaps.pitch(net, pair[0], pair[1]) - blocks.shift[pair[1]];
        pairs.push((blocks.root[pair[0]], blocks.root[pair[1]], apart));
    }
    let below = Lists::new(items, pairs.iter().enumerate().map(|(at, pair)| (pair.0, at)));
    let above = Lists::new(items, pairs.iter().enumerate().map(|(at, pair)| (pair.1, at)));
    let sorted = top_down(items, &pairs, &below, &above);
    let mut top = vec![0.0_f64; items];
    let lowest = |top: &[f64], block: usize| {
        above
            .of(block)
            .iter()
            .map(|&at| top[pairs[at].0] + pairs[at].2)
            .reduce(f64::max)
    };
    let highest = |top: &[f64], block: usize| {
        below
            .of(block)
            .iter()
            .map(|&at| top[pairs[at].1] - pairs[at].2)
            .reduce(f64::min)
    };
    if variant.below {
        for &block in sorted.iter().rev() {
            top[block] = highest(&top, block).unwrap_or(0.0);
        }
        for &block in &sorted {
            top[block] = lowest(&top, block).map_or(top[block], |low| low.min(top[block]));
        }
    } else {
        for &block in &sorted {
            top[block] = lowest(&top, block).unwrap_or(0.0);
        }
        for &block in sorted.iter().rev() {
            top[block] = highest(&top, block).map_or(top[block], |high| high.max(top[block]));
        }
    }
    (0..items)
        .map(|item| top[blocks.root[item]] + blocks.shift[item])
        .collect()
}

/// The blocks, every one after those above it.
fn top_down(items: usize, pairs: &[(usize, usize, f64)], below: &Lists, above: &Lists) -> Vec<usize> {
    let mut waiting: Vec<usize> = (0..items).map(|block| above.of(block).len()).collect();
    let mut sorted: Vec<usize> = (0..items).filter(|&block| waiting[block] == 0).collect();
    let mut next = 0;
    while let Some(&block) = sorted.get(next) {
        next += 1;
        for &at in below.of(block) {
            let lower = pairs[at].1;
            waiting[lower] -= 1;
            if waiting[lower] == 0 {
                sorted.push(lower);
            }
        }
    }
    sorted
}

/// Moves the four results to where they can be compared: the upper ones share the top of the
/// smallest, the lower ones its bottom.
fn level(net: &Net, four: &mut [Vec<f64>]) {
    let bounds: Vec<(f64, f64)> = four
        .iter()
        .map(|tops| {
            let low = tops.iter().copied().fold(f64::MAX, f64::min);
            let high = tops
                .iter()
                .zip(&net.height)
                .map(|(top, height)| top + height)
                .fold(f64::MIN, f64::max);
            (low, high)
        })
        .collect();
    let size = |at: &(f64, f64)| at.1 - at.0;
    let Some(smallest) = bounds
        .iter()
        .copied()
        .min_by(|one, other| size(one).total_cmp(&size(other)))
    else {
        return;
    };
    for (at, tops) in four.iter_mut().enumerate() {
        let lower = at % 2 == 1;
        let by = if lower {
            smallest.1 - bounds[at].1
        } else {
            smallest.0 - bounds[at].0
        };
        for top in tops {
            *top += by;
        }
    }
}
