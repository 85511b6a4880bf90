//! Large, random and broken graphs, by what must hold for all.

use super::*;

/// For graphs without cycles and pins: edges go ahead, over no card, and share an upright piece
/// only with edges of the same port or into the same card.
fn assert_clean(graph: &Graph, options: &Options, layout: &Layout) {
    assert_sound(graph, options, layout);
    let mut upright: Vec<(Point, Point, Edge)> = Vec::new();
    for (&edge, path) in graph.edges.iter().zip(&layout.edges) {
        let gap = layout.nodes[edge.to].x - layout.nodes[edge.from].x - graph.nodes[edge.from].width;
        assert!(gap >= options.layer_gap, "ahead: {edge:?}");
        for piece in path.points.windows(2) {
            let (low, high) = (piece[0].y.min(piece[1].y), piece[0].y.max(piece[1].y));
            assert!(piece[0].x <= piece[1].x, "ahead: {edge:?}");
            for (node, at) in graph.nodes.iter().zip(&layout.nodes) {
                let over = piece[0].x < at.x + node.width
                    && at.x < piece[1].x
                    && low < at.y + node.height
                    && at.y < high.max(low + 0.01);
                assert!(!over, "{edge:?} runs over the card at {at:?}");
            }
            if low < high {
                upright.push((
                    Point {
                        x: piece[0].x,
                        y: low,
                    },
                    Point {
                        x: piece[0].x,
                        y: high,
                    },
                    edge,
                ));
            }
        }
    }
    for (index, (top, bottom, edge)) in upright.iter().enumerate() {
        for (other_top, other_bottom, other) in &upright[index + 1..] {
            let apart = top.x != other_top.x || other_bottom.y <= top.y || bottom.y <= other_top.y;
            let kin = edge.to == other.to || (edge.from, edge.port) == (other.from, other.port);
            assert!(apart || kin, "{edge:?} and {other:?} lie on each other");
        }
    }
}

/// Numbers that look random and are the same every time (a xorshift).
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

/// A graph of `count` cards of different sizes whose edges lead at most `reach` cards ahead.
fn random(seed: u64, count: usize, edges: usize, reach: usize) -> Graph {
    let mut seeded = Seeded(seed * 2_654_435_761 + 1);
    let nodes = (0..count).map(|_| Node {
        width: 160.0 + 8.0 * seeded.below(8) as f64,
        height: if seeded.below(4) == 0 { 88.0 } else { 64.0 },
        ..Node::default()
    });
    let nodes: Vec<Node> = nodes.collect();
    let edges = (0..edges).map(|_| {
        let from = seeded.below(count - 1);
        let to = (from + 1 + seeded.below(reach)).min(count - 1);
        Edge {
            from,
            to,
            port: if seeded.below(5) == 0 { 1 } else { 0 },
        }
    });
    Graph {
        nodes,
        edges: edges.collect(),
    }
}

#[test]
fn a_fan_is_even() {
    let graph = cards(1_002, (1..=1_000).flat_map(|node| [(0, node), (node, 1_001)]));
    let layout = layout(&graph, &Options::default());
    assert_sound(&graph, &Options::default(), &layout);
    assert_eq!(layout.nodes[0].y, layout.nodes[1_001].y);
    assert_eq!(layout.width, 3.0 * 216.0 + 2.0 * 96.0, "one track on each side");
    assert_eq!(layout.height, 1_000.0 * 96.0 - 32.0);
    let middle = f64::midpoint(layout.nodes[1].y, layout.nodes[1_000].y);
    assert!((layout.nodes[0].y - middle).abs() <= GRID, "in the middle");
}

#[test]
fn a_long_ladder_of_diamonds_is_even() {
    let rungs = |step: usize| {
        let at = 3 * step;
        [(at, at + 1), (at, at + 2), (at + 1, at + 3), (at + 2, at + 3)]
    };
    let graph = cards(901, (0..300).flat_map(rungs));
    let layout = layout(&graph, &Options::default());
    assert_sound(&graph, &Options::default(), &layout);
    for step in 0..300 {
        let y = |node: usize| layout.nodes[3 * step + node].y;
        assert_eq!((y(0), y(1) + y(2)), (y(3), 2.0 * y(0)), "diamond {step}");
    }
}

#[test]
fn random_graphs_are_clean() {
    let options = Options::default();
    for seed in 0..60 {
        let count = 4 + 3 * seed as usize % 50;
        let graph = random(seed, count, count * 3 / 2, 12);
        assert_clean(&graph, &options, &layout(&graph, &options));
    }
}

#[test]
fn random_graphs_with_cycles_and_pins_are_sound() {
    for seed in 0..40 {
        let mut graph = random(seed, 30, 40, 12);
        let mut seeded = Seeded(seed + 77);
        for _ in 0..6 {
            graph.edges.push(Edge {
                from: seeded.below(30),
                to: seeded.below(30),
                port: 2,
            });
        }
        let options = Options {
            effort: Effort(seed * 100),
            ..Options::default()
        };
        assert_sound(&graph, &options, &layout(&graph, &options));
        for _ in 0..4 {
            let node = &mut graph.nodes[seeded.below(30)];
            node.pinned = true;
            node.hint = Some(Point {
                x: 7.0 * seeded.below(300) as f64,
                y: 5.0 * seeded.below(300) as f64,
            });
        }
        assert_sound(&graph, &options, &layout(&graph, &options));
    }
}

#[test]
fn many_edges_are_drawn_within_the_budget() {
    let graph = random(1, 1_000, 30_000, 1_000);
    let options = Options {
        effort: Effort::QUICK,
        ..Options::default()
    };
    let layout = layout(&graph, &options);
    assert_apart(&graph, &layout);
    assert!(layout.edges.iter().all(|path| path.points.len() >= 2));
    // Every card also leads to the last: with a bend in every layer passed, two million of them.
    let chain = (1..2_000).flat_map(|node| [(node - 1, node), (node - 1, 1_999)]);
    let graph = cards(2_000, chain);
    let layout = super::layout(&graph, &options);
    assert_apart(&graph, &layout);
    assert!(layout.edges.iter().all(|path| path.points.len() >= 2));
}

/// How many pairs of cards of one layer have changed places.
fn changed_places(before: &Layout, after: &Layout) -> usize {
    let cards: Vec<(Point, Point)> = before
        .nodes
        .iter()
        .copied()
        .zip(after.nodes.iter().copied())
        .collect();
    let changed = |one: &(Point, Point), other: &(Point, Point)| {
        let same_layers = one.0.x == other.0.x && one.1.x == other.1.x;
        same_layers && one.0.y < other.0.y && one.1.y > other.1.y
    };
    cards
        .iter()
        .map(|one| cards.iter().filter(|other| changed(one, other)).count())
        .sum()
}

#[test]
fn a_small_edit_moves_little() {
    let options = Options::default();
    let (mut again, mut after) = (0, 0);
    for seed in 0..30 {
        let mut graph = random(seed, 40, 60, 8);
        let before = layout(&graph, &options);
        for (node, at) in graph.nodes.iter_mut().zip(&before.nodes) {
            node.hint = Some(*at);
        }
        again += changed_places(&before, &layout(&graph, &options));
        // A new card behind another one.
        graph.nodes.push(Node {
            width: 216.0,
            height: 64.0,
            ..Node::default()
        });
        graph.edges.push(Edge {
            from: 7,
            to: 40,
            port: 0,
        });
        after += changed_places(&before, &layout(&graph, &options));
    }
    assert!(
        again == 0 && after <= 3,
        "{again} and {after} pairs of cards changed places"
    );
}

/// How often routes cross, those of one port and those into one card left out.
fn crossings(graph: &Graph, layout: &Layout) -> usize {
    let pieces: Vec<(Edge, Point, Point)> = (graph.edges.iter().zip(&layout.edges))
        .flat_map(|(&edge, path)| {
            path.points
                .windows(2)
                .map(move |piece| (edge, piece[0], piece[1]))
        })
        .collect();
    let crosses = |(edge, left, right): &(Edge, Point, Point), (other, one, two): &(Edge, Point, Point)| {
        let within = left.x < one.x && one.x < right.x;
        let passes = one.y.min(two.y) < left.y && left.y < one.y.max(two.y);
        let kin = edge.to == other.to || (edge.from, edge.port) == (other.from, other.port);
        left.y == right.y && one.x == two.x && within && passes && !kin
    };
    pieces
        .iter()
        .map(|piece| pieces.iter().filter(|other| crosses(piece, other)).count())
        .sum()
}

#[test]
fn effort_takes_out_crossings() {
    let total = |effort: Effort| -> usize {
        let options = Options {
            effort,
            ..Options::default()
        };
        let graphs = (0..12).map(|seed| random(seed, 40, 60, 12));
        graphs
            .map(|graph| crossings(&graph, &layout(&graph, &options)))
            .sum()
    };
    let (none, normal) = (total(Effort(0)), total(Effort::NORMAL));
    assert!(normal * 2 < none, "{none} without effort, {normal} with it");
}
