//! Parts of the editor whose code comes later: when the editor is at rest, or when somebody wants them before.

use std::pin::Pin;
use std::time::Duration;

use editor::clipboard::{Paste, Pasted};
use editor::complete::{Completion, Known};
use editor::extract::{Extracted, Wanted};
use editor::writing::Writing;
use editor::{Again, Reader, Refusal, Session, Source};
use flow::Problem;
use flow::parse::pieces::Outline;
use flow::validate::TypeCatalog;
use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local;
use serde_json::Value;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::desk::{Desk, Kept};
use super::hints::Hints;
use crate::format::escape;
use crate::icons::Icon;

/// How long the editor is left to itself before it fetches what nobody asked for yet. Whoever goes offline later has it all.
const REST: Duration = Duration::from_secs(2);

/// What makes a part, once its code is there.
pub(super) type Part = fn(Desk) -> AnyView;

/// The code of a part on its way.
pub(super) type Fetched = Pin<Box<dyn Future<Output = Result<Part, SplitLoaderError>>>>;

/// How far the code of a part is.
#[derive(Clone, Copy)]
enum Code {
    /// Nobody asked for it.
    Away,
    OnTheWay,
    Here(Part),
    Lost,
}

/// A part that stands here as soon as it is wanted and its code is there.
#[component]
pub(super) fn Later(
    desk: Desk,
    /// Its name as a reader would say it, with "the" before it.
    name: &'static str,
    /// Whether it is wanted.
    wanted: Signal<bool>,
    /// Fetches its code. What was fetched once is not fetched again.
    fetch: fn() -> Fetched,
) -> impl IntoView {
    let code = RwSignal::new_local(Code::Away);
    let get = move || {
        if matches!(code.get_untracked(), Code::OnTheWay | Code::Here(_)) {
            return;
        }
        code.set(Code::OnTheWay);
        spawn_local(async move {
            let now = match fetch().await {
                Ok(part) => Code::Here(part),
                Err(_) => Code::Lost,
            };
            // The editor may be gone meanwhile.
            code.try_set(now);
        });
    };
    // What could not be fetched beforehand is fetched again when it is wanted.
    Effect::new(move |_| {
        if wanted.get() {
            get();
        }
    });
    at_rest(get);
    let is_wanted = Memo::new(move |before| before == Some(&true) || wanted.get());
    move || match code.get() {
        Code::Here(part) => is_wanted.get().then(|| part(desk)).into_any(),
        Code::Away | Code::OnTheWay => wanted
            .get()
            .then(|| view! { <p class="ed-later muted" role="status">{format!("Fetching {name}…")}</p> })
            .into_any(),
        Code::Lost => wanted.get().then(|| view! { <Lost name again=get/> }).into_any(),
    }
}

/// Fetches something ahead when nobody has asked for it. Without a network that is made up for when there is one again.
pub(super) fn at_rest(fetch: impl Fn() + Copy + 'static) {
    let is_resting = StoredValue::new(false);
    let ahead = move || {
        if is_resting.get_value() && window().navigator().on_line() {
            fetch();
        }
    };
    let rested = move || {
        is_resting.set_value(true);
        ahead();
    };
    let timer = set_timeout_with_handle(rested, REST).ok();
    let back = window_event_listener(ev::online, move |_| ahead());
    on_cleanup(move || {
        if let Some(timer) = timer {
            timer.clear();
        }
        back.remove();
    });
}

/// The code of a part did not come.
#[component]
fn Lost(name: &'static str, again: impl Fn() + 'static) -> impl IntoView {
    let what = format!(
        "The code of {name} could not be fetched from the server. If Pointwork was updated meanwhile, load the page again."
    );
    view! {
        <div class="note ed-later" data-state="failed" role="alert">
            <Icon name="s-failed"/>
            <p class="grow">{what}</p>
            <button type="button" class="button small" on:click=move |_| again()>"Try again"</button>
        </div>
    }
}

/// What a field gives, or why it gives nothing; none if no expression stands there.
type Gives = Option<Result<Value, String>>;

/// What the engine knows of a document: of its expressions, and what is wrong with it. The server says that of the document one begins
/// with, so this is wanted only when something is changed or an expression is written.
#[derive(Clone, Copy)]
pub(super) struct Engine {
    /// [`Session::problems`].
    pub(super) problems: fn(&Session) -> Vec<Problem>,
    /// [`editor::clipboard::duplicate`].
    pub(super) duplicate: fn(&Value, &[String], &dyn TypeCatalog) -> Result<Pasted, Refusal>,
    /// [`editor::complete::complete`].
    pub(super) complete: fn(&Value, &[String], &str, usize, &Known) -> Completion,
    /// [`editor::complete::preview`].
    pub(super) preview: fn(&Value, &[String], &str, &Known) -> Gives,
    /// [`editor::writing::complete_text`].
    pub(super) write: fn(&Writing<'_>, usize) -> Completion,
    /// [`editor::writing::explain`].
    pub(super) explain: fn(&Writing<'_>, usize) -> Option<String>,
    /// [`editor::extract::extract`].
    pub(super) extract: fn(&Source, &Value, &Wanted<'_>) -> Result<Extracted, Refusal>,
    /// What lies over fields with expressions.
    pub(super) hints: Part,
    /// [`flow::expr::task_uses`].
    reader: Reader,
    /// [`Outline::patched`].
    again: Again,
}

#[wasm_split(engine, fallible)]
fn engine() -> Result<Engine, SplitLoaderError> {
    Ok(Engine {
        problems: Session::problems,
        duplicate: editor::clipboard::duplicate,
        complete: editor::complete::complete,
        preview: editor::complete::preview,
        write: editor::writing::complete_text,
        explain: editor::writing::explain,
        extract: editor::extract::extract,
        hints: |desk| view! { <Hints desk/> }.into_any(),
        reader: flow::expr::task_uses,
        again: Outline::patched,
    })
}

/// What reads the texts of notes.
#[derive(Clone, Copy)]
pub(super) struct Marking {
    /// [`editor::markdown::html`].
    pub(super) html: fn(&str) -> String,
    /// [`editor::markdown::links`], as entries of a list.
    pub(super) links: fn(&str) -> String,
}

/// It comes with the panels, which are fetched at rest: so it is there offline even if nobody had a note before.
#[wasm_split(panels, fallible)]
fn marking() -> Result<Marking, SplitLoaderError> {
    Ok(Marking {
        html: editor::markdown::html,
        links: |text| {
            let links = editor::markdown::links(text).into_iter();
            let entries = links.map(|link| {
                let (url, label) = (escape(&link.url), escape(&link.label));
                format!(
                    "<li><a class=\"ed-link\" href=\"{url}\" target=\"_blank\" rel=\"noopener\">{label}</a></li>"
                )
            });
            entries.collect()
        },
    })
}

/// Reads a pasted text.
pub(super) type Paster = fn(&Session, &str, Paste) -> Result<Pasted, Refusal>;

/// The code of [`editor::clipboard::paste_any`], which knows what other tools write.
#[wasm_split(tools, fallible)]
pub(super) fn paster() -> Result<Paster, SplitLoaderError> {
    Ok(|session, text, how| {
        let mut pasted = editor::clipboard::paste_any(session.value(), text, how, &session.catalog())?;
        pasted.make_room(&session.scene);
        Ok(pasted)
    })
}

impl Desk {
    /// What the engine knows, once its code is there. Who asks first has it fetched; who tracks it is told when it came.
    pub(super) fn engine(self) -> Option<Engine> {
        let there = self.engine.get();
        if there.is_none() {
            self.want_engine();
        }
        there
    }

    /// Has the code fetched that reads the texts of notes, if it is neither there nor on its way.
    pub(super) fn want_marking(self) {
        let is_wanted = |kept: &mut Kept| std::mem::replace(&mut kept.wants_marking, true);
        if self.kept.try_update_value(is_wanted) != Some(false) {
            return;
        }
        spawn_local(async move {
            match marking().await {
                Ok(code) => {
                    self.marking.try_set(Some(code));
                    if !self.marking.is_disposed() {
                        self.stage(|stage| stage.stale());
                    }
                }
                // They stay as they were written; the next one that is drawn tries again.
                Err(_) => drop(self.kept.try_update_value(|kept| kept.wants_marking = false)),
            }
        });
    }

    /// Does something with what the engine knows: at once if that is there, else when it has come; or says that this was `not_done`.
    pub(super) fn with_engine(self, not_done: &'static str, then: impl FnOnce(Engine) + 'static) {
        if let Some(engine) = self.engine.get_untracked() {
            return then(engine);
        }
        self.kept
            .update_value(|kept| kept.awaiting.push((not_done, Box::new(then))));
        self.want_engine();
    }

    /// Has the code fetched that the engine knows things by, if it is neither there nor on its way.
    pub(super) fn want_engine(self) {
        if self.kept.with_value(|kept| kept.wants_engine) {
            return;
        }
        self.kept.update_value(|kept| kept.wants_engine = true);
        spawn_local(async move {
            let came = engine().await;
            // The editor may be gone meanwhile.
            let Some(awaiting) = self.kept.try_update_value(|kept| {
                kept.wants_engine = came.is_ok();
                std::mem::take(&mut kept.awaiting)
            }) else {
                return;
            };
            match came {
                Ok(engine) => {
                    self.with_mut(|session| session.read_with(engine.reader, engine.again));
                    self.engine.set(Some(engine));
                    // Of the document that one begins with the server has told.
                    if self.rev.get_untracked() > 0 {
                        self.check();
                    }
                    awaiting.into_iter().for_each(|(_, then)| then(engine));
                }
                // Fields and checks do without; the next one who wants it tries again.
                Err(_) => {
                    if let Some((not_done, _)) = awaiting.first() {
                        self.refuse(format!(
                            "{not_done}: what reads expressions could not be fetched from the server. Try again."
                        ));
                    }
                }
            }
        });
    }
}
