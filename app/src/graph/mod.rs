//! The graph of a flow version, as it is drawn: cards and tracks with their places, without any state.
//!
//! The drawing is text ([`svg::svg`]) that the server writes and the browser keeps: it is never rebuilt, a live page only
//! sets states on it ([`stage`]).

#[cfg(any(feature = "hydrate", test))]
mod camera;
pub mod far;
pub mod ink;
pub mod outline;
pub mod stage;
pub mod state;
pub mod svg;
mod text;

use flow::layout::{self, Edge, Graph, Node, Options, Path, Point};
use flow::plan::{PlanEdge, Role};
use flow::{Plan, TaskIx};

/// A card's width.
pub const CARD_WIDTH: f64 = 192.0;
/// A card's height, unless its name takes a second line or it has more than four kinds of outgoing edges.
pub const CARD_HEIGHT: f64 = 64.0;
/// What a second line of the name adds to it.
pub const LINE_HEIGHT: f64 = 16.0;
/// Where texts begin on a card: right of its type's icon.
pub const TEXT_LEFT: f64 = 44.0;
/// How wide a line of the name may be: the state's icon stands right of it.
const NAME_ROOM: f64 = CARD_WIDTH - TEXT_LEFT - 32.0;
/// Free space around everything.
const MARGIN: f64 = 24.0;
/// Free space inside a group's frame.
const PADDING: f64 = 16.0;
/// Where a group's cards begin below its upper edge.
const TITLE_HEIGHT: f64 = 40.0;
/// Groups stand side by side up to this width, or up to that of the main tasks if they are wider.
const ROOM_MIN: f64 = 1000.0;

/// A graph with all its places.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GraphView {
    /// The cards, as numbered by the plan.
    pub cards: Vec<Card>,
    /// The tracks, as numbered by the plan.
    pub tracks: Vec<Track>,
    /// Frames around the tasks that end a run.
    pub groups: Vec<Group>,
    /// Width of everything, with its margin.
    pub width: f64,
    /// Height of everything, with its margin.
    pub height: f64,
}

/// A task as a card.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    /// The task's id.
    pub key: String,
    /// The name people see.
    pub name: String,
    /// The name as it is drawn: one line or two, cut if even those do not hold it.
    pub lines: Vec<String>,
    /// Its type's key.
    pub task_type: String,
    /// The top left corner.
    pub at: Point,
    /// Its height.
    pub height: f64,
    /// Whether nothing comes before it.
    pub is_first: bool,
    /// Whether its version has it switched off.
    pub is_off: bool,
    /// Whether it stands for items or iterations: it is drawn as a stack.
    pub has_parts: bool,
}

/// The outcome a track stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Succeeded alone.
    Succeeded,
    /// A switch's case.
    Case(String),
    /// Several outcomes, or skipped or cancelled, as words.
    Other(String),
    /// Failed alone.
    Failed,
    /// Whatever happened.
    Always,
}

impl Kind {
    fn of(edge: &PlanEdge) -> Self {
        let on = &edge.on;
        if on.always {
            return Self::Always;
        }
        let states = [
            (on.succeeded, "succeeded"),
            (on.failed, "failed"),
            (on.skipped, "skipped"),
            (on.cancelled, "cancelled"),
        ];
        let words: Vec<&str> = states
            .into_iter()
            .filter(|(is, _)| *is)
            .map(|(_, word)| word)
            .chain(on.cases.iter().map(String::as_str))
            .collect();
        match words[..] {
            ["succeeded"] | [] => Self::Succeeded,
            ["failed"] => Self::Failed,
            [case] if !on.cases.is_empty() => Self::Case(case.to_owned()),
            _ => Self::Other(words.join(", ")),
        }
    }

    /// The value of `data-kind`.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Always => "always",
            Self::Case(_) => "case",
            Self::Other(_) => "other",
        }
    }
}

/// An edge as a track.
#[derive(Clone, Debug, PartialEq)]
pub struct Track {
    /// The card it leaves.
    pub from: usize,
    /// The card it enters.
    pub to: usize,
    /// The outcome that takes it.
    pub kind: Kind,
    /// The expression that narrows it.
    pub when: Option<String>,
    /// Its way; empty if it cannot be drawn.
    pub path: Path,
}

impl Track {
    /// What stands on it.
    #[must_use]
    pub fn label(&self) -> Option<String> {
        let outcome = match &self.kind {
            Kind::Succeeded => None,
            Kind::Failed => Some("on failed".to_owned()),
            Kind::Always => Some("always".to_owned()),
            Kind::Case(words) | Kind::Other(words) => Some(words.clone()),
        };
        let condition = self.when.as_ref().map(|when| format!("if {}", expression(when)));
        match (outcome, condition) {
            (None, None) => None,
            (Some(one), None) | (None, Some(one)) => Some(one),
            (Some(outcome), Some(condition)) => Some(format!("{outcome} · {condition}")),
        }
    }
}

/// An expression without its braces.
fn expression(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix("{{")
        .and_then(|inner| inner.strip_suffix("}}"))
        .map_or(text, str::trim)
}

/// A frame around tasks of one role.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// What they are there for.
    pub title: &'static str,
    /// The top left corner.
    pub at: Point,
    /// Its width.
    pub width: f64,
    /// Its height.
    pub height: f64,
}

/// Which of the four drawings a task belongs to: main, then finally, on failure, undo below it.
fn group_of(role: Role) -> usize {
    match role {
        Role::Main => 0,
        Role::Finally => 1,
        Role::OnFailure => 2,
        Role::Undo(_) => 3,
    }
}

const TITLES: [&str; 4] = [
    "",
    "Finally: runs at the end, whatever happened",
    "On failure: runs when the run failed",
    "Undo: takes back what had succeeded",
];

/// The cards and tracks of a plan, all in one place.
#[must_use]
pub fn without_places(plan: &Plan) -> GraphView {
    GraphView {
        cards: (0..plan.tasks.len()).map(|ix| card(plan, ix as TaskIx)).collect(),
        tracks: plan.edges.iter().map(|edge| track(plan, edge)).collect(),
        ..GraphView::default()
    }
}

/// Places every task of a plan.
#[must_use]
pub fn view(plan: &Plan) -> GraphView {
    let mut view = without_places(plan);
    let groups: [Vec<usize>; 4] = std::array::from_fn(|group| {
        (0..plan.tasks.len())
            .filter(|&ix| group_of(plan.tasks[ix].role) == group)
            .collect()
    });
    let main = place(
        plan,
        &mut view,
        &groups[0],
        Point { x: MARGIN, y: MARGIN },
        f64::INFINITY,
    );
    // What ends a run stands below its work, side by side as far as there is room.
    let room = main.x.max(ROOM_MIN);
    let mut at = Point {
        x: MARGIN,
        y: if groups[0].is_empty() {
            MARGIN
        } else {
            main.y + MARGIN
        },
    };
    let (mut bottom, mut right) = (main.y, main.x);
    for (members, title) in groups
        .iter()
        .zip(TITLES)
        .skip(1)
        .filter(|(members, _)| !members.is_empty())
    {
        let inside = |at: Point| Point {
            x: at.x + PADDING,
            y: at.y + TITLE_HEIGHT,
        };
        let mut end = place(plan, &mut view, members, inside(at), room - 2.0 * PADDING);
        if end.x + PADDING > room && at.x > MARGIN {
            at = Point {
                x: MARGIN,
                y: bottom + MARGIN,
            };
            end = place(plan, &mut view, members, inside(at), room - 2.0 * PADDING);
        }
        let width = (end.x + PADDING - at.x).max(text::width(title, 12.0) + 2.0 * PADDING);
        view.groups.push(Group {
            title,
            at,
            width,
            height: end.y + PADDING - at.y,
        });
        bottom = bottom.max(end.y + PADDING);
        right = right.max(at.x + width);
        at.x += width + MARGIN;
    }
    view.width = right + MARGIN;
    view.height = bottom + MARGIN;
    view
}

fn card(plan: &Plan, ix: TaskIx) -> Card {
    let task = plan.task(ix);
    let name = plan.name_of(ix);
    Card {
        key: task.key.to_string(),
        lines: text::lines(&name, 14.0, NAME_ROOM),
        name,
        task_type: task.written_type.to_string(),
        at: Point::default(),
        height: CARD_HEIGHT,
        is_first: task.ups.is_empty(),
        is_off: task.doc.disabled,
        has_parts: task.spread.is_some(),
    }
}

fn track(plan: &Plan, edge: &PlanEdge) -> Track {
    let when = plan
        .task(edge.to)
        .doc
        .needs
        .get(edge.need as usize)
        .and_then(|need| need.when());
    Track {
        from: edge.from as usize,
        to: edge.to as usize,
        kind: Kind::of(edge),
        when: when.map(str::to_owned),
        path: Path::default(),
    }
}

/// Lays out the tasks of one group from `start` on, and answers where they end. Tasks without edges among them stand in rows,
/// `room` wide at most.
fn place(plan: &Plan, view: &mut GraphView, members: &[usize], start: Point, room: f64) -> Point {
    let mut index = vec![usize::MAX; plan.tasks.len()];
    for (at, &member) in members.iter().enumerate() {
        index[member] = at;
    }
    let ports: Vec<Vec<Kind>> = members.iter().map(|&member| kinds(plan, view, member)).collect();
    for (&member, ports) in members.iter().zip(&ports) {
        view.cards[member].height = card_height(&view.cards[member].lines, ports.len());
    }
    let inner: Vec<usize> = (0..view.tracks.len())
        .filter(|&at| index[view.tracks[at].from] != usize::MAX && index[view.tracks[at].to] != usize::MAX)
        .collect();
    if inner.is_empty() && room.is_finite() {
        return place_loose(view, members, start, room);
    }
    let graph = Graph {
        nodes: members
            .iter()
            .zip(&ports)
            .map(|(&member, ports)| node(plan, &view.cards[member], ports.len()))
            .collect(),
        edges: inner
            .iter()
            .map(|&at| {
                let track = &view.tracks[at];
                let from = index[track.from];
                let port = ports[from]
                    .iter()
                    .position(|kind| *kind == track.kind)
                    .unwrap_or(0);
                Edge {
                    from,
                    to: index[track.to],
                    port: port as u16,
                }
            })
            .collect(),
    };
    let options = Options {
        layer_gap: layer_gap(view, &inner),
        ..Options::default()
    };
    let placed = layout::layout(&graph, &options);
    let shift = |point: &Point| Point {
        x: point.x - placed.origin.x + start.x,
        y: point.y - placed.origin.y + start.y,
    };
    for (&member, at) in members.iter().zip(&placed.nodes) {
        view.cards[member].at = shift(at);
    }
    for (&at, path) in inner.iter().zip(&placed.edges) {
        view.tracks[at].path = Path {
            points: path.points.iter().map(shift).collect(),
        };
    }
    Point {
        x: start.x + placed.width,
        y: start.y + placed.height,
    }
}

/// Tasks that nothing connects, in rows.
fn place_loose(view: &mut GraphView, members: &[usize], start: Point, room: f64) -> Point {
    const GAP: f64 = 24.0;
    let columns = ((room + GAP) / (CARD_WIDTH + GAP)).floor().clamp(1.0, 4.0) as usize;
    let mut y = start.y;
    for row in members.chunks(columns) {
        for (column, &member) in row.iter().enumerate() {
            view.cards[member].at = Point {
                x: start.x + column as f64 * (CARD_WIDTH + GAP),
                y,
            };
        }
        let highest = row.iter().map(|&member| view.cards[member].height);
        y += highest.fold(0.0, f64::max) + GAP;
    }
    Point {
        x: start.x + members.len().min(columns) as f64 * (CARD_WIDTH + GAP) - GAP,
        y: y - GAP,
    }
}

/// The kinds of edges a task has outgoing, in the order of their ports.
fn kinds(plan: &Plan, view: &GraphView, task: usize) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = plan.tasks[task]
        .downs
        .iter()
        .map(|&at| view.tracks[at as usize].kind.clone())
        .collect();
    if plan.tasks[task].doc.task_type != "switch" {
        kinds.sort();
    }
    let mut seen: Vec<Kind> = Vec::with_capacity(kinds.len());
    for kind in kinds {
        if !seen.contains(&kind) {
            seen.push(kind);
        }
    }
    seen
}

fn card_height(lines: &[String], ports: usize) -> f64 {
    let text = CARD_HEIGHT + LINE_HEIGHT * lines.len().saturating_sub(1) as f64;
    if ports <= 4 {
        text
    } else {
        text.max(16.0 * ports as f64)
    }
}

fn node(plan: &Plan, card: &Card, ports: usize) -> Node {
    let pin = plan.doc.layout.get(&card.key).map(|&(x, y)| Point { x, y });
    Node {
        width: CARD_WIDTH,
        height: card.height,
        ports: ports as u16,
        hint: pin,
        pinned: pin.is_some(),
    }
}

/// Wide enough between the layers for what stands on the tracks.
fn layer_gap(view: &GraphView, inner: &[usize]) -> f64 {
    let widest = inner
        .iter()
        .filter_map(|&at| view.tracks[at].label())
        .map(|label| text::width(&svg::cut_label(&label), 11.0))
        .fold(0.0, f64::max);
    (36.0 + widest).max(64.0)
}
