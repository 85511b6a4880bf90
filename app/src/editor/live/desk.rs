//! What the parts of the live editor share: the session, the stage, and signals that say what of it has changed.

use std::rc::Rc;
use std::time::Duration;

use editor::change::Change;
use editor::geometry::Point;
use editor::gesture::Pick;
use editor::keys::Keymap;
use editor::scene::Hit;
use editor::select::Selection;
use editor::session::{Begin, Session};
use editor::{Refusal, Step};
use flow::{Problem, Severity};
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;

use super::cards::Marks;
use super::known::Learned;
use super::stage::Stage;
use super::work::Work;
use crate::error::AppError;
use crate::fns::edit::Editing;

/// How long after a change the whole document is checked.
const CHECK_AFTER: Duration = Duration::from_millis(200);

/// What is to be chosen from a list.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ask {
    /// A task type for a new task.
    Type(Pick),
    /// Another type for a task.
    Retype(String),
    /// What a task leads to.
    Target(String),
    /// A task to go to.
    Find,
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
    /// The type that is pressed in the palette, and where in the window.
    pub(super) pressed: Option<(String, i32, i32)>,
}

/// What the parts share. Copies are the same desk.
#[derive(Clone, Copy)]
pub(super) struct Desk {
    session: StoredValue<Session, LocalStorage>,
    stage: StoredValue<Option<Rc<Stage>>, LocalStorage>,
    pub(super) kept: StoredValue<Kept, LocalStorage>,
    pub(super) keymap: StoredValue<Keymap, LocalStorage>,
    /// Counts changes of the document.
    pub(super) rev: RwSignal<u64>,
    pub(super) selection: RwSignal<Selection>,
    pub(super) problems: RwSignal<Vec<Problem>>,
    /// For those who do not see it.
    pub(super) said: RwSignal<String>,
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
    pub(super) outline: RwSignal<bool>,
    pub(super) map: RwSignal<bool>,
    pub(super) zoom: RwSignal<i32>,
    pub(super) saving: RwSignal<Saving>,
    /// What stands beside the pointer, and where.
    pub(super) tipped: RwSignal<Option<(String, i32, i32)>>,
    /// Counts the times that a task was opened: the inspector then takes the focus.
    pub(super) opened: RwSignal<u32>,
    /// What is done with the flow beside drawing it.
    pub(super) work: StoredValue<Work, LocalStorage>,
}

impl Desk {
    pub(super) fn new(editing: Editing) -> Self {
        let version = editing.version;
        let desk = Self {
            session: StoredValue::new_local(Session::new(begin(editing))),
            stage: StoredValue::new_local(None),
            kept: StoredValue::new_local(Kept::default()),
            keymap: StoredValue::new_local(Keymap::default()),
            rev: RwSignal::new(0),
            selection: RwSignal::default(),
            problems: RwSignal::default(),
            said: RwSignal::default(),
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
            outline: RwSignal::new(false),
            map: RwSignal::new(true),
            zoom: RwSignal::new(100),
            saving: RwSignal::default(),
            tipped: RwSignal::default(),
            opened: RwSignal::new(0),
            work: StoredValue::new_local(Work::new(version)),
        };
        desk.check_soon();
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

    pub(super) fn ask(self, ask: Ask) {
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

    /// What stands beside the pointer.
    pub(super) fn tip(self, text: Option<&str>, at: Option<Point>) {
        let tip = text
            .zip(at)
            .map(|(text, at)| (text.to_owned(), at.x as i32, at.y as i32));
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
        self.told(made);
    }

    /// The same under a name of its own, and with what is selected afterwards.
    pub(super) fn change_as(self, label: &str, change: &Change, selected: Option<Selection>) {
        let made = self.with_mut(|session| {
            session.seal();
            session.change_as(label, change, selected, now_ms())
        });
        self.told(made);
    }

    /// The next change is a step of its own.
    pub(super) fn seal(self) {
        self.with_mut(Session::seal);
    }

    fn told(self, made: Result<Step, Refusal>) {
        match made {
            Ok(step) => {
                self.refused.set(None);
                self.noted.set(None);
                self.say(format!("Done: {}.", step.label));
                if !step.notes.is_empty() {
                    self.note(&step.notes);
                }
                self.changed();
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
        self.changed();
    }

    pub(super) fn step(self, is_back: bool) {
        let word = if is_back { "Undone" } else { "Done again" };
        match self.with_mut(|session| session.step(is_back)) {
            Some(turned) => {
                self.refused.set(None);
                self.noted.set(None);
                self.say(format!("{word}: {}.", turned.label));
                self.changed();
            }
            None => self.say(format!("Nothing to be {}.", word.to_lowercase())),
        }
    }

    pub(super) fn changed(self) {
        self.selection.set(self.with(|session| session.selection.clone()));
        self.rev.update(|rev| *rev += 1);
        self.stage(|stage| stage.stale());
        self.check_soon();
    }

    fn check_soon(self) {
        if let Some(before) = self.kept.try_update_value(|kept| kept.check.take()).flatten() {
            before.clear();
        }
        let check = move || {
            if self.problems.is_disposed() {
                return;
            }
            let problems = self.with(Session::problems);
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
        };
        let check = set_timeout_with_handle(check, CHECK_AFTER).ok();
        self.kept.update_value(|kept| kept.check = check);
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
