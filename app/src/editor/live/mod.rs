//! The live editor: palette, stage, inspector, and what lies along the edges.
#![expect(
    unreachable_pub,
    reason = "it is said of what `#[component]` writes for components that only their neighbours see"
)]

mod assist;
mod before;
mod boxes;
mod cards;
mod chooser;
mod clip;
mod commands;
mod desk;
mod drawer;
mod drawn;
mod edges;
mod fields;
mod going;
mod groups;
mod habits;
mod hints;
mod inspector;
mod known;
mod last;
mod later;
mod links;
mod menu;
mod others;
mod outline;
mod over;
mod own_keys;
mod paint;
mod palette;
mod panels;
mod presses;
mod sheet;
mod stage;
mod text;
mod text_help;
mod ways;
mod work;

use editor::actions::Command;
use leptos::html::{Canvas, Div};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

use crate::fns::edit::Editing;
use crate::format;
use crate::icons::Icon;
use crate::parts::Said;
use crate::theme::Theme;
use desk::{Desk, Drawer};
use inspector::Inspector;
use later::Later;
use palette::Palette;
use panels::{chooser, floats, notices, outline, problems, text_panel};
use stage::{Parts, Stage};

/// The editor.
#[component]
pub(super) fn Live(editing: Editing) -> impl IntoView {
    let desk = Desk::new(editing);
    on_document("keydown", false, move |event| presses::pressed(desk, &event));
    let releases = window_event_listener(leptos::ev::keyup, move |event| {
        if event.key() == " " {
            desk.stage(|stage| stage.give(editor::gesture::Input::Space(false)));
        }
    });
    let leaving = window_event_listener(leptos::ev::beforeunload, move |event| {
        if desk.is_at_risk() {
            event.prevent_default();
        }
    });
    on_document("paste", false, move |event: web_sys::Event| {
        presses::pasted(desk, &event)
    });
    guard(desk);
    ways::follow_address(desk);
    work::keep_drafts(desk);
    known::begin(desk);
    own_keys::begin(desk);
    later::at_rest(move || desk.want_engine());
    if is_narrow() {
        // A small screen shows the list; what is opened lies over it.
        desk.outline.set(true);
        desk.inspector.set(false);
    }
    on_cleanup(move || {
        releases.remove();
        leaving.remove();
    });
    view! {
        <div
            class="ed"
            class:no-side=move || !desk.inspector.get()
            class:listed=move || desk.outline.get()
            style=edges::chosen()
            on:pointermove=move |event| palette::moved(desk, &event)
            on:pointerup=move |_| desk.kept.update_value(|kept| kept.pressed = None)
        >
            <button type="button" class="skip" on:click=move |_| chooser::back_to_stage()>"Skip to the canvas"</button>
            <Bar desk/>
            <div class="ed-left">
                {move || (!desk.outline.get()).then(|| view! { <Palette desk/> })}
                <Later desk name="the list of tasks" wanted=desk.outline.into() fetch=|| Box::pin(outline())/>
            </div>
            <div class="ed-middle">
                <Later desk name="the word on drafts" wanted=work::has_notices(desk) fetch=|| Box::pin(notices())/>
                <div class="ed-row">
                    <Board desk/>
                    <Later desk name="the text" wanted=desk.text.into() fetch=|| Box::pin(text_panel())/>
                </div>
                <Toast desk/>
                <work::Tools desk/>
                <Later
                    desk
                    name="the list of problems"
                    wanted=Signal::derive(move || desk.drawer.get() != Drawer::Shut)
                    fetch=|| Box::pin(problems())
                />
            </div>
            <div class="ed-floats">
                <Later
                    desk
                    name="the list"
                    wanted=Signal::derive(move || desk.asked.with(Option::is_some))
                    fetch=|| Box::pin(chooser())
                />
                <Later
                    desk
                    name="the menu"
                    wanted=Signal::derive(move || desk.menu.with(Option::is_some) || desk.sheet.get())
                    fetch=|| Box::pin(floats())
                />
            </div>
            <Inspector desk/>
            <edges::SideEdge desk/>
            {move || desk.engine.get().map(|engine| (engine.hints)(desk))}
            <p class="sr" role="status" aria-live="polite">{move || desk.said.get()}</p>
        </div>
    }
    .into_any()
}

/// Asks before a link leads away from what is not saved. The router listens at the window, so this listens before it.
fn guard(desk: Desk) {
    on_document("click", true, move |event: web_sys::Event| {
        let target: Option<web_sys::Element> = event.target().and_then(|target| target.dyn_into().ok());
        let link = target.and_then(|target| target.closest("a[href]:not([target])").ok().flatten());
        if link.is_none() || !desk.is_at_risk() {
            return;
        }
        let question = "The last changes could not be kept, neither on the server nor in this browser. Leave them behind?";
        if !window().confirm_with_message(question).unwrap_or(true) {
            event.prevent_default();
            event.stop_propagation();
        }
    });
}

/// Listens at the document for as long as the editor is there: before what listens at the window, as the router does and the keys of all
/// pages; and before everything on the page too, if it `captures`.
fn on_document<E: wasm_bindgen::convert::FromWasmAbi + 'static>(
    name: &'static str,
    captures: bool,
    then: impl FnMut(E) + 'static,
) {
    let listener = Closure::<dyn FnMut(E)>::new(then);
    let callback = listener.as_ref().unchecked_ref();
    // Of names that a browser knows it takes any listener.
    let _ = document().add_event_listener_with_callback_and_bool(name, callback, captures);
    let kept = StoredValue::new_local(Some(listener));
    on_cleanup(move || {
        if let Some(listener) = kept.try_update_value(Option::take).flatten() {
            let callback = listener.as_ref().unchecked_ref();
            let _ = document().remove_event_listener_with_callback_and_bool(name, callback, captures);
        }
    });
}

/// What came of the last command, for a while. Who does not see it is told by the live region.
#[component]
fn Toast(desk: Desk) -> impl IntoView {
    let toast = move || desk.toast.get().map(|toast| view! { <p>{toast}</p> });
    view! { <div class="ed-toast" aria-hidden="true">{toast}</div> }
}

/// What is above everything.
#[component]
fn Bar(desk: Desk) -> impl IntoView {
    let name = move || {
        desk.track(|session| {
            let name = session
                .value()
                .get("name")
                .or_else(|| session.value().get("flow"));
            name.and_then(|name| name.as_str())
                .unwrap_or("New flow")
                .to_owned()
        })
    };
    let back = move || {
        desk.track(|session| match &session.flow {
            Some(flow) => format!("/flows/{}", format::url_part(flow)),
            None => "/flows".to_owned(),
        })
    };
    let counts = move || desk.problems.with(|problems| editor::session::counts(problems));
    view! {
        <header class="ed-bar">
            <a class="button quiet square" href=back title="Back to the flow" aria-label="Back to the flow">
                <Icon name="u-before"/>
            </a>
            <ways::CameFrom/>
            <h1 class="cut">{name}</h1>
            <work::State desk/>
            <span class="grow"></span>
            <div class="ed-tools" role="group" aria-label="History">
                <Turn desk back=true/>
                <Turn desk back=false/>
                <Tool desk command=Command::Steps icon="u-history"/>
            </div>
            <Tool desk command=Command::QuickAdd icon="u-plus"/>
            <Tool desk command=Command::Outline icon="u-list"/>
            <Tool desk command=Command::Tidy icon="u-tidy"/>
            <Tool desk command=Command::Find icon="u-search"/>
            <Tool desk command=Command::Commands icon="t-shell"/>
            <Tool desk command=Command::Shortcuts icon="u-keys"/>
            <button
                type="button"
                class="button quiet small ed-count"
                aria-pressed=move || (desk.drawer.get() == Drawer::Problems).to_string()
                data-state=move || match counts() {
                    (0, 0) => "succeeded",
                    (0, _) => "attention",
                    _ => "failed",
                }
                on:click=move |_| desk.run(Command::Problems)
            >
                <Icon name=Signal::derive(move || match counts() {
                    (0, 0) => "s-succeeded".to_owned(),
                    (0, _) => "s-attention".to_owned(),
                    _ => "s-failed".to_owned(),
                })/>
                {move || match counts() {
                    (0, 0) => "No problems".to_owned(),
                    (0, n) => format::count(n as u64, "warning", "warnings"),
                    (n, _) => format::count(n as u64, "error", "errors"),
                }}
            </button>
            <button
                type="button"
                class="button quiet small"
                aria-pressed=move || desk.text.get().to_string()
                title=move || titled(desk, "The document as text", Command::CodeView)
                on:click=move |_| desk.run(Command::CodeView)
            >
                <Icon name="u-file"/>
                "Text"
            </button>
            <work::Actions desk/>
        </header>
    }
    .into_any()
}

/// The button that takes the last change back, or makes the last one that was taken back again.
#[component]
fn Turn(desk: Desk, back: bool) -> impl IntoView {
    let (icon, word, none) = match back {
        true => ("u-undo", "Undo", "Nothing to undo"),
        false => ("u-redo", "Redo", "Nothing to do again"),
    };
    let label = move || {
        desk.track(|session| {
            let (done, undone) = session.ways();
            let label = if back { done } else { undone };
            label.map(|label| format!("{word}: {label}"))
        })
    };
    view! {
        <button
            type="button"
            class="button quiet square"
            title=move || label().unwrap_or_else(|| none.to_owned())
            aria-label=move || label().unwrap_or_else(|| word.to_owned())
            aria-disabled=move || label().is_none().to_string()
            on:click=move |_| desk.step(back)
        >
            <Icon name=icon/>
        </button>
    }
    .into_any()
}

/// A button for a command.
#[component]
fn Tool(desk: Desk, command: Command, icon: &'static str) -> impl IntoView {
    let label = editor::actions::of(command).label;
    view! {
        <button type="button" class="button quiet square" title=move || titled(desk, label, command) aria-label=label on:click=move |_| desk.run(command)>
            <Icon name=icon/>
        </button>
    }
    .into_any()
}

/// What a button does, with the first of the keys that do it.
fn titled(desk: Desk, words: &str, command: Command) -> String {
    let keys = desk.keymap.with(|keymap| keymap.shown(command, is_mac()));
    match keys.first() {
        Some(keys) => format!("{words} ({keys})"),
        None => words.to_owned(),
    }
}

/// The stage and what floats over it.
#[component]
fn Board(desk: Desk) -> impl IntoView {
    let host = NodeRef::<Div>::new();
    let back = NodeRef::<Div>::new();
    let under = NodeRef::<Canvas>::new();
    let world = NodeRef::<Div>::new();
    let over = NodeRef::<leptos::svg::Svg>::new();
    let map = NodeRef::<Canvas>::new();
    Effect::new(move |_| {
        if let (Some(host), Some(back), Some(under), Some(world), Some(over), Some(map)) = (
            host.get(),
            back.get(),
            under.get(),
            world.get(),
            over.get(),
            map.get(),
        ) {
            let parts = Parts {
                host: host.into(),
                back: back.into(),
                under,
                world: world.into(),
                over: over.into(),
                map,
            };
            desk.put_stage(Stage::new(parts, desk));
        }
    });
    // Canvases have to be told that colours are other ones.
    let theme = expect_context::<RwSignal<Theme>>();
    Effect::new(move |_| {
        theme.track();
        set_timeout(
            move || desk.stage(|stage| stage.repaint()),
            std::time::Duration::from_millis(60),
        );
    });
    view! {
        <div class="ed-board" class:old=move || desk.track(|session| session.broken().is_some())>
            <div
                class="ed-stage"
                node_ref=host
                tabindex="0"
                role="listbox"
                aria-multiselectable="true"
                aria-label="Tasks. Arrow keys go along edges, C connects, A adds, question mark lists all keys."
            >
                <div class="ed-back" node_ref=back role="presentation"></div>
                <canvas class="ed-under" node_ref=under aria-hidden="true"></canvas>
                <div class="ed-world" node_ref=world role="presentation"></div>
                <svg class="ed-over" node_ref=over aria-hidden="true"></svg>
            </div>
            {move || {
                desk.track(|session| session.scene.cards.is_empty())
                    .then(|| {
                        view! {
                            <div class="ed-empty">
                                <p>"Drag a task here, or press A."</p>
                                <div class="tools">
                                    <button type="button" class="button small" on:click=move |_| desk.run(Command::Templates)>
                                        "Begin with a template"
                                    </button>
                                    <button type="button" class="button small" on:click=move |_| desk.run(Command::Import)>
                                        "Import"
                                    </button>
                                </div>
                            </div>
                        }
                    })
            }}
            <Old desk/>
            {move || {
                desk.tipped
                    .get()
                    .map(|tip| {
                        let (x, y) = tip.at;
                        let class = if tip.is_offer { "ed-tip offer" } else { "ed-tip" };
                        view! { <p class=class style=format!("left:{x}px;top:{y}px")>{tip.text}</p> }
                    })
            }}
            {move || {
                desk.refused
                    .get()
                    .map(|text| {
                        view! {
                            <div class="note ed-refused" data-state="failed" role="alert">
                                <Icon name="s-failed"/>
                                <p class="grow"><Said text=text/></p>
                                <button type="button" class="button quiet square" aria-label="Close" on:click=move |_| desk.refused.set(None)>
                                    <Icon name="u-close"/>
                                </button>
                            </div>
                        }
                    })
            }}
            {move || {
                let is_refused = desk.refused.with(Option::is_some);
                desk.noted
                    .get()
                    .filter(|_| !is_refused)
                    .map(|text| {
                        view! {
                            <div class="note ed-refused" data-state="attention" role="status">
                                <Icon name="s-attention"/>
                                <p class="grow"><Said text=text/></p>
                                <button type="button" class="button quiet square" aria-label="Close" on:click=move |_| desk.noted.set(None)>
                                    <Icon name="u-close"/>
                                </button>
                            </div>
                        }
                    })
            }}
            <canvas
                class="ed-map"
                node_ref=map
                width="360"
                height="220"
                aria-hidden="true"
                hidden=move || !desk.map.get()
                on:pointerdown=move |event| {
                    desk.leave();
                    map_pressed(desk, &event);
                }
                on:pointermove=move |event| {
                    if event.buttons() == 1 {
                        map_pressed(desk, &event);
                    }
                }
            ></canvas>
            <div class="zoomer" role="group" aria-label="Zoom">
                <Tool desk command=Command::ZoomOut icon="u-minus"/>
                <button type="button" class="button quiet small num" title=move || titled(desk, "Actual size", Command::ActualSize) aria-label="Actual size" on:click=move |_| desk.run(Command::ActualSize)>
                    {move || format!("{} %", desk.zoom.get())}
                </button>
                <Tool desk command=Command::ZoomIn icon="u-plus"/>
                <Tool desk command=Command::FitAll icon="u-fit"/>
            </div>
        </div>
    }
    .into_any()
}

/// What is wrong with a text that cannot be read, and in which line. It stands in the middle of a sentence whose beginning and end are
/// said in other words here.
fn why(refusal: &editor::Refusal) -> (String, Option<usize>) {
    let message = refusal.message.as_str();
    let why = message.split_once(": ").map_or(message, |(_, why)| why);
    let why = why.rsplit_once("; mend").map_or(why, |(why, _)| why);
    (why.to_owned(), refusal.line)
}

/// While the text cannot be read, what is drawn is older than it.
#[component]
fn Old(desk: Desk) -> impl IntoView {
    let why = Memo::new(move |_| desk.track(|session| session.broken().map(why)));
    move || {
        why.get().map(|(why, line)| {
            let go = line.map(|line| {
                view! {
                    <button
                        type="button"
                        class="button small"
                        on:click=move |_| {
                            desk.text.set(true);
                            desk.line.set(Some(line.saturating_sub(1)));
                        }
                    >
                        {format!("Go to line {line}")}
                    </button>
                }
            });
            view! {
                <div class="note ed-refused ed-old" data-state="attention" role="status">
                    <Icon name="s-attention"/>
                    <p class="grow">{format!("The text cannot be read: {why}. What is drawn is from before.")}</p>
                    {go}
                </div>
            }
        })
    }
}

/// A press on the map brings that place into the middle.
fn map_pressed(desk: Desk, event: &web_sys::PointerEvent) {
    let Some(map) = event
        .target()
        .and_then(|target| target.dyn_into::<web_sys::HtmlCanvasElement>().ok())
    else {
        return;
    };
    let rect = map.get_bounding_client_rect();
    let size = (f64::from(map.width()), f64::from(map.height()));
    let at = editor::geometry::pt(
        (f64::from(event.client_x()) - rect.left()) / rect.width().max(1.0) * size.0,
        (f64::from(event.client_y()) - rect.top()) / rect.height().max(1.0) * size.1,
    );
    let to = desk.with(|session| paint::MapScale::of(&session.scene, size).map(|scale| scale.canvas(at)));
    if let Some(to) = to {
        desk.stage(|stage| {
            let (camera, (w, h)) = (stage.camera(), stage.size());
            stage.look(editor::camera::Camera {
                x: w / 2.0 - to.x * camera.k,
                y: h / 2.0 - to.y * camera.k,
                ..camera
            });
        });
    }
}

/// Whether the screen is too small for a canvas.
fn is_narrow() -> bool {
    let narrow = window().match_media("(max-width: 719px)").ok().flatten();
    narrow.is_some_and(|narrow| narrow.matches())
}

fn is_mac() -> bool {
    window()
        .navigator()
        .platform()
        .is_ok_and(|platform| platform.starts_with("Mac"))
}
