//! Small graphs as drawings; what must hold for all is in `properties`.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};

use super::*;

mod properties;

/// One character of a drawing, in pixels.
const PEN: f64 = 8.0;

fn small() -> Options {
    Options {
        layer_gap: 64.0,
        node_gap: 16.0,
        edge_gap: 16.0,
        ..Options::default()
    }
}

/// A graph of cards of 40 by 24 pixels, from text: `0>1 0>2:1` has an edge from 0 to 1, and one
/// from port 1 of 0 to 2; `3` is a card without edges, `3@80,16` is one pinned there and `3~80,16`
/// one that was there before.
fn graph(text: &str) -> Graph {
    let mut graph = Graph::default();
    let card = |graph: &mut Graph, name: &str| {
        let index: usize = name.parse().expect("a card is a number");
        let node = Node {
            width: 40.0,
            height: 24.0,
            ..Node::default()
        };
        graph.nodes.resize(graph.nodes.len().max(index + 1), node);
        index
    };
    for word in text.split_whitespace() {
        if let Some((from, to)) = word.split_once('>') {
            let (to, port) = to.split_once(':').unwrap_or((to, "0"));
            let (from, to) = (card(&mut graph, from), card(&mut graph, to));
            graph.edges.push(Edge {
                from,
                to,
                port: port.parse().expect("a port is a number"),
            });
        } else if let Some((name, at)) = word.split_once(['@', '~']) {
            let (x, y) = at.split_once(',').expect("a place is x,y");
            let number = |text: &str| text.parse().expect("a coordinate is a number");
            let index = card(&mut graph, name);
            graph.nodes[index].hint = Some(Point {
                x: number(x),
                y: number(y),
            });
            graph.nodes[index].pinned = word.contains('@');
        } else {
            card(&mut graph, word);
        }
    }
    graph
}

/// Draws the layout with one character for 8 by 8 pixels.
fn draw(graph: &Graph, layout: &Layout) -> String {
    let mut ink: BTreeMap<(i64, i64), char> = BTreeMap::new();
    let cell = |point: Point| {
        let at = |value: f64, origin: f64| ((value - origin) / PEN).floor() as i64;
        (at(point.y, layout.origin.y), at(point.x, layout.origin.x))
    };
    for points in layout.edges.iter().map(|path| &path.points) {
        for piece in points.windows(2) {
            let (one, other) = (cell(piece[0]), cell(piece[1]));
            for row in one.0.min(other.0)..=one.0.max(other.0) {
                for column in one.1.min(other.1)..=one.1.max(other.1) {
                    let (mark, crossing) = if one.0 == other.0 { ('-', '|') } else { ('|', '-') };
                    let old = ink.get(&(row, column)).copied();
                    ink.insert((row, column), if old == Some(crossing) { '+' } else { mark });
                }
            }
        }
        for &bend in points.iter().skip(1).rev().skip(1) {
            ink.insert(cell(bend), '+');
        }
    }
    for path in &layout.edges {
        if let [.., before, last] = path.points[..] {
            let (row, column) = cell(last);
            let (at, mark) = if before.y == last.y {
                ((row, column - 1), '>')
            } else {
                ((row - 1, column), 'v')
            };
            ink.insert(at, mark);
        }
    }
    for (index, (node, at)) in graph.nodes.iter().zip(&layout.nodes).enumerate() {
        let corner = cell(*at);
        let (rows, columns) = ((node.height / PEN) as i64, (node.width / PEN) as i64);
        for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
            let mark = if row == 0 || row == rows - 1 { '=' } else { ' ' };
            ink.insert((corner.0 + row, corner.1 + column), mark);
        }
        for (place, digit) in index.to_string().chars().enumerate() {
            ink.insert(
                (corner.0 + rows / 2, corner.1 + columns / 2 + place as i64),
                digit,
            );
        }
    }
    let mut text = String::new();
    for row in 0..=ink.keys().map(|at| at.0).max().unwrap_or(0) {
        let last = ink
            .range((row, 0)..(row + 1, 0))
            .next_back()
            .map_or(-1, |(at, _)| at.1);
        let line: String = (0..=last)
            .map(|column| ink.get(&(row, column)).copied().unwrap_or(' '))
            .collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn check(text: &str, expected: &Expect) {
    check_with(text, &small(), expected);
}

fn check_with(text: &str, options: &Options, expected: &Expect) {
    let graph = graph(text);
    let layout = layout(&graph, options);
    assert_sound(&graph, options, &layout);
    expected.assert_eq(&draw(&graph, &layout));
}

/// What holds for every layout that goes from left to right.
fn assert_sound(graph: &Graph, options: &Options, layout: &Layout) {
    assert_eq!(layout, &super::layout(graph, options), "the same again");
    assert_eq!(
        (layout.nodes.len(), layout.edges.len()),
        (graph.nodes.len(), graph.edges.len())
    );
    if options.direction == Direction::Tb {
        return;
    }
    assert_apart(graph, layout);
    let end = Point {
        x: layout.origin.x + layout.width,
        y: layout.origin.y + layout.height,
    };
    for (node, at) in graph.nodes.iter().zip(&layout.nodes) {
        let on_grid = at.x % GRID == 0.0 && at.y % GRID == 0.0;
        assert!(
            on_grid || node.pinned && node.hint == Some(*at),
            "on the grid: {at:?}"
        );
        assert!(
            at.x >= layout.origin.x && at.x + node.width <= end.x,
            "within the bounds: {at:?}"
        );
        assert!(
            at.y >= layout.origin.y && at.y + node.height <= end.y,
            "within the bounds: {at:?}"
        );
    }
    for (edge, path) in graph.edges.iter().zip(&layout.edges) {
        let (Some(from), Some(to)) = (graph.nodes.get(edge.from), graph.nodes.get(edge.to)) else {
            assert!(path.points.is_empty(), "an edge without an end has no route");
            continue;
        };
        let (source, target) = (layout.nodes[edge.from], layout.nodes[edge.to]);
        let (first, last) = (path.points[0], path.points[path.points.len() - 1]);
        assert_eq!(
            (first.x, last.x),
            (source.x + from.width, target.x),
            "from side to side: {edge:?}"
        );
        assert!(
            (source.y..=source.y + from.height).contains(&first.y),
            "leaves its card: {edge:?}"
        );
        assert!(
            (target.y..=target.y + to.height).contains(&last.y),
            "enters its card: {edge:?}"
        );
        for piece in path.points.windows(2) {
            assert!(
                (piece[0].x == piece[1].x) != (piece[0].y == piece[1].y),
                "square: {edge:?} {path:?}"
            );
        }
        for point in &path.points {
            assert!(
                (layout.origin.x..=end.x).contains(&point.x),
                "within the bounds: {edge:?}"
            );
            assert!(
                (layout.origin.y..=end.y).contains(&point.y),
                "within the bounds: {edge:?}"
            );
        }
    }
}

/// No card touches another, save where both were pinned there.
fn assert_apart(graph: &Graph, layout: &Layout) {
    let mut cards: Vec<(Point, &Node)> = layout.nodes.iter().copied().zip(&graph.nodes).collect();
    cards.sort_by(|one, other| one.0.x.total_cmp(&other.0.x));
    for (index, (at, node)) in cards.iter().enumerate() {
        for (other_at, other) in cards[index + 1..]
            .iter()
            .take_while(|(other, _)| other.x < at.x + node.width)
        {
            let apart = other_at.y >= at.y + node.height || at.y >= other_at.y + other.height;
            assert!(
                apart || node.pinned && other.pinned,
                "cards at {at:?} and {other_at:?} overlap"
            );
        }
    }
}

/// Cards of the usual size.
fn cards(count: usize, edges: impl Iterator<Item = (usize, usize)>) -> Graph {
    let node = Node {
        width: 216.0,
        height: 64.0,
        ..Node::default()
    };
    Graph {
        nodes: vec![node; count],
        edges: edges.map(|(from, to)| Edge { from, to, port: 0 }).collect(),
    }
}

#[test]
fn a_chain_is_a_straight_line() {
    check(
        "0>1 1>2 2>3",
        &expect![[r#"
        =====        =====        =====        =====
          0  ------->  1  ------->  2  ------->  3
        =====        =====        =====        =====
    "#]],
    );
    let options = Options::default();
    for count in [2, 500, 10_000] {
        let graph = cards(count, (1..count).map(|node| (node - 1, node)));
        let layout = layout(&graph, &options);
        assert!(layout.nodes.iter().all(|at| at.y == 0.0), "one line");
        assert!(layout.edges.iter().all(|path| path.points.len() == 2), "no bends");
        assert_eq!(layout.width, (count * (216 + 96) - 96) as f64);
    }
}

#[test]
fn a_diamond_is_symmetric() {
    check(
        "0>1 0>2 1>3 2>3",
        &expect![[r#"
        =====        =====
          0  ----+-->  1  ----+
        =====    |   =====    +-->=====
                 |                  3
                 |            +-->=====
                 |   =====    |
                 +-->  2  ----+
                     =====
    "#]],
    );
}

#[test]
fn branches_leave_by_their_ports() {
    check(
        "0>1:0 0>2:1 0>3:2 1>4 2>4 3>5 5>6",
        &expect![[r#"
                     =====
                 +-->  1  ----+
                 |   =====    +-->=====
                 |                  4
                 |            +-->=====
        =====----+   =====    |
          0  ----+-->  2  ----+
        =====----+   =====
                 |
                 |
                 |   =====        =====        =====
                 +-->  3  ------->  5  ------->  6
                     =====        =====        =====
    "#]],
    );
}

#[test]
fn long_edges_stay_straight_and_share_their_way() {
    check(
        "0>1 1>2 2>3 3>4 0>4 0>3 1>4:1",
        &expect![[r#"
                                  =====    +-->=====
                              +-->  2  ----+     3  ---+--->=====
        =====        =====----+   =====    +-->=====   +--->  4
          0  ----+-->  1                   |           | +->=====
        =====    |   =====----+            |           | |
                 |            +------------+-----------+ |
                 |                         |             |
                 |                         |             |
                 +-------------------------+-------------+
    "#]],
    );
}

#[test]
fn crossings_are_taken_out() {
    check(
        "0>1 0>2 0>3 1>6 2>5 3>4 4>7 5>7 6>7",
        &expect![[r#"
                     =====        =====
                 +-->  1  ------->  6  ----+
                 |   =====        =====    |
                 |                         |
                 |                         |
        =====    |   =====        =====    +-->=====
          0  ----+-->  2  ------->  5  ----+-->  7
        =====    |   =====        =====    +-->=====
                 |                         |
                 |                         |
                 |   =====        =====    |
                 +-->  3  ------->  4  ----+
                     =====        =====
    "#]],
    );
}

#[test]
fn a_late_start_stands_next_to_its_use() {
    check(
        "0>1 1>2 2>3 3>4 5>6 6>4",
        &expect![[r#"
        =====        =====        =====        =====
          0  ------->  1  ------->  2  ------->  3  ----+
        =====        =====        =====        =====    +-->=====
                                                              4
                                                        +-->=====
                                  =====        =====    |
                                    5  ------->  6  ----+
                                  =====        =====
    "#]],
    );
}

#[test]
fn parts_are_packed_in_document_order() {
    check(
        "0>1 1>2 3 4>5 6 7>8 7>9",
        &expect![[r#"
        =====        =====        =====
          0  ------->  1  ------->  2
        =====        =====        =====




        =====    =====        =====
          3        4  ------->  5
        =====    =====        =====




        =====    =====        =====
          6        7  ----+-->  8
        =====    =====    |   =====
                          |
                          |
                          |   =====
                          +-->  9
                              =====
    "#]],
    );
}

#[test]
fn cycles_and_loops_go_around() {
    check(
        "0>1 1>2 2>3 3>1 2>2 0>3",
        &expect![[r#"
                +--->=====    +-->=====   +----->=====
                |      1  ----+     2  -----+      3  ---+
                | +->=====    +-->=====     | +->=====   |
                | |           |             | |          |
        =====   | |           |             | |          |
          0  -----+---------------------------+          |
        =====     |                                      |
                  +--------------------------------------+
    "#]],
    );
}

#[test]
fn top_to_bottom() {
    let options = Options {
        direction: Direction::Tb,
        ..small()
    };
    check_with(
        "0>1 0>2 1>3 2>3 0>3:1",
        &options,
        &expect![[r#"
                =====
                  0
                =====
                 | |
                 | |
                 | |
                 | |
          +------| +--+
          |      |    |
          |      |    |
          v      v    |
        =====  =====  |
          1      2    |
        =====  =====  |
          |      |    |
          |      |    |
          |      |    |
          |      |    |
          +---+ +++---+
              | | |
              | | |
              v v v
              =====
                3
              =====
    "#]],
    );
}

#[test]
fn pinned_cards_stay_and_others_make_room() {
    check(
        "0>1 1>2 0>3 3>2 1@104,48",
        &expect![[r#"
                     =====
                 +-->  3  ----+
                 |   =====    +-->=====
                 |                  2
                 |            +-->=====
        =====    |   =====    |
          0  ----+-->  1  ----+
        =====        =====
    "#]],
    );
    check(
        "0@0,0 1@200,40 2@64,104 0>1 1>2 2>0 0>2",
        &expect![[r#"
           =====
        +->  0  -+--------+
        |  ===== |        |
        |        |        |
        |        |        |
        |        |        |         =====
        |        |        +-------->  1  ---+
        |        |                  =====   |
        +--------+---------+                |
                 |         |                |
                ++---------+----------------+
                ||         |
                ||         |
                ++>=====   |
                 |   2  ---+
                 +>=====
    "#]],
    );
}

#[test]
fn broken_graphs_are_drawn_as_far_as_they_go() {
    assert_eq!(layout(&Graph::default(), &small()), Layout::default());
    let mut broken = graph("0>1 0>1 1>0 1>1");
    broken.edges.push(Edge {
        from: 0,
        to: 7,
        port: 3,
    });
    broken.edges.push(Edge {
        from: usize::MAX,
        to: 0,
        port: u16::MAX,
    });
    broken.nodes[1].width = f64::NAN;
    broken.nodes[1].height = -3.0;
    broken.nodes[0].hint = Some(Point {
        x: f64::INFINITY,
        y: 0.0,
    });
    broken.nodes[0].pinned = true;
    let odd = Options {
        layer_gap: f64::NAN,
        node_gap: -1.0,
        edge_gap: f64::INFINITY,
        effort: Effort(0),
        ..small()
    };
    let layout = layout(&broken, &odd);
    let points = layout
        .nodes
        .iter()
        .chain(layout.edges.iter().flat_map(|path| &path.points));
    assert!(
        points
            .clone()
            .all(|point| point.x.is_finite() && point.y.is_finite()),
        "{layout:?}"
    );
    let drawn: Vec<bool> = layout.edges.iter().map(|path| !path.points.is_empty()).collect();
    assert_eq!(drawn, [true, true, true, true, false, false]);
}

#[test]
fn drawing_commands_have_round_corners() {
    let graph = graph("0>1 0>2");
    let layout = layout(&graph, &small());
    let paths: Vec<String> = layout.edges.iter().map(|path| svg_path(path, 8.0)).collect();
    expect![[r#"
        M40 8L104 8
        M40 8L64 8Q72 8 72 16L72 40Q72 48 80 48L104 48"#]]
    .assert_eq(&paths.join("\n"));
    assert_eq!(svg_path(&Path::default(), 8.0), "");
}

#[test]
fn port_rows_are_even_and_on_the_grid() {
    let rows = |side: f64, count: usize| {
        (0..count)
            .map(|row| port_offset(side, row, count))
            .collect::<Vec<_>>()
    };
    assert_eq!(rows(64.0, 1), [32.0]);
    assert_eq!(rows(64.0, 2), [24.0, 40.0]);
    assert_eq!(rows(64.0, 3), [16.0, 32.0, 48.0]);
    assert_eq!(rows(88.0, 1), [40.0]);
    assert_eq!(rows(10.0, 2), [2.5, 7.5]);
    assert_eq!(rows(0.0, 1), [0.0]);
}
