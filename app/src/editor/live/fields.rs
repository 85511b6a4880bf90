//! The fields of a form. Each keeps its element as long as its kind stays the same, so that the focus is never lost under someone's hands.

use editor::form::{Field, Form, Kind};
use flow::{Problem, Severity};
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::assist::{Assisted, Fires, Look};
use super::desk::Desk;
use crate::icons::Icon;
use crate::parts::Said;

/// The fields of an object, with its alternatives and what no schema knows.
#[component]
pub(super) fn Fields(desk: Desk, #[prop(into)] form: Signal<Form>, path: Vec<String>) -> impl IntoView {
    let steps = StoredValue::new(path);
    let tabs = move || {
        let choice = form.with(|form| form.choice.clone())?;
        let buttons = choice
            .tabs
            .into_iter()
            .enumerate()
            .map(|(at, tab)| {
                view! {
                    <button
                        type="button"
                        role="tab"
                        title=tab.help
                        aria-selected=(at == choice.chosen).to_string()
                        on:click=move |_| {
                            let path = steps.get_value();
                            let path: Vec<&str> = path.iter().map(String::as_str).collect();
                            if let Some(change) = form.with_untracked(|form| form.choose(at, &path)) {
                                desk.change(&change);
                            }
                        }
                    >
                        {tab.label}
                    </button>
                }
            })
            .collect_view();
        Some(view! { <div class="ed-tabs" role="tablist">{buttons}</div> })
    };
    let shown = move |is_advanced: bool| {
        form.with(|form| {
            let fields = form.shown().filter(|field| field.is_advanced == is_advanced);
            fields.map(named).collect::<Vec<_>>()
        })
    };
    let unknown = move || form.with(|form| form.unknown.iter().map(named).collect::<Vec<_>>());
    let has_advanced = Memo::new(move |_| form.with(|form| form.shown().any(|field| field.is_advanced)));
    let one = move |(path, _): (Vec<String>, String)| view! { <One desk form path/> };
    view! {
        {tabs}
        <For each=move || shown(false) key=Clone::clone let:field>{one(field)}</For>
        <Show when=move || has_advanced.get()>
            <details>
                <summary><Icon name="u-turn"/>"More"</summary>
                <For each=move || shown(true) key=Clone::clone let:field>{one(field)}</For>
            </details>
        </Show>
        <For each=unknown key=Clone::clone let:field>{one(field)}</For>
        {move || {
            form.with(|form| form.fields.is_empty() && form.unknown.is_empty())
                .then(|| view! { <p class="muted">"It takes none."</p> })
        }}
    }
    .into_any()
}

/// What a field's element is kept by: its path, and how it is filled in.
fn named(field: &Field) -> (Vec<String>, String) {
    let mut name = word(&field.kind).to_owned();
    if field.is_expression {
        name.push('=');
    }
    if let Kind::Variants { tabs, chosen, kind } = &field.kind {
        name.push_str(&format!("{} {chosen} {}", tabs.len(), word(kind)));
    }
    (field.path.clone(), name)
}

fn word(kind: &Kind) -> &'static str {
    match kind {
        Kind::Line => "line",
        Kind::Lines => "lines",
        Kind::Code(_) => "code",
        Kind::Number { .. } => "number",
        Kind::Toggle => "toggle",
        Kind::Select(_) => "select",
        Kind::Duration => "duration",
        Kind::Cron => "cron",
        Kind::Moment => "moment",
        Kind::Secret => "secret",
        Kind::Group(_) => "group",
        Kind::Map(_) => "map",
        Kind::List(_) => "list",
        Kind::Variants { .. } => "variants",
        Kind::Json => "json",
    }
}

/// One field.
#[component]
fn One(desk: Desk, form: Signal<Form>, path: Vec<String>) -> impl IntoView {
    let own = path.clone();
    let field = Memo::new(move |before: Option<&Field>| {
        let found = form.with(|form| form.at(&own));
        // A field that is gone is about to be taken out of the page: until then it stays as it was.
        found.or_else(|| before.cloned()).unwrap_or_default()
    });
    let mistake = RwSignal::new(None::<String>);
    let first = field.get_untracked();
    let id = format!("f-{}", path.join("-"));
    // What only a look at the whole document shows, such as a name that nothing has.
    let named = StoredValue::new(path.clone());
    let told = Memo::new(move |_| {
        desk.problems.with(|problems| {
            let is_own = |problem: &&Problem| {
                let steps = problem.field.as_deref().map(editor::find::steps);
                steps.is_some_and(|steps| named.with_value(|path| *path == steps))
            };
            // An error before what is only worth knowing.
            let own = problems.iter().filter(is_own);
            own.min_by_key(|problem| problem.severity != Severity::Error)
                .map(|problem| problem.message.clone())
        })
    });
    let problem = move || {
        mistake
            .get()
            .or_else(|| field.with(|field| field.problem.clone()))
            .or_else(|| told.get())
    };
    let input = control(desk, form, field, mistake, told, &first, &id);
    let is_inner = matches!(first.plain_kind(), Kind::Group(_) | Kind::Map(_) | Kind::List(_));
    // Expressions stand for arguments; what a task is besides is fixed when a flow is saved.
    let is_argument = path.get(2).is_some_and(|step| step == "with");
    let switch = is_argument.then(|| {
        let label = if first.is_expression {
            "As a value"
        } else {
            "As an expression"
        };
        view! {
            <button
                type="button"
                class="ed-switch"
                title=label
                aria-label=label
                aria-pressed=first.is_expression.to_string()
                on:click=move |_| desk.change(&field.get_untracked().switched())
            >
                "{{ }}"
            </button>
        }
    });
    let variants = match &first.kind {
        Kind::Variants { tabs, chosen, .. } if !first.is_expression => {
            let chosen = *chosen;
            let options = tabs
                .iter()
                .enumerate()
                .map(|(at, (label, _))| view! { <option value=at.to_string() selected=at == chosen>{label.clone()}</option> })
                .collect_view();
            Some(view! {
                <select
                    class="ed-variant"
                    aria-label="Kind of value"
                    on:change=move |event| {
                        let at = event_target_value(&event).parse().unwrap_or(0);
                        if let Some(change) = field.get_untracked().vary(at) {
                            desk.change(&change);
                        }
                    }
                >
                    {options}
                </select>
            })
        }
        _ => None,
    };
    let takes_secret = first.takes_secrets && matches!(first.plain_kind(), Kind::Line | Kind::Secret);
    let secret = takes_secret.then(|| picker(desk, field));
    view! {
        <div class="ed-field" data-path=path.join("\n") class:wrong=move || problem().is_some() class:inner=is_inner>
            <div class="top">
                <label class="name grow" for=id>
                    {first.title.clone()}
                    {first.is_required.then(|| view! { <i class="must" title="required">"*"</i> })}
                </label>
                {secret} {variants} {switch}
            </div>
            {input}
            {move || problem().map(|problem| view! { <span class="problem" role="alert"><Said text=problem/></span> })}
            {first.help.map(|help| view! { <span class="help"><Said text=help/></span> })}
        </div>
    }
    .into_any()
}

/// The place before one, or after it.
const fn beside(at: usize, is_before: bool) -> Option<usize> {
    if is_before {
        at.checked_sub(1)
    } else {
        Some(at + 1)
    }
}

/// What a field is filled in with.
fn control(
    desk: Desk,
    form: Signal<Form>,
    field: Memo<Field>,
    mistake: RwSignal<Option<String>>,
    told: Memo<Option<String>>,
    first: &Field,
    id: &str,
) -> AnyView {
    let id = id.to_owned();
    let give = move |text: String| match field.get_untracked().typed(&text) {
        Ok(change) => {
            mistake.set(None);
            desk.change(&change);
        }
        Err(error) => mistake.set(Some(error.to_string())),
    };
    let is_wrong = Signal::derive(move || {
        mistake.with(Option::is_some)
            || told.with(Option::is_some)
            || field.with(|field| field.problem.is_some())
    });
    let live = RwSignal::new(first.text());
    let written = move |rows: Option<u32>, mode: &'static str, class: &'static str| {
        let is_cron = matches!(first.plain_kind(), Kind::Cron) || is_cron(&first.path);
        let rows = rows.filter(|_| !is_cron || first.is_expression);
        let fires = (is_cron && !first.is_expression).then(|| {
            let path = first.path.clone();
            view! { <Fires desk path live/> }
        });
        let path = first.path.clone();
        let look = Look {
            id: id.clone(),
            label: None,
            rows,
            class: if is_cron { "mono" } else { class },
            mode,
            hint: hint(first),
        };
        view! {
            <Assisted desk path look text=Signal::derive(move || field.with(Field::text)) is_wrong give=Callback::new(give) live/>
            {fires}
        }
        .into_any()
    };
    if first.is_expression {
        return written(Some(1), "text", "mono expression grows");
    }
    match first.plain_kind().clone() {
        Kind::Line => written(Some(1), "text", "grows"),
        Kind::Lines => written(Some(3), "text", "grows"),
        Kind::Code(_) | Kind::Json => written(Some(3), "text", "code grows"),
        Kind::Number { .. } => written(None, "decimal", "num"),
        Kind::Duration | Kind::Cron | Kind::Moment | Kind::Secret | Kind::Variants { .. } => {
            written(None, "text", "mono")
        }
        Kind::Toggle => toggle(desk, field, first),
        Kind::Select(items) => select(field, give, items, first),
        Kind::Group(_) => {
            let inner = Signal::derive(move || {
                field.with(|field| match field.plain_kind() {
                    Kind::Group(form) => (**form).clone(),
                    _ => Form::default(),
                })
            });
            let path = first.path.clone();
            let is_given = first.value.is_some();
            view! {
                <details class="ed-group" open=is_given>
                    <summary><Icon name="u-turn"/>{if is_given { "Given" } else { "Not given" }}</summary>
                    <Fields desk form=inner path/>
                </details>
            }
            .into_any()
        }
        Kind::List(_) => list(desk, form, field),
        Kind::Map(_) => map(desk, form, field, mistake),
    }
}

/// Whether a pattern of due times stands there.
fn is_cron(path: &[String]) -> bool {
    path.first().is_some_and(|first| first == "schedules") && path.last().is_some_and(|last| last == "cron")
}

/// A reference to a secret is chosen by its name.
fn picker(desk: Desk, field: Memo<Field>) -> impl IntoView {
    let names = move || {
        desk.known.track();
        desk.with_known(|known| known.secrets.clone())
    };
    let options = move || {
        names()
            .into_iter()
            .map(|name| view! { <option value=name>{name.clone()}</option> })
            .collect_view()
    };
    let is_empty = move || names().is_empty();
    view! {
        <select
            class="ed-variant ed-secret"
            aria-label="Use a secret"
            title="Use a secret"
            hidden=is_empty
            on:change=move |event| {
                let name = event_target_value(&event);
                if !name.is_empty() {
                    let reference = serde_json::Value::String(format!("{{{{ secrets.{name} }}}}"));
                    desk.change(&field.get_untracked().set(Some(reference)));
                }
                if let Some(select) = event_target::<web_sys::Element>(&event).dyn_ref::<web_sys::HtmlElement>() {
                    // It is a menu, and shows no choice of its own.
                    let _ = js_sys::Reflect::set(select, &"value".into(), &"".into());
                }
            }
        >
            <option value="">"Secret…"</option>
            {options}
        </select>
    }
}

fn hint(field: &Field) -> String {
    let plain = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match (&field.default, field.examples.first()) {
        (Some(default), _) if !default.as_str().is_some_and(str::is_empty) => plain(default),
        (_, Some(example)) => format!("such as {}", plain(example)),
        _ => String::new(),
    }
}

fn toggle(desk: Desk, field: Memo<Field>, first: &Field) -> AnyView {
    let is_on = move || {
        field.with(|field| {
            field
                .value
                .as_ref()
                .or(field.default.as_ref())
                .and_then(serde_json::Value::as_bool)
                .unwrap_or(false)
        })
    };
    let id = format!("f-{}", first.path.join("-"));
    view! {
        <label class="ed-check">
            <input
                id=id
                type="checkbox"
                prop:checked=is_on
                on:change=move |event| {
                    let is_on = event_target_checked(&event);
                    desk.change(&field.get_untracked().set(Some(serde_json::Value::Bool(is_on))));
                }
            />
            {move || if is_on() { "yes" } else { "no" }}
        </label>
    }
    .into_any()
}

fn select(
    field: Memo<Field>,
    give: impl Fn(String) + Copy + 'static,
    items: Vec<editor::form::Item>,
    first: &Field,
) -> AnyView {
    let given = move || {
        field.with(|field| {
            field.value.as_ref().map_or_else(String::new, |value| {
                value.as_str().map_or_else(|| value.to_string(), str::to_owned)
            })
        })
    };
    let default = first.default.as_ref().map_or_else(
        || "not given".to_owned(),
        |value| {
            format!(
                "{} (unless given)",
                value.as_str().map_or_else(|| value.to_string(), str::to_owned)
            )
        },
    );
    let options = items
        .into_iter()
        .map(|item| {
            let value = item.value.as_str().map_or_else(|| item.value.to_string(), str::to_owned);
            let own = value.clone();
            view! { <option value=value title=item.help selected=move || given() == own>{item.label}</option> }
        })
        .collect_view();
    let id = format!("f-{}", first.path.join("-"));
    view! {
        <select id=id on:change=move |event| give(event_target_value(&event))>
            <option value="" selected=move || given().is_empty()>{default}</option>
            {options}
        </select>
    }
    .into_any()
}

fn list(desk: Desk, form: Signal<Form>, field: Memo<Field>) -> AnyView {
    let items = move || {
        field.with(|field| match field.plain_kind() {
            Kind::List(fields) => fields.iter().map(named).collect::<Vec<_>>(),
            _ => Vec::new(),
        })
    };
    let act = move |change: Option<editor::Change>| {
        if let Some(change) = change {
            desk.change(&change);
        }
    };
    view! {
        <For each=items key=Clone::clone let:item>
            {
                let at: usize = item.0.last().and_then(|at| at.parse().ok()).unwrap_or(0);
                view! {
                    <div class="ed-item">
                        <One desk form path=item.0/>
                        <div class="ed-tools">
                            {movers(move |is_up| act(beside(at, is_up).and_then(|to| field.get_untracked().move_item(at, to))))}
                            <button type="button" class="button quiet square" title="Remove" aria-label="Remove" on:click=move |_| act(field.get_untracked().remove_item(at))>
                                <Icon name="u-close"/>
                            </button>
                        </div>
                    </div>
                }
            }
        </For>
        <Add field add=Callback::new(move |()| act(Some(field.get_untracked().add_item())))/>
    }
    .into_any()
}

fn map(desk: Desk, form: Signal<Form>, field: Memo<Field>, mistake: RwSignal<Option<String>>) -> AnyView {
    let entries = move || {
        field.with(|field| match field.plain_kind() {
            Kind::Map(fields) => fields.iter().map(named).collect::<Vec<_>>(),
            _ => Vec::new(),
        })
    };
    let is_ordered = field.with_untracked(|field| field.is_ordered);
    view! {
        <For each=entries key=Clone::clone let:entry>
            {
                let name = entry.0.last().cloned().unwrap_or_default();
                let (old, gone) = (name.clone(), name.clone());
                view! {
                    <div class="ed-entry">
                        <div class="top">
                            <input
                                class="mono"
                                aria-label="Name"
                                spellcheck="false"
                                prop:value=name.clone()
                                on:change=move |event| match field.get_untracked().rename_entry(&old, &event_target_value(&event)) {
                                    Ok(change) => {
                                        mistake.set(None);
                                        desk.change(&change);
                                    }
                                    Err(error) => mistake.set(Some(error.to_string())),
                                }
                            />
                            {is_ordered.then(|| {
                                let moved = StoredValue::new(name.clone());
                                movers(move |is_up| {
                                    let change = moved.with_value(|name| field.get_untracked().move_entry(name, is_up));
                                    if let Some(change) = change {
                                        desk.change(&change);
                                    }
                                })
                            })}
                            <button
                                type="button"
                                class="button quiet square"
                                title="Remove"
                                aria-label="Remove"
                                on:click=move |_| desk.change(&field.get_untracked().remove_entry(&gone))
                            >
                                <Icon name="u-close"/>
                            </button>
                        </div>
                        <One desk form path=entry.0/>
                    </div>
                }
            }
        </For>
        <Add field add=Callback::new(move |()| desk.change(&field.get_untracked().add_entry()))/>
    }
    .into_any()
}

/// One more item or entry, in which the focus is then.
#[component]
fn Add(field: Memo<Field>, add: Callback<()>) -> impl IntoView {
    let title = field.with_untracked(|field| field.title.clone());
    let pressed = move |event: web_sys::MouseEvent| {
        add.run(());
        let button = event_target::<web_sys::Element>(&event);
        // Once it is in the page.
        set_timeout(
            move || {
                let last = button.previous_element_sibling();
                let first =
                    last.and_then(|last| last.query_selector("input, textarea, select").ok().flatten());
                if let Some(first) = first {
                    let first: &web_sys::HtmlElement = first.unchecked_ref();
                    let _ = first.focus();
                    if let Some(input) = first.dyn_ref::<web_sys::HtmlInputElement>() {
                        input.select();
                    }
                }
            },
            std::time::Duration::ZERO,
        );
    };
    view! {
        <button type="button" class="button small" aria-label=format!("Add to {title}") on:click=pressed>
            <Icon name="u-plus"/>
            "Add"
        </button>
    }
    .into_any()
}

/// Up and down, for what stands in an order.
fn movers(act: impl Fn(bool) + Copy + 'static) -> impl IntoView {
    let one = |is_up: bool, title: &'static str, label: &'static str, arrow: &'static str| {
        view! {
            <button type="button" class="button quiet square" title=title aria-label=label on:click=move |_| act(is_up)>
                {arrow}
            </button>
        }
    };
    view! {
        {one(true, "Up", "Move up", "↑")}
        {one(false, "Down", "Move down", "↓")}
    }
}
