//! A field with help: what may stand at the cursor of an expression, and what the expression gives.

use editor::complete::{Completion, expected, is_expression};
use editor::text::offset;
use leptos::prelude::*;
use serde_json::Value;
use wasm_bindgen::JsCast;

use super::desk::Desk;

/// How a field looks that is filled in with text.
#[derive(Clone)]
pub(super) struct Look {
    pub(super) id: String,
    pub(super) label: Option<&'static str>,
    /// Rows of an area; none for a line.
    pub(super) rows: Option<u32>,
    pub(super) class: &'static str,
    pub(super) mode: &'static str,
    pub(super) hint: String,
}

/// A text field of the document at a path.
#[component]
pub(super) fn Assisted(
    desk: Desk,
    path: Vec<String>,
    look: Look,
    #[prop(into)] text: Signal<String>,
    #[prop(into)] is_wrong: Signal<bool>,
    give: Callback<String>,
    /// What is typed and not yet given.
    live: RwSignal<String>,
) -> impl IntoView {
    let path = StoredValue::new(path);
    let list = format!("{}-list", look.id);
    let offered = RwSignal::new(Completion::default());
    // None as long as nothing says which is meant: then Tab and Enter do what they do in any field.
    let at = RwSignal::new(None::<usize>);
    let node = StoredValue::new_local(None::<web_sys::Element>);
    Effect::new(move |_| live.set(text.get()));
    let is_open = Memo::new(move |_| offered.with(|offered| !offered.items.is_empty()));
    let offer = move |typed: &str, units: u32| {
        let Some(help) = untrack(|| desk.engine()) else {
            return;
        };
        let cursor = offset::byte(typed, units as usize);
        desk.learn_document();
        let mut found = desk.with(|session| {
            path.with_value(|path| {
                desk.with_known(|known| (help.complete)(session.value(), path, typed, cursor, known))
            })
        });
        let word = typed.get(found.range.clone()).unwrap_or_default();
        if matches!(&found.items[..], [only] if only.insert == word) {
            found = Completion::default();
        }
        at.set((!word.is_empty()).then_some(0));
        offered.set(found);
    };
    let typed = move |event: &web_sys::Event| {
        let Some(target) = event
            .target()
            .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
        else {
            return;
        };
        let (text, units) = read(&target);
        node.set_value(Some(target));
        live.set(text.clone());
        offer(&text, units);
    };
    // What was typed before there was help is offered to when it comes.
    Effect::new(move |_| {
        if desk.engine.with(Option::is_some)
            && let Some(element) = node.get_value()
            && document().active_element().as_ref() == Some(&element)
        {
            let (text, units) = read(&element);
            offer(&text, units);
        }
    });
    let accept = move |ix: usize| {
        let Some(element) = node.get_value() else { return };
        let (text, _) = read(&element);
        let new = offered.with_untracked(|offered| {
            let item = offered.items.get(ix)?;
            let range = offered.range.clone();
            let (head, tail) = (text.get(..range.start)?, text.get(range.end..)?);
            Some((
                format!("{head}{}{tail}", item.insert),
                range.start + item.insert.len(),
            ))
        });
        if let Some((new, cursor)) = new {
            let units = offset::units(&new, cursor) as u32;
            write(&element, &new, units);
            live.set(new.clone());
            offer(&new, units);
        }
    };
    let pressed = move |event: &web_sys::KeyboardEvent| {
        if !is_open.get_untracked() {
            return;
        }
        let n = offered.with_untracked(|offered| offered.items.len());
        match event.key().as_str() {
            "ArrowDown" => at.update(|at| *at = Some(at.map_or(0, |at| (at + 1) % n))),
            "ArrowUp" => at.update(|at| *at = Some(at.map_or(n - 1, |at| (at + n - 1) % n))),
            "Enter" | "Tab" => match at.get_untracked() {
                Some(chosen) => accept(chosen),
                None => return offered.set(Completion::default()),
            },
            "Escape" => offered.set(Completion::default()),
            _ => return,
        }
        event.prevent_default();
        event.stop_propagation();
    };
    let left = move || {
        offered.set(Completion::default());
        // What was taken from the list is no typing, so the browser may not tell of a change.
        let now = live.get_untracked();
        if now != text.get_untracked() {
            give.run(now);
        }
    };
    // A task that is named where one clicks is gone to.
    let clicked = move |event: &web_sys::MouseEvent| {
        let target = event
            .target()
            .and_then(|target| target.dyn_into::<web_sys::HtmlElement>().ok());
        let Some(target) = target.filter(|_| event.ctrl_key() || event.meta_key()) else {
            return;
        };
        let (text, units) = read(&target);
        let at = offset::byte(&text, units as usize);
        if editor::reference::task_at(&text, at).is_some() {
            // With the other task this field goes: what was typed is taken before.
            let _ = target.blur();
            desk.go_to_named(&text, at);
        }
    };
    let active = {
        let list = list.clone();
        move || {
            at.get()
                .filter(|_| is_open.get())
                .map(|at| format!("{list}-{at}"))
        }
    };
    let wrong = move || is_wrong.get().to_string();
    let controls = list.clone();
    let Look {
        id,
        label,
        rows,
        class,
        mode,
        hint,
    } = look;
    // A line and an area differ in little.
    let common = view! {
        <{..}
            id=id
            class=class
            spellcheck="false"
            autocomplete="off"
            placeholder=hint
            aria-label=label
            aria-invalid=wrong
            aria-autocomplete="list"
            aria-controls=controls
            aria-activedescendant=active
            prop:value=text
            on:input=move |event| typed(event.as_ref())
            on:keydown=move |event| pressed(&event)
            on:click=move |event| clicked(&event)
            on:focus=move |_| desk.want_engine()
            on:change=move |event| give.run(event_target_value(&event))
            on:blur=move |_| left()
        />
    };
    let field = match rows {
        Some(rows) => view! { <textarea rows=rows.to_string() {..common}></textarea> }.into_any(),
        None => view! {
            <input
                inputmode=mode
                role="combobox"
                aria-expanded=move || is_open.get().to_string()
                {..common}
            />
        }
        .into_any(),
    };
    let rows = {
        let list = list.clone();
        move || {
            let list = list.clone();
            offered
                .get()
                .items
                .into_iter()
                .enumerate()
                .map(move |(ix, item)| {
                    view! {
                        <li
                            id=format!("{list}-{ix}")
                            role="option"
                            aria-selected=move || (at.get() == Some(ix)).to_string()
                            on:pointerdown=move |event| {
                                event.prevent_default();
                                accept(ix);
                            }
                        >
                            <code>{item.label}</code>
                            <span class="muted cut">{item.detail}</span>
                        </li>
                    }
                })
                .collect_view()
        }
    };
    Effect::new(move |_| {
        desk.known.track();
        live.with(|live| {
            if live.contains("tasks") {
                super::known::named_in(desk, live);
            }
        });
    });
    let gives = Memo::new(move |_| {
        desk.known.track();
        desk.rev.track();
        desk.learn_document();
        live.with(|live| {
            if live.trim().is_empty() {
                return None;
            }
            let is_one = |path: &Vec<String>| desk.with(|session| is_expression(session.value(), path, live));
            let help = path.with_value(is_one).then(|| desk.engine()).flatten()?;
            desk.with(|session| {
                path.with_value(|path| {
                    desk.with_known(
                        |known| match (help.preview)(session.value(), path, live, known)? {
                            // Before the first run its type says what is to come.
                            Err(why) => Some(
                                expected(live, known)
                                    .map_or(Err(why), |told| Err(format!("{told}, once it has run"))),
                            ),
                            gives => Some(gives),
                        },
                    )
                })
            })
        })
    });
    let gives = move || {
        // What is wrong is told below once, not twice.
        let gives = gives.get().filter(|gives| gives.is_ok() || !is_wrong.get());
        gives.map(|gives| match gives {
            Ok(value) => view! { <output class="ed-gives"><span aria-hidden="true">"="</span><code class="cut">{short(&value)}</code></output> }.into_any(),
            Err(why) => view! { <output class="ed-gives not">{why}</output> }.into_any(),
        })
    };
    view! {
        <div class="ed-assisted">
            {field}
            <ul class="ed-suggest" id=list role="listbox" aria-label="What may stand here" hidden=move || !is_open.get()>{rows}</ul>
        </div>
        {gives}
    }
    .into_any()
}

/// What is typed into a field, and where its cursor is.
pub(super) fn read(element: &web_sys::Element) -> (String, u32) {
    if let Some(area) = element.dyn_ref::<web_sys::HtmlTextAreaElement>() {
        let units = area.selection_start().ok().flatten();
        return (area.value(), units.unwrap_or(u32::MAX));
    }
    match element.dyn_ref::<web_sys::HtmlInputElement>() {
        Some(input) => (
            input.value(),
            input.selection_start().ok().flatten().unwrap_or(u32::MAX),
        ),
        None => Default::default(),
    }
}

fn write(element: &web_sys::Element, text: &str, units: u32) {
    // The cursor of a field that has none stays where it is.
    if let Some(area) = element.dyn_ref::<web_sys::HtmlTextAreaElement>() {
        area.set_value(text);
        let _ = area.set_selection_range(units, units);
    } else if let Some(input) = element.dyn_ref::<web_sys::HtmlInputElement>() {
        input.set_value(text);
        let _ = input.set_selection_range(units, units);
    }
}

/// A value on one line.
fn short(value: &Value) -> String {
    const LONGEST: usize = 160;
    let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match shown.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", &shown[..cut]),
        None => shown,
    }
}

/// When what is typed would be due next.
#[component]
pub(super) fn Fires(desk: Desk, path: Vec<String>, live: RwSignal<String>) -> impl IntoView {
    let told = RwSignal::new(None::<Result<Vec<String>, String>>);
    let round = StoredValue::new(0_u32);
    Effect::new(move |_| {
        let cron = live.get();
        let n = round.try_update_value(|round| {
            *round += 1;
            *round
        });
        if cron.trim().is_empty() {
            return told.set(None);
        }
        let mut schedule = desk.with(|session| {
            let parent = &path[..path.len().saturating_sub(1)];
            let there = parent
                .iter()
                .try_fold(session.value(), |value, step| value.get(step));
            let timezone = there.and_then(|there| there.get("timezone").cloned());
            serde_json::json!({ "timezone": timezone })
        });
        schedule["cron"] = cron.into();
        if schedule["timezone"].is_null()
            && let Some(fields) = schedule.as_object_mut()
        {
            fields.remove("timezone");
        }
        set_timeout(
            move || {
                if round.try_get_value() != n {
                    return;
                }
                leptos::task::spawn_local(async move {
                    let fires = super::known::fires(schedule).await;
                    if round.try_get_value() == n {
                        told.set(Some(fires));
                    }
                });
            },
            std::time::Duration::from_millis(300),
        );
    });
    move || {
        told.get().map(|told| match told {
            Ok(fires) => view! {
                <ol class="ed-fires" aria-label="Next five times">
                    {fires.into_iter().map(|fire| view! { <li class="num">{fire}</li> }).collect_view()}
                </ol>
            }
            .into_any(),
            Err(why) => view! { <p class="problem" role="alert">{why}</p> }.into_any(),
        })
    }
}
