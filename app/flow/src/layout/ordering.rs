//! The order of the items within each layer: few crossings, and no surprise.
//!
//! The start is the document order, or where things stood before, and only a strictly better order
//! replaces it, which keeps a drawing recognisable after a small edit (compare Domrös and von
//! Hanxleden, "Preserving order during crossing minimization in Sugiyama layouts", 2022).
//! Crossings are counted after Barth, Jünger and Mutzel ("Simple and efficient bilayer cross
//! counting", 2002).

use super::net::Net;
use super::parts::Part;
use super::{Budget, sort_by};

/// How many sweeps may pass without a better order before the search ends.
const PATIENCE: usize = 6;
/// The most sweeps.
const SWEEPS: usize = 32;

/// Which item stands where.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// The items of every layer, in order.
    pub(super) layers: Vec<Vec<usize>>,
    /// For every item its place in its layer.
    pub(super) pos: Vec<usize>,
}

impl Order {
    fn new(layers: Vec<Vec<usize>>, items: usize) -> Self {
        let mut order = Self {
            layers,
            pos: vec![0; items],
        };
        for layer in 0..order.layers.len() {
            order.number(layer);
        }
        order
    }

    fn number(&mut self, layer: usize) {
        for (at, &item) in self.layers[layer].iter().enumerate() {
            self.pos[item] = at;
        }
    }
}

/// Orders the items of every layer.
pub(super) fn order(part: &Part, net: &Net, budget: &mut Budget) -> Order {
    let walked = walk(net);
    let hinted = part.hint.iter().any(Option::is_some);
    let start = if hinted {
        by_hints(part, net, walked)
    } else {
        let written = as_written(net, &walked);
        budget.spend(2 * net.segs.len());
        if crossings(net, &written) < crossings(net, &walked) {
            written
        } else {
            walked
        }
    };
    let cost = 3 * (net.rank.len() + net.segs.len());
    let mut best = start.clone();
    // Between cards that people know only the lines are moved at first.
    for _ in 0..if hinted { 4 } else { 1 } {
        if !(budget.spend(cost) && swap_neighbours(net, &mut best, hinted)) {
            break;
        }
    }
    let mut fewest = crossings(net, &best);
    // A drawing that people know is only given up for one that is clearly better.
    let better = |found: u64, fewest: u64| {
        if hinted {
            2 * found + 2 < fewest
        } else {
            found < fewest
        }
    };
    let (mut current, mut waited) = (start, 0);
    for sweep in 0..SWEEPS {
        if fewest == 0 || waited >= PATIENCE || !budget.spend(cost) {
            break;
        }
        sweep_layers(net, &mut current, sweep % 2 == 0);
        if sweep % 4 >= 2 && budget.spend(cost) {
            swap_neighbours(net, &mut current, false);
        }
        let found = crossings(net, &current);
        waited += 1;
        if better(found, fewest) {
            (best, fewest, waited) = (current.clone(), found, 0);
        }
    }
    if fewest > 0 && budget.spend(cost) {
        swap_neighbours(net, &mut best, hinted);
    }
    best
}

/// The order in which a depth-first walk from the starts, in document order, comes to the items:
/// a tree is drawn without crossings this way.
fn walk(net: &Net) -> Order {
    let mut layers = vec![Vec::new(); net.layers];
    let mut seen = vec![false; net.rank.len()];
    let mut stack: Vec<usize> = (0..net.nodes)
        .rev()
        .filter(|&node| net.ins.of(node).is_empty())
        .collect();
    let rest = (0..net.nodes).collect::<Vec<_>>();
    let mut rest = rest.into_iter();
    // Links that go around may leave nodes without any way to them.
    while let Some(item) = stack.pop().or_else(|| rest.next()) {
        if std::mem::replace(&mut seen[item], true) {
            continue;
        }
        layers[net.rank[item]].push(item);
        stack.extend(net.outs.of(item).iter().rev().map(|&seg| net.segs[seg].to));
    }
    Order::new(layers, net.rank.len())
}

/// The nodes as written in the document, and each bend point where its source is.
fn as_written(net: &Net, walked: &Order) -> Order {
    let mut source: Vec<usize> = (0..net.rank.len()).collect();
    for item in net.nodes..net.rank.len() {
        // Bend points are numbered along the way.
        source[item] = net
            .ins
            .of(item)
            .first()
            .map_or(item, |&seg| source[net.segs[seg].from]);
    }
    let mut layers = walked.layers.clone();
    for layer in &mut layers {
        sort_by(layer, &|one, other| source[one].cmp(&source[other]));
    }
    Order::new(layers, net.rank.len())
}

/// Nodes with a hint by their hint; a bend point on the line between its ends; a new node where
/// its predecessors are.
fn by_hints(part: &Part, net: &Net, walked: Order) -> Order {
    let mut key: Vec<Option<f64>> = part.hint.clone();
    key.resize(net.rank.len(), None);
    for (link, last) in net.last.iter().enumerate() {
        let Some(last) = *last else { continue };
        let (from, to) = (part.links[link].from, part.links[link].to);
        let (Some(start), Some(end)) = (part.hint[from], part.hint[to]) else {
            continue;
        };
        let span = (net.rank[to] - net.rank[from]) as f64;
        let mut item = net.segs[last].from;
        while net.is_bend(item) {
            key[item] = Some(start + (end - start) * (net.rank[item] - net.rank[from]) as f64 / span);
            item = net.ins.of(item).first().map_or(from, |&seg| net.segs[seg].from);
        }
    }
    let mut layers = walked.layers;
    for layer in &mut layers {
        let mut before = f64::MIN;
        for &item in layer.iter() {
            if key[item].is_none() {
                let near = net.ins.of(item).iter().filter_map(|&seg| key[net.segs[seg].from]);
                let (sum, count) = near.fold((0.0, 0.0), |(sum, count), key| (sum + key, count + 1.0));
                key[item] = Some(if count > 0.0 { sum / count } else { before });
            }
            before = key[item].unwrap_or(before);
        }
        sort_by(layer, &|one, other| {
            key[one]
                .unwrap_or(f64::MIN)
                .total_cmp(&key[other].unwrap_or(f64::MIN))
        });
    }
    Order::new(layers, net.rank.len())
}

/// One pass over the layers, each ordered by the mean place of its neighbours in the one before.
fn sweep_layers(net: &Net, order: &mut Order, ahead: bool) {
    let mut means: Vec<(f64, usize)> = Vec::new();
    for step in 1..net.layers {
        let layer = if ahead { step } else { net.layers - 1 - step };
        means.clear();
        let items = std::mem::take(&mut order.layers[layer]);
        for &item in &items {
            let near = if ahead {
                net.ins.of(item)
            } else {
                net.outs.of(item)
            };
            if near.is_empty() {
                continue;
            }
            let sum: f64 = near.iter().map(|&seg| place(net, order, seg, ahead)).sum();
            means.push((sum / near.len() as f64, item));
        }
        means.sort_by(|one, other| one.0.total_cmp(&other.0));
        // Items without neighbours keep their place.
        let mut sorted = means.iter().map(|&(_, item)| item);
        order.layers[layer] = items
            .iter()
            .filter_map(|&item| {
                let near = if ahead {
                    net.ins.of(item)
                } else {
                    net.outs.of(item)
                };
                if near.is_empty() {
                    Some(item)
                } else {
                    sorted.next()
                }
            })
            .collect();
        order.number(layer);
    }
}

/// Where a segment ends in the layer before or after, ports included.
fn place(net: &Net, order: &Order, seg: usize, ahead: bool) -> f64 {
    let seg = net.segs[seg];
    if ahead {
        order.pos[seg.from] as f64 + (seg.row as f64).min(30.0) / 32.0
    } else {
        order.pos[seg.to] as f64
    }
}

/// Swaps neighbours in a layer as long as that takes out crossings; with `keep`, two nodes are not
/// swapped. Says whether it changed anything.
fn swap_neighbours(net: &Net, order: &mut Order, keep: bool) -> bool {
    let mut changed = false;
    for layer in 0..net.layers {
        let mut items = std::mem::take(&mut order.layers[layer]);
        // For every place in the layer the sorted ends of its segments, before and after.
        let mut ends: Vec<[Vec<usize>; 2]> = items
            .iter()
            .map(|&item| {
                let before = net
                    .ins
                    .of(item)
                    .iter()
                    .map(|&seg| order.pos[net.segs[seg].from] * 32 + net.segs[seg].row.min(31));
                let after = net.outs.of(item).iter().map(|&seg| order.pos[net.segs[seg].to]);
                let mut ends = [before.collect::<Vec<_>>(), after.collect()];
                ends.iter_mut().for_each(|ends| ends.sort_unstable());
                ends
            })
            .collect();
        for _ in 0..4 {
            let mut better = false;
            for at in 1..items.len() {
                if keep && !net.is_bend(items[at - 1]) && !net.is_bend(items[at]) {
                    continue;
                }
                let now = crossed(&ends[at - 1][0], &ends[at][0]) + crossed(&ends[at - 1][1], &ends[at][1]);
                if now == 0 {
                    continue;
                }
                let then = crossed(&ends[at][0], &ends[at - 1][0]) + crossed(&ends[at][1], &ends[at - 1][1]);
                if then < now {
                    items.swap(at - 1, at);
                    ends.swap(at - 1, at);
                    better = true;
                }
            }
            if !better {
                break;
            }
            changed = true;
        }
        order.layers[layer] = items;
        order.number(layer);
    }
    changed
}

/// How often segments to `upper` cross segments to `lower`, both sorted, when the item of the
/// first stands above the item of the second.
fn crossed(upper: &[usize], lower: &[usize]) -> usize {
    let (mut count, mut below) = (0, 0);
    for &end in upper {
        while below < lower.len() && lower[below] < end {
            below += 1;
        }
        count += below;
    }
    count
}

/// The number of crossings between all neighbouring layers.
pub(super) fn crossings(net: &Net, order: &Order) -> u64 {
    let widest = order.layers.iter().map(Vec::len).max().unwrap_or(0);
    // A Fenwick tree of the ends met so far.
    let mut tree = vec![0_u64; widest + 1];
    let mut ends: Vec<(usize, usize)> = Vec::new();
    let mut total = 0;
    for (layer, items) in order.layers.iter().enumerate().take(net.layers.saturating_sub(1)) {
        let width = order.layers[layer + 1].len();
        tree[..=width].fill(0);
        let mut met = 0_u64;
        for &item in items {
            ends.clear();
            ends.extend(
                net.outs
                    .of(item)
                    .iter()
                    .map(|&seg| (net.segs[seg].row, order.pos[net.segs[seg].to])),
            );
            ends.sort_unstable();
            for &(_, end) in &ends {
                let (mut at, mut up_to) = (end + 1, 0);
                while at > 0 {
                    up_to += tree[at];
                    at &= at - 1;
                }
                total += met - up_to;
                met += 1;
                at = end + 1;
                while at <= width {
                    tree[at] += 1;
                    at += at & at.wrapping_neg();
                }
            }
        }
    }
    total
}
