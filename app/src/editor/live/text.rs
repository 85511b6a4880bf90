//! The document as text beside the canvas: what is typed is drawn at once, what is done on the canvas is written at once. The task in
//! whose lines the cursor stands is selected, and the lines of what is selected are marked.

use editor::Session;
use editor::text::{offset, patch};
use flow::Severity;
use leptos::html::Textarea;
use leptos::prelude::*;

use super::desk::Desk;
use super::text_help::{Help, HelpPart};
use crate::icons::Icon;

/// The height of a line, and the space above the first: nothing is measured.
pub(super) const LINE: f64 = 20.0;
pub(super) const TOP: f64 = 8.0;
/// Where the text begins: behind the numbers of its lines.
pub(super) const LEFT: f64 = 56.0;

/// Where in the document what is selected stands.
fn path_of(session: &Session) -> Option<Vec<String>> {
    let path = |steps: &[&str]| Some(steps.iter().map(|step| (*step).to_owned()).collect());
    let selection = &session.selection;
    if let Some(id) = selection.primary() {
        return path(&[session.task(id)?.0, id]);
    }
    match (selection.edge(), selection.note(), selection.group()) {
        (Some(edge), _, _) => path(&[session.task(&edge.to)?.0, &edge.to, "needs"]),
        (_, Some(note), _) => path(&["notes", note]),
        (_, _, Some(group)) => path(&["groups", group]),
        _ => None,
    }
}

/// The lines of what is selected, counted from 0: the first, and the one behind the last.
fn marked(session: &Session) -> Option<(usize, usize)> {
    let span = session.editor().span(&path_of(session)?)?;
    let text = session.text();
    let last = span.end.saturating_sub(1).max(span.start);
    Some((offset::line(text, span.start), offset::line(text, last) + 1))
}

/// The text.
#[component]
pub(super) fn TextPanel(desk: Desk) -> impl IntoView {
    let area = NodeRef::<Textarea>::new();
    let help = Help::new(desk, area);
    let seen = RwSignal::new((0.0_f64, 400.0_f64));
    let is_focused = move || {
        let active = document().active_element();
        area.get_untracked()
            .is_some_and(|area| active.as_ref() == Some(area.as_ref()))
    };
    let look = move || {
        if let Some(area) = area.get_untracked() {
            seen.set((f64::from(area.scroll_top()), f64::from(area.client_height())));
        }
    };
    Effect::new(move |_| {
        let text = desk.track(|session| session.text().to_owned());
        let Some(area) = area.get() else { return };
        let old = area.value();
        if old != text {
            // The cursor stays where it was in what is written.
            let units = area.selection_start().ok().flatten().unwrap_or(0);
            let at = offset::byte(&old, units as usize);
            let at = patch::follow(&patch::between(&old, &text), at);
            let units = offset::units(&text, at) as u32;
            let top = area.scroll_top();
            area.set_value(&text);
            if is_focused() {
                let _ = area.set_selection_range(units, units);
            }
            area.set_scroll_top(top);
        }
        look();
    });
    let lines = Memo::new(move |_| {
        desk.selection.track();
        desk.track(marked)
    });
    Effect::new(move |_| {
        let Some(area) = area.get() else { return };
        if let Some((from, _)) = lines.get().filter(|_| !is_focused()) {
            show(&area, from);
            look();
        }
    });
    Effect::new(move |_| {
        let (Some(area), Some(line)) = (area.get(), desk.line.get()) else {
            return;
        };
        desk.line.set(None);
        let text = area.value();
        let at = offset::units(&text, offset::line_start(&text, line)) as u32;
        let _ = area.focus();
        let _ = area.set_selection_range(at, at);
        show(&area, line);
        look();
    });
    // The cursor was moved: the task it stands in is selected.
    let moved = move || {
        let Some(area) = area.get_untracked() else { return };
        let units = area.selection_start().ok().flatten().unwrap_or(0) as usize;
        let task = desk.with(|session| {
            let at = offset::byte(session.text(), units);
            let task = session.editor().task_at(at)?;
            let is_new = session.selection.primary() != Some(task) && session.scene.card(task).is_some();
            is_new.then(|| task.to_owned())
        });
        if let Some(task) = task {
            desk.select(editor::select::Selection::one(&task));
            desk.show_primary();
        }
        help.explain();
    };
    view! {
        <section class="ed-text" aria-label="The document as text">
            <header>
                <h2 class="grow">"Document"</h2>
                <button
                    type="button"
                    class="button quiet small"
                    title="Write the document in the other format"
                    on:click=move |_| desk.run(editor::actions::Command::Convert)
                >
                    {move || desk.track(|session| match session.editor().source().format() {
                        flow::parse::Format::Yaml => "YAML → JSON",
                        flow::parse::Format::Json => "JSON → YAML",
                    })}
                </button>
                <button type="button" class="button quiet square" aria-label="Close the text" on:click=move |_| desk.text.set(false)>
                    <Icon name="u-close"/>
                </button>
            </header>
            <div class="ed-lines">
                <Gutter desk seen lines/>
                <textarea
                    node_ref=area
                    class="code ed-code"
                    aria-label="The flow document"
                    aria-invalid=move || desk.track(|session| session.broken().is_some()).to_string()
                    spellcheck="false"
                    autocapitalize="off"
                    autocomplete="off"
                    wrap="off"
                    aria-autocomplete="list"
                    aria-controls="ed-write"
                    aria-activedescendant=move || help.active()
                    on:input=move |event| {
                        desk.typed(&event_target_value(&event));
                        moved();
                        help.offer(false);
                    }
                    on:scroll=move |_| {
                        look();
                        help.scrolled();
                    }
                    on:blur=move |_| help.close()
                    on:mousemove=move |event| help.pointed(&event)
                    on:mouseleave=move |_| help.gone()
                    on:keyup=move |event| {
                        if event.key().starts_with("Arrow") || event.key().starts_with("Page") {
                            moved();
                        }
                    }
                    on:click=move |event: web_sys::MouseEvent| {
                        help.close();
                        if !((event.ctrl_key() || event.meta_key()) && named(desk, area)) {
                            moved();
                        }
                    }
                    on:keydown=move |event| {
                        if help.pressed(&event) {
                            return;
                        }
                        if event.key() == "Enter" && !event.ctrl_key() && !event.meta_key() && !event.is_composing()
                            && let Some(area) = area.get_untracked()
                        {
                            event.prevent_default();
                            indented(desk, &area);
                        }
                    }
                ></textarea>
                <HelpPart help/>
            </div>
            <p class="ed-cursor muted">
                {move || {
                    desk.track(|session| session.broken().map(super::why))
                        .map_or_else(
                            || help.told().unwrap_or_else(|| "What is typed is drawn at once.".to_owned()),
                            |(why, line)| match line {
                                Some(line) => format!("Line {line}: {why}."),
                                None => format!("{why}."),
                            },
                        )
                }}
            </p>
        </section>
    }
    .into_any()
}

/// Goes to the task that is named where the cursor stands, in an expression or as a word; whether there is one.
fn named(desk: Desk, area: NodeRef<Textarea>) -> bool {
    let Some(area) = area.get_untracked() else {
        return false;
    };
    let text = area.value();
    let units = area.selection_start().ok().flatten().unwrap_or(0);
    let at = offset::byte(&text, units as usize);
    // An expression stands on one line, or on a few; a chain never runs over its end.
    let start = text[..at].rfind('\n').map_or(0, |at| at + 1);
    let end = text[at..].find('\n').map_or(text.len(), |n| at + n);
    if desk.go_to_named(&text[start..end], at - start) {
        return true;
    }
    let word = editor::reference::word_at(&text, at);
    let is_task = desk.with(|session| session.scene.card(word).is_some());
    if is_task {
        desk.jump(word);
    }
    is_task
}

/// A new line begins where the one before it did.
fn indented(desk: Desk, area: &web_sys::HtmlTextAreaElement) {
    let text = area.value();
    let unit = |at: Option<u32>| offset::byte(&text, at.unwrap_or(0) as usize);
    let start = unit(area.selection_start().ok().flatten());
    let end = unit(area.selection_end().ok().flatten()).max(start);
    let line = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let indent: String = text[line..start].chars().take_while(|c| *c == ' ').collect();
    let deeper = if text[..start].trim_end_matches(' ').ends_with(':') {
        "  "
    } else {
        ""
    };
    let new = format!("{}\n{indent}{deeper}{}", &text[..start], &text[end..]);
    let at = offset::units(&new, start + 1 + indent.len() + deeper.len()) as u32;
    area.set_value(&new);
    let _ = area.set_selection_range(at, at);
    desk.typed(&new);
}

/// Brings a line into sight.
fn show(area: &web_sys::HtmlTextAreaElement, line: usize) {
    let (top, height) = (f64::from(area.scroll_top()), f64::from(area.client_height()));
    let at = TOP + line as f64 * LINE;
    if at < top || at + LINE > top + height {
        area.set_scroll_top((at - height / 3.0).max(0.0) as i32);
    }
}

/// Numbers of the lines in sight with what is wrong in them, and the bands behind what is marked.
#[component]
fn Gutter(desk: Desk, seen: RwSignal<(f64, f64)>, lines: Memo<Option<(usize, usize)>>) -> impl IntoView {
    let wrong = Memo::new(move |_| {
        desk.problems.with(|problems| {
            let mut wrong: std::collections::BTreeMap<usize, (bool, String)> = Default::default();
            for problem in problems {
                let Some(line) = problem.line.and_then(|line| (line as usize).checked_sub(1)) else {
                    continue;
                };
                let is_error = problem.severity == Severity::Error;
                let told = wrong
                    .entry(line)
                    .or_insert_with(|| (is_error, problem.message.clone()));
                told.0 |= is_error;
            }
            wrong
        })
    });
    let n_lines = Memo::new(move |_| desk.track(|session| session.text().split('\n').count()));
    let rows = move || {
        let (top, height) = seen.get();
        let first = ((top - TOP) / LINE).floor().max(0.0) as usize;
        let last = (first + (height / LINE).ceil() as usize + 2).min(n_lines.get());
        let band = lines.get();
        wrong.with(|wrong| {
            (first..last)
                .map(|line| {
                    let told = wrong.get(&line);
                    let is_marked = band.is_some_and(|(from, to)| (from..to).contains(&line));
                    let state = told.map(|(is_error, _)| if *is_error { "failed" } else { "attention" });
                    let y = TOP + line as f64 * LINE - top;
                    view! {
                        <div class="ed-line" class:marked=is_marked data-state=state style=format!("top:{y}px")>
                            <span title=told.map(|(_, message)| message.clone())>{line + 1}</span>
                        </div>
                    }
                })
                .collect_view()
        })
    };
    view! { <div class="ed-gutter" aria-hidden="true">{rows}</div> }
}
