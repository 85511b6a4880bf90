//! The history of a flow: its versions, any two of them side by side, and the way back to an old one.

use flow::view::FlowVersionView;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::fns::draft::{NameVersion, RestoreVersion, history};
use crate::format;
use crate::icons::Icon;
use crate::model::edit::{DiffView, FieldView, HistoryPage, LineView, TaskChangeView};
use crate::parts::{Failure, Loading, Moment, SendForm, Sending};
use crate::posted::posted;

/// The history of a flow. The address says which two versions are side by side.
#[component]
pub fn VersionsPage() -> impl IntoView {
    let params = use_params_map();
    let query = use_query_map();
    let id = Memo::new(move |_| params.read().get("id").unwrap_or_default());
    let number = move |name: &'static str| query.read().get(name).and_then(|text| text.parse().ok());
    let pair = Memo::new(move |_| (number("from"), number("to")));
    let naming = Sending::<NameVersion>::new();
    let named = naming.version();
    let page = Resource::new(
        // What is named is read again, also if the address stays.
        move || (id.get(), pair.get(), named.get()),
        |(id, (from, to), _)| history(id, from, to),
    );
    view! {
        <Suspense fallback=Loading>
            {move || Suspend::new(async move {
                match page.await {
                    Ok(page) => view! { <History page naming/> }.into_any(),
                    Err(error) => view! { <Failure error/> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn History(page: HistoryPage, naming: Sending<NameVersion>) -> impl IntoView {
    let action = Sending::<RestoreVersion>::new();
    let before = posted("restore_version").or_else(|| posted("name_version"));
    let before = before.map(|posted| posted.error);
    let (value, named) = (action.value(), naming.value());
    let error = move || {
        let failed = value.get().and_then(Result::err);
        let failed = failed.or_else(|| named.get().and_then(Result::err));
        failed.or_else(|| {
            before
                .clone()
                .filter(|_| value.with(Option::is_none) && named.with(Option::is_none))
        })
    };
    let flow = format!("/flows/{}", format::url_part(&page.flow));
    let here = format!("{flow}/versions");
    let shown = page.diff.as_ref().map(|diff| (diff.from, diff.to));
    let newest = page.versions.first().map_or(0, |newest| newest.version);
    let numbers: Vec<u32> = page.versions.iter().map(|version| version.version).collect();
    let rows = page
        .versions
        .into_iter()
        .map(|version| {
            let restore = (version.version != newest).then(|| {
                view! { <Restore flow=page.flow.clone() version=version.version here=here.clone() action/> }
            });
            let is_shown = shown.is_some_and(|(_, to)| to == version.version);
            view! {
                <li class:shown=is_shown>
                    <Row version=version.clone() flow=flow.clone()/>
                    <Name flow=page.flow.clone() version here=here.clone() action=naming/>
                    {restore}
                </li>
            }
        })
        .collect_view();
    let title = format!("History of {} · Pointwork", page.name);
    let (pick, diff) = match page.diff {
        Some(diff) => (
            Some(view! { <Pick numbers from=diff.from to=diff.to here/> }),
            view! { <Between diff/> }.into_any(),
        ),
        None => (
            None,
            view! {
                <section class="panel">
                    <p class="body muted">"This is the first version: there is nothing before it to hold it against."</p>
                </section>
            }
            .into_any(),
        ),
    };
    view! {
        <Title text=title/>
        <div class="page">
            <header>
                <div class="grow">
                    <h1>{format!("History of {}", page.name)}</h1>
                    <p>"Versions never change, and runs keep the one they began with."</p>
                </div>
                <a class="button" href=flow.clone()>"Flow"</a>
                <a class="button" href=format!("{flow}/edit")>
                    <Icon name="u-edit"/>
                    "Edit"
                </a>
            </header>
            {move || error().map(|error| view! { <Failure error part=true/> })}
            <div class="history">
                <section class="panel" aria-labelledby="versions-title">
                    <header><h2 id="versions-title">"Versions"</h2></header>
                    <ol class="history-list" reversed>{rows}</ol>
                </section>
                <div class="column">
                    {pick}
                    {diff}
                </div>
            </div>
        </div>
    }
}

#[component]
fn Row(version: FlowVersionView, flow: String) -> impl IntoView {
    let number = version.version;
    let before = number.saturating_sub(1);
    view! {
        <div class="grow">
            <p>
                <a class="num strong" href=format!("{flow}/versions?from={before}&to={number}")>{format!("Version {number}")}</a>
                " "
                {version.name.map(|name| view! { <b class="history-name">{name}</b> " " })}
                <span class="muted"><Moment at=version.created_at/> " by " {version.actor}</span>
            </p>
            {version.message.map(|message| view! { <p class="history-said">{message}</p> })}
        </div>
    }
}

/// The name of a version, to be given, changed or taken away.
#[component]
fn Name(flow: String, version: FlowVersionView, here: String, action: Sending<NameVersion>) -> impl IntoView {
    let number = version.version;
    let id = format!("name-{number}");
    let verb = if version.name.is_some() { "Rename" } else { "Name" };
    let pending = action.pending();
    view! {
        <details class="history-naming">
            <summary class="button quiet small" aria-label=format!("{verb} version {number}")>{verb}</summary>
            <SendForm action>
                <input type="hidden" name="flow" value=flow/>
                <input type="hidden" name="version" value=number/>
                <label for=id.clone()>{format!("Name of version {number}")}</label>
                <input id=id name="name" maxlength="60" autocomplete="off" value=version.name.unwrap_or_default()/>
                <button class="button small" type="submit" name="form" value="name_version" formaction=here disabled=move || pending.get()>
                    "Save the name"
                </button>
            </SendForm>
        </details>
    }
}

#[component]
fn Restore(flow: String, version: u32, here: String, action: Sending<RestoreVersion>) -> impl IntoView {
    let pending = action.pending();
    view! {
        // Without scripts too it asks first.
        <details class="history-restore">
            <summary class="button quiet small" title="Saves it again as the newest version">
                <Icon name="u-undo"/>
                "Restore…"
                <span class="sr">{format!(" version {version}")}</span>
            </summary>
            <SendForm action>
                <p>{format!("Version {version} is saved again as the newest version, and new runs begin with it. No version is lost.")}</p>
                <input type="hidden" name="flow" value=flow/>
                <input type="hidden" name="version" value=version/>
                <button
                    class="button primary small"
                    type="submit"
                    name="form"
                    value="restore_version"
                    formaction=here
                    disabled=move || pending.get()
                >
                    {format!("Restore version {version}")}
                </button>
            </SendForm>
        </details>
    }
}

/// Any two versions.
#[component]
fn Pick(numbers: Vec<u32>, from: u32, to: u32, here: String) -> impl IntoView {
    let choices = |chosen: u32| {
        numbers
            .iter()
            .map(|&number| view! { <option value=number selected=number == chosen>{format!("Version {number}")}</option> })
            .collect_view()
    };
    view! {
        <form class="panel history-pick" method="get" action=here>
            <label for="from">"Between"</label>
            <select id="from" name="from">{choices(from)}</select>
            <label for="to">"and"</label>
            <select id="to" name="to">{choices(to)}</select>
            <button class="button small" type="submit">"Compare"</button>
        </form>
    }
}

/// What differs between two versions.
#[component]
fn Between(diff: DiffView) -> impl IntoView {
    let is_same = diff.tasks.is_empty() && diff.edges.is_empty() && diff.fields.is_empty();
    let heading = format!("From version {} to {}", diff.from, diff.to);
    let said = match (is_same, diff.is_drawn_differently) {
        (true, true) => Some("Only places, notes or groups differ: they mean the same."),
        (true, false) => Some("They mean the same."),
        (false, true) => Some("Places, notes or groups differ too."),
        (false, false) => None,
    };
    let legend = ["added", "changed", "removed"].map(|kind| {
        view! {
            <span class="change" data-change=kind><Icon name=format!("s-{kind}")/> {kind}</span>
        }
    });
    let tasks = diff.tasks.into_iter().map(task).collect_view();
    let edges = (!diff.edges.is_empty()).then(|| {
        let lines = diff.edges.into_iter().map(line).collect_view();
        view! { <h3>"Edges"</h3> <ul class="changes">{lines}</ul> }
    });
    let fields =
        (!diff.fields.is_empty()).then(|| view! { <h3>"The flow itself"</h3> <Fields fields=diff.fields/> });
    let graph = NodeRef::<leptos::html::Div>::new();
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        if let Some(graph) = graph.get() {
            show_change(&graph);
        }
    });
    view! {
        <section class="panel" aria-labelledby="diff-title">
            <header>
                <h2 id="diff-title" class="grow">{heading}</h2>
                <span class="change-legend">{legend}</span>
            </header>
            {said.map(|said| view! { <p class="body muted">{said}</p> })}
            <div class="diff-graph" tabindex="0" node_ref=graph inner_html=diff.drawing></div>
        </section>
        {(!is_same).then(|| view! {
            <section class="panel" aria-labelledby="fields-title">
                <header><h2 id="fields-title">"What changed"</h2></header>
                <div class="body diff-body">{tasks} {edges} {fields}</div>
            </section>
        })}
    }
}

/// Of a drawing that is larger than its place the first card that differs comes into the middle.
#[cfg(feature = "hydrate")]
fn show_change(graph: &web_sys::Element) {
    const DIFFERENT: &str = ".n:is([data-state=added], [data-state=changed], [data-state=removed])";
    let Some(card) = graph.query_selector(DIFFERENT).ok().flatten() else {
        return;
    };
    let (card, place) = (card.get_bounding_client_rect(), graph.get_bounding_client_rect());
    let middle = |from: f64, length: f64| from + length / 2.0;
    let right = middle(card.left(), card.width()) - middle(place.left(), place.width());
    let down = middle(card.top(), card.height()) - middle(place.top(), place.height());
    graph.set_scroll_left(graph.scroll_left() + right as i32);
    graph.set_scroll_top(graph.scroll_top() + down as i32);
}

fn task(task: TaskChangeView) -> impl IntoView {
    let (kind, words) = match (task.kind.as_str(), &task.before) {
        ("renamed", Some(before)) => ("changed".to_owned(), format!("was {before}")),
        (kind, _) => (kind.to_owned(), kind.to_owned()),
    };
    let icon = format!("s-{kind}");
    view! {
        <h3 class="change" data-change=kind>
            <Icon name=icon/>
            <code>{task.id}</code>
            <span class="muted">{words}</span>
        </h3>
        <Fields fields=task.fields/>
    }
}

fn line(line: LineView) -> impl IntoView {
    let icon = format!("s-{}", line.kind);
    let said = format!("{} ", line.kind);
    view! {
        <li class="change" data-change=line.kind>
            <Icon name=icon/>
            <span class="sr">{said}</span>
            {line.text}
        </li>
    }
}

#[component]
fn Fields(fields: Vec<FieldView>) -> impl IntoView {
    let rows = fields
        .into_iter()
        .map(|field| {
            let value = |value: Option<String>, class: &'static str| match value {
                Some(text) => view! { <dd class=class><pre>{text}</pre></dd> }.into_any(),
                None => view! { <dd class="muted">"nothing"</dd> }.into_any(),
            };
            view! {
                <div>
                    <dt><code>{field.path}</code></dt>
                    {value(field.old, "old")}
                    {value(field.new, "new")}
                </div>
            }
        })
        .collect_view();
    view! { <dl class="diff-fields">{rows}</dl> }
}
