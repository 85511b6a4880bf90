//! Drafts: kept by themselves, on the server or, if it does not answer, in this browser; offered when the editor is opened again.

use std::time::Duration;

use editor::keeping::{Keeping, Stored, ago, offered};
use flow::Timestamp;
use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local;
use serde_json::json;

use super::super::desk::Desk;
use super::discarded::is_discarded;
use super::now_at_server;
use crate::fns::draft::{discard_draft, open_draft, save_draft};
use crate::icons::Icon;
use crate::model::edit::DraftAsk;

/// How long after a change the draft is saved: a word is typed by then.
const SAVE_AFTER: Duration = Duration::from_millis(800);

/// How long a server that does not answer is left alone.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(4);

/// Opens the draft there is, and keeps every change from then on.
pub(in super::super) fn keep_drafts(desk: Desk) {
    let work = desk.work();
    let is_open = RwSignal::new(false);
    desk.remember_text();
    spawn_local(async move {
        let flow = desk.with(|session| session.flow.clone());
        let server = open_draft(flow).await.ok().flatten();
        if is_open.is_disposed() {
            return;
        }
        let after = server.as_ref().map(|draft| draft.saved_at);
        work.kept.update_value(|kept| kept.after = after);
        let server = server.map(|draft| Stored {
            base: draft.base,
            source: draft.source,
            at: draft.saved_at.as_millis(),
            after: None,
            key: String::new(),
        });
        let published = desk.with(|session| session.text().to_owned());
        // Whoever was quick has changed it by now: what was changed goes on, and the draft is offered no more.
        let is_untouched =
            desk.with(|session| session.text() == work.kept.with_value(|kept| kept.text.clone()));
        let here = kept_here(desk)
            .into_iter()
            .filter(|kept| !is_discarded(&kept.key));
        let (aside, here): (Vec<_>, Vec<_>) = here.partition(is_aside);
        let (opened, others) = offered(server, here, &published);
        let mut others: Vec<_> = others.iter().map(|other| put_aside(desk, other)).collect();
        others.extend(aside);
        work.others.set(others);
        if let Some(stored) = opened.filter(|_| is_untouched) {
            desk.open_draft(stored);
        } else if is_untouched {
            desk.offer_discarded();
        }
        is_open.set(true);
    });
    Effect::new(move |_| {
        desk.rev.track();
        if !is_open.get()
            || desk.with(|session| session.text() == work.kept.with_value(|kept| kept.text.clone()))
        {
            return;
        }
        work.keeping.set(Keeping::Changed);
        desk.put_discarded_by();
        desk.save_in(SAVE_AFTER);
    });
    let now = move || {
        if work.keeping.with_untracked(Keeping::is_at_risk) {
            desk.write_here();
            desk.save_now();
        }
    };
    let handles = [
        window_event_listener(ev::blur, move |_| now()),
        window_event_listener(ev::online, move |_| {
            if matches!(
                work.keeping.get_untracked(),
                Keeping::Here(_) | Keeping::Nowhere(_)
            ) {
                desk.save_now();
            }
        }),
    ];
    let hidden = window_event_listener_untyped("visibilitychange", move |_| now());
    let leaving = window_event_listener(ev::pagehide, move |_| now());
    on_cleanup(move || {
        handles.into_iter().for_each(|handle| handle.remove());
        hidden.remove();
        leaving.remove();
        if let Some(timer) = work.kept.try_update_value(|kept| kept.timer.take()).flatten() {
            timer.clear();
        }
    });
}

impl Desk {
    /// Whether something would be lost with the page: only if neither the server nor this browser takes it.
    pub(in super::super) fn is_at_risk(self) -> bool {
        let is_at_risk = self.work().keeping.with_untracked(Keeping::is_at_risk);
        is_at_risk && self.with(|session| session.is_dirty()) && !self.write_here()
    }

    /// What the text is now is kept.
    fn remember_text(self) {
        let text = self.with(|session| session.text().to_owned());
        self.work().kept.update_value(|kept| kept.text = text);
    }

    /// Goes on with another draft; the one that was open is kept as the other.
    pub(super) fn open_other(self, other: &Stored) {
        let open = self.with(|session| Stored {
            base: session.version,
            source: session.text().to_owned(),
            at: now_at_server(self.work().clock),
            after: None,
            key: String::new(),
        });
        let is_dirty = self.with(|session| session.is_dirty());
        let open = is_dirty.then(|| put_aside(self, &open));
        self.seal();
        self.typed(&other.source);
        // What was published since it was begun is not to be written over.
        self.with_mut(|session| session.version = other.base);
        self.seal();
        self.drop_other(other);
        self.work().others.update(|others| others.extend(open));
        self.work().offered.set(None);
        self.stage(|stage| stage.fit(None));
    }

    /// Nobody wants it any more.
    fn drop_other(self, other: &Stored) {
        remove(&other.key);
        self.work()
            .others
            .update(|others| others.retain(|kept| kept.key != other.key));
    }

    fn open_draft(self, stored: Stored) {
        self.typed(&stored.source);
        self.with_mut(|session| session.version = stored.base);
        self.seal();
        self.remember_text();
        let after = self
            .work()
            .kept
            .with_value(|kept| kept.after.map(Timestamp::as_millis));
        let is_there = after == Some(stored.at);
        // What another tab kept is this one's now.
        if !stored.key.is_empty() && self.write_here() {
            remove(&stored.key);
        }
        self.work().keeping.set(match is_there {
            true => Keeping::Kept(stored.at),
            false => Keeping::Here(stored.at),
        });
        self.work().offered.set(Some(stored));
        if !is_there {
            self.save_in(SAVE_AFTER);
        }
        self.stage(|stage| stage.fit(None));
    }

    fn save_in(self, pause: Duration) {
        let timer = set_timeout_with_handle(move || self.save_now(), pause).ok();
        let before = self
            .work()
            .kept
            .try_update_value(|kept| std::mem::replace(&mut kept.timer, timer))
            .flatten();
        if let Some(before) = before {
            before.clear();
        }
    }

    /// Saves the draft on the server; here, if that does not answer.
    fn save_now(self) {
        let work = self.work();
        if work.keeping.is_disposed() || work.keeping.get_untracked() == Keeping::OnTheWay {
            return;
        }
        if work.kept.with_value(|kept| kept.is_discarding) {
            return self.save_in(SAVE_AFTER);
        }
        let text = self.with(|session| session.text().to_owned());
        let ask = self.with(|session| DraftAsk {
            flow: session.flow.clone(),
            base: session.version,
            source: text.clone(),
            after: work.kept.with_value(|kept| kept.after),
        });
        if self.with(|session| !session.is_dirty()) {
            // Undone to what is published: there is nothing to be kept.
            self.forget_draft();
            return;
        }
        work.keeping.set(Keeping::OnTheWay);
        spawn_local(async move {
            let saved = save_draft(json!(ask).to_string()).await;
            if work.keeping.is_disposed() {
                return;
            }
            match saved {
                Ok(kept) => {
                    self.took(kept.saved_at, text);
                    work.newest.set(kept.newest.max(work.newest.get_untracked()));
                }
                Err(error) => {
                    let is_away = matches!(error.status, 502..=504);
                    let at = now_at_server(self.work().clock);
                    work.keeping.set(match self.write_here() {
                        true if is_away => Keeping::Here(at),
                        true => Keeping::Apart(error.message),
                        false => Keeping::Nowhere(error.message),
                    });
                    if self.with(|session| session.text() == text) {
                        work.kept.update_value(|kept| kept.text = text);
                    }
                    self.save_in(TRY_AGAIN_AFTER);
                    return;
                }
            }
            if self.with(|session| session.text() != work.kept.with_value(|kept| kept.text.clone())) {
                work.keeping.set(Keeping::Changed);
                self.save_in(SAVE_AFTER);
            }
        });
    }

    fn took(self, saved_at: Timestamp, text: String) {
        self.work().kept.update_value(|kept| {
            kept.after = Some(saved_at);
            kept.text = text;
        });
        self.work().keeping.set(Keeping::Kept(saved_at.as_millis()));
        self.forget_here();
    }

    /// The draft is not needed any more, here or there.
    pub(super) fn forget_draft(self) {
        let flow = self.with(|session| session.flow.clone());
        self.forget_draft_of(flow);
    }

    pub(super) fn forget_draft_of(self, flow: Option<String>) {
        let work = self.work();
        self.remember_text();
        remove(&own_key(flow.as_deref()));
        work.offered.set(None);
        work.keeping.set(Keeping::Clean);
        let timer = work.kept.try_update_value(|kept| {
            kept.after = None;
            kept.is_discarding = true;
            kept.timer.take()
        });
        if let Some(timer) = timer.flatten() {
            timer.clear();
        }
        spawn_local(async move {
            // One that stays is offered again, which does no harm.
            let _ = discard_draft(flow).await;
            // The editor may be gone meanwhile.
            work.kept.try_update_value(|kept| kept.is_discarding = false);
        });
    }

    /// Goes back to what is published. Undo brings the draft back.
    pub(super) fn discard_draft(self) {
        let published = self.with(|session| session.saved.clone());
        if self.with(|session| !session.is_dirty()) {
            self.tell("There is no draft.".to_owned());
            return;
        }
        self.keep_discarded();
        if published.is_empty() {
            // A flow that was never published begins anew.
            self.forget_here();
            self.work().keeping.set(Keeping::Clean);
            self.remember_text();
            spawn_local(async move {
                // One that stays is offered again, which does no harm.
                let _ = discard_draft(None).await;
                let _ = window().location().reload();
            });
            return;
        }
        self.seal();
        self.typed(&published);
        self.with_mut(|session| session.version = self.work().newest.get_untracked().max(session.version));
        self.seal();
        self.forget_draft();
        self.tell("The draft is discarded. Undo brings it back.".to_owned());
    }

    /// Keeps the text in this browser. False if it does not take it.
    pub(super) fn write_here(self) -> bool {
        let flow = self.with(|session| session.flow.clone());
        let kept = self.with(|session| Stored {
            base: session.version,
            source: session.text().to_owned(),
            at: now_at_server(self.work().clock),
            after: self
                .work()
                .kept
                .with_value(|kept| kept.after.map(Timestamp::as_millis)),
            key: own_key(flow.as_deref()),
        });
        write(&kept)
    }

    fn forget_here(self) {
        remove(&own_key(self.with(|session| session.flow.clone()).as_deref()));
    }
}

fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok().flatten()
}

/// What the names of all drafts of a flow begin with.
pub(super) fn prefix(flow: Option<&str>) -> String {
    format!("draft:{}", flow.unwrap_or_default())
}

thread_local! {
    /// Another one in each tab, and each time the page is loaded.
    static TAB: String = format!("tab{:x}", (js_sys::Math::random() * 1e15) as u64);
}

/// Where this tab keeps the draft of a flow: what another one keeps is not its own to write over.
fn own_key(flow: Option<&str>) -> String {
    TAB.with(|tab| format!("{}#{tab}", prefix(flow)))
}

pub(super) fn write(stored: &Stored) -> bool {
    let kept =
        json!({ "base": stored.base, "source": stored.source, "at": stored.at, "after": stored.after });
    storage().is_some_and(|storage| storage.set_item(&stored.key, &kept.to_string()).is_ok())
}

pub(super) fn remove(key: &str) {
    if let Some(storage) = storage() {
        // What is not there need not be removed.
        let _ = storage.remove_item(key);
    }
}

/// Keeps a draft that is not the open one, under a name that no tab has for its own.
fn put_aside(desk: Desk, other: &Stored) -> Stored {
    let flow = desk.with(|session| session.flow.clone());
    let aside = Stored {
        key: format!("{}#at{}", prefix(flow.as_deref()), other.at),
        ..other.clone()
    };
    if write(&aside) && aside.key != other.key {
        remove(&other.key);
    }
    aside
}

fn is_aside(stored: &Stored) -> bool {
    stored.key.contains("#at")
}

/// What this browser has kept, in whichever tab.
pub(super) fn kept_here(desk: Desk) -> Vec<Stored> {
    let prefix = prefix(desk.with(|session| session.flow.clone()).as_deref());
    let Some(storage) = storage() else {
        return Vec::new();
    };
    let n = storage.length().unwrap_or_default();
    let keys = (0..n).filter_map(|at| storage.key(at).ok().flatten());
    let is_of_flow = |key: &String| {
        key.strip_prefix(&prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
    };
    let read = |key: String| {
        let text = storage.get_item(&key).ok().flatten()?;
        let value: serde_json::Value = serde_json::from_str(&text).ok()?;
        Some(Stored {
            base: u32::try_from(value.get("base")?.as_u64()?).ok()?,
            source: value.get("source")?.as_str()?.to_owned(),
            at: value.get("at")?.as_i64()?,
            after: value.get("after").and_then(serde_json::Value::as_i64),
            key,
        })
    };
    keys.filter(is_of_flow).filter_map(read).collect()
}

/// Says that there is another draft, which another tab has kept.
#[component]
pub(in super::super) fn Others(desk: Desk) -> impl IntoView {
    let work = desk.work();
    move || {
        let other = work.others.with(|others| others.first().cloned())?;
        let age = now_at_server(work.clock) - other.at;
        let kept = StoredValue::new(other);
        Some(view! {
            <div class="note ed-offer" data-state="attention" role="status">
                <Icon name="s-attention"/>
                <p class="grow">
                    <strong>{format!("Another draft of {}. ", ago(age))}</strong>
                    "It was changed in another tab, and the two were never put together."
                </p>
                <button type="button" class="button small" on:click=move |_| kept.with_value(|other| desk.open_other(other))>
                    "Open it instead"
                </button>
                <button type="button" class="button small" on:click=move |_| kept.with_value(|other| desk.drop_other(other))>
                    "Discard it"
                </button>
            </div>
        })
    }
}

/// Says that the draft was opened, and lets it be discarded.
#[component]
pub(in super::super) fn Offer(desk: Desk) -> impl IntoView {
    let work = desk.work();
    move || {
        let stored = work.offered.get()?;
        let newest = work.newest.get();
        let age = now_at_server(work.clock) - stored.at;
        let from = match stored.base {
            0 => "It was never published.".to_owned(),
            base if base < newest => {
                format!("It was begun from version {base}; version {newest} was published since.")
            }
            base => format!("It was begun from version {base}."),
        };
        Some(view! {
            <div class="note ed-offer" role="status">
                <Icon name="u-edit"/>
                <p class="grow"><strong>{format!("Your draft of {}. ", ago(age))}</strong> {from}</p>
                <button type="button" class="button small" on:click=move |_| desk.discard_draft()>"Discard"</button>
                <button type="button" class="button quiet square" aria-label="Close" on:click=move |_| work.offered.set(None)>
                    <Icon name="u-close"/>
                </button>
            </div>
        })
    }
}
