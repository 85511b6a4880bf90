//! Flows brought in: of other tools, as files, as templates; and the document taken out as a file.

use editor::change::{Change, Patch};
use editor::import::{Imported, import};
use editor::templates::{ALL, Template};
use editor::text::Source;
use flow::parse::Format;
use leptos::prelude::*;
use leptos::task::spawn_local;
use serde_json::Value;
use wasm_bindgen::{JsCast, JsValue};
use wasm_split_helpers::{SplitLoaderError, wasm_split};
use web_sys::{DragEvent, File, HtmlInputElement};

use super::super::desk::Desk;
use super::Sheet;
use crate::icons::Icon;
use crate::parts::Said;

impl Desk {
    /// Another document takes the place of the one on the canvas, which undo brings back. It stays the flow it is.
    fn replace(self, label: &str, text: &str, format: Format) {
        let flow = self.with(|session| session.flow.clone());
        let mut source = Source::new(text, format);
        if let Some(flow) = flow {
            let id = Change::Set {
                path: vec!["flow".to_owned()],
                value: Some(Value::from(flow)),
            };
            // A text that cannot be changed is shown as it is, with what is wrong with it.
            let _ = source.apply(&id);
        }
        let whole = self.with(|session| Patch {
            start: 0,
            end: session.text().len(),
            text: source.text().to_owned(),
        });
        self.change_as(label, &Change::Type(vec![whole]), None);
        self.work().dialog.set(None);
        self.stage(|stage| stage.fit(None));
    }

    /// A file was dropped on the canvas: the dialog opens with it.
    pub(in super::super) fn import_file(self, file: File) {
        self.work().brought.set_value(Some(file));
        self.work().dialog.set(Some(super::Dialog::Import));
    }

    /// Gives the document as a file, written so. In its own format it is as its author wrote it.
    pub(super) fn export(self, format: Format) {
        let (own, id) = self.with(|session| {
            let id = session.value().get("flow").and_then(Value::as_str);
            (
                session.editor().source().format(),
                id.unwrap_or("flow").to_owned(),
            )
        });
        if own == format {
            return self.give_file(&id, format, &self.with(|session| session.text().to_owned()));
        }
        spawn_local(async move {
            match writer().await {
                Ok(write) => match self.with(|session| write(session.value(), format)) {
                    Some(text) => self.give_file(&id, format, &text),
                    None => self.refuse(
                        "The document has errors, so it can only be downloaded as it was written."
                            .to_owned(),
                    ),
                },
                Err(_) => self.refuse(
                    "Not downloaded: what writes the other format could not be fetched from the server. Try again."
                        .to_owned(),
                ),
            }
        });
    }

    fn give_file(self, id: &str, format: Format, text: &str) {
        let kind = match format {
            Format::Json => "json",
            Format::Yaml => "yaml",
        };
        let name = format!("{id}.{kind}");
        let link = document()
            .create_element("a")
            .ok()
            .and_then(|link| link.dyn_into::<web_sys::HtmlElement>().ok());
        if let Some(link) = link {
            let data = format!(
                "data:text/plain;charset=utf-8,{}",
                String::from(js_sys::encode_uri_component(text))
            );
            let _ = link.set_attribute("href", &data);
            let _ = link.set_attribute("download", &name);
            link.click();
            self.tell(format!("Downloaded {name}."));
        }
    }
}

/// Writes a document in a format; nothing if it is no flow.
type Writer = fn(&Value, Format) -> Option<String>;

/// Few write what they have in another format.
#[wasm_split(tools, fallible)]
fn writer() -> Result<Writer, SplitLoaderError> {
    Ok(|document, format| match format {
        Format::Json => serde_json::to_string_pretty(document).ok(),
        Format::Yaml => {
            let doc = serde_json::from_value(document.clone()).ok()?;
            Some(flow::parse::to_yaml(&doc))
        }
    })
}

/// The dialog for what was written elsewhere.
#[component]
pub(super) fn Import(desk: Desk) -> impl IntoView {
    let text = RwSignal::new(String::new());
    let wrong = RwSignal::new(None::<String>);
    let is_over = RwSignal::new(false);
    let found = Memo::new(move |_| {
        let text = text.get();
        (!text.trim().is_empty()).then(|| {
            desk.with(|session| import(&text, &session.catalog()).map_err(|refusal| refusal.to_string()))
        })
    });
    // What was dropped on the canvas.
    if let Some(file) = desk.work().brought.try_update_value(Option::take).flatten() {
        read_file(file, text, wrong);
    }
    let take_file = move |file: Option<File>| {
        if let Some(file) = file {
            read_file(file, text, wrong);
        }
    };
    let chosen = move |event: web_sys::Event| {
        let input = event
            .target()
            .and_then(|target| target.dyn_into::<HtmlInputElement>().ok());
        take_file(
            input
                .and_then(|input| input.files())
                .and_then(|files| files.get(0)),
        );
    };
    let dropped = move |event: DragEvent| {
        event.prevent_default();
        is_over.set(false);
        take_file(
            event
                .data_transfer()
                .and_then(|data| data.files())
                .and_then(|files| files.get(0)),
        );
    };
    let over = move |event: DragEvent| {
        event.prevent_default();
        is_over.set(true);
    };
    let result = move || {
        match found.get()? {
        Ok(imported) => Some(view! { <Found desk imported/> }.into_any()),
        Err(why) => Some(
            view! { <p class="note" data-state="failed" role="alert"><Icon name="s-failed"/> <span class="grow"><Said text=why/></span></p> }
                .into_any(),
        ),
    }
    };
    view! {
        <Sheet desk title="Import">
            <div class="ed-form" class:over=move || is_over.get() on:drop=dropped on:dragover=over on:dragleave=move |_| is_over.set(false)>
                <p class="soft">
                    "A flow as YAML or JSON, a workflow of n8n or Node-RED, a chain such as a >> [b, c] >> d, or a cURL command. It is read in this browser."
                </p>
                <label for="import-text">"Paste it here"</label>
                <textarea
                    id="import-text"
                    class="code"
                    autofocus=true
                    rows="8"
                    spellcheck="false"
                    autocapitalize="off"
                    prop:value=move || text.get()
                    on:input=move |event| text.set(event_target_value(&event))
                ></textarea>
                <label class="button small">
                    <Icon name="u-upload"/>
                    "or choose a file"
                    <input class="sr" type="file" accept=".yaml,.yml,.json,.txt,application/json" on:change=chosen/>
                </label>
                {move || wrong.get().map(|why| view! { <p class="note" data-state="failed" role="alert"><Icon name="s-failed"/> {why}</p> })}
                {result}
            </div>
        </Sheet>
    }
}

/// Reads a file into the dialog's text, or says why not.
fn read_file(file: File, text: RwSignal<String>, wrong: RwSignal<Option<String>>) {
    if file.size() > flow::limits::DOCUMENT_BYTES_MAX as f64 {
        wrong.set(Some("The file is too large to be a flow.".to_owned()));
        return;
    }
    spawn_local(async move {
        let read = wasm_bindgen_futures::JsFuture::from(file.text()).await;
        let read = read.ok().as_ref().and_then(JsValue::as_string);
        if text.is_disposed() {
            return;
        }
        match read {
            Some(read) => {
                wrong.set(None);
                text.set(read);
            }
            None => wrong.set(Some("The file could not be read.".to_owned())),
        }
    });
}

/// What was found in a text, with what could not be taken over.
#[component]
fn Found(desk: Desk, imported: Imported) -> impl IntoView {
    let n_tasks = editor::Editor::new(imported.text.clone(), imported.format)
        .model()
        .nodes
        .len();
    let tasks = crate::format::count(n_tasks as u64, "task", "tasks");
    let from = imported.origin.name();
    let n_notes = imported.notes.len();
    let heading = match n_notes {
        0 => format!("{tasks} from {from}. Everything was taken over."),
        n => format!(
            "{tasks} from {from}. {} to look at:",
            crate::format::count(n as u64, "thing", "things")
        ),
    };
    let notes = imported
        .notes
        .iter()
        .map(|note| view! { <li><Said text=note.clone()/></li> })
        .collect_view();
    let state = if n_notes == 0 { "succeeded" } else { "attention" };
    let kept = StoredValue::new(imported);
    view! {
        <div class="note" data-state=state role="status">
            <Icon name=format!("s-{state}")/>
            <div class="grow">
                <strong>{heading}</strong>
                {(n_notes > 0).then(|| view! { <ul class="ed-notes">{notes}</ul> })}
            </div>
        </div>
        <div class="tools">
            <button
                type="button"
                class="button primary"
                on:click=move |_| {
                    let imported = kept.get_value();
                    desk.replace(&format!("Import from {}", imported.origin.name()), &imported.text, imported.format);
                }
            >
                <Icon name="u-check"/>
                "Replace this flow"
            </button>
            <button
                type="button"
                class="button"
                on:click=move |_| {
                    let imported = kept.get_value();
                    desk.work().dialog.set(None);
                    desk.paste(&imported.text, false);
                    if !imported.notes.is_empty() {
                        desk.note(&imported.notes);
                    }
                }
            >
                <Icon name="u-plus"/>
                "Add to this flow"
            </button>
            <span class="muted">"Undo takes either back."</span>
        </div>
    }
}

/// The dialog with flows to begin with.
#[component]
pub(super) fn Templates(desk: Desk) -> impl IntoView {
    let cards = ALL
        .iter()
        .map(|template: &'static Template| {
            let about = template.about();
            let name = about.name.clone();
            view! {
                <li>
                    <button
                        type="button"
                        class="ed-template"
                        on:click=move |_| {
                            let origin = window().location().origin().unwrap_or_default();
                            desk.replace(&format!("Template {name}"), &template.at(&origin), Format::Yaml);
                        }
                    >
                        <strong>{about.name}</strong>
                        <span class="muted">{about.kind}</span>
                        <span><Said text=about.description/></span>
                    </button>
                </li>
            }
        })
        .collect_view();
    view! {
        <Sheet desk title="Templates">
            <div class="ed-form">
                <p class="soft">"Each of them is a whole flow that runs as it stands; where one asks an address, it asks this server until you name another. It takes the place of what is on the canvas; undo brings that back."</p>
                <ul class="ed-templates">{cards}</ul>
            </div>
        </Sheet>
    }
}
