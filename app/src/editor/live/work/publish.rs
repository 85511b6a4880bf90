//! Publishing: what has changed, a word about it, and what happens if somebody else was quicker.

use std::collections::BTreeMap;

use editor::change::{Change, Patch};
use editor::diff::{Diff, TaskChange};
use editor::merge::{Conflict, Merged, Side, merge};
use flow::parse::Format;
use leptos::html::Input;
use leptos::prelude::*;
use leptos::task::spawn_local;
use serde_json::{Value, json};

use super::super::desk::{Desk, Drawer, Saving};
use super::{Dialog, Sheet};
use crate::fns::draft::publish;
use crate::format;
use crate::icons::Icon;
use crate::model::edit::PublishAsk;
use crate::readable::readable;

/// Somebody else has published meanwhile.
#[derive(Clone, Debug, PartialEq)]
struct Met {
    /// The version this one was begun from, as text.
    base: String,
    /// The newest one.
    theirs: String,
    /// Its number.
    version: u32,
    /// What both have changed, by the task it belongs to.
    conflicts: Vec<(String, Vec<Conflict>)>,
}

impl Desk {
    pub(super) fn ask_to_publish(self) {
        if self.saving.get_untracked() == Saving::OnTheWay {
            return;
        }
        if self.with(|session| !session.is_dirty()) {
            self.tell("Nothing has changed since it was published.".to_owned());
            return;
        }
        self.with_engine("Not published", move |_| {
            // What is wrong with it now, not what was a moment ago.
            self.check();
            self.work().dialog.set(Some(Dialog::Publish));
        });
    }
}

/// The dialog.
#[component]
pub(super) fn Publish(desk: Desk) -> impl IntoView {
    let message = RwSignal::new(String::new());
    let name = RwSignal::new(String::new());
    let met = RwSignal::new(None::<Met>);
    let taken = RwSignal::new(None::<String>);
    let wrong = RwSignal::new(None::<String>);
    let input = NodeRef::<Input>::new();
    Effect::new(move |_| {
        if let Some(input) = input.get() {
            let _ = input.focus();
        }
    });
    // It is known already that somebody was quicker: both are put together first.
    Effect::new(move |before: Option<()>| {
        let newest = desk.work().newest.get_untracked();
        let is_older = desk
            .with(|session| session.version > 0 && newest > session.version && session.new_id().is_none());
        if before.is_none() && is_older {
            let ask = ask_of(desk, (String::new(), String::new()));
            spawn_local(async move {
                let found = meet(desk, &ask).await;
                if !wrong.is_disposed() {
                    put_together(desk, found, met, taken, wrong);
                }
            });
        }
    });
    let n_errors = move || desk.problems.with(|problems| editor::session::counts(problems).0);
    let is_busy = move || desk.saving.get() == Saving::OnTheWay;
    let send = move || {
        if !is_busy() && n_errors() == 0 {
            wrong.set(None);
            let said = (message.get_untracked(), name.get_untracked());
            publish_now(desk, said, met, taken, wrong);
        }
    };
    let problems = move || {
        let n = n_errors();
        (n > 0).then(|| {
            view! {
                <div class="note" data-state="failed">
                    <Icon name="s-failed"/>
                    <p class="grow">
                        {format::count(n as u64, "error keeps", "errors keep")} " this from being published. The draft is kept all the same."
                    </p>
                    <button
                        type="button"
                        class="button small"
                        on:click=move |_| {
                            desk.work().dialog.set(None);
                            desk.drawer.set(Drawer::Problems);
                        }
                    >
                        "Show them"
                    </button>
                </div>
            }
        })
    };
    let note = |text: Option<String>, state: &'static str| {
        text.map(|text| view! { <p class="note" data-state=state role="alert"><Icon name=format!("s-{state}")/> <span class="grow">{text}</span></p> })
    };
    let body = move || {
        match met.get() {
        Some(met_now) => view! { <Conflicts desk met_now met taken/> }.into_any(),
        None => view! {
            <form
                class="ed-form"
                on:submit=move |event| {
                    event.prevent_default();
                    send();
                }
            >
                {move || note(taken.get(), "succeeded")}
                {move || note(wrong.get(), "failed")}
                {problems}
                {move || desk.track(|session| {
                    let (id, flow) = (session.new_id()?, session.flow.as_deref()?);
                    let said = format!("The id is another one now, so this is a new flow, {id}. {flow} stays as it was published.");
                    Some(view! { <p class="note" data-state="attention"><Icon name="s-attention"/> <span class="grow">{said}</span></p> })
                })}
                <Changes desk/>
                <label for="said">"What has changed, in your words" <span class="kind">"optional"</span></label>
                <input
                    id="said"
                    type="text"
                    maxlength="500"
                    autofocus=true
                    autocomplete="off"
                    node_ref=input
                    prop:value=move || message.get()
                    on:input=move |event| message.set(event_target_value(&event))
                />
                <label for="version-name">"Name of this version" <span class="kind">"optional"</span></label>
                <input
                    id="version-name"
                    type="text"
                    maxlength="60"
                    autocomplete="off"
                    placeholder="By which it is found again in the history"
                    prop:value=move || name.get()
                    on:input=move |event| name.set(event_target_value(&event))
                />
                <div class="tools">
                    <button type="submit" class="button primary" disabled=move || is_busy() || n_errors() != 0>
                        <Icon name="u-check"/>
                        {move || match desk.track(|session| (session.version, session.new_id().is_some())) {
                            _ if is_busy() => "Publishing…".to_owned(),
                            (_, true) => "Publish as a new flow".to_owned(),
                            (version, false) => format!("Publish version {}", version + 1),
                        }}
                    </button>
                    <button type="button" class="button quiet" on:click=move |_| desk.work().dialog.set(None)>"Cancel"</button>
                </div>
            </form>
        }
        .into_any(),
    }
    };
    view! { <Sheet desk title="Publish">{body}</Sheet> }
}

/// What has changed since the version that is published.
#[component]
fn Changes(desk: Desk) -> impl IntoView {
    move || {
        let lines = desk.track(|session| {
            let old = flow::parse::pieces::outline(&session.saved, Format::guess(session.saved.as_bytes()));
            let old = old.map_or(Value::Null, |read| read.value);
            lines(&Diff::between(&old, session.value()))
        });
        let n = lines.len();
        const SHOWN: usize = 8;
        let rest = n.saturating_sub(SHOWN);
        let lines = lines
            .into_iter()
            .take(SHOWN)
            .map(|(kind, text)| view! { <li class="change" data-change=kind><Icon name=format!("s-{kind}")/> {text}</li> })
            .collect_view();
        view! {
            <ul class="changes">
                {lines}
                {(rest > 0).then(|| view! { <li class="muted">{format!("and {rest} more")}</li> })}
                {(n == 0).then(|| view! { <li class="muted">"Only places, notes, comments or formatting: it means the same."</li> })}
            </ul>
        }
    }
}

/// Differences in a line each.
fn lines(diff: &Diff) -> Vec<(&'static str, String)> {
    let paths = |fields: &[editor::diff::FieldDiff]| {
        let paths = fields.iter().map(|field| field.path.join("."));
        paths.collect::<Vec<_>>().join(", ")
    };
    let tasks = diff.tasks.iter().map(|task| match &task.change {
        TaskChange::Added => ("added", format!("{} is new", task.id)),
        TaskChange::Removed => ("removed", format!("{} is gone", task.id)),
        TaskChange::Changed(fields) => ("changed", format!("{}: {}", task.id, paths(fields))),
        TaskChange::Renamed { from, fields } if fields.is_empty() => {
            ("changed", format!("{from} is called {}", task.id))
        }
        TaskChange::Renamed { from, fields } => (
            "changed",
            format!("{from} is called {}: {}", task.id, paths(fields)),
        ),
    });
    let edges = diff.edges.iter().map(|edge| match (&edge.old, &edge.new) {
        (None, Some(new)) => ("added", format!("{} → {}", new.from, new.to)),
        (Some(old), None) => ("removed", format!("{} → {}", old.from, old.to)),
        (_, Some(new)) => ("changed", format!("{} → {}", new.from, new.to)),
        (None, None) => ("changed", String::new()),
    });
    let fields = diff.fields.iter().map(|field| ("changed", field.path.join(".")));
    tasks.chain(edges).chain(fields).collect()
}

fn publish_now(
    desk: Desk,
    said: (String, String),
    met: RwSignal<Option<Met>>,
    taken: RwSignal<Option<String>>,
    wrong: RwSignal<Option<String>>,
) {
    desk.saving.set(Saving::OnTheWay);
    let ask = ask_of(desk, said);
    spawn_local(async move {
        let sent = publish(json!(ask).to_string()).await;
        if desk.saving.is_disposed() {
            return;
        }
        desk.saving.set(Saving::Idle);
        match sent {
            Ok(saved) => {
                let before = desk.with(|session| session.flow.clone());
                desk.with_mut(|session| {
                    session.saved = ask.source;
                    session.version = saved.version;
                    session.flow = Some(saved.flow.clone());
                });
                desk.work().newest.set(saved.version);
                desk.forget_draft_of(before.clone());
                if before.as_ref() != Some(&saved.flow) {
                    address(&saved.flow);
                }
                desk.rev.update(|rev| *rev += 1);
                desk.work().dialog.set(None);
                desk.tell(format!("Published as version {}.", saved.version));
            }
            Err(error) if error.status == 412 => {
                if ask.base == 0 {
                    let id = desk.with(|session| {
                        session
                            .value()
                            .get("flow")
                            .and_then(|id| id.as_str().map(str::to_owned))
                    });
                    wrong.set(Some(format!(
                        "There is a flow `{}` already. Give this one another id in the text, or open that flow and change it.",
                        id.unwrap_or_default()
                    )));
                    return;
                }
                let found = meet(desk, &ask).await;
                put_together(desk, found, met, taken, wrong);
            }
            Err(error) => {
                wrong.set(Some(error.message.clone()));
                if !error.problems.is_empty() {
                    desk.saving.set(Saving::Refused(error));
                }
            }
        }
    });
}

/// The document, with what is said of it and the name it is to have.
fn ask_of(desk: Desk, (message, name): (String, String)) -> PublishAsk {
    desk.with(|session| PublishAsk {
        source: session.text().to_owned(),
        base: session.new_id().map_or(session.version, |_| 0),
        message,
        name,
    })
}

/// Takes over what can be; asks where both have changed the same.
fn put_together(
    desk: Desk,
    found: Result<(Met, Merged), String>,
    met: RwSignal<Option<Met>>,
    taken: RwSignal<Option<String>>,
    wrong: RwSignal<Option<String>>,
) {
    match found {
        Ok((found, merged)) if found.conflicts.is_empty() => take(desk, &found, merged, taken),
        Ok((found, _)) => met.set(Some(found)),
        Err(why) => wrong.set(Some(why)),
    }
}

/// The address is the flow's own from now on: loading it again finds it.
fn address(flow: &str) {
    let to = format!("/flows/{}/edit", format::url_part(flow));
    if let Ok(history) = window().history() {
        // Where a browser refuses, the address stays that of a new flow.
        let _ = history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&to));
        if let Ok(moved) = web_sys::Event::new(crate::parts::ADDRESS_MOVED) {
            // Nobody keeps it from being told.
            let _ = window().dispatch_event(&moved);
        }
    }
}

/// Reads what the other has published, and what both have changed.
async fn meet(desk: Desk, ask: &PublishAsk) -> Result<(Met, Merged), String> {
    let flow = desk.with(|session| session.flow.clone()).unwrap_or_default();
    let read = async |version: Option<u32>| {
        crate::fns::flow(flow.clone(), version)
            .await
            .map_err(|error| error.message)
    };
    let base = read(Some(ask.base)).await?;
    let newest = read(None).await?;
    let merged = merged(&base.source, &ask.source, &newest.source, &BTreeMap::new())?;
    let mut conflicts: Vec<(String, Vec<Conflict>)> = Vec::new();
    for conflict in &merged.conflicts {
        let place = place(conflict);
        match conflicts.iter_mut().find(|(known, _)| *known == place) {
            Some((_, of_place)) => of_place.push(conflict.clone()),
            None => conflicts.push((place, vec![conflict.clone()])),
        }
    }
    let met = Met {
        base: base.source,
        theirs: newest.source,
        version: newest.summary.version,
        conflicts,
    };
    Ok((met, merged))
}

fn merged(base: &str, ours: &str, theirs: &str, choices: &BTreeMap<String, Side>) -> Result<Merged, String> {
    merge(
        (base, Format::guess(base.as_bytes())),
        (ours, Format::guess(ours.as_bytes())),
        (theirs, Format::guess(theirs.as_bytes())),
        choices,
    )
    .map_err(|refusal| refusal.to_string())
}

/// The task a conflict belongs to, or the field of the flow.
fn place(conflict: &Conflict) -> String {
    match &conflict.path[..] {
        [section, task, ..] if matches!(section.as_str(), "tasks" | "finally" | "on_failure") => task.clone(),
        [field, ..] => field.clone(),
        [] => "the flow".to_owned(),
    }
}

/// Puts what was merged on the canvas; it can be undone.
fn take(desk: Desk, met: &Met, merged: Merged, taken: RwSignal<Option<String>>) {
    let whole = desk.with(|session| Patch {
        start: 0,
        end: session.text().len(),
        text: merged.text,
    });
    desk.change_as("Take over the other's changes", &Change::Type(vec![whole]), None);
    desk.with_mut(|session| {
        session.saved = met.theirs.clone();
        session.version = met.version;
    });
    desk.work().newest.set(met.version);
    desk.rev.update(|rev| *rev += 1);
    taken.set(Some(format!(
        "Version {} was published meanwhile. Its changes are on your canvas now, beside your own; look at them, then publish.",
        met.version
    )));
}

/// What both have changed: whose is taken, task by task.
#[component]
fn Conflicts(
    desk: Desk,
    met_now: Met,
    met: RwSignal<Option<Met>>,
    taken: RwSignal<Option<String>>,
) -> impl IntoView {
    let chosen = RwSignal::new(BTreeMap::<String, Side>::new());
    let wrong = RwSignal::new(None::<String>);
    let n = met_now.conflicts.len();
    let rows = met_now
        .conflicts
        .iter()
        .map(|(place, conflicts)| row(place.clone(), conflicts.clone(), chosen))
        .collect_view();
    let version = met_now.version;
    let kept = StoredValue::new(met_now);
    let merge_now = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let found = kept.get_value();
        let mut choices = BTreeMap::new();
        for (place, conflicts) in &found.conflicts {
            let side = chosen
                .with_untracked(|chosen| chosen.get(place).copied())
                .unwrap_or(Side::Ours);
            choices.extend(conflicts.iter().map(|conflict| (conflict.name(), side)));
        }
        let ours = desk.with(|session| session.text().to_owned());
        match merged(&found.base, &ours, &found.theirs, &choices) {
            Ok(merged) => {
                take(desk, &found, merged, taken);
                met.set(None);
            }
            Err(why) => wrong.set(Some(why)),
        }
    };
    view! {
        <form class="ed-form" on:submit=merge_now>
            <div class="note" data-state="attention">
                <Icon name="s-attention"/>
                <p class="grow">
                    <strong>{format!("Version {version} was published meanwhile. ")}</strong>
                    {match n {
                        1 => "You both changed one thing differently. Everything else is put together by itself.".to_owned(),
                        n => format!("You both changed {n} things differently. Everything else is put together by itself."),
                    }}
                </p>
            </div>
            {move || wrong.get().map(|why| view! { <p class="note" data-state="failed" role="alert"><Icon name="s-failed"/> {why}</p> })}
            {rows}
            <div class="tools">
                <button type="submit" class="button primary" disabled=move || chosen.with(|chosen| chosen.len() < n)>
                    <Icon name="u-check"/>
                    "Put together"
                </button>
                <button type="button" class="button quiet" on:click=move |_| desk.work().dialog.set(None)>"Cancel"</button>
            </div>
        </form>
    }
}

fn row(place: String, conflicts: Vec<Conflict>, chosen: RwSignal<BTreeMap<String, Side>>) -> impl IntoView {
    let name = format!("side-{place}");
    let choose = |side: Side| {
        let place = place.clone();
        move |_| {
            chosen.update(|chosen| {
                chosen.insert(place.clone(), side);
            });
        }
    };
    let values = |pick: fn(&Conflict) -> Option<&Value>| {
        conflicts
            .iter()
            .map(|conflict| {
                let shown = pick(conflict).map_or_else(|| "removed".to_owned(), shown);
                let field = conflict
                    .path
                    .iter()
                    .skip(2)
                    .cloned()
                    .collect::<Vec<_>>()
                    .join(".");
                view! { <span class="ed-side-value"><code>{field}</code> <span>{shown}</span></span> }
            })
            .collect_view()
    };
    view! {
        <fieldset class="ed-conflict">
            <legend><code>{place.clone()}</code></legend>
            <label>
                <input type="radio" name=name.clone() on:change=choose(Side::Ours)/>
                <span class="grow"><strong>"Mine"</strong> {values(|conflict| conflict.ours.as_ref())}</span>
            </label>
            <label>
                <input type="radio" name=name on:change=choose(Side::Theirs)/>
                <span class="grow"><strong>"Theirs"</strong> {values(|conflict| conflict.theirs.as_ref())}</span>
            </label>
        </fieldset>
    }
}

fn shown(value: &Value) -> String {
    const CHARS: usize = 300;
    let text = match value {
        Value::String(text) => text.clone(),
        other => readable(other),
    };
    match text.char_indices().nth(CHARS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
