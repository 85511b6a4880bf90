//! The graph of a flow version, as it is drawn: cards and tracks with their places, without any state.
//!
//! The drawing is text ([`svg::svg`]) that the server writes and the browser keeps: it is never rebuilt, a live page only
//! sets states on it ([`stage`]).

#[cfg(any(feature = "hydrate", test))]
mod camera;
pub mod stage;
pub mod state;
pub mod svg;
mod text;

use flow::Plan;
use flow::layout::{self, Edge, Graph, Node, Options, Path, Point};
use flow::plan::{PlanEdge, Role, TaskIx};

/// A card's width.
pub const CARD_WIDTH: f64 = 216.0;
/// A card's height, unless it has more than four kinds of outgoing edges.
pub const CARD_HEIGHT: f64 = 64.0;
/// Free space around everything.
const MARGIN: f64 = 24.0;
/// Above so many cards, cards are drawn with less on them.
pub const DETAIL_MAX: usize = 2000;

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
    /// Its type's key.
    pub task_type: String,
    /// The top left corner.
    pub at: Point,
    /// Its height.
    pub height: f64,
    /// Whether nothing comes before it.
    pub is_first: bool,
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
        let states = [(on.succeeded, "succeeded"), (on.failed, "failed"), (on.skipped, "skipped"), (on.cancelled, "cancelled")];
        let words: Vec<&str> =
            states.into_iter().filter(|(is, _)| *is).map(|(_, word)| word).chain(on.cases.iter().map(String::as_str)).collect();
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
    text.strip_prefix("{{").and_then(|inner| inner.strip_suffix("}}")).map_or(text, str::trim)
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

const TITLES: [&str; 4] = ["", "Finally: runs at the end, whatever happened", "On failure: runs when the run failed", "Undo: takes back what had succeeded"];

/// Places every task of a plan.
#[must_use]
pub fn view(plan: &Plan) -> GraphView {
    let mut view = GraphView { cards: plan.tasks.iter().map(card).collect(), ..GraphView::default() };
    view.tracks = plan.edges.iter().map(|edge| track(plan, edge)).collect();
    let mut y = MARGIN;
    for (group, title) in TITLES.into_iter().enumerate() {
        let members: Vec<usize> = (0..plan.tasks.len()).filter(|&ix| group_of(plan.tasks[ix].role) == group).collect();
        if !members.is_empty() {
            y = place(plan, &mut view, &members, title, y);
        }
    }
    view.width = view.width.max(CARD_WIDTH + MARGIN) + MARGIN;
    view.height = y;
    view
}

fn card(task: &flow::plan::PlanTask) -> Card {
    Card {
        key: task.key.to_string(),
        name: task.doc.name.clone().unwrap_or_else(|| task.key.to_string()),
        task_type: task.doc.task_type.clone(),
        at: Point::default(),
        height: CARD_HEIGHT,
        is_first: task.ups.is_empty(),
    }
}

fn track(plan: &Plan, edge: &PlanEdge) -> Track {
    let when = plan.task(edge.to).doc.needs.get(edge.need as usize).and_then(|need| need.when());
    Track {
        from: edge.from as usize,
        to: edge.to as usize,
        kind: Kind::of(edge),
        when: when.map(str::to_owned),
        path: Path::default(),
    }
}

/// Lays out the tasks of one group from `top` on and answers where the next may begin.
fn place(plan: &Plan, view: &mut GraphView, members: &[usize], title: &'static str, top: f64) -> f64 {
    let mut index = vec![usize::MAX; plan.tasks.len()];
    for (at, &member) in members.iter().enumerate() {
        index[member] = at;
    }
    let ports: Vec<Vec<Kind>> = members.iter().map(|&member| kinds(plan, view, member)).collect();
    for (&member, ports) in members.iter().zip(&ports) {
        view.cards[member].height = card_height(ports.len());
    }
    let inner: Vec<usize> = (0..view.tracks.len())
        .filter(|&at| index[view.tracks[at].from] != usize::MAX && index[view.tracks[at].to] != usize::MAX)
        .collect();
    let graph = Graph {
        nodes: members.iter().zip(&ports).map(|(&member, ports)| node(plan, &view.cards[member], ports.len())).collect(),
        edges: inner
            .iter()
            .map(|&at| {
                let track = &view.tracks[at];
                let from = index[track.from];
                let port = ports[from].iter().position(|kind| *kind == track.kind).unwrap_or(0);
                Edge { from, to: index[track.to], port: port as u16 }
            })
            .collect(),
    };
    let options = Options { layer_gap: layer_gap(view, &inner), ..Options::default() };
    let placed = layout::layout(&graph, &options);
    // A frame needs room for its title and its border.
    let (dx, dy) = if title.is_empty() { (MARGIN, top) } else { (MARGIN + 16.0, top + 40.0) };
    let shift = |point: &Point| Point { x: point.x - placed.origin.x + dx, y: point.y - placed.origin.y + dy };
    for (&member, at) in members.iter().zip(&placed.nodes) {
        view.cards[member].at = shift(at);
    }
    for (&at, path) in inner.iter().zip(&placed.edges) {
        view.tracks[at].path = Path { points: path.points.iter().map(shift).collect() };
    }
    let mut bottom = dy + placed.height;
    if !title.is_empty() {
        let (width, height) = (placed.width.max(text::width(title, 12.0)) + 32.0, placed.height + 56.0);
        view.groups.push(Group { title, at: Point { x: MARGIN, y: top }, width, height });
        bottom = top + height;
    }
    view.width = view.width.max(dx + placed.width + if title.is_empty() { 0.0 } else { 16.0 });
    bottom + MARGIN
}

/// The kinds of edges a task has outgoing, in the order of their ports.
fn kinds(plan: &Plan, view: &GraphView, task: usize) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = plan.tasks[task].downs.iter().map(|&at| view.tracks[at as usize].kind.clone()).collect();
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

fn card_height(ports: usize) -> f64 {
    if ports <= 4 { CARD_HEIGHT } else { 16.0 * ports as f64 }
}

fn node(plan: &Plan, card: &Card, ports: usize) -> Node {
    let pin = plan.doc.layout.get(&card.key).map(|&(x, y)| Point { x, y });
    Node { width: CARD_WIDTH, height: card.height, ports: ports as u16, hint: pin, pinned: pin.is_some() }
}

/// Wide enough between the layers for what stands on the tracks.
fn layer_gap(view: &GraphView, inner: &[usize]) -> f64 {
    let widest = inner
        .iter()
        .filter_map(|&at| view.tracks[at].label())
        .map(|label| text::width(&svg::cut_label(&label), 11.0))
        .fold(0.0, f64::max);
    (72.0 + if widest > 0.0 { widest + 24.0 } else { 0.0 }).max(80.0)
}

/// The tasks that come right before and right after one, for moving with the arrow keys.
#[must_use]
pub fn neighbours(plan: &Plan, task: TaskIx) -> (Vec<TaskIx>, Vec<TaskIx>) {
    let task = plan.task(task);
    (
        task.ups.iter().map(|&edge| plan.edge(edge).from).collect(),
        task.downs.iter().map(|&edge| plan.edge(edge).to).collect(),
    )
}
