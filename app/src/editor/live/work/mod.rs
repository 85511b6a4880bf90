//! What is done with a flow beside drawing it: drafts, publishing, trying it out, simulating it, bringing others in.

mod backtest;
mod bar;
mod discarded;
mod drafts;
mod extract;
mod given;
mod import;
mod publish;
mod running;
mod simulate;
mod trial;

use std::collections::BTreeMap;

use editor::actions::Command;
use editor::change::Change;
use editor::keeping::{Keeping, Stored};
use flow::Timestamp;
use flow::parse::Format;
use flow::trial::Scope;
use leptos::html::Dialog as DialogElement;
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use rustc_hash::FxHashMap;
use serde_json::Value;
use wasm_bindgen::JsCast;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::desk::Desk;
use super::later::{Later, Part};
use crate::format;
use crate::graph::state::CardState;
use crate::icons::Icon;
use crate::model::edit::RecordedView;
use crate::parts::Clock;

pub(super) use bar::{Actions, State};
pub(super) use discarded::Discarded;
pub(super) use drafts::{Offer, Others, keep_drafts};

/// What stands over everything else and is answered first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialog {
    /// What is published, and what its author says of it.
    Publish,
    /// A text or file of another tool.
    Import,
    /// Flows to begin with.
    Templates,
    /// Tasks that are to become a flow of their own.
    Extract,
}

/// What lies below the stage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Panel {
    /// Nothing.
    #[default]
    Shut,
    /// The document is tried out, as far as this.
    Run(Scope),
    /// It is simulated.
    Simulate,
    /// It is held against old runs.
    BackTest,
}

/// What is remembered and shown by nothing.
#[derive(Default)]
pub(super) struct Kept {
    /// The save that is to come.
    timer: Option<TimeoutHandle>,
    /// The text that was kept last.
    text: String,
    /// Whether the server is being told that the draft is not needed: until it knows, another one would be against that one.
    is_discarding: bool,
    /// When this tab saved the draft on the server last.
    after: Option<Timestamp>,
}

/// What a task gave that had ended before the trial was followed.
#[derive(Clone)]
enum Given {
    /// It was asked for.
    OnTheWay,
    Here(Value),
    /// Too large for a page, or the server did not answer.
    Lost,
}

/// What the parts share. Copies are the same.
#[derive(Clone, Copy)]
pub(super) struct Work {
    pub(super) keeping: RwSignal<Keeping>,
    /// The draft that was opened.
    pub(super) offered: RwSignal<Option<Stored>>,
    /// The draft that was discarded, as long as it is offered to bring it back.
    gone: RwSignal<Option<Stored>>,
    /// Other drafts that this browser has kept and nobody has opened since.
    pub(super) others: RwSignal<Vec<Stored>>,
    /// The newest version there is, as far as is known.
    pub(super) newest: RwSignal<u32>,
    pub(super) dialog: RwSignal<Option<Dialog>>,
    pub(super) panel: RwSignal<Panel>,
    pub(super) more: RwSignal<bool>,
    /// Whether the wheel zooms, and moves the canvas with Ctrl.
    pub(super) wheel_zooms: RwSignal<bool>,
    /// Whether the panel of a run is put away; the run goes on being watched.
    pub(super) is_folded: RwSignal<bool>,
    /// A file that was dropped on the canvas.
    brought: StoredValue<Option<web_sys::File>, LocalStorage>,
    /// Counts the times a trial was asked for.
    pub(super) asked: RwSignal<u32>,
    /// Whether a trial is at work.
    pub(super) is_running: RwSignal<bool>,
    /// Counts the times somebody wanted it stopped.
    pub(super) stops: RwSignal<u32>,
    /// What tasks show of a trial or a simulation.
    cards: StoredValue<FxHashMap<String, CardState>, LocalStorage>,
    /// Counts the times that this changed.
    pub(super) shown: RwSignal<u32>,
    /// What tasks gave in it.
    outputs: StoredValue<BTreeMap<String, Value>, LocalStorage>,
    /// What tasks gave that was asked for, as the run as it was first seen does not say it.
    given: RwSignal<BTreeMap<String, Given>>,
    /// Whether the inspector shows what a task did last, and what it may read of those before it.
    pub(super) last: RwSignal<bool>,
    pub(super) before: RwSignal<bool>,
    /// Whether a trial of the whole flow takes results of earlier runs, and one of a part of it.
    reuses: [RwSignal<bool>; 2],
    /// What they did in the last run that ended; none once it was looked for in vain.
    recorded: RwSignal<Option<RecordedView>>,
    kept: StoredValue<Kept, LocalStorage>,
    clock: Clock,
}

impl Work {
    pub(super) fn new(version: u32) -> Self {
        Self {
            keeping: RwSignal::default(),
            offered: RwSignal::default(),
            gone: RwSignal::default(),
            others: RwSignal::default(),
            newest: RwSignal::new(version),
            dialog: RwSignal::default(),
            panel: RwSignal::default(),
            more: RwSignal::new(false),
            wheel_zooms: RwSignal::new(super::habits::wheel_zooms()),
            is_folded: RwSignal::new(false),
            brought: StoredValue::new_local(None),
            asked: RwSignal::new(0),
            is_running: RwSignal::new(false),
            stops: RwSignal::new(0),
            cards: StoredValue::new_local(FxHashMap::default()),
            shown: RwSignal::new(0),
            outputs: StoredValue::new_local(BTreeMap::new()),
            given: RwSignal::default(),
            last: RwSignal::new(false),
            before: RwSignal::new(false),
            reuses: [RwSignal::new(false), RwSignal::new(true)],
            recorded: RwSignal::new(None),
            kept: StoredValue::new_local(Kept::default()),
            clock: expect_context::<Clock>(),
        }
    }

    /// Whether a trial takes results of earlier runs: the whole flow is tried to see all of it run, a part to see its end. What was
    /// chosen stays chosen.
    fn reusing(self, scope: &Scope) -> RwSignal<bool> {
        let [whole, part] = self.reuses;
        if *scope == Scope::Whole { whole } else { part }
    }

    /// What a task shows of a trial or a simulation.
    pub(super) fn card<T>(self, look: impl FnOnce(&FxHashMap<String, CardState>) -> T) -> T {
        self.cards.with_value(look)
    }
}

/// Whether there is something to be said of drafts.
pub(super) fn has_notices(desk: Desk) -> Signal<bool> {
    let work = desk.work();
    Signal::derive(move || {
        work.offered.with(Option::is_some)
            || work.gone.with(Option::is_some)
            || !work.others.with(Vec::is_empty)
    })
}

impl Desk {
    /// What is done with the flow beside drawing it.
    pub(super) fn work(self) -> Work {
        self.work.get_value()
    }

    /// Shows what tasks do on their cards.
    fn show_states(self, cards: FxHashMap<String, CardState>, outputs: BTreeMap<String, Value>) {
        self.work().cards.set_value(cards);
        self.work().outputs.set_value(outputs);
        self.work().shown.update(|n| *n = n.wrapping_add(1));
        self.stage(|stage| stage.stale());
    }

    /// Cards are of the flow alone again.
    fn hide_states(self) {
        // The page may be gone as a whole.
        let Some(work) = self.work.try_get_value() else {
            return;
        };
        if work.cards.try_update_value(FxHashMap::clear).is_some() {
            work.outputs.update_value(BTreeMap::clear);
            work.shown.update(|n| *n = n.wrapping_add(1));
            self.stage(|stage| stage.stale());
        }
    }

    /// Carries out what is asked for by name or key, if it belongs here.
    pub(super) fn work_on(self, command: Command) -> bool {
        use Command as C;
        let work = self.work();
        match command {
            C::Save => self.ask_to_publish(),
            C::Run => self.try_out(Scope::Whole),
            C::RunHere => self.try_selected(Scope::To),
            C::RunTask => self.try_selected(Scope::One),
            C::StopRun => work.stops.update(|n| *n += 1),
            C::Pin => self.pin(),
            C::EditPin => self.edit_pin(),
            C::LastRun => self.fold(work.last),
            C::Before => self.fold(work.before),
            C::Simulate => work.panel.set(Panel::Simulate),
            C::BackTest => work.panel.set(Panel::BackTest),
            C::History => self.to_history(),
            C::Discard => self.discard_draft(),
            C::Restore => self.restore_draft(),
            C::Import => work.dialog.set(Some(Dialog::Import)),
            C::Templates => work.dialog.set(Some(Dialog::Templates)),
            C::Export => self.export(Format::Yaml),
            C::ExportJson => self.export(Format::Json),
            C::RunPanel => self.fold_run(),
            C::Extract => work.dialog.set(Some(Dialog::Extract)),
            _ => return false,
        }
        true
    }

    /// Puts the panel of the run away, or brings it back. The run goes on.
    fn fold_run(self) {
        match self.work().panel.get_untracked() {
            Panel::Run(_) => self.work().is_folded.update(|is_folded| *is_folded = !*is_folded),
            _ => self.tell("Nothing has been run yet. Press Ctrl+Enter to run the flow.".to_owned()),
        }
    }

    fn try_out(self, scope: Scope) {
        self.work().is_folded.set(false);
        self.work().panel.set(Panel::Run(scope));
        self.work().asked.update(|n| *n += 1);
    }

    fn try_selected(self, scope: fn(String) -> Scope) {
        let Some(id) = self.primary() else { return };
        let is_main = self.with(|session| session.task(&id).is_some_and(|(section, _)| section == "tasks"));
        match is_main {
            true => self.try_out(scope(id)),
            false => self.refuse(format!(
                "`{id}` belongs to the ending of a run; only main tasks run by themselves."
            )),
        }
    }

    fn to_history(self) {
        match self.with(|session| session.flow.clone()) {
            Some(flow) => {
                let to = format!("/flows/{}/versions", format::url_part(&flow));
                // Leads away from here as a link would, past nobody: the draft is kept.
                let _ = window().location().set_href(&to);
            }
            None => self.refuse("This flow has no versions yet. Publish it first.".to_owned()),
        }
    }

    /// The output a task is to give when the flow is tried out: put into the document, or taken out of it.
    fn pin(self) {
        let Some(id) = self.primary() else { return };
        if self.with(|session| is_pinned(session.value(), &id)) {
            let path = vec!["pins".to_owned(), id.clone()];
            self.change_as(&format!("Unpin {id}"), &Change::Set { path, value: None }, None);
            return;
        }
        let shown = self
            .work()
            .outputs
            .with_value(|outputs| outputs.get(&id).cloned());
        let recorded = || {
            self.work().recorded.with_untracked(|recorded| {
                let recorded = recorded.as_ref()?.tasks.get(&id)?;
                recorded.output.clone()
            })
        };
        let usual = || {
            self.with(|session| {
                let (_, task) = session.task(&id)?;
                let task_type = session.type_of(task.get("type")?.as_str()?)?;
                Some(flow::simulate::sample(&task_type.output_schema))
            })
        };
        let given = self.work().given.with_untracked(|given| given.get(&id).cloned());
        // Something was given, and it is not this that another run or a schema would say.
        if shown.is_none() && matches!(given, Some(Given::OnTheWay | Given::Lost)) {
            return self.refuse(format!(
                "Not pinned: what {id} gave is not at hand, or too large. Pin a part of it, or simulate the flow."
            ));
        }
        let given = || match given {
            Some(Given::Here(output)) => Some(output),
            _ => None,
        };
        let output = shown
            .or_else(given)
            .or_else(recorded)
            .or_else(usual)
            .unwrap_or_default();
        self.pin_to(&format!("Pin {id}"), &id, output);
    }

    /// Puts the output of a task into the document.
    pub(super) fn pin_to(self, label: &str, task: &str, output: Value) {
        match editor::outputs::pin(task, output) {
            Ok(change) => self.change_as(label, &change, None),
            Err(mistake) => self.refuse(mistake.to_string()),
        }
    }

    /// Goes to the field with the pinned output.
    fn edit_pin(self) {
        let Some(id) = self.primary() else { return };
        match self.with(|session| is_pinned(session.value(), &id)) {
            true => self.to_field_soon(vec!["pins".to_owned(), id]),
            false => self.refuse(format!("The output of `{id}` is not pinned. Press P to pin it.")),
        }
    }

    /// Folds a part of the inspector, or opens it.
    fn fold(self, part: RwSignal<bool>) {
        let is_seen = self.inspector.get_untracked();
        part.update(|open| *open = !*open || !is_seen);
        self.inspector.set(true);
    }

    /// Asks what the flow's tasks did last, once.
    fn want_recorded(self) {
        let flow = self.with(|session| session.flow.clone());
        let Some(flow) = flow.filter(|_| self.work().recorded.with_untracked(Option::is_none)) else {
            return;
        };
        leptos::task::spawn_local(async move {
            if let Ok(Some(recorded)) = crate::fns::draft::recorded(flow).await
                && !self.work().recorded.is_disposed()
            {
                self.work().recorded.set(Some(recorded));
            }
        });
    }
}

/// Whether a task's output is pinned.
pub(super) fn is_pinned(document: &Value, task: &str) -> bool {
    document.get("pins").is_some_and(|pins| pins.get(task).is_some())
}

/// Now by the server's clock, in milliseconds.
fn now_at_server(clock: Clock) -> i64 {
    (js_sys::Date::now() + clock.offset_ms.get_untracked()) as i64
}

/// What is done in panels and dialogs. Their code comes later: it is as large as all the rest.
#[component]
pub(super) fn Tools(desk: Desk) -> impl IntoView {
    Effect::new(move |_| desk.want_recorded());
    let work = desk.work();
    let wanted = Signal::derive(move || work.panel.get() != Panel::Shut || work.dialog.get().is_some());
    view! { <Later desk name="this tool" wanted fetch=|| Box::pin(tools())/> }
}

#[wasm_split(tools, fallible)]
fn tools() -> Result<Part, SplitLoaderError> {
    Ok(|desk| view! { <Panels desk/> <Dialogs desk/> }.into_any())
}

/// What lies below the stage.
#[component]
fn Panels(desk: Desk) -> impl IntoView {
    // A trial goes on being watched while old runs are looked at; a simulation shows its own states on the cards.
    let tried = Memo::new(
        move |before: Option<&Option<Scope>>| match desk.work().panel.get() {
            Panel::Run(scope) => Some(scope),
            Panel::BackTest => before.cloned().flatten(),
            Panel::Shut | Panel::Simulate => None,
        },
    );
    let is_aside = move || desk.work().is_folded.get() || !matches!(desk.work().panel.get(), Panel::Run(_));
    let trial = move || {
        let scope = tried.get()?;
        Some(view! { <div class="ed-tried" hidden=is_aside><trial::Trial desk scope/></div> })
    };
    let shown = Memo::new(move |_| desk.work().panel.get());
    let other = move || match shown.get() {
        Panel::Shut | Panel::Run(_) => ().into_any(),
        Panel::Simulate => view! { <simulate::Simulate desk/> }.into_any(),
        Panel::BackTest => view! { <backtest::BackTest desk/> }.into_any(),
    };
    view! { {trial} {other} }
}

/// The head of a panel.
#[component]
fn PanelHead(desk: Desk, title: &'static str, children: Children) -> impl IntoView {
    view! {
        <header>
            <h2>{title}</h2>
            {children()}
            <button type="button" class="button quiet square" aria-label="Close" on:click=move |_| desk.work().panel.set(Panel::Shut)>
                <Icon name="u-close"/>
            </button>
        </header>
    }
}

/// The dialog that is open.
#[component]
fn Dialogs(desk: Desk) -> impl IntoView {
    move || match desk.work().dialog.get() {
        None => ().into_any(),
        Some(Dialog::Publish) => view! { <publish::Publish desk/> }.into_any(),
        Some(Dialog::Import) => view! { <import::Import desk/> }.into_any(),
        Some(Dialog::Templates) => view! { <import::Templates desk/> }.into_any(),
        Some(Dialog::Extract) => view! { <extract::Extract desk/> }.into_any(),
    }
}

/// A dialog: what is behind it cannot be reached, and Escape closes it.
#[component]
fn Sheet(desk: Desk, title: &'static str, children: Children) -> impl IntoView {
    let node = NodeRef::<DialogElement>::new();
    Effect::new(move |_| {
        if let Some(dialog) = node.get().filter(|dialog| !dialog.open()) {
            // It is in the page, so it can be shown.
            let _ = dialog.show_modal();
        }
    });
    // Whoever closes it goes on where they were.
    on_cleanup(|| {
        if let Some(stage) = document().query_selector(".ed-stage").ok().flatten() {
            let _ = stage.unchecked_ref::<web_sys::HtmlElement>().focus();
        }
    });
    view! {
        <dialog class="ed-dialog" node_ref=node aria-label=title on:close=move |_| if crate::parts::is_closed(node) { desk.work().dialog.set(None) }>
            <header>
                <h2 class="grow">{title}</h2>
                <button type="button" class="button quiet square" aria-label="Close" on:click=move |_| desk.work().dialog.set(None)>
                    <Icon name="u-close"/>
                </button>
            </header>
            {children()}
        </dialog>
    }
}
