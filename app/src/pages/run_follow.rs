//! Follows a run: events in, states on the page. What the stream says is folded into the run once per frame of the screen.

#[cfg(feature = "hydrate")]
pub(super) use browser::follow;

#[cfg(feature = "hydrate")]
pub(super) use crate::live::frames::Hello;

#[cfg(feature = "hydrate")]
mod browser {
    use std::cell::RefCell;
    use std::rc::Rc;
    use std::time::Duration;

    use flow::run::Event;
    use flow::view::TaskStatus;
    use leptos::prelude::*;
    use leptos::task::spawn_local;

    use super::super::run::Shared;
    use crate::graph::stage::Handle;
    use crate::graph::state;
    use crate::live::stream::{Batch, Source, Stream, keep};
    use crate::live::{Link, frames};
    use crate::parts::Clock;

    /// How long a server that gave no snapshot is left alone.
    const ASK_AGAIN: Duration = Duration::from_secs(1);

    /// Events that wait for a snapshot, while one is asked for.
    type Held = Rc<RefCell<Option<Vec<Event>>>>;

    /// Opens the run's stream unless it is over, and keeps the drawing up to date.
    pub(in super::super) fn follow(shared: Shared, handle: Handle) {
        draw_changes(shared, handle);
        let link = expect_context::<RwSignal<Link>>();
        let clock = expect_context::<Clock>();
        Effect::new(move |_| {
            if !shared.run.is_over.get_untracked() && shared.capsule.is_none() {
                keep(open(shared, link, clock));
            }
        });
    }

    fn open(shared: Shared, link: RwSignal<Link>, clock: Clock) -> Rc<Stream> {
        let run = shared.run;
        let held = Held::default();
        let batch = {
            let held = Rc::clone(&held);
            Batch::new(move |events: Vec<Event>| {
                if let Some(held) = held.borrow_mut().as_mut() {
                    held.extend(events);
                    return;
                }
                if run.apply(&events) {
                    // Events are missing between: what is shown is wrong until a whole snapshot replaces it.
                    refetch(shared, &held);
                }
                show_counted(shared);
                if !run.is_over.get_untracked() {
                    link.set(run.position().link_after(link.get_untracked()));
                }
            })
        };
        Stream::open(Source {
            topic: format!("run:{}", shared.id),
            from: run.position().seq.to_string(),
            frame: Box::new(move |frame| {
                let next = frames::take(&frame, run, clock, &batch, || refetch(shared, &held));
                if frame.name == "hello" {
                    run.last_seq.set(run.position().known);
                    link.set(run.position().link());
                }
                next
            }),
            link: Some(link),
        })
    }

    /// What was taken in, where tests and the curious find it.
    fn show_counted(shared: Shared) {
        if let Some(root) = document().document_element() {
            // The name is a constant that a browser accepts.
            let _ = root.set_attribute("data-events", &shared.run.counted().to_string());
        }
    }

    /// Asks for the run as it is now, once; what comes meanwhile waits for the answer.
    fn refetch(shared: Shared, held: &Held) {
        if held.borrow().is_none() {
            *held.borrow_mut() = Some(Vec::new());
            ask(shared, Rc::clone(held));
        }
    }

    fn ask(shared: Shared, held: Held) {
        spawn_local(async move {
            let page = crate::fns::run(shared.id.to_string(), None).await;
            // This page may be gone by now.
            if shared.run.instant.is_disposed() {
                return;
            }
            let Ok(page) = page else {
                set_timeout(move || ask(shared, held), ASK_AGAIN);
                return;
            };
            shared.run.reset(page);
            let last = shared.run.position().seq;
            let mut events = held.borrow_mut().take().unwrap_or_default();
            events.retain(|event| event.seq > last);
            if shared.run.apply(&events) {
                refetch(shared, &held);
            }
            show_counted(shared);
        });
    }

    /// Sets on the drawing what a batch changed, and ticks the cards of running tasks.
    fn draw_changes(shared: Shared, handle: Handle) {
        let run = shared.run;
        let clock = expect_context::<Clock>();
        Effect::new(move |_| {
            let changed = run.changed.get();
            let now = untrack(|| run.now(clock));
            handle.with(|live| {
                for &ix in changed.iter() {
                    let card = ix as usize;
                    match live.shows(card) {
                        true => live.set_card(card, &run.card(ix, now, live.height(card))),
                        false => live.set_box(card, run.key(ix)),
                    }
                    run.with(|run| {
                        let plan = run.plan().task(ix);
                        for &edge in plan.downs.iter().chain(&plan.ups) {
                            live.set_track(edge as usize, state::taken(run.edges()[edge as usize]));
                        }
                    });
                }
            });
        });
        Effect::new(move |_| {
            let Some(now) = clock.now.get() else { return };
            if run.is_over.get_untracked() || run.instant.with_untracked(Option::is_some) {
                return;
            }
            let running: Vec<_> =
                run.with(|state| state.tasks_in(Some(TaskStatus::Running)).take(500).collect());
            handle.with(|live| {
                for ix in running.into_iter().filter(|&ix| live.shows(ix as usize)) {
                    live.set_card(ix as usize, &run.card(ix, now, live.height(ix as usize)));
                }
            });
        });
    }
}
