//! The flow editor. This door is the same in every build: the server writes the drawing and a form with the document, which works
//! without scripts; a browser whose build has the feature `editor` puts the live editor in its place.

#[cfg(feature = "ssr")]
pub mod changes;

#[cfg(all(feature = "editor", feature = "hydrate"))]
mod live;

#[cfg(feature = "ssr")]
use std::sync::Arc;

#[cfg(feature = "ssr")]
use flow::Plan;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::fns::edit::{Editing, open_editor};
#[cfg(feature = "ssr")]
use crate::format;
#[cfg(feature = "ssr")]
use crate::graph::{self, svg};
#[cfg(feature = "ssr")]
use crate::parts::{DocumentForm, Writing};
use crate::parts::{Failure, Loading};

/// A flow to be edited; at `/edit` a new one.
#[component]
pub fn EditPage() -> impl IntoView {
    let params = use_params_map();
    let query = use_query_map();
    let id = Memo::new(move |_| params.read().get("id"));
    let version = Memo::new(move |_| query.read().get("version").and_then(|text| text.parse().ok()));
    let loaded = Resource::new(
        move || (id.get(), version.get()),
        |(id, version)| open_editor(id, version),
    );
    view! {
        <Suspense fallback=Loading>
            {move || Suspend::new(async move {
                match loaded.await {
                    Ok(editing) => view! { <Editor editing/> }.into_any(),
                    Err(error) => view! { <Failure error/> }.into_any(),
                }
            })}
        </Suspense>
    }
}

/// What the server wrote, until the live editor stands in its place.
#[component]
fn Editor(editing: Editing) -> impl IntoView {
    let name = editing.name.clone();
    let title = match &editing.flow {
        Some(_) => format!("Edit {name} · Pointwork"),
        None => "New flow · Pointwork".to_owned(),
    };
    let is_live = RwSignal::new(false);
    #[cfg(all(feature = "editor", feature = "hydrate"))]
    Effect::new(move |_| is_live.set(true));
    // In the browser it is only ever looked at: its parts are not brought to life there, so their code stays away.
    #[cfg(feature = "ssr")]
    let written = {
        let editing = editing.clone();
        view! { <Still editing name/> }.to_html()
    };
    #[cfg(not(feature = "ssr"))]
    let written = String::new();
    let kept = StoredValue::new(editing);
    let live = move || {
        is_live.get().then(|| {
            #[cfg(all(feature = "editor", feature = "hydrate"))]
            return view! { <live::Live editing=kept.get_value()/> }.into_any();
            #[cfg(not(all(feature = "editor", feature = "hydrate")))]
            {
                let _ = kept;
                ().into_any()
            }
        })
    };
    // A large drawing is tens of thousands of elements: once it is not seen it goes.
    let still = move || {
        (!is_live.get()).then(|| view! { <div class="page edit-still" inner_html=written.clone()></div> })
    };
    view! {
        <Title text=title/>
        <div class="edit-page">
            {live}
            {still}
        </div>
    }
}

/// The drawing and the form.
#[cfg(feature = "ssr")]
#[component]
fn Still(editing: Editing, name: String) -> impl IntoView {
    let writing = Writing::from(&editing.source);
    let error = writing.error;
    let here = match &editing.flow {
        Some(flow) => format!("/flows/{}/edit", format::url_part(flow)),
        None => "/edit".to_owned(),
    };
    let back = match &editing.flow {
        Some(flow) => format!("/flows/{}", format::url_part(flow)),
        None => "/flows".to_owned(),
    };
    let (heading, about) = match &editing.flow {
        Some(_) => (
            format!("Edit {name}"),
            format!(
                "From version {}. Saving makes a new version; runs keep the one they began with.",
                editing.version
            ),
        ),
        None => (
            "New flow".to_owned(),
            "Saving makes its first version.".to_owned(),
        ),
    };
    let drawing = drawing(editing.document, &name);
    view! {
        <header>
            <div class="grow">
                <h1>{heading}</h1>
                <p>{about}</p>
            </div>
        </header>
        {move || error.get().map(|error| view! { <Failure error part=true/> })}
        <section class="panel" aria-label="Graph">
            <div class="stage" inner_html=drawing></div>
        </section>
        <DocumentForm writing here back icon="u-check" save="Save as a new version"/>
    }
}

/// The drawing as the server writes it.
#[cfg(feature = "ssr")]
fn drawing(document: Option<flow::FlowDoc>, name: &str) -> String {
    let Some(document) = document else {
        return String::new();
    };
    let plan = Plan::new(Arc::new(document));
    let label = format!("Graph of {name}");
    svg::svg(
        &graph::view(&plan),
        &svg::Drawing {
            label: &label,
            ..svg::Drawing::default()
        },
    )
}
