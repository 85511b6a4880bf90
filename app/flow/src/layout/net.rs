//! The layered net: nodes, and a bend point in every layer an edge passes.

use super::layering::Way;
use super::ordering::Order;
use super::parts::Part;
use super::{GRID, Lists, port_offset, sort_by};

/// A piece of one or more links, from one layer to the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seg {
    pub(super) from: usize,
    pub(super) to: usize,
    /// The port row it leaves from.
    pub(super) row: usize,
    /// Where it leaves and enters, from the top of the item.
    pub(super) leave: f64,
    pub(super) enter: f64,
}

/// Items are the nodes of the part, with their numbers, and after them the bend points.
#[derive(Debug)]
pub(super) struct Net {
    /// How many items are nodes.
    pub(super) nodes: usize,
    pub(super) layers: usize,
    /// The layer of every item.
    pub(super) rank: Vec<usize>,
    /// The height of every item; a bend point has none.
    pub(super) height: Vec<f64>,
    pub(super) segs: Vec<Seg>,
    /// The segments that leave and enter an item.
    pub(super) outs: Lists,
    pub(super) ins: Lists,
    /// For every link the segment that reaches its target; none for one that goes around the
    /// cards, which links against the direction always do.
    pub(super) last: Vec<Option<usize>>,
    /// Where every link enters its target, from the top of the node.
    pub(super) enter: Vec<f64>,
    /// For every node whether its incoming edges are too many to be told apart and join before it.
    pub(super) joined: Vec<bool>,
}

/// Builds the net. Links of one port share their bend points. At most `bends` are made: when more
/// are needed, the longest links do without and go around.
pub(super) fn build(part: &Part, ways: &[Way], mut rank: Vec<usize>, bends: usize) -> Net {
    let nodes = part.nodes.len();
    let layers = rank.iter().max().map_or(0, |&last| last + 1);
    let span = |link: usize| rank[part.links[link].to].saturating_sub(rank[part.links[link].from]);
    let mut links: Vec<usize> = (0..part.links.len())
        .filter(|&link| ways[link] == Way::Ahead)
        .collect();
    let written = |link: usize| {
        let ends = part.links[link];
        (ends.from, ends.row, rank[ends.to], ends.to)
    };
    sort_by(&mut links, &|one, other| written(one).cmp(&written(other)));
    let limit = longest_span(part, &links, span, bends);
    links.retain(|&link| span(link) <= limit);

    let mut segs: Vec<Seg> = Vec::with_capacity(links.len());
    let mut last = vec![None; part.links.len()];
    // The item the shared way of a port has reached.
    let (mut port, mut reached) = (None, 0);
    for link in links {
        let ends = part.links[link];
        if port != Some((ends.from, ends.row)) {
            (port, reached) = (Some((ends.from, ends.row)), ends.from);
        }
        let (row, leave) = (ends.row, port_offset(part.height[ends.from], ends.row, ends.rows));
        let seg = |from: usize, to: usize| {
            let (row, leave) = if from < nodes { (row, leave) } else { (0, 0.0) };
            Seg {
                from,
                to,
                row,
                leave,
                enter: 0.0,
            }
        };
        while rank[reached] + 1 < rank[ends.to] {
            let bend = rank.len();
            segs.push(seg(reached, bend));
            rank.push(rank[reached] + 1);
            reached = bend;
        }
        // Two links that say the same are drawn once.
        let twin =
            |made: &Seg| (made.from, made.to, made.row) == (reached, ends.to, seg(reached, ends.to).row);
        if !segs.last().is_some_and(twin) {
            segs.push(seg(reached, ends.to));
        }
        last[link] = Some(segs.len() - 1);
    }
    let mut height = part.height.clone();
    height.resize(rank.len(), 0.0);
    let outs = Lists::new(
        rank.len(),
        segs.iter().enumerate().map(|(seg, ends)| (ends.from, seg)),
    );
    let ins = Lists::new(
        rank.len(),
        segs.iter().enumerate().map(|(seg, ends)| (ends.to, seg)),
    );
    let enter = vec![0.0; part.links.len()];
    Net {
        nodes,
        layers,
        rank,
        height,
        segs,
        outs,
        ins,
        last,
        enter,
        joined: vec![false; nodes],
    }
}

/// The most layers a link may span, so that no more than `bends` bend points are needed.
fn longest_span(part: &Part, links: &[usize], span: impl Fn(usize) -> usize, bends: usize) -> usize {
    let needed = |limit: usize| {
        let same = |one: &usize, other: &usize| {
            let (one, other) = (part.links[*one], part.links[*other]);
            (one.from, one.row) == (other.from, other.row)
        };
        // Within a port the links are sorted by span.
        let longest = |port: &[usize]| {
            port.iter()
                .rev()
                .map(|&link| span(link))
                .find(|&span| span <= limit)
        };
        links
            .chunk_by(same)
            .filter_map(longest)
            .map(|longest| longest.saturating_sub(1))
            .sum::<usize>()
    };
    let (mut low, mut high) = (1, links.iter().map(|&link| span(link)).max().unwrap_or(1).max(1));
    while low < high {
        let middle = (low + high).div_ceil(2);
        if needed(middle) <= bends {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

impl Net {
    pub(super) fn is_bend(&self, item: usize) -> bool {
        item >= self.nodes
    }

    /// Gives every incoming edge its place on the node's side, in the order in which they arrive,
    /// so that they do not cross on the last pixels. Edges that come from around the cards come
    /// from below and enter last.
    pub(super) fn enter_in_order(&mut self, part: &Part, order: &Order) {
        let around: Vec<usize> = (0..part.links.len())
            .filter(|&link| self.last[link].is_none())
            .collect();
        let around = Lists::new(self.nodes, around.iter().map(|&link| (part.links[link].to, link)));
        for node in 0..self.nodes {
            let mut ins = self.ins.of(node).to_vec();
            let above = |seg: usize| (order.pos[self.segs[seg].from], self.segs[seg].row);
            sort_by(&mut ins, &|one, other| above(one).cmp(&above(other)));
            let count = ins.len() + around.of(node).len();
            self.joined[node] = count > 1 && count as f64 * GRID > part.height[node];
            let place = |index: usize| match self.joined[node] {
                true => port_offset(part.height[node], 0, 1),
                false => port_offset(part.height[node], index, count),
            };
            for (index, &seg) in ins.iter().enumerate() {
                self.segs[seg].enter = place(index);
            }
            for (index, &link) in around.of(node).iter().enumerate() {
                self.enter[link] = place(ins.len() + index);
            }
        }
        for (link, last) in self.last.iter().enumerate() {
            if let Some(seg) = *last {
                self.enter[link] = self.segs[seg].enter;
            }
        }
    }
}
