//! Placing the cards of a flow and the lines between them.
//!
//! The layout is layered, after Sugiyama, Tagawa and Toda ("Methods for visual understanding of
//! hierarchical system structures", 1981), in five steps, each in its own file:
//!
//! 1. `layering`: cycles are opened, every node gets a layer, edges are made short
//!    (in the spirit of Gansner, Koutsofios, North and Vo, "A technique for drawing directed
//!    graphs", 1993).
//! 2. `net`: edges that pass a layer get a bend point in it.
//! 3. `ordering`: crossings are taken out by barycentre sweeps and neighbour swaps, starting
//!    from the document order or from where things stood before.
//! 4. `placement`: positions across the layers after Brandes and Köpf ("Fast and simple
//!    horizontal coordinate assignment", 2001).
//! 5. `routing`: right-angled routes, each vertical piece on a track of its own.
//!
//! Connected parts are laid out apart and then packed (`parts`); nodes pinned by hand are put
//! back last (`pins`). Everything is iterative, deterministic, and bounded by [`Effort`].
//!
//! Inside, layers always follow each other along x; [`Direction::Tb`] swaps the axes on the way in
//! and on the way out.

mod channel;
mod layering;
mod net;
mod ordering;
mod parts;
mod path;
mod pins;
mod placement;
mod routing;
mod space;
mod straighten;
#[cfg(test)]
mod tests;

pub use path::svg_path;

/// The canvas grid: every card corner the layout chooses is a multiple of this, in pixels.
pub const GRID: f64 = 8.0;

/// What is to be placed. The order of the nodes is the document order and keeps the result stable.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    /// The cards.
    pub nodes: Vec<Node>,
    /// The lines between them. An edge naming a node that is not there gets an empty [`Path`].
    pub edges: Vec<Edge>,
}

/// A card.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Node {
    /// Width in pixels.
    pub width: f64,
    /// Height in pixels.
    pub height: f64,
    /// How many port rows the card shows on the side its edges leave from; 0 means as many as its
    /// edges use.
    pub ports: u16,
    /// The top left corner it had before, which seeds the order within its layer.
    pub hint: Option<Point>,
    /// Whether the hint is a place chosen by hand, to be kept as it is.
    pub pinned: bool,
}

/// A directed line between two cards, by their index in [`Graph::nodes`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    /// The card it leaves.
    pub from: usize,
    /// The card it enters.
    pub to: usize,
    /// The port row it leaves from, counted from the top (from the left with [`Direction::Tb`]).
    /// Edges of one card with the same port leave from one point and share their way as long as
    /// it is the same.
    pub port: u16,
}

/// How to place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Which way the edges point.
    pub direction: Direction,
    /// Least distance between two layers, in pixels.
    pub layer_gap: f64,
    /// Least distance between two cards of one layer, in pixels.
    pub node_gap: f64,
    /// Distance between two parallel lines, in pixels.
    pub edge_gap: f64,
    /// How much work to put in.
    pub effort: Effort,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            direction: Direction::Lr,
            layer_gap: 96.0,
            node_gap: 32.0,
            edge_gap: 12.0,
            effort: Effort::NORMAL,
        }
    }
}

/// Which way the edges of the layout point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// From left to right.
    #[default]
    Lr,
    /// From top to bottom.
    Tb,
}

/// An upper bound for the work of the optional steps, in visits of an edge or a card. It takes the
/// place of a deadline, without a clock and with the same result everywhere. When it is spent, the
/// layout is still complete, with more crossings and, for very many long edges, lines that go
/// around the cards instead of between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Effort(pub u64);

impl Effort {
    /// For previews: a few milliseconds for a thousand cards.
    pub const QUICK: Self = Self(300_000);
    /// For drawing a flow.
    pub const NORMAL: Self = Self(6_000_000);
    /// For a tidy-up that may take seconds on very large flows.
    pub const THOROUGH: Self = Self(100_000_000);
}

/// A place on the canvas, in pixels, y pointing down.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// Pixels to the right.
    pub x: f64,
    /// Pixels down.
    pub y: f64,
}

/// A route: horizontal and vertical pieces between these points, from the source's port to the
/// target's. Empty when the edge cannot be drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Path {
    /// Start, bends and end.
    pub points: Vec<Point>,
}

/// Where everything goes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// The top left corner of every card: multiples of [`GRID`], or the hint of a pinned card.
    pub nodes: Vec<Point>,
    /// A route for every edge.
    pub edges: Vec<Path>,
    /// The top left corner of all there is: the origin, unless cards are pinned.
    pub origin: Point,
    /// Width of all there is, in pixels.
    pub width: f64,
    /// Height of all there is, in pixels.
    pub height: f64,
}

/// Places a graph. Takes any graph: cycles, loops, duplicate edges and edges without an end are
/// drawn as well as they can be, sizes that are no numbers count as 0.
#[must_use]
pub fn layout(graph: &Graph, options: &Options) -> Layout {
    let sound = sound(graph, options.direction);
    let options = sound_options(options);
    let parts = parts::split(&sound);
    let total: usize = parts.iter().map(parts::Part::weight).sum();
    let arranged = parts
        .iter()
        .map(|part| arrange(part, &options, share(options.effort, part.weight(), total)));
    let mut result = parts::pack(&sound, &options, &parts, arranged.collect());
    if sound.nodes.iter().any(|node| node.pinned) {
        pins::restore(&sound, &options, &parts, &mut result);
    }
    measure(&sound, &mut result);
    if options.direction == Direction::Tb {
        turn(&mut result);
    }
    result
}

/// Where on a card's side, `side` pixels long, port row `index` of `count` sits, counted from the
/// top. [`layout`] uses the same rows, so that free ports can be drawn in line with taken ones.
#[must_use]
pub fn port_offset(side: f64, index: usize, count: usize) -> f64 {
    let count = count.max(1) as f64;
    // The rows keep to the grid, so that cards on the grid can be joined by a straight line.
    let middle = (side / 2.0 / GRID).floor() * GRID;
    let pitch = 2.0 * GRID;
    if pitch * count <= side {
        middle + (index as f64 - (count - 1.0) / 2.0) * pitch
    } else if count <= 1.0 {
        side / 2.0
    } else {
        (index as f64 + 0.5) * side / count
    }
}

/// The steps for one connected part.
fn arrange(part: &parts::Part, options: &Options, mut budget: Budget) -> routing::Drawn {
    let opened = layering::open_cycles(part);
    let rank = layering::layers(part, &opened, &mut budget);
    let mut net = net::build(part, &opened, rank, budget.bends());
    let order = ordering::order(part, &net, &mut budget);
    net.enter_in_order(part, &order);
    let gaps = placement::Gaps::new(options);
    let mut across = placement::place(&net, &order, &gaps);
    straighten::straighten(&net, &order, &gaps, &mut across, &mut budget);
    routing::route(part, &net, &order, &across, options)
}

/// What is left of an [`Effort`].
pub(crate) struct Budget {
    whole: u64,
    left: u64,
}

impl Budget {
    /// Takes `units`; false when there was not enough.
    fn spend(&mut self, units: usize) -> bool {
        let enough = self.left >= units as u64;
        self.left = self.left.saturating_sub(units as u64);
        enough
    }

    /// How many bend points may be made: each one costs in every later step.
    fn bends(&self) -> usize {
        usize::try_from(self.whole / 64).unwrap_or(usize::MAX).max(64)
    }
}

fn share(effort: Effort, weight: usize, total: usize) -> Budget {
    let whole = (u128::from(effort.0) * weight as u128 / total.max(1) as u128) as u64;
    Budget { whole, left: whole }
}

/// The graph with usable numbers and the layers along x.
fn sound(graph: &Graph, direction: Direction) -> Graph {
    let side = |value: f64| {
        if value.is_finite() {
            value.clamp(0.0, 1e6)
        } else {
            0.0
        }
    };
    let place = |point: &Point| point.x.abs() < 1e9 && point.y.abs() < 1e9;
    let mut graph = graph.clone();
    for node in &mut graph.nodes {
        (node.width, node.height) = (side(node.width), side(node.height));
        node.hint = node.hint.filter(place);
        node.pinned &= node.hint.is_some();
        if direction == Direction::Tb {
            std::mem::swap(&mut node.width, &mut node.height);
            node.hint = node.hint.map(swap);
        }
    }
    graph
}

fn sound_options(options: &Options) -> Options {
    let gap = |value: f64, least: f64| {
        if value.is_finite() {
            value.clamp(least, 1e5)
        } else {
            least
        }
    };
    Options {
        layer_gap: gap(options.layer_gap, 2.0 * GRID),
        node_gap: gap(options.node_gap, GRID),
        edge_gap: gap(options.edge_gap, 2.0),
        ..*options
    }
}

/// Measures the bounds, and moves them to the origin when nothing is pinned there.
fn measure(graph: &Graph, result: &mut Layout) {
    let (mut low, mut high) = (
        Point {
            x: f64::MAX,
            y: f64::MAX,
        },
        Point {
            x: f64::MIN,
            y: f64::MIN,
        },
    );
    let mut reach = |x: f64, y: f64| {
        low = Point {
            x: low.x.min(x),
            y: low.y.min(y),
        };
        high = Point {
            x: high.x.max(x),
            y: high.y.max(y),
        };
    };
    for (node, at) in graph.nodes.iter().zip(&result.nodes) {
        reach(at.x, at.y);
        reach(at.x + node.width, at.y + node.height);
    }
    for point in result.edges.iter().flat_map(|path| &path.points) {
        reach(point.x, point.y);
    }
    if graph.nodes.is_empty() {
        return;
    }
    (result.width, result.height) = (high.x - low.x, high.y - low.y);
    if graph.nodes.iter().any(|node| node.pinned) {
        result.origin = low;
        return;
    }
    // Whole grid steps, so that the cards stay on the grid.
    let by = Point {
        x: -grid_floor(low.x),
        y: -grid_floor(low.y),
    };
    (result.width, result.height) = (high.x + by.x, high.y + by.y);
    let points = result.edges.iter_mut().flat_map(|path| &mut path.points);
    for point in result.nodes.iter_mut().chain(points) {
        *point = Point {
            x: point.x + by.x,
            y: point.y + by.y,
        };
    }
}

fn turn(result: &mut Layout) {
    let points = result.edges.iter_mut().flat_map(|path| &mut path.points);
    for point in result.nodes.iter_mut().chain(points).chain([&mut result.origin]) {
        *point = swap(*point);
    }
    std::mem::swap(&mut result.width, &mut result.height);
}

fn swap(point: Point) -> Point {
    Point {
        x: point.y,
        y: point.x,
    }
}

fn grid_floor(value: f64) -> f64 {
    (value / GRID).floor() * GRID
}

fn grid_ceil(value: f64) -> f64 {
    (value / GRID).ceil() * GRID
}

/// Orders numbers of things, equal ones as they were. There is this one sort for all of them: each of its own would weigh five kilobytes
/// in the browser.
fn sort_by(things: &mut [usize], compare: &dyn Fn(usize, usize) -> std::cmp::Ordering) {
    things.sort_by(|&one, &other| compare(one, other));
}

fn grid_round(value: f64) -> f64 {
    (value / GRID).round() * GRID
}

/// Lists of indices, one after another in one allocation: which edges a node has, and the like.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    start: Vec<usize>,
    flat: Vec<usize>,
}

impl Lists {
    /// `pairs` says for every entry which of the `count` lists it belongs to; order is kept.
    fn new(count: usize, pairs: impl Iterator<Item = (usize, usize)> + Clone) -> Self {
        let mut start = vec![0; count + 1];
        for (list, _) in pairs.clone() {
            start[list + 1] += 1;
        }
        for list in 0..count {
            start[list + 1] += start[list];
        }
        let (mut next, mut flat) = (start.clone(), vec![0; start[count]]);
        for (list, entry) in pairs {
            flat[next[list]] = entry;
            next[list] += 1;
        }
        Self { start, flat }
    }

    fn of(&self, list: usize) -> &[usize] {
        &self.flat[self.start[list]..self.start[list + 1]]
    }

    fn of_mut(&mut self, list: usize) -> &mut [usize] {
        &mut self.flat[self.start[list]..self.start[list + 1]]
    }
}
