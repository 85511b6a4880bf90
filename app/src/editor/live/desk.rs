//! What the parts of the live editor share: the session, the stage, and signals that say what of it has changed.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use editor::change::Change;
use editor::geometry::Point;
use editor::gesture::{Choose, Pick};
use editor::keys::Keymap;
use editor::scene::Hit;
use editor::select::Selection;
use editor::session::{Begin, Session};
use editor::visits::Visits;
use editor::{Refusal, Step};
use flow::{Problem, Severity};
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;

use super::cards::Marks;
use super::known::Learned;
use super::later::{Engine, Marking};
use super::stage::Stage;
use super::work::Work;
use crate::error::AppError;
use crate::fns::edit::Editing;
use crate::parts::keys;

/// How long after a change the whole document is checked.
const CHECK_AFTER: Duration = Duration::from_millis(200);
/// How long what was done is seen.
const TOLD_FOR: Duration = Duration::from_secs(4);

/// What is to be chosen from a list.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ask {
    /// A task type for a new task.
    Type(Pick),
    /// Another type for a task.
    Retype(String),
    /// What a task leads to.
    Target(String),
    /// What a task comes after.
    Source(String),
    /// The task of a group that an edge was let go over.
    Into(Choose),
    /// A task to go to.
    Find,
    /// A group for the selected tasks.
    Group,
    /// A step to go back or forth to.
    Step,
    /// Something to do.
    Command,
}

/// What lies along the lower edge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Drawer {
    /// Nothing.
    #[default]
    Shut,
    /// Everything that is wrong.
    Problems,
}

/// What stands beside the pointer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tip {
    pub(super) text: String,
    /// It says what would come of letting go here; else why nothing would.
    pub(super) is_offer: bool,
    /// Where, in whole pixels of the stage.
    pub(super) at: (i32, i32),
}

/// How saving goes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Saving {
    /// Nothing is on its way.
    #[default]
    Idle,
    /// It is on its way.
    OnTheWay,
    /// It was refused.
    Refused(AppError),
}

/// Something that is to be done with what the engine knows.
type Awaiting = Box<dyn FnOnce(Engine)>;

/// What is remembered and shown by nothing.
#[derive(Default)]
pub(super) struct Kept {
    marks: Marks,
    /// The check that is to come.
    check: Option<TimeoutHandle>,
    /// What was found last, and at which of it one is.
    pub(super) found: (Vec<String>, usize),
    /// Whether what is pasted next keeps the edges into it.
    pub(super) links: bool,
    /// Whether the finger that opened the menu may still be down: lifting it chooses nothing.
    pub(super) menu_held: bool,
    /// Whether what is opened next takes the focus.
    pub(super) wants_focus: bool,
    /// The problem that was gone to last.
    pub(super) problem: Option<usize>,
    /// What the server has told.
    pub(super) learned: Learned,
    /// Whether the code of what the engine knows is on its way, or there.
    pub(super) wants_engine: bool,
    /// What is to be done when it is there, and what to say if it does not come.
    pub(super) awaiting: Vec<(&'static str, Awaiting)>,
    /// Whether the code that reads the texts of notes is on its way, or there.
    pub(super) wants_marking: bool,
    /// The places one has been to.
    pub(super) visits: Visits,
    /// What is told is seen until then.
    told: Option<TimeoutHandle>,
    /// What was typed before the list came in which it is looked for.
    pub(super) ahead: String,
    /// The path of the field that had the focus last, a step a line.
    pub(super) field: Option<String>,
    /// The type that is pressed in the palette, and where in the window.
    pub(super) pressed: Option<(String, i32, i32)>,
}

/// What the parts share. Copies are the same desk.
#[derive(Clone, Copy)]
pub(super) struct Desk {
    session: StoredValue<Session, LocalStorage>,
    stage: StoredValue<Option<Rc<Stage>>, LocalStorage>,
    pub(super) kept: StoredValue<Kept, LocalStorage>,
    pub(super) keymap: RwSignal<Keymap>,
    /// Counts changes of the document.
    pub(super) rev: RwSignal<u64>,
    pub(super) selection: RwSignal<Selection>,
    pub(super) problems: RwSignal<Vec<Problem>>,
    /// For those who do not see it.
    pub(super) said: RwSignal<String>,
    /// What came of a command, for those who see it.
    pub(super) toast: RwSignal<Option<String>>,
    /// Why something was not done.
    pub(super) refused: RwSignal<Option<String>>,
    /// What something that was done could not take along.
    pub(super) noted: RwSignal<Option<String>>,
    pub(super) asked: RwSignal<Option<Ask>>,
    pub(super) menu: RwSignal<Option<(Point, Hit)>>,
    pub(super) sheet: RwSignal<bool>,
    pub(super) drawer: RwSignal<Drawer>,
    /// Whether the text stands beside the canvas.
    pub(super) text: RwSignal<bool>,
    /// A line of the text that is to be gone to, from 0.
    pub(super) line: RwSignal<Option<usize>>,
    /// Counts what was learned of the server.
    pub(super) known: RwSignal<u64>,
    pub(super) inspector: RwSignal<bool>,
    /// The task on which the inspector stays while other things are selected.
    pub(super) pinned: RwSignal<Option<String>>,
    pub(super) outline: RwSignal<bool>,
    pub(super) map: RwSignal<bool>,
    pub(super) zoom: RwSignal<i32>,
    pub(super) saving: RwSignal<Saving>,
    /// What stands beside the pointer, and where.
    pub(super) tipped: RwSignal<Option<Tip>>,
    /// Counts the times that a task was opened: the inspector then takes the focus.
    pub(super) opened: RwSignal<u32>,
    /// What the engine knows, once its code is there.
    pub(super) engine: RwSignal<Option<Engine>>,
    /// What reads the texts of notes, once its code is there.
    pub(super) marking: RwSignal<Option<Marking>>,
    /// What is done with the flow beside drawing it.
    pub(super) work: StoredValue<Work, LocalStorage>,
}

impl Desk {
    pub(super) fn new(editing: Editing) -> Self {
        let (version, problems) = (editing.version, editing.problems.clone());
        let desk = Self {
            session: StoredValue::new_local(Session::light(begin(editing))),
            stage: StoredValue::new_local(None),
            kept: StoredValue::new_local(Kept::default()),
            keymap: RwSignal::new(Keymap::new(&BTreeMap::new(), !keys::are_off()).0),
            rev: RwSignal::new(0),
            selection: RwSignal::default(),
            problems: RwSignal::default(),
            said: RwSignal::default(),
            toast: RwSignal::default(),
            refused: RwSignal::default(),
            noted: RwSignal::default(),
            asked: RwSignal::default(),
            menu: RwSignal::default(),
            sheet: RwSignal::new(false),
            drawer: RwSignal::default(),
            text: RwSignal::new(false),
            line: RwSignal::default(),
            known: RwSignal::new(0),
            inspector: RwSignal::new(true),
            pinned: RwSignal::default(),
            outline: RwSignal::new(false),
            map: RwSignal::new(true),
            zoom: RwSignal::new(100),
            saving: RwSignal::default(),
            tipped: RwSignal::default(),
            opened: RwSignal::new(0),
            engine: RwSignal::new(None),
            marking: RwSignal::new(None),
            work: StoredValue::new_local(Work::new(version)),
        };
        desk.found(problems);
        desk
    }

    /// Looks at the session. Nothing that changes it may be called meanwhile.
    pub(super) fn with<T>(self, look: impl FnOnce(&Session) -> T) -> T {
        self.session.with_value(look)
    }

    pub(super) fn with_mut<T>(self, act: impl FnOnce(&mut Session) -> T) -> T {
        self.session
            .try_update_value(act)
            .expect("the desk lives as long as its page")
    }

    /// Looks at the session, and again whenever the document changes.
    pub(super) fn track<T>(self, look: impl FnOnce(&Session) -> T) -> T {
        self.rev.track();
        self.with(look)
    }

    pub(super) fn put_stage(self, stage: Rc<Stage>) {
        self.stage.set_value(Some(stage));
    }

    /// Does something with the stage, once there is one.
    pub(super) fn stage(self, act: impl FnOnce(&Rc<Stage>)) {
        if let Some(stage) = self.stage.try_get_value().flatten() {
            act(&stage);
        }
    }

    /// Looks at what is wrong with tasks.
    pub(super) fn with_marks<T>(self, look: impl FnOnce(&Marks) -> T) -> T {
        self.kept.with_value(|kept| look(&kept.marks))
    }

    pub(super) fn say(self, text: String) {
        self.said.set(text);
    }

    /// Says what came of a command, and shows it for a while.
    pub(super) fn tell(self, text: String) {
        self.say(text.clone());
        self.toast.set(Some(text));
        let hide = move || drop(self.toast.try_set(None));
        let told = set_timeout_with_handle(hide, TOLD_FOR).ok();
        let before = self
            .kept
            .try_update_value(|kept| std::mem::replace(&mut kept.told, told));
        if let Some(Some(before)) = before {
            before.clear();
        }
    }

    pub(super) fn ask(self, ask: Ask) {
        self.kept.update_value(|kept| kept.ahead.clear());
        self.menu.set(None);
        self.asked.set(Some(ask));
    }

    /// Lists and menus that were opened are closed.
    pub(super) fn close_floats(self) {
        if self.asked.with_untracked(Option::is_some) {
            self.asked.set(None);
        }
        if self.menu.with_untracked(Option::is_some) {
            self.menu.set(None);
        }
        if self.sheet.get_untracked() {
            self.sheet.set(false);
        }
    }

    /// What stands beside the pointer: what would come of letting go there, or why nothing would.
    pub(super) fn tip(self, text: Option<&str>, is_offer: bool, at: Option<Point>) {
        let tip = text.zip(at).map(|(text, at)| Tip {
            text: text.to_owned(),
            is_offer,
            at: (at.x as i32, at.y as i32),
        });
        if self.tipped.with_untracked(|before| *before != tip) {
            self.tipped.set(tip);
        }
    }

    pub(super) fn select(self, selection: Selection) {
        let words = self.with_mut(|session| {
            session.selection = selection.clone();
            selection.words(&session.scene)
        });
        self.selection.set(selection);
        self.say(words);
        self.stage(|stage| stage.stale());
    }

    /// Opens what is selected in the inspector.
    pub(super) fn open_selected(self) {
        // What is asked for is shown, whatever was kept there.
        self.pinned.set(None);
        self.kept.update_value(|kept| kept.wants_focus = true);
        self.inspector.set(true);
        self.opened.update(|n| *n += 1);
    }

    /// Does something once each time that something was opened: what stands in the inspector then takes the focus.
    pub(super) fn when_opened(self, act: impl Fn() -> bool + 'static) {
        Effect::new(move |_| {
            self.opened.track();
            if self.kept.with_value(|kept| kept.wants_focus) && act() {
                self.kept.update_value(|kept| kept.wants_focus = false);
            }
        });
    }

    /// Opens a task in the inspector.
    pub(super) fn open(self, id: &str) {
        self.select(Selection::one(id));
        self.open_selected();
    }

    /// Makes a change, and says what was done, or why not.
    pub(super) fn change(self, change: &Change) {
        let made = self.with_mut(|session| session.change(change, now_ms()));
        self.told_or_later(made, change, false, |desk, change| desk.change(change));
    }

    /// The same for a command: what came of it is seen too.
    pub(super) fn command(self, change: &Change) {
        let made = self.with_mut(|session| session.change(change, now_ms()));
        self.told_or_later(made, change, true, |desk, change| desk.command(change));
    }

    /// The same under a name of its own, and with what is selected afterwards.
    pub(super) fn change_as(self, label: &str, change: &Change, selected: Option<Selection>) {
        let made = self.with_mut(|session| {
            session.seal();
            session.change_as(label, change, selected.clone(), now_ms())
        });
        let label = label.to_owned();
        self.told_or_later(made, change, true, move |desk, change| {
            desk.change_as(&label, change, selected)
        });
    }

    /// Tells what was made. What cannot be made before expressions can be read is made when they can be.
    fn told_or_later(
        self,
        made: Result<Step, Refusal>,
        change: &Change,
        is_command: bool,
        again: impl FnOnce(Self, &Change) + 'static,
    ) {
        match made {
            Err(refusal) if refusal.code == editor::UNREAD => {
                let change = change.clone();
                self.with_engine("Not changed", move |_| again(self, &change));
            }
            made => {
                let is_move = matches!(change, Change::Move(_));
                self.told(made, is_command, is_move);
            }
        }
    }

    /// The next change is a step of its own.
    pub(super) fn seal(self) {
        self.with_mut(Session::seal);
    }

    fn told(self, made: Result<Step, Refusal>, is_command: bool, is_move: bool) {
        match made {
            Ok(step) => {
                self.refused.set(None);
                self.noted.set(None);
                let done = format!("Done: {}.", step.label);
                match is_command {
                    true => self.tell(done),
                    false => self.say(done),
                }
                if !step.notes.is_empty() {
                    self.note(&step.notes);
                }
                self.redrawn();
                // Where boxes stand makes nothing wrong; what was wrong before may stand in another line now.
                if !is_move || self.problems.with_untracked(|problems| !problems.is_empty()) {
                    self.check_soon();
                }
            }
            Err(refusal) => self.refuse(refusal.to_string()),
        }
    }

    /// Says why something was not done.
    pub(super) fn refuse(self, why: String) {
        self.say(why.clone());
        self.refused.set(Some(why));
        self.stage(|stage| stage.stale());
    }

    /// Says what could not be taken along.
    pub(super) fn note(self, notes: &[String]) {
        let mut said: String = notes.iter().take(3).map(|note| format!("{note} ")).collect();
        if notes.len() > 3 {
            said.push_str(&format!("And {} more.", notes.len() - 3));
        }
        self.noted.set(Some(said.trim_end().to_owned()));
    }

    pub(super) fn typed(self, text: &str) {
        // A text takes whatever is typed into it.
        let _ = self.with_mut(|session| session.typed(text, now_ms()));
        self.refused.set(None);
        self.changed();
        // Another text may draw what is nowhere near.
        self.stage(|stage| stage.find_back());
    }

    pub(super) fn step(self, is_back: bool) {
        self.steps(is_back, 1);
    }

    /// So many steps back, or forth.
    pub(super) fn steps(self, is_back: bool, n: usize) {
        let word = if is_back { "Undone" } else { "Done again" };
        let turned: Vec<String> = self.with_mut(|session| {
            let turned = (0..n).map_while(|_| session.step(is_back));
            turned.map(|turned| turned.label).collect()
        });
        match &turned[..] {
            [] => return self.tell(format!("Nothing to be {}.", word.to_lowercase())),
            [label] => self.tell(format!("{word}: {label}.")),
            [.., last] => self.tell(format!("{word}: {} steps, the last one {last}.", turned.len())),
        }
        self.refused.set(None);
        self.noted.set(None);
        self.changed();
        self.stage(|stage| stage.find_back());
    }

    pub(super) fn changed(self) {
        self.redrawn();
        self.check_soon();
    }

    /// The document has changed: what shows it is drawn anew.
    fn redrawn(self) {
        self.selection.set(self.with(|session| session.selection.clone()));
        self.rev.update(|rev| *rev += 1);
        self.stage(|stage| stage.stale());
    }

    fn check_soon(self) {
        if let Some(before) = self.kept.try_update_value(|kept| kept.check.take()).flatten() {
            before.clear();
        }
        let check = set_timeout_with_handle(move || self.check(), CHECK_AFTER).ok();
        self.kept.update_value(|kept| kept.check = check);
    }

    /// Checks the whole document. Until what checks it has come, what was found before stands.
    pub(super) fn check(self) {
        match self.engine.try_get_untracked() {
            Some(Some(engine)) => self.found(self.with(engine.problems)),
            Some(None) => self.want_engine(),
            // The editor is gone.
            None => {}
        }
    }

    /// Takes up what is wrong with the document.
    fn found(self, problems: Vec<Problem>) {
        let mut marks = Marks::default();
        for problem in &problems {
            if let Some(task) = &problem.task {
                let is_error = problem.severity == Severity::Error;
                let mark = marks
                    .entry(task.clone())
                    .or_insert_with(|| (is_error, problem.message.clone()));
                if is_error && !mark.0 {
                    *mark = (true, problem.message.clone());
                }
            }
        }
        self.kept.update_value(|kept| kept.marks = marks);
        self.problems.set(problems);
        self.stage(|stage| stage.stale());
    }

    /// The task that the inspector shows: the one it is kept on, else the selected one.
    pub(super) fn inspected(self) -> Option<String> {
        let pinned = self.pinned.get();
        pinned.or_else(|| {
            self.selection
                .with(|selection| selection.primary().map(str::to_owned))
        })
    }

    pub(super) fn primary(self) -> Option<String> {
        self.selection
            .with_untracked(|selection| selection.primary().map(str::to_owned))
    }
}

/// What the server gave, as the session begins with it.
fn begin(editing: Editing) -> Begin {
    Begin {
        flow: editing.flow,
        version: editing.version,
        text: editing.source,
        types: editing.types,
        task_schema: editing.task_schema,
    }
}

/// Milliseconds of a clock that does not go back.
pub(super) fn now() -> f64 {
    window()
        .performance()
        .map_or_else(js_sys::Date::now, |clock| clock.now())
}

/// The same in whole milliseconds, as the history counts them.
pub(super) fn now_ms() -> u64 {
    now() as u64
}
