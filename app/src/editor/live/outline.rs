//! The same flow as a tree: for those who do not see the drawing, and for screens that are too small for one. One stop of the Tab key,
//! the same selection and the same commands as on the canvas; only the rows in sight are made.

use std::ops::Range;

use editor::model::Section;
use editor::outline::{self, Branch, Placed, Row};
use editor::scene::Hit;
use editor::select::Selection;
use flow::Severity;
use leptos::html::Div;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::desk::Desk;
use crate::graph::state::CardState;
use crate::icons::{self, Icon};
use crate::parts::tree::level_of;

/// Height of a row in pixels, as in the style sheet.
const ROW: f64 = 48.0;

/// A row as it is drawn: whatever changes in it makes it another one.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Line {
    at: usize,
    placed: Placed,
    /// The task's id.
    id: String,
    title: String,
    task_type: String,
    leads_to: String,
}

impl Line {
    fn new(scene: &editor::Scene, at: usize, placed: Placed) -> Self {
        let (mut id, mut title, mut task_type, mut leads_to) = <(String, String, String, String)>::default();
        match &placed.row {
            Row::Task(card) => {
                if let Some(card) = scene.cards.get(*card) {
                    let after = card
                        .out
                        .iter()
                        .map(|track| scene.cards[scene.tracks[*track].to].title.as_str());
                    leads_to = after.collect::<Vec<_>>().join(", ");
                    id.clone_from(&card.id);
                    title.clone_from(&card.title);
                    task_type.clone_from(&card.task_type);
                }
            }
            Row::Branch(Branch::Group(group), _) => {
                let group = scene.group(group);
                title = group.map(|group| group.group.title.clone()).unwrap_or_default();
            }
            Row::Branch(Branch::Section(Section::OnFailure), _) => {
                title = "When the run has failed".to_owned()
            }
            Row::Branch(Branch::Section(_), _) => title = "When the tasks have ended".to_owned(),
        }
        Self {
            at,
            placed,
            id,
            title,
            task_type,
            leads_to,
        }
    }
}

/// What the rows share.
#[derive(Clone, Copy)]
struct Tree {
    desk: Desk,
    rows: Memo<Vec<Placed>>,
    /// Branches that show only their heads.
    closed: RwSignal<Vec<Branch>>,
    /// The row that keys act on.
    active: RwSignal<usize>,
    sight: RwSignal<Range<usize>>,
    scroller: NodeRef<Div>,
}

/// All tasks, upstreams first, each with what it leads to, how it stands and what is wrong with it.
#[component]
pub(super) fn Outline(desk: Desk) -> impl IntoView {
    let closed = RwSignal::new(Vec::new());
    let rows =
        Memo::new(move |_| closed.with(|closed| desk.track(|session| outline::rows(&session.scene, closed))));
    let tree = Tree {
        desk,
        rows,
        closed,
        active: RwSignal::new(0),
        sight: RwSignal::new(0..40),
        scroller: NodeRef::new(),
    };
    // What is selected elsewhere is the active row here.
    Effect::new(move |_| {
        let number = desk.selection.with(|selection| {
            let id = selection.primary()?;
            desk.with(|session| session.scene.number(id))
        });
        let at = number.and_then(|card| {
            let row = Row::Task(card);
            rows.with(|rows| rows.iter().position(|placed| placed.row == row))
        });
        if let Some(at) = at {
            tree.active.set(at);
            tree.show(at);
        }
    });
    // Tasks may go.
    Effect::new(move |_| {
        let last = rows.with(Vec::len).saturating_sub(1);
        if tree.active.get_untracked() > last {
            tree.active.set(last);
        }
    });
    Effect::new(move |_| {
        rows.track();
        tree.scroller.track();
        request_animation_frame(move || tree.look());
    });
    let resize = window_event_listener(leptos::ev::resize, move |_| tree.look());
    on_cleanup(move || resize.remove());
    let shown = Memo::new(move |_| {
        let sight = tree.sight.get();
        rows.with(|rows| {
            let last = sight.end.min(rows.len());
            let first = sight.start.min(last);
            let lines: Vec<Line> = desk.track(|session| {
                let line = |at: usize| Line::new(&session.scene, at, rows[at].clone());
                (first..last).map(line).collect()
            });
            (first, lines, rows.len() - last)
        })
    });
    let space = |n: usize| {
        (n > 0)
            .then(|| view! { <div role="presentation" style=format!("height:{}px", n as f64 * ROW)></div> })
    };
    view! {
        <section class="ed-outline" aria-label="List of tasks">
            <div
                class="ed-tree"
                role="tree"
                tabindex="0"
                aria-label="Tasks in their order"
                aria-multiselectable="true"
                aria-activedescendant=move || format!("ed-leaf-{}", tree.active.get())
                node_ref=tree.scroller
                on:keydown=move |event| tree.pressed(&event)
                on:scroll=move |_| tree.look()
            >
                {move || space(shown.with(|(before, ..)| *before))}
                <For each=move || shown.with(|(_, lines, _)| lines.clone()) key=Clone::clone let:line>
                    <Item tree line/>
                </For>
                {move || space(shown.with(|(.., after)| *after))}
            </div>
        </section>
    }
    .into_any()
}

impl Tree {
    fn row(self, at: usize) -> Option<Row> {
        self.rows.with_untracked(|rows| Some(rows.get(at)?.row.clone()))
    }

    fn id(self, card: usize) -> String {
        let id = |session: &editor::Session| session.scene.cards.get(card).map(|card| card.id.clone());
        self.desk.with(id).unwrap_or_default()
    }

    /// Goes to a row. A task there is selected; beside what is selected already if it `adds`.
    fn go(self, at: usize, adds: bool) {
        self.active.set(at);
        self.show(at);
        match self.row(at) {
            Some(Row::Task(card)) if adds => {
                let selected = self.desk.selection.get_untracked();
                self.desk.select(selected.with(Selection::one(&self.id(card))));
            }
            Some(Row::Task(card)) => self.desk.jump(&self.id(card)),
            Some(Row::Branch(Branch::Group(id), _)) => self.desk.jump_to_drawn(false, &id),
            _ => {}
        }
    }

    fn fold(self, branch: &Branch) {
        self.closed
            .update(|closed| match closed.iter().position(|other| other == branch) {
                Some(at) => drop(closed.remove(at)),
                None => closed.push(branch.clone()),
            });
    }

    /// Keys as in any tree. All others are those of the editor.
    fn pressed(self, event: &leptos::ev::KeyboardEvent) {
        let is_menu = event.key() == "ContextMenu" || (event.shift_key() && event.key() == "F10");
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        let last = self.rows.with_untracked(Vec::len).saturating_sub(1);
        let at = self.active.get_untracked();
        let Some(row) = self.row(at) else { return };
        let is_closed = |branch: &Branch| self.closed.with_untracked(|closed| closed.contains(branch));
        let adds = event.shift_key();
        match (event.key().as_str(), &row) {
            ("ArrowDown", _) => self.go((at + 1).min(last), adds),
            ("ArrowUp", _) => self.go(at.saturating_sub(1), adds),
            ("Home", _) => self.go(0, false),
            ("End", _) => self.go(last, false),
            ("ArrowRight", Row::Branch(branch, _)) if is_closed(branch) => self.fold(branch),
            ("ArrowRight", Row::Branch(..)) => self.go((at + 1).min(last), false),
            ("ArrowLeft", Row::Branch(branch, _)) if !is_closed(branch) => self.fold(branch),
            ("ArrowLeft", Row::Task(_)) => {
                let parent = self.rows.with_untracked(|rows| {
                    let is_below = rows.get(at).is_some_and(|placed| placed.level > 1);
                    let parent = || rows[..at].iter().rposition(|placed| placed.level == 1);
                    is_below.then(parent).flatten()
                });
                if let Some(parent) = parent {
                    self.go(parent, false);
                }
            }
            ("Enter", Row::Task(card)) => self.desk.open(&self.id(*card)),
            ("Enter", Row::Branch(Branch::Group(_), _)) => self.desk.open_selected(),
            ("Enter" | " ", Row::Branch(branch, _)) => self.fold(branch),
            (" ", Row::Task(card)) => {
                let selected = self.desk.selection.get_untracked();
                self.desk.select(selected.toggled(&self.id(*card)));
            }
            (_, row) if is_menu => {
                let there = document().get_element_by_id(&format!("ed-leaf-{at}"));
                if let Some(rect) = there.map(|there| there.get_bounding_client_rect()) {
                    self.ask(row, rect.left() + 40.0, rect.bottom() - 8.0);
                }
            }
            _ => return,
        }
        event.prevent_default();
    }

    /// The menu of a task or a group, at a place of the window.
    fn ask(self, row: &Row, x: f64, y: f64) {
        let (hit, selection) = match row {
            Row::Task(card) => (Some(Hit::Card(*card)), Selection::one(&self.id(*card))),
            Row::Branch(Branch::Group(id), _) => {
                let group = self.desk.with(|session| {
                    let mut groups = session.scene.groups.iter();
                    groups.position(|group| group.group.id == *id)
                });
                (group.map(Hit::Group), Selection::of_group(id))
            }
            Row::Branch(..) => return,
        };
        let Some(hit) = hit else { return };
        self.desk.select(selection);
        let floats = document().query_selector(".ed-floats").ok().flatten();
        let origin = floats.map(|floats| floats.get_bounding_client_rect());
        let (left, top) = origin.map_or((0.0, 0.0), |rect| (rect.left(), rect.top()));
        let at = editor::geometry::pt(x - left, y - top);
        self.desk.kept.update_value(|kept| kept.menu_held = false);
        self.desk.menu.set(Some((at, hit)));
    }

    /// The rows that are in sight now.
    fn look(self) {
        let Some(Some(element)) = self.scroller.try_get_untracked() else {
            return;
        };
        let (top, height) = (
            f64::from(element.scroll_top()),
            f64::from(element.client_height()),
        );
        let Some(n_rows) = self.rows.try_with_untracked(Vec::len) else {
            return;
        };
        let wanted = crate::timeline::window(top, height, ROW, n_rows);
        if self.sight.with_untracked(|sight| *sight != wanted) {
            self.sight.set(wanted);
        }
    }

    /// A row comes into sight.
    fn show(self, at: usize) {
        let Some(Some(element)) = self.scroller.try_get_untracked() else {
            return;
        };
        let (top, height) = (at as f64 * ROW, f64::from(element.client_height()));
        let now = f64::from(element.scroll_top());
        if top < now {
            element.set_scroll_top(top as i32);
        } else if top + ROW > now + height {
            element.set_scroll_top((top + ROW - height).ceil() as i32);
        }
        self.look();
    }
}

#[component]
fn Item(tree: Tree, line: Line) -> impl IntoView {
    let at = line.at;
    let is_active = move || tree.active.get() == at;
    let common = view! {
        <{..}
            id=format!("ed-leaf-{at}")
            role="treeitem"
            aria-posinset=line.placed.position.to_string()
            aria-setsize=line.placed.n_siblings.to_string()
            class:active=is_active
        />
    };
    let level = level_of(line.placed.level);
    match line.placed.row {
        Row::Branch(branch, n) => {
            let folded = branch.clone();
            let label = format!("{} {n}", line.title);
            // Only groups can be asked what to do with them.
            let menu = matches!(branch, Branch::Group(_)).then(|| {
                let row = Row::Branch(branch.clone(), n);
                let label = format!("What to do with group {}", line.title);
                view! {
                    <button
                        type="button"
                        class="button quiet square"
                        tabindex="-1"
                        aria-haspopup="menu"
                        aria-label=label
                        on:click=move |event| {
                            event.stop_propagation();
                            tree.ask(&row, f64::from(event.client_x()), f64::from(event.client_y()));
                        }
                    >
                        "⋯"
                    </button>
                }
            });
            view! {
                <div
                    class="ed-leaf branch"
                    {..level}
                    aria-label=label
                    aria-expanded=move || tree.closed.with(|closed| !closed.contains(&folded)).to_string()
                    on:click=move |_| {
                        tree.active.set(at);
                        tree.fold(&branch);
                    }
                    {..common}
                >
                    <Icon name="u-turn"/>
                    <b class="cut grow">{line.title}</b>
                    <span class="muted num">{n}</span>
                    {menu}
                </div>
            }
            .into_any()
        }
        Row::Task(card) => view! { <Task tree card line/> }
            .add_any_attr(common)
            .add_any_attr(level)
            .into_any(),
    }
}

#[component]
fn Task(tree: Tree, card: usize, line: Line) -> impl IntoView {
    let desk = tree.desk;
    let at = line.at;
    let id = StoredValue::new(line.id);
    let is_chosen =
        Memo::new(move |_| id.with_value(|id| desk.selection.with(|selection| selection.has(id))));
    let problem = move || {
        id.with_value(|id| {
            desk.problems.with(|problems| {
                let own = problems
                    .iter()
                    .filter(|problem| problem.task.as_ref() == Some(id));
                let worst = own.min_by_key(|problem| problem.severity != Severity::Error);
                worst.map(|problem| problem.message.clone())
            })
        })
    };
    let state = move || {
        desk.work().shown.track();
        desk.work()
            .card(|cards| id.with_value(|id| cards.get(id).cloned()))
    };
    // Below its name stands what is wrong, and what comes after it.
    let leads_to = line.leads_to;
    let below = move || {
        let problem = problem().map(|problem| view! { <span class="problem cut">{problem}</span> });
        let after = (!leads_to.is_empty()).then(|| {
            let told = format!("connects to {leads_to}");
            let title = told.clone();
            view! {
                <span class="soft cut" title=title>
                    <span aria-hidden="true">{format!("→ {leads_to}")}</span>
                    <span class="sr">{told}</span>
                </span>
            }
        });
        view! { <span class="ed-leaf-below">{problem} {after}</span> }
    };
    let name = line.title.clone();
    let clicked = move |event: leptos::ev::MouseEvent| {
        let target: Option<web_sys::Element> = event.target().and_then(|target| target.dyn_into().ok());
        let is_button = target.is_some_and(|target| target.closest("button").ok().flatten().is_some());
        if is_button {
            return;
        }
        let is_more = event.shift_key() || event.ctrl_key() || event.meta_key();
        // A finger has no double click: a second tap opens.
        match !is_more && super::is_narrow() && is_chosen.get_untracked() {
            true => desk.open(&id.get_value()),
            false => tree.go(at, is_more),
        }
    };
    view! {
        <div
            class="ed-leaf"
            class:chosen=is_chosen
            aria-selected=move || is_chosen.get().to_string()
            aria-labelledby=format!("ed-leaf-{at}-name")
            on:click=clicked
            on:dblclick=move |_| desk.open(&id.get_value())
        >
            <Icon name=icons::of_task_type(&line.task_type)/>
            <span class="grow" id=format!("ed-leaf-{at}-name")>
                <span class="ed-leaf-name">
                    <b class="cut">{line.title}</b>
                    <span class="muted cut">{line.task_type}</span>
                    {move || state().map(|state| view! { <Stands state/> })}
                </span>
                {below}
            </span>
            <button
                type="button"
                class="button quiet square"
                tabindex="-1"
                aria-haspopup="menu"
                aria-label=format!("What to do with {name}")
                on:click=move |event| tree.ask(&Row::Task(card), f64::from(event.client_x()), f64::from(event.client_y()))
            >
                "⋯"
            </button>
        </div>
    }
}

/// How a task stands in a trial or a simulation.
#[component]
fn Stands(state: CardState) -> impl IntoView {
    let CardState { key, text, title, .. } = state;
    let tip = title.clone();
    view! {
        <span class="ed-leaf-state" data-state=key title=tip>
            <Icon name=format!("s-{key}")/>
            <span class="sr">{title}</span>
            <span class="num" aria-hidden="true">{text}</span>
        </span>
    }
}
