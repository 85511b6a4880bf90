//! Which layer every node belongs to.

use super::parts::{Part, Sets};
use super::{Budget, Lists};

/// What a link is to the layering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It goes to a later layer.
    Ahead,
    /// It closes a cycle and goes to an earlier layer.
    Back,
    /// It enters the node it leaves.
    Loop,
}

/// How many rounds of tightening are tried; most graphs need two or three.
const ROUNDS: usize = 12;

/// Finds links that close a cycle: those that lead back to a node on the way of a depth-first
/// search, which starts at the nodes without predecessors and follows the document order.
pub(super) fn open_cycles(part: &Part) -> Vec<Way> {
    let count = part.nodes.len();
    let outs = Lists::new(
        count,
        part.links
            .iter()
            .enumerate()
            .map(|(link, ends)| (ends.from, link)),
    );
    let mut entered = vec![false; count];
    for link in part.links.iter().filter(|link| link.from != link.to) {
        entered[link.to] = true;
    }
    let mut ways = vec![Way::Ahead; part.links.len()];
    let (mut seen, mut on_way) = (vec![false; count], vec![false; count]);
    let mut way: Vec<(usize, usize)> = Vec::new();
    let roots = (0..count).filter(|&node| !entered[node]).chain(0..count);
    for root in roots {
        if seen[root] {
            continue;
        }
        (seen[root], on_way[root]) = (true, true);
        way.push((root, 0));
        while let Some((node, next)) = way.last_mut() {
            let Some(&link) = outs.of(*node).get(*next) else {
                on_way[*node] = false;
                way.pop();
                continue;
            };
            *next += 1;
            let to = part.links[link].to;
            if to == *node {
                ways[link] = Way::Loop;
            } else if on_way[to] {
                ways[link] = Way::Back;
            } else if !seen[to] {
                (seen[to], on_way[to]) = (true, true);
                way.push((to, 0));
            }
        }
    }
    ways
}

/// The links of a part as a graph without cycles.
struct Dag {
    ends: Vec<(usize, usize)>,
    outs: Lists,
    ins: Lists,
    /// The nodes, every one after its predecessors.
    sorted: Vec<usize>,
}

impl Dag {
    fn new(part: &Part, ways: &[Way]) -> Self {
        let count = part.nodes.len();
        let turned = part.links.iter().zip(ways).filter_map(|(link, way)| match way {
            Way::Ahead => Some((link.from, link.to)),
            Way::Back => Some((link.to, link.from)),
            Way::Loop => None,
        });
        let mut ends: Vec<(usize, usize)> = turned.collect();
        ends.sort_unstable();
        ends.dedup();
        let outs = Lists::new(count, ends.iter().copied());
        let ins = Lists::new(count, ends.iter().map(|&(from, to)| (to, from)));
        let mut waiting: Vec<usize> = (0..count).map(|node| ins.of(node).len()).collect();
        let mut sorted: Vec<usize> = (0..count).filter(|&node| waiting[node] == 0).collect();
        let mut next = 0;
        while let Some(&node) = sorted.get(next) {
            next += 1;
            for &to in outs.of(node) {
                waiting[to] -= 1;
                if waiting[to] == 0 {
                    sorted.push(to);
                }
            }
        }
        Self {
            ends,
            outs,
            ins,
            sorted,
        }
    }
}

/// A layer for every node: the longest way from a start, then nodes and tight groups of nodes are
/// moved to where their edges are shorter. Layers are counted from 0 and none is empty.
pub(super) fn layers(part: &Part, ways: &[Way], budget: &mut Budget) -> Vec<usize> {
    let dag = Dag::new(part, ways);
    let mut rank = vec![0_isize; part.nodes.len()];
    for &node in &dag.sorted {
        for &to in dag.outs.of(node) {
            rank[to] = rank[to].max(rank[node] + 1);
        }
    }
    for _ in 0..ROUNDS {
        if !budget.spend(4 * dag.ends.len()) {
            break;
        }
        let moved = move_nodes(&dag, &mut rank) | move_groups(&dag, &mut rank, true);
        if !(moved | move_groups(&dag, &mut rank, false)) {
            break;
        }
    }
    close_ranks(&rank)
}

/// Moves single nodes that have more edges on one side than on the other towards that side.
fn move_nodes(dag: &Dag, rank: &mut [isize]) -> bool {
    let mut moved = false;
    for &node in dag.sorted.iter().rev() {
        let (ins, outs) = (dag.ins.of(node), dag.outs.of(node));
        if outs.len() > ins.len()
            && let Some(next) = outs.iter().map(|&to| rank[to]).min()
            && next - 1 > rank[node]
        {
            rank[node] = next - 1;
            moved = true;
        }
    }
    for &node in &dag.sorted {
        let (ins, outs) = (dag.ins.of(node), dag.outs.of(node));
        if ins.len() > outs.len()
            && let Some(last) = ins.iter().map(|&from| rank[from]).max()
            && last + 1 < rank[node]
        {
            rank[node] = last + 1;
            moved = true;
        }
    }
    moved
}

/// The edges that leave a group of nodes on one side.
#[derive(Clone, Copy, Default)]
struct Side {
    edges: usize,
    /// How much the shortest of them could be shortened.
    slack: isize,
}

impl Side {
    fn add(&mut self, slack: isize) {
        self.slack = if self.edges == 0 {
            slack
        } else {
            self.slack.min(slack)
        };
        self.edges += 1;
    }
}

/// Moves groups of nodes held together by edges of length one, towards the side on which more
/// edges leave the group. All groups moved at once move the same way, so no edge is turned around.
fn move_groups(dag: &Dag, rank: &mut [isize], ahead: bool) -> bool {
    let mut groups = Sets::new(rank.len());
    for &(from, to) in &dag.ends {
        if rank[to] - rank[from] == 1 {
            groups.join(from, to);
        }
    }
    let (mut before, mut after) = (
        vec![Side::default(); rank.len()],
        vec![Side::default(); rank.len()],
    );
    for &(from, to) in &dag.ends {
        let (source, target) = (groups.find(from), groups.find(to));
        if source != target {
            let slack = rank[to] - rank[from] - 1;
            after[source].add(slack);
            before[target].add(slack);
        }
    }
    let mut moved = false;
    for (node, rank) in rank.iter_mut().enumerate() {
        let group = groups.find(node);
        let (before, after) = (before[group], after[group]);
        if ahead && after.edges > before.edges {
            *rank += after.slack;
            moved |= after.slack > 0;
        } else if !ahead && before.edges > after.edges {
            *rank -= before.slack;
            moved |= before.slack > 0;
        }
    }
    moved
}

/// Layers counted from 0 without empty ones.
fn close_ranks(rank: &[isize]) -> Vec<usize> {
    let mut used = rank.to_vec();
    used.sort_unstable();
    used.dedup();
    rank.iter()
        .map(|layer| used.partition_point(|other| other < layer))
        .collect()
}
