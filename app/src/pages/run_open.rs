//! A run from a file, looked at without its server: the same page, with nothing that could be done to it.

use std::sync::Arc;

use leptos::prelude::*;
use leptos_meta::Title;

use super::run::Run;
use crate::capsule::Capsule;
use crate::icons::Icon;

/// Takes a file by a drop or a choice, and shows the run in it. Nothing leaves the browser.
#[component]
pub fn OpenPage() -> impl IntoView {
    let opened = RwSignal::new(None::<Arc<Capsule>>);
    let wrong = RwSignal::new(None::<String>);
    let is_over = RwSignal::new(false);
    let is_alive = RwSignal::new(false);
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| is_alive.set(true));
    let take = move |text: Result<String, String>| match text.and_then(|text| Capsule::read(&text)) {
        Ok(capsule) => {
            wrong.set(None);
            opened.set(Some(Arc::new(capsule)));
        }
        Err(why) => wrong.set(Some(why)),
    };
    #[cfg(not(feature = "hydrate"))]
    let _ = take;
    let on_drop = move |event: leptos::ev::DragEvent| {
        event.prevent_default();
        is_over.set(false);
        #[cfg(feature = "hydrate")]
        browser::dropped(&event, take);
    };
    let on_choice = move |event: leptos::ev::Event| {
        #[cfg(feature = "hydrate")]
        browser::chosen(&event, take);
        #[cfg(not(feature = "hydrate"))]
        let _ = event;
    };
    let on_over = move |event: leptos::ev::DragEvent| {
        event.prevent_default();
        is_over.set(true);
    };
    let shown = move || {
        let capsule = opened.get()?;
        let page = match capsule.page() {
            Ok(page) => page,
            Err(why) => {
                wrong.set(Some(why));
                return None;
            }
        };
        let left_out = (!capsule.left_out.is_empty()).then(|| capsule.left_out.join(" "));
        Some(view! {
            <p class="from-file">
                <Icon name="u-file"/>
                <span class="grow">
                    "From a file: the run as it was when it was written. Nothing is asked of a server. "
                    {left_out}
                </span>
                <button type="button" class="button small" on:click=move |_| opened.set(None)>"Open another"</button>
            </p>
            <Run page capsule=Some(capsule)/>
        })
    };
    view! {
        <Title text="Open a run · Pointwork"/>
        <div class="open-page" on:drop=on_drop on:dragover=on_over on:dragleave=move |_| is_over.set(false)>
            {move || match opened.with(Option::is_some) {
                true => shown().into_any(),
                false => view! {
                    <section class="drop" class:over=move || is_over.get()>
                        <Icon name="u-file" large=true/>
                        <h1>"Open a run from a file"</h1>
                        <p class="soft">
                            "Drop the file here that was downloaded from a run's page, or choose it. It is read in this browser; nothing is sent."
                        </p>
                        <label class="button primary" hidden=move || !is_alive.get()>
                            "Choose a file"
                            <input class="sr" type="file" accept=".json,application/json" on:change=on_choice/>
                        </label>
                        <p class="note" data-state="attention" hidden=move || is_alive.get()>
                            "This page reads the file in the browser, so it needs JavaScript."
                        </p>
                        {move || wrong.get().map(|why| view! {
                            <p class="note" data-state="failed" role="alert"><Icon name="s-failed"/> <span class="grow">{why}</span></p>
                        })}
                    </section>
                }
                .into_any(),
            }}
        </div>
    }
}

#[cfg(feature = "hydrate")]
mod browser {
    use leptos::task::spawn_local;
    use wasm_bindgen::{JsCast, JsValue};
    use web_sys::{DragEvent, Event, File, HtmlInputElement};

    /// Larger files are not read: a browser's memory holds them several times over.
    const BYTES_MAX: f64 = 512.0 * 1024.0 * 1024.0;

    pub(super) fn dropped(event: &DragEvent, take: impl Fn(Result<String, String>) + 'static) {
        let file = event
            .data_transfer()
            .and_then(|data| data.files())
            .and_then(|files| files.get(0));
        read(file, take);
    }

    pub(super) fn chosen(event: &Event, take: impl Fn(Result<String, String>) + 'static) {
        let input = event
            .target()
            .and_then(|target| target.dyn_into::<HtmlInputElement>().ok());
        read(
            input
                .and_then(|input| input.files())
                .and_then(|files| files.get(0)),
            take,
        );
    }

    fn read(file: Option<File>, take: impl Fn(Result<String, String>) + 'static) {
        let Some(file) = file else { return };
        if file.size() > BYTES_MAX {
            take(Err("The file is larger than 512 MiB.".to_owned()));
            return;
        }
        spawn_local(async move {
            let text = wasm_bindgen_futures::JsFuture::from(file.text()).await;
            let text = text.ok().as_ref().and_then(JsValue::as_string);
            take(text.ok_or_else(|| "The file could not be read.".to_owned()));
        });
    }
}
