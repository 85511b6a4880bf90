//! Connected parts: taken apart before the layout, packed side by side after it.

use super::routing::Drawn;
use super::{Graph, Layout, Lists, Options, Path, Point, grid_ceil};

/// An edge within a part, between nodes of the part.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) from: usize,
    pub(super) to: usize,
    /// Its port row, and how many rows the source shows.
    pub(super) row: usize,
    pub(super) rows: usize,
}

/// A connected part of the graph, with nodes and links counted from 0 in document order.
#[derive(Debug, Default)]
pub(super) struct Part {
    /// Node numbers in the whole graph.
    pub(super) nodes: Vec<usize>,
    /// Edge numbers in the whole graph.
    pub(super) edges: Vec<usize>,
    pub(super) links: Vec<Link>,
    pub(super) width: Vec<f64>,
    pub(super) height: Vec<f64>,
    /// The middle of the place a node had before, across the layers.
    pub(super) hint: Vec<Option<f64>>,
}

impl Part {
    /// A measure of the work it makes.
    pub(super) fn weight(&self) -> usize {
        self.nodes.len() + self.links.len()
    }
}

/// The connected parts, in the order of their first nodes. Edges without an end are in none.
pub(super) fn split(graph: &Graph) -> Vec<Part> {
    let count = graph.nodes.len();
    let valid: Vec<usize> = (0..graph.edges.len())
        .filter(|&edge| graph.edges[edge].from < count && graph.edges[edge].to < count)
        .collect();
    let mut sets = Sets::new(count);
    for &edge in &valid {
        sets.join(graph.edges[edge].from, graph.edges[edge].to);
    }
    let rows = port_rows(graph, &valid);
    let mut parts: Vec<Part> = Vec::new();
    // Which part a set has become, and which number a node has in its part.
    let (mut part_of, mut local) = (vec![usize::MAX; count], vec![0; count]);
    for (node, card) in graph.nodes.iter().enumerate() {
        let set = sets.find(node);
        if part_of[set] == usize::MAX {
            part_of[set] = parts.len();
            parts.push(Part::default());
        }
        let part = &mut parts[part_of[set]];
        local[node] = part.nodes.len();
        part.nodes.push(node);
        part.width.push(card.width);
        part.height.push(card.height);
        part.hint.push(card.hint.map(|at| at.y + card.height / 2.0));
    }
    for (&edge, (row, rows)) in valid.iter().zip(rows) {
        let (from, to) = (graph.edges[edge].from, graph.edges[edge].to);
        let part = &mut parts[part_of[sets.find(from)]];
        part.edges.push(edge);
        part.links.push(Link {
            from: local[from],
            to: local[to],
            row,
            rows,
        });
    }
    parts
}

/// For every valid edge its port row and the number of rows of its source.
fn port_rows(graph: &Graph, valid: &[usize]) -> Vec<(usize, usize)> {
    let edges = &graph.edges;
    let leaving = Lists::new(
        graph.nodes.len(),
        valid.iter().enumerate().map(|(at, &edge)| (edges[edge].from, at)),
    );
    let mut rows = vec![(0, 1); valid.len()];
    for (node, card) in graph.nodes.iter().enumerate() {
        let port = |at: usize| edges[valid[at]].port;
        let mut used: Vec<u16> = leaving.of(node).iter().map(|&at| port(at)).collect();
        used.sort_unstable();
        used.dedup();
        let named = card.ports > 0;
        let most = used.last().map_or(1, |&last| usize::from(last) + 1);
        for &at in leaving.of(node) {
            rows[at] = if named {
                (usize::from(port(at)), most.max(usize::from(card.ports)))
            } else {
                (used.partition_point(|&other| other < port(at)), used.len())
            };
        }
    }
    rows
}

/// Puts the parts in rows, in document order, about as wide as the screen wants them.
pub(super) fn pack(graph: &Graph, options: &Options, parts: &[Part], drawn: Vec<Drawn>) -> Layout {
    let mut result = Layout {
        nodes: vec![Point::default(); graph.nodes.len()],
        edges: vec![Path::default(); graph.edges.len()],
        ..Layout::default()
    };
    let gap = grid_ceil(2.0 * options.node_gap);
    let area: f64 = drawn
        .iter()
        .map(|part| (part.width + gap) * (part.height + gap))
        .sum();
    let widest = drawn.iter().map(|part| part.width).fold(0.0, f64::max);
    let limit = widest.max((area * 1.6).sqrt());
    let (mut at, mut row_height) = (Point::default(), 0.0_f64);
    for (part, drawn) in parts.iter().zip(drawn) {
        if at.x > 0.0 && at.x + drawn.width > limit {
            at = Point {
                x: 0.0,
                y: at.y + row_height + gap,
            };
            row_height = 0.0;
        }
        for (&node, place) in part.nodes.iter().zip(&drawn.nodes) {
            result.nodes[node] = Point {
                x: place.x + at.x,
                y: place.y + at.y,
            };
        }
        for (&edge, mut path) in part.edges.iter().zip(drawn.paths) {
            for point in &mut path.points {
                *point = Point {
                    x: point.x + at.x,
                    y: point.y + at.y,
                };
            }
            result.edges[edge] = path;
        }
        row_height = row_height.max(grid_ceil(drawn.height));
        at.x += grid_ceil(drawn.width) + gap;
    }
    result
}

/// Sets of numbers that can be joined (union-find with path halving).
pub(super) struct Sets {
    parent: Vec<usize>,
}

impl Sets {
    pub(super) fn new(count: usize) -> Self {
        Self {
            parent: (0..count).collect(),
        }
    }

    pub(super) fn find(&mut self, mut entry: usize) -> usize {
        while self.parent[entry] != entry {
            self.parent[entry] = self.parent[self.parent[entry]];
            entry = self.parent[entry];
        }
        entry
    }

    /// The smaller number leads, so that the result does not depend on the order of joining.
    pub(super) fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.find(one), self.find(other));
        self.parent[one.max(other)] = one.min(other);
    }
}
