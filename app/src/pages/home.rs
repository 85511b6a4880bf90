//! The first page. The server writes it as HTML; here it is only kept up to date.

use flow::view::board::Window;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::fns;
use crate::parts::{Failure, Loading};
use crate::posted::posted;

/// The window of time that an address asks for.
pub(super) fn asked_window() -> Memo<Window> {
    let query = use_query_map();
    Memo::new(move |_| {
        let key = query.read().get("window").unwrap_or_default();
        Window::from_key(&key).unwrap_or_default()
    })
}

/// What needs people first, then the numbers.
#[component]
pub fn HomePage() -> impl IntoView {
    let window = asked_window();
    let html = Resource::new(move || window.get(), fns::board::home);
    // What a button in the list of needs could not do, if the page lives without scripts.
    let refused = ["retry_run", "cancel_run"]
        .into_iter()
        .find_map(|form| posted(form).map(|posted| posted.error))
        .map(|error| view! { <div class="page"><Failure error part=true/></div> });
    view! {
        <Title text="Pointwork"/>
        {refused}
        <Transition fallback=Loading>
            {move || Suspend::new(async move {
                match html.await {
                    Ok(html) => view! { <Board html window/> }.into_any(),
                    Err(error) => view! { <Failure error/> }.into_any(),
                }
            })}
        </Transition>
    }
}

#[component]
fn Board(html: String, window: Memo<Window>) -> impl IntoView {
    let root = NodeRef::<leptos::html::Div>::new();
    #[cfg(feature = "hydrate")]
    browser::follow(root, window);
    #[cfg(not(feature = "hydrate"))]
    let _ = window;
    view! { <div class="page home" node_ref=root inner_html=html></div> }
}

#[cfg(feature = "hydrate")]
mod browser {
    use std::cell::Cell;
    use std::rc::Rc;
    use std::time::Duration;

    use flow::view::board::Window;
    use leptos::prelude::*;
    use leptos::task::spawn_local;
    use serde::Deserialize;
    use wasm_bindgen::JsCast;
    use wasm_bindgen::closure::Closure;

    use crate::fns;
    use crate::live::Link;
    use crate::live::patch::Patch;
    use crate::live::stream::{Next, Source, Stream, keep};
    use crate::parts::Clock;

    /// What happens within this time is looked at once.
    const PAUSE: Duration = Duration::from_secs(1);

    /// Also when nothing happens time goes on: what is due moves, windows move.
    const AT_LEAST_EVERY: Duration = Duration::from_secs(60);

    #[derive(Deserialize)]
    struct Hello {
        server_now: flow::Timestamp,
    }

    #[derive(Clone)]
    struct Follower {
        patch: Rc<Patch>,
        window: Memo<Window>,
        is_due: Rc<Cell<bool>>,
    }

    impl Follower {
        /// Looks again soon, once for all that happens until then.
        fn soon(&self) {
            if self.is_due.replace(true) {
                return;
            }
            let me = self.clone();
            set_timeout(
                move || {
                    me.is_due.set(false);
                    me.look();
                },
                PAUSE,
            );
        }

        fn look(&self) {
            let me = self.clone();
            let Some(window) = self.window.try_get_untracked() else {
                return;
            };
            spawn_local(async move {
                // What is shown stays if it cannot be had; the dot tells that the server is away.
                if let Ok(html) = fns::board::home(window).await {
                    me.patch.take(&html);
                }
            });
        }
    }

    pub(super) fn follow(root: NodeRef<leptos::html::Div>, window: Memo<Window>) {
        let link = expect_context::<RwSignal<Link>>();
        let clock = expect_context::<Clock>();
        Effect::new(move |_| {
            let Some(root) = root.get() else { return };
            let root: web_sys::Element = root.unchecked_into();
            let follower = Follower {
                patch: Rc::new(Patch::new(root.clone())),
                window,
                is_due: Rc::default(),
            };
            act_in_place(&root, &follower);
            show_part();
            let timed = follower.clone();
            if let Ok(timer) = set_interval_with_handle(move || timed.look(), AT_LEAST_EVERY) {
                on_cleanup(move || timer.clear());
            }
            keep(Stream::open(Source {
                topic: "runs".to_owned(),
                from: String::new(),
                frame: Box::new(move |frame| {
                    if frame.name == "hello" {
                        if let Ok(hello) = serde_json::from_str::<Hello>(&frame.data) {
                            clock.set(hello.server_now);
                        }
                    } else {
                        follower.soon();
                    }
                    link.set(Link::Live);
                    Next::Go
                }),
                link: Some(link),
            }));
        });
    }

    /// The part that the address names comes into sight: when the browser looked for it, it was not there yet.
    fn show_part() {
        let hash = window().location().hash().unwrap_or_default();
        let part = hash
            .strip_prefix('#')
            .and_then(|id| document().get_element_by_id(id));
        if let Some(part) = part {
            part.scroll_into_view();
        }
    }

    /// Forms in the list of what needs people are carried out without leaving the page.
    fn act_in_place(root: &web_sys::Element, follower: &Follower) {
        let follower = follower.clone();
        let listener = Closure::<dyn FnMut(web_sys::Event)>::new(move |event: web_sys::Event| {
            let form = event
                .target()
                .and_then(|target| target.dyn_into::<web_sys::HtmlFormElement>().ok());
            let Some(form) = form else { return };
            let (Some(act), Ok(data)) = (
                form.get_attribute("data-act"),
                web_sys::FormData::new_with_form(&form),
            ) else {
                return;
            };
            let Some(Ok(run)) = data.get("run").as_string().map(|run| run.parse()) else {
                return;
            };
            event.prevent_default();
            let follower = follower.clone();
            spawn_local(async move {
                let done = match act.as_str() {
                    "cancel_run" => fns::cancel_run(run, false, None).await,
                    // Leads to the run that was made.
                    _ => fns::retry_run(run, None, None, None, None).await.map(|_| ()),
                };
                match done {
                    Ok(()) => follower.soon(),
                    Err(error) => refuse(&form, &error.message),
                }
            });
        });
        // Adding a listener fails for no name.
        let _ = root.add_event_listener_with_callback("submit", listener.as_ref().unchecked_ref());
        let kept = StoredValue::new_local(Some(listener));
        on_cleanup(move || {
            kept.try_update_value(Option::take);
        });
    }

    fn refuse(form: &web_sys::HtmlFormElement, message: &str) {
        if let Ok(told) = document().create_element("p") {
            told.set_class_name("refused");
            let _ = told.set_attribute("role", "alert");
            told.set_text_content(Some(message));
            let _ = form.append_child(&told);
        }
    }
}
