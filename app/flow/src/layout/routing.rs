//! Positions along the layers, and right-angled routes for all links of a part.

use super::channel::{Wire, tracks};
use super::net::Net;
use super::ordering::Order;
use super::parts::Part;
use super::path::simplify;
use super::{GRID, Options, Path, Point, grid_ceil, sort_by};

/// A part as drawn, its top left corner at the origin.
#[derive(Debug, Default)]
pub(super) struct Drawn {
    /// The corner of every node.
    pub(super) nodes: Vec<Point>,
    /// The route of every link.
    pub(super) paths: Vec<Path>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// From a card to the first and to the last track beside it: room for a rounded corner and an
/// arrow head.
const MARGIN: f64 = 24.0;
/// No gap between layers gets wider than this for its tracks; they move together instead.
const WIDEST: f64 = 2_400.0;
/// So many lines are drawn around the cards on lanes of their own; the others share the last lane.
const LANES: usize = 200;

/// The lanes below the cards for the links that go around them.
struct Lanes {
    /// The height of the lane of every link; unused for those with segments.
    height: Vec<f64>,
    bottom: f64,
}

/// The wires of all gaps. Gap `n` is before layer `n`, the last one after the last layer.
#[derive(Default)]
struct Wiring {
    gaps: Vec<Vec<Wire>>,
    /// The wire of every segment; none when it is a straight line.
    of_seg: Vec<Option<usize>>,
    /// For links that go around: the wire after the source and the one before the target.
    of_link: Vec<Option<(usize, usize)>>,
}

/// Where layers and wires are along x.
struct Columns {
    layer: Vec<f64>,
    /// For every gap the x of its wires.
    wires: Vec<Vec<f64>>,
    end: f64,
}

/// Draws the part: `across` holds the top of every item.
pub(super) fn route(part: &Part, net: &Net, order: &Order, across: &[f64], options: &Options) -> Drawn {
    let lanes = lanes(part, net, order, across, options);
    let wiring = wire(part, net, across, &lanes);
    let columns = columns(part, net, &wiring, options);
    let nodes = (0..net.nodes)
        .map(|node| Point {
            x: columns.layer[net.rank[node]],
            y: across[node],
        })
        .collect();
    let paths = (0..part.links.len())
        .map(|link| path(part, net, across, &lanes, &wiring, &columns, link))
        .collect();
    Drawn {
        nodes,
        paths,
        width: columns.end,
        height: lanes.bottom,
    }
}

fn lanes(part: &Part, net: &Net, order: &Order, across: &[f64], options: &Options) -> Lanes {
    let foot = |item: usize| across[item] + net.height[item];
    let mut bottoms: Vec<f64> = order
        .layers
        .iter()
        .map(|layer| layer.last().map_or(0.0, |&item| foot(item)))
        .collect();
    let mut bottom = bottoms.iter().copied().fold(0.0, f64::max);
    let clear = (options.node_gap / 2.0).max(options.edge_gap);
    for layer in &mut bottoms {
        *layer += clear - options.edge_gap;
    }
    let span = |link: usize| {
        let (from, to) = (net.rank[part.links[link].from], net.rank[part.links[link].to]);
        (from.min(to), from.max(to))
    };
    let mut around: Vec<usize> = (0..part.links.len())
        .filter(|&link| net.last[link].is_none())
        .collect();
    // Short ones are drawn inside long ones.
    let length = |link: usize| (span(link).1 - span(link).0, link);
    sort_by(&mut around, &|one, other| length(one).cmp(&length(other)));
    let mut height = vec![0.0; part.links.len()];
    for (drawn, &link) in around.iter().enumerate() {
        let ends = part.links[link];
        if ends.from == ends.to {
            height[link] = foot(ends.from) + clear.min(2.0 * GRID);
        } else {
            let under = &mut bottoms[span(link).0..=span(link).1];
            let lowest = under.iter().copied().fold(0.0, f64::max);
            height[link] = lowest + if drawn < LANES { options.edge_gap } else { 0.0 };
            under.fill(height[link]);
        }
        bottom = bottom.max(height[link]);
    }
    Lanes { height, bottom }
}

fn wire(part: &Part, net: &Net, across: &[f64], lanes: &Lanes) -> Wiring {
    let mut wiring = Wiring {
        gaps: vec![Vec::new(); net.layers + 1],
        of_seg: vec![None; net.segs.len()],
        of_link: vec![None; part.links.len()],
    };
    let joins = |seg: usize, together: usize| {
        let to = net.segs[seg].to;
        !net.is_bend(to) && net.joined[to] && net.ins.of(to).len() > together
    };
    // The wire that gathers the edges of a node which they enter at one point.
    let mut gathering: Vec<Option<usize>> = vec![None; net.nodes];
    for item in 0..net.rank.len() {
        let same = |one: &usize, other: &usize| net.segs[*one].row == net.segs[*other].row;
        for port in net.outs.of(item).chunk_by(same) {
            let gap = &mut wiring.gaps[net.rank[item] + 1];
            let mut shared = None;
            for &seg in port {
                let ends = net.segs[seg];
                let (start, end) = (across[item] + ends.leave, across[ends.to] + ends.enter);
                let wire = if joins(seg, port.len()) {
                    &mut gathering[ends.to]
                } else if port.len() == 1 && start == end {
                    continue;
                } else {
                    &mut shared
                };
                let wire = *wire.get_or_insert_with(|| {
                    gap.push(Wire::default());
                    gap.len() - 1
                });
                gap[wire].lefts.push(start);
                gap[wire].rights.push(end);
                wiring.of_seg[seg] = Some(wire);
            }
        }
    }
    for (link, ends) in part
        .links
        .iter()
        .enumerate()
        .filter(|(link, _)| net.last[*link].is_none())
    {
        let (start, end, lane) = (
            leave(part, across, link),
            across[ends.to] + net.enter[link],
            lanes.height[link],
        );
        let ahead = net.rank[ends.from] < net.rank[ends.to];
        let (first, last) = if ahead {
            let first = Wire {
                lefts: vec![start],
                rights: vec![lane],
            };
            (
                first,
                Wire {
                    lefts: vec![lane],
                    rights: vec![end],
                },
            )
        } else {
            let first = Wire {
                lefts: vec![start, lane],
                rights: Vec::new(),
            };
            (
                first,
                Wire {
                    lefts: Vec::new(),
                    rights: vec![lane, end],
                },
            )
        };
        let mut add = |gap: usize, wire: Wire| {
            wiring.gaps[gap].push(wire);
            wiring.gaps[gap].len() - 1
        };
        let first = add(net.rank[ends.from] + 1, first);
        wiring.of_link[link] = Some((first, add(net.rank[ends.to], last)));
    }
    wiring
}

/// The height at which a link leaves its source.
fn leave(part: &Part, across: &[f64], link: usize) -> f64 {
    let ends = part.links[link];
    across[ends.from] + super::port_offset(part.height[ends.from], ends.row, ends.rows)
}

fn columns(part: &Part, net: &Net, wiring: &Wiring, options: &Options) -> Columns {
    let mut widths = vec![0.0_f64; net.layers];
    for node in 0..net.nodes {
        widths[net.rank[node]] = widths[net.rank[node]].max(part.width[node]);
    }
    let mut columns = Columns {
        layer: Vec::new(),
        wires: Vec::new(),
        end: 0.0,
    };
    let mut x = 0.0;
    for (gap, wires) in wiring.gaps.iter().enumerate() {
        let (track, count) = tracks(wires.clone());
        let between = gap > 0 && gap < net.layers;
        let steps = count.saturating_sub(1) as f64;
        let pitch = if count > 1 {
            options.edge_gap.min(WIDEST / steps)
        } else {
            0.0
        };
        let needed = if count == 0 {
            0.0
        } else {
            steps * pitch + 2.0 * MARGIN
        };
        let width = grid_ceil(if between {
            needed.max(options.layer_gap)
        } else {
            needed
        });
        let first = x + (width - steps * pitch) / 2.0;
        columns.wires.push(
            track
                .into_iter()
                .map(|track| first + track as f64 * pitch)
                .collect(),
        );
        x += width;
        if let Some(&column) = widths.get(gap) {
            columns.layer.push(x);
            x += grid_ceil(column);
        }
    }
    columns.end = x;
    columns
}

fn path(
    part: &Part,
    net: &Net,
    across: &[f64],
    lanes: &Lanes,
    wiring: &Wiring,
    columns: &Columns,
    link: usize,
) -> Path {
    let ends = part.links[link];
    let (from, to) = (net.rank[ends.from], net.rank[ends.to]);
    let (start, end) = (leave(part, across, link), across[ends.to] + net.enter[link]);
    let mut points = vec![Point {
        x: columns.layer[from] + part.width[ends.from],
        y: start,
    }];
    let mut turn =
        |x: f64, before: f64, after: f64| points.extend([Point { x, y: before }, Point { x, y: after }]);
    if let Some((first, last)) = wiring.of_link[link] {
        turn(columns.wires[from + 1][first], start, lanes.height[link]);
        turn(columns.wires[to][last], lanes.height[link], end);
    } else {
        for seg in way(net, link) {
            let ends = net.segs[seg];
            if let Some(wire) = wiring.of_seg[seg] {
                let x = columns.wires[net.rank[ends.to]][wire];
                turn(x, across[ends.from] + ends.leave, across[ends.to] + ends.enter);
            }
        }
    }
    points.push(Point {
        x: columns.layer[to],
        y: end,
    });
    simplify(points)
}

/// The segments of a link, from its source on.
fn way(net: &Net, link: usize) -> Vec<usize> {
    let mut way: Vec<usize> = net.last[link].into_iter().collect();
    while let Some(&first) = way.last()
        && net.is_bend(net.segs[first].from)
    {
        way.extend(net.ins.of(net.segs[first].from).first());
    }
    way.reverse();
    way
}
