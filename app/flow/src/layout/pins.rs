//! Cards placed by hand: they keep their place, the others make room, and edges that no longer
//! fit the layers are routed one by one.

use super::parts::Part;
use super::path::simplify;
use super::space::{Card, Space};
use super::{Graph, Layout, Options, Path, Point, grid_ceil, grid_floor, grid_round, sort_by};

/// From a card to the first bend beside it.
const STUB: f64 = 24.0;

/// Puts pinned nodes back and everything else around them.
pub(super) fn restore(graph: &Graph, options: &Options, parts: &[Part], result: &mut Layout) {
    shift_parts(graph, options, parts, result);
    let before = result.nodes.clone();
    let space = settle(graph, options, result);
    let mut router = Router {
        graph,
        options,
        nodes: &result.nodes,
        space: &space,
        upright: Vec::new(),
    };
    for (edge, path) in result.edges.iter_mut().enumerate() {
        let ends = graph.edges[edge];
        let (Some(first), Some(last)) = (path.points.first(), path.points.last()) else {
            continue;
        };
        let leave = first.y - before[ends.from].y;
        let enter = last.y - before[ends.to].y;
        let stays = |node: usize| before[node] == result.nodes[node];
        if !(stays(ends.from) && stays(ends.to) && router.hits(path) == 0) {
            *path = router.route(edge, leave, enter);
        }
        router.remember(edge, path);
    }
}

/// Moves every part with pins as a whole to where most of its pins are, and the others below them.
fn shift_parts(graph: &Graph, options: &Options, parts: &[Part], result: &mut Layout) {
    let pin = |node: usize| graph.nodes[node].hint.filter(|_| graph.nodes[node].pinned);
    let (held, free): (Vec<&Part>, Vec<&Part>) = parts
        .iter()
        .partition(|part| part.nodes.iter().any(|&node| pin(node).is_some()));
    // The left and the bottom of the parts with pins.
    let (mut left, mut bottom) = (f64::MAX, f64::MIN);
    for part in held {
        let away = part
            .nodes
            .iter()
            .filter_map(|&node| pin(node).map(|at| (at, result.nodes[node])));
        let by = Point {
            x: grid_round(middle(away.clone().map(|(to, from)| to.x - from.x).collect())),
            y: grid_round(middle(away.map(|(to, from)| to.y - from.y).collect())),
        };
        shift(part, by, result);
        for &node in &part.nodes {
            let at = pin(node).unwrap_or(result.nodes[node]);
            (left, bottom) = (left.min(at.x), bottom.max(at.y + graph.nodes[node].height));
        }
    }
    let corner = free
        .iter()
        .flat_map(|part| &part.nodes)
        .fold((f64::MAX, f64::MAX), |corner, &node| {
            (
                corner.0.min(result.nodes[node].x),
                corner.1.min(result.nodes[node].y),
            )
        });
    let below = grid_ceil(bottom + 2.0 * options.node_gap);
    for part in free {
        shift(
            part,
            Point {
                x: grid_floor(left - corner.0),
                y: below - grid_floor(corner.1),
            },
            result,
        );
    }
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

fn shift(part: &Part, by: Point, result: &mut Layout) {
    let add = |point: &mut Point| {
        *point = Point {
            x: point.x + by.x,
            y: point.y + by.y,
        }
    };
    for &node in &part.nodes {
        add(&mut result.nodes[node]);
    }
    for &edge in &part.edges {
        result.edges[edge].points.iter_mut().for_each(add);
    }
}

/// Puts the pinned cards in their places and moves others off them.
fn settle(graph: &Graph, options: &Options, result: &mut Layout) -> Space {
    let mut space = Space::new(
        graph
            .nodes
            .iter()
            .map(|node| node.width.max(node.height))
            .fold(0.0, f64::max),
    );
    let card = |node: usize, at: Point| Card {
        at,
        width: graph.nodes[node].width,
        height: graph.nodes[node].height,
    };
    for (index, node) in graph.nodes.iter().enumerate() {
        if let Some(at) = node.hint.filter(|_| node.pinned) {
            result.nodes[index] = at;
            space.add(card(index, at));
        }
    }
    // From the top, so that those pushed down push those below.
    let mut others: Vec<usize> = (0..graph.nodes.len())
        .filter(|&node| !graph.nodes[node].pinned)
        .collect();
    sort_by(&mut others, &|one, other| {
        result.nodes[one]
            .y
            .total_cmp(&result.nodes[other].y)
            .then(one.cmp(&other))
    });
    for node in others {
        result.nodes[node] = space.free_place(card(node, result.nodes[node]), options.node_gap);
        space.add(card(node, result.nodes[node]));
    }
    space
}

/// Routes single edges between cards that stand anywhere.
struct Router<'a> {
    graph: &'a Graph,
    options: &'a Options,
    nodes: &'a [Point],
    space: &'a Space,
    /// The vertical pieces there are: x, low, high and the port they come from.
    upright: Vec<(f64, f64, f64, (usize, u16))>,
}

impl Router<'_> {
    /// How many cards a route runs over.
    fn hits(&self, path: &Path) -> usize {
        path.points
            .windows(2)
            .map(|piece| self.space.hits(piece[0], piece[1]))
            .sum()
    }

    fn remember(&mut self, edge: usize, path: &Path) {
        let ends = self.graph.edges[edge];
        for piece in path.points.windows(2).filter(|piece| piece[0].x == piece[1].x) {
            let (low, high) = (piece[0].y.min(piece[1].y), piece[0].y.max(piece[1].y));
            self.upright.push((piece[0].x, low, high, (ends.from, ends.port)));
        }
    }

    /// The best of a few shapes: over no card, apart from other lines, few bends, short.
    fn route(&self, edge: usize, leave: f64, enter: f64) -> Path {
        let ends = self.graph.edges[edge];
        let (source, target) = (self.nodes[ends.from], self.nodes[ends.to]);
        let (from, to) = (self.graph.nodes[ends.from], self.graph.nodes[ends.to]);
        let start = Point {
            x: source.x + from.width,
            y: source.y + leave,
        };
        let end = Point {
            x: target.x,
            y: target.y + enter,
        };
        let mut shapes = Vec::new();
        let room = end.x - start.x;
        if room >= STUB {
            let middle = f64::midpoint(start.x, end.x);
            let mut columns = vec![middle];
            for step in 1..=3 {
                let by = f64::from(step) * self.options.edge_gap;
                columns.extend([middle - by, middle + by]);
            }
            columns.extend([start.x + STUB, end.x - STUB]);
            columns.retain(|&x| x >= start.x + STUB / 2.0 && x <= end.x - STUB / 2.0);
            shapes.extend(columns.into_iter().map(|x| vec![(x, end.y)]));
        }
        let (first, last) = (start.x + STUB, end.x - STUB);
        let (above, below) = (
            source.y.min(target.y),
            (source.y + from.height).max(target.y + to.height),
        );
        let upper = (source.y + from.height).min(target.y + to.height);
        let lower = source.y.max(target.y);
        let mut lanes = vec![above - STUB, below + STUB, above - 5.0 * STUB, below + 5.0 * STUB];
        if lower - upper >= STUB {
            lanes.push(f64::midpoint(upper, lower));
        }
        for lane in lanes {
            for step in 0..3 {
                let by = f64::from(step) * self.options.edge_gap;
                shapes.push(vec![(first + by, lane), (last - by, end.y)]);
            }
        }
        let routes = shapes.into_iter().map(|shape| {
            let mut points = vec![start];
            let mut y = start.y;
            for (x, next) in shape {
                points.extend([Point { x, y }, Point { x, y: next }]);
                y = next;
            }
            points.push(end);
            simplify(points)
        });
        routes
            .min_by(|one, other| self.cost(edge, one).total_cmp(&self.cost(edge, other)))
            .unwrap_or_default()
    }

    fn cost(&self, edge: usize, path: &Path) -> f64 {
        let ends = self.graph.edges[edge];
        let (mut length, mut covered) = (0.0, 0);
        for piece in path.points.windows(2) {
            length += (piece[0].x - piece[1].x).abs() + (piece[0].y - piece[1].y).abs();
            if piece[0].x == piece[1].x {
                let (low, high) = (piece[0].y.min(piece[1].y), piece[0].y.max(piece[1].y));
                let over = |other: &&(f64, f64, f64, (usize, u16))| {
                    (other.0 - piece[0].x).abs() < 4.0
                        && other.1 <= high
                        && low <= other.2
                        && other.3 != (ends.from, ends.port)
                };
                covered += self.upright.iter().rev().take(400).filter(over).count();
            }
        }
        self.hits(path) as f64 * 10_000.0 + covered as f64 * 200.0 + path.points.len() as f64 * 40.0 + length
    }
}
