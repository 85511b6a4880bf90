//! Small corrections after the placement: the mean of four drawings leaves jogs of a few pixels.

use super::net::Net;
use super::ordering::Order;
use super::placement::Gaps;
use super::{Budget, grid_floor, grid_round};

/// A jog shorter than this looks like a mistake.
const JOG: f64 = 32.0;
/// How often all layers are looked at.
const ROUNDS: usize = 4;
/// Items with more neighbours than this are hubs: no place suits them all.
const HUB: usize = 24;

/// Moves items into line with a neighbour where there is room and the edges get shorter or lose a
/// small jog. A step that only trades one edge for another is not taken, so what is symmetric
/// stays symmetric.
pub(super) fn straighten(net: &Net, order: &Order, gaps: &Gaps, across: &mut [f64], budget: &mut Budget) {
    for round in 0..ROUNDS {
        if !budget.spend(4 * net.segs.len()) {
            break;
        }
        let mut moved = false;
        for step in 0..net.layers {
            let layer = if round % 2 == 0 {
                step
            } else {
                net.layers - 1 - step
            };
            let items = &order.layers[layer];
            for (at, &item) in items.iter().enumerate() {
                let low = match at.checked_sub(1) {
                    Some(above) => across[items[above]] + gaps.pitch(net, items[above], item),
                    None => f64::MIN,
                };
                let high = match items.get(at + 1) {
                    Some(&below) => across[below] - gaps.pitch(net, item, below),
                    None => f64::MAX,
                };
                moved |= shift(net, item, (low, high), across);
            }
        }
        if !moved {
            break;
        }
    }
    let top = grid_floor(across.iter().copied().fold(f64::MAX, f64::min));
    for place in across {
        *place -= top;
    }
}

/// Where an item would have to be for one of its segments to be straight, and how much that counts.
fn wishes(net: &Net, item: usize, across: &[f64]) -> impl Iterator<Item = (f64, f64)> {
    let weight = move |other: usize| match (net.is_bend(item), net.is_bend(other)) {
        (true, true) => 8.0,
        (false, false) => 2.0,
        _ => 1.0,
    };
    let before = net.ins.of(item).iter().map(move |&seg| {
        let seg = net.segs[seg];
        (across[seg.from] + seg.leave - seg.enter, weight(seg.from))
    });
    let after = net.outs.of(item).iter().map(move |&seg| {
        let seg = net.segs[seg];
        (across[seg.to] + seg.enter - seg.leave, weight(seg.to))
    });
    before.chain(after)
}

fn shift(net: &Net, item: usize, (low, high): (f64, f64), across: &mut [f64]) -> bool {
    if net.ins.of(item).len() + net.outs.of(item).len() > HUB {
        return false;
    }
    let cost = |top: f64| {
        let jogs = wishes(net, item, across).map(|(wish, weight)| {
            let jog = (wish - top).abs();
            weight * (jog + if jog > 0.0 && jog < JOG { JOG } else { 0.0 })
        });
        jogs.sum::<f64>()
    };
    let mut best = (cost(across[item]), across[item]);
    for (wish, _) in wishes(net, item, across) {
        // Cards stay on the grid; lines may leave it to meet a port that is not on it.
        let top = if net.is_bend(item) { wish } else { grid_round(wish) };
        if top < low || top > high {
            continue;
        }
        let found = cost(top);
        if found < best.0 {
            best = (found, top);
        }
    }
    let moved = best.1 != across[item];
    across[item] = best.1;
    moved
}
