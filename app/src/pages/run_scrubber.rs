//! Travel in time: the scrubber along the bottom of a run's page. The events are asked for when it is first used, and folded in the
//! browser by the engine's own rules; graph, timeline, table, inspector and log follow. A moment is a link (`?at=`), which the server
//! answers too, so that it works without scripts.

use leptos::html::Input;
use leptos::prelude::*;

use super::run_shared::Shared;
use crate::format;
use crate::icons::Icon;
use crate::parts::Moment;

/// How fast the past can be played.
const SPEEDS: [u32; 5] = [1, 2, 5, 20, 100];

/// The traveller. Copies are the same one.
#[derive(Clone, Copy)]
pub struct Travel {
    /// Where to: an event, or the present.
    to: RwSignal<Option<u64>>,
    /// Events read so far, while they are being read.
    reading: RwSignal<Option<u64>>,
    /// Why they could not be read.
    failed: RwSignal<bool>,
    is_playing: RwSignal<bool>,
    speed: RwSignal<u32>,
    /// The last event that is known, in words.
    words: RwSignal<Option<String>>,
}

/// Makes the traveller of a page; in the browser it follows the address from then on.
pub fn travel(shared: Shared) -> Travel {
    let travel = Travel {
        to: RwSignal::new(shared.run.instant.get_untracked().map(|instant| instant.seq)),
        reading: RwSignal::new(None),
        failed: RwSignal::new(false),
        is_playing: RwSignal::new(false),
        speed: RwSignal::new(1),
        words: RwSignal::new(None),
    };
    #[cfg(feature = "hydrate")]
    browser::drive(shared, travel);
    travel
}

impl Travel {
    /// Goes to the moment after an event, or to the present.
    fn go(self, shared: Shared, seq: u64) {
        let last = shared.run.last_seq.get_untracked();
        let to = (seq < last).then_some(seq.max(1));
        if to.is_none() {
            self.is_playing.set(false);
        }
        self.to.set(to);
    }

    /// A link to the moment after an event was clicked: one goes there, and the address follows. The other way round would not do: while the
    /// knob is moved the address still says the moment before, and a link back to that leads nowhere new.
    fn follow(self, shared: Shared, click: &leptos::ev::MouseEvent, seq: u64) {
        let leads_elsewhere = click.ctrl_key() || click.meta_key() || click.shift_key();
        if !leads_elsewhere {
            click.prevent_default();
            self.is_playing.set(false);
            self.go(shared, seq);
        }
    }
}

/// The bar.
#[component]
pub fn Scrubber(shared: Shared, travel: Travel) -> impl IntoView {
    let run = shared.run;
    let range = NodeRef::<Input>::new();
    let is_alive = RwSignal::new(false);
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| is_alive.set(true));
    let last = move || run.last_seq.get();
    let shown = move || run.instant.get().map_or_else(last, |instant| instant.seq);
    // What the knob is at; while it is moved it is ahead of what is shown.
    let knob = move || travel.to.get().unwrap_or_else(last);
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        let (at, last) = (knob(), last());
        if let Some(range) = range.get() {
            range.set_max(&last.to_string());
            range.set_value(&at.to_string());
        }
    });
    let on_input = move |event: leptos::ev::Event| {
        if let Ok(seq) = event_target_value(&event).parse() {
            travel.is_playing.set(false);
            travel.go(shared, seq);
        }
    };
    let to = move |seq: u64| {
        let at = (seq < last()).then(|| seq.max(1).to_string());
        shared.changed(shared.view.get(), &[("at", at.as_deref())])
    };
    let step = move |name: &'static str, icon: &'static str, seq: Signal<u64>, is_off: Signal<bool>| {
        view! {
            <a
                class="button quiet square"
                href=move || to(seq.get())
                aria-label=name
                title=name
                aria-disabled=move || is_off.get().then_some("true")
                data-noscroll="true"
                on:click=move |event| travel.follow(shared, &event, seq.get_untracked())
            >
                <Icon name=icon/>
            </a>
        }
    };
    let is_first = Signal::derive(move || shown() <= 1);
    let is_present = Signal::derive(move || !run.is_past());
    let hidden = move || {
        let fields = shared.hidden_fields(shared.view.get(), &["at"]);
        fields
            .into_iter()
            .map(|(name, value)| view! { <input type="hidden" name=name value=value/> })
            .collect_view()
    };
    let words = move || match (travel.reading.get(), travel.failed.get()) {
        (_, true) => "The events could not be read. Try again.".to_owned(),
        (Some(n), _) => format!(
            "reading events, {} of {}",
            format::thousands(n),
            format::thousands(last())
        ),
        (None, _) => travel.words.get().unwrap_or_default(),
    };
    let value_text = move || format!("event {} of {}", shown(), last());
    let begin = Signal::derive(|| 1);
    let before = Signal::derive(move || shown().saturating_sub(1));
    let after = Signal::derive(move || shown() + 1);
    let present = Signal::derive(last);
    view! {
        <form class="scrubber" method="get" action=move || shared.base() aria-label="Travel in time" on:submit=move |event| event.prevent_default()>
            {hidden}
            <div class="steps">
                {step("To the first event", "u-first", begin, is_first)}
                {step("One event back", "u-before", before, is_first)}
                <Play shared travel is_alive/>
                {step("One event on", "u-turn", after, is_present)}
            </div>
            <input
                node_ref=range
                type="range"
                name="at"
                min="1"
                max=untrack(last).to_string()
                value=untrack(knob).to_string()
                step="1"
                aria-label="Moment of the run"
                aria-valuetext=value_text
                on:input=on_input
            />
            <button class="button small" type="submit" hidden=move || is_alive.get()>"Show"</button>
            <Speed travel is_alive/>
            <span class="where num" aria-live="off">
                {move || format!("{}/{}", shown(), last())}
            </span>
            {move || {
                run.instant
                    .get()
                    .map(|instant| {
                        view! {
                            <span class="when num"><Moment at=instant.at/></span>
                        }
                    })
            }}
            <span class="what cut" title=words>{words}</span>
            <span class="grow"></span>
            {move || match run.is_past() {
                true => view! {
                    <a class="button small primary" href=to(present.get()) data-noscroll="true" title="Back to the present (End)" on:click=move |event| travel.follow(shared, &event, run.last_seq.get_untracked())>
                        {if run.is_over.get() { "To the end" } else { "Live" }}
                    </a>
                }
                .into_any(),
                false => view! { <span class="present muted">{if run.is_over.get() { "as it ended" } else { "live" }}</span> }.into_any(),
            }}
        </form>
    }
}

#[component]
fn Play(shared: Shared, travel: Travel, is_alive: RwSignal<bool>) -> impl IntoView {
    let name = move || if travel.is_playing.get() { "Stop" } else { "Play" };
    let on_click = move |_| {
        let is_playing = !travel.is_playing.get_untracked();
        // From the end it begins anew.
        if is_playing && !shared.run.instant.with_untracked(Option::is_some) {
            travel.to.set(Some(1));
        }
        travel.is_playing.set(is_playing);
    };
    view! {
        <button
            type="button"
            class="button quiet square"
            aria-label=name
            title=name
            hidden=move || !is_alive.get()
            on:click=on_click
        >
            <Icon name=Signal::derive(move || if travel.is_playing.get() { "u-pause".to_owned() } else { "u-play".to_owned() })/>
        </button>
    }
}

#[component]
fn Speed(travel: Travel, is_alive: RwSignal<bool>) -> impl IntoView {
    let on_change = move |event: leptos::ev::Event| {
        if let Ok(speed) = event_target_value(&event).parse() {
            travel.speed.set(speed);
        }
    };
    let options = SPEEDS
        .into_iter()
        .map(|speed| view! { <option value=speed.to_string()>{format!("{speed}×")}</option> })
        .collect_view();
    view! {
        <select aria-label="Speed" title="How fast it is played; long pauses are shortened" hidden=move || !is_alive.get() on:change=on_change>
            {options}
        </select>
    }
}

#[cfg(feature = "hydrate")]
mod browser {
    use std::time::Duration;

    use flow::run::Event;
    use leptos::prelude::*;
    use leptos::task::spawn_local;
    use leptos_router::hooks::{use_navigate, use_query_map};
    use serde::Deserialize;
    use wasm_bindgen::{JsCast, JsValue};
    use wasm_bindgen_futures::JsFuture;

    use super::super::run::stay;
    use super::super::run_shared::Shared;
    use super::Travel;
    use crate::travel::{Player, words};

    /// So long a moment has to be shown until it stands in the address: every one on the way would fill the history of none.
    const SETTLED_MS: u64 = 250;

    /// Events asked for at a time: as many as the API gives.
    const PAGE: u64 = 500;

    /// Two frames of the screen are never further apart for a player: a hidden page draws none.
    const FRAME_MAX_MS: f64 = 250.0;

    #[derive(Deserialize)]
    struct EventPage {
        items: Vec<Event>,
    }

    /// Address to traveller, traveller to what is shown, what is shown to the address.
    pub(super) fn drive(shared: Shared, travel: Travel) {
        let query = use_query_map();
        let asked = Memo::new(move |_| query.read().get("at").and_then(|at| at.parse::<u64>().ok()));
        Effect::new(move |before: Option<Option<u64>>| {
            let asked = asked.get();
            // The first is what the page was made for.
            if before.is_some_and(|before| before != asked) && travel.to.get_untracked() != asked {
                match asked {
                    Some(seq) => travel.go(shared, seq),
                    None => travel.to.set(None),
                }
            }
            asked
        });
        Effect::new(move |_| {
            let to = travel.to.get();
            arrive(shared, travel, to);
        });
        to_address(shared, travel, asked);
        play(shared, travel);
    }

    /// Shows a moment, or reads the events first.
    fn arrive(shared: Shared, travel: Travel, to: Option<u64>) {
        let run = shared.run;
        match to {
            None => {
                run.show_present();
                travel.words.set(None);
            }
            Some(seq) if run.with_log(|log| log.last_seq() >= seq) == Some(true) => {
                run.show(seq);
                let told = run
                    .with_log(|log| log.event(seq).map(|event| words(event, &run.plan())))
                    .flatten();
                travel.words.set(told);
            }
            Some(_) => read(shared, travel),
        }
    }

    fn read(shared: Shared, travel: Travel) {
        if travel.reading.get_untracked().is_some() {
            return;
        }
        travel.reading.set(Some(0));
        travel.failed.set(false);
        if let Some(capsule) = shared.capsule {
            let events = capsule.with_value(|capsule| capsule.events.clone());
            shared.run.with_log(|log| log.push(events));
            travel.reading.set(None);
            arrive(shared, travel, travel.to.get_untracked());
            return;
        }
        spawn_local(async move {
            loop {
                // The page may be gone by now.
                let Some(after) = shared.run.with_log(|log| log.last_seq()) else {
                    return;
                };
                let Some(page) = fetch(shared, after).await else {
                    travel.failed.try_set(true);
                    break;
                };
                let n = page.len() as u64;
                let last = shared.run.with_log(|log| {
                    log.push(page);
                    log.last_seq()
                });
                let Some(last) = last else { return };
                travel.reading.try_set(Some(last));
                let wanted = travel.to.try_get_untracked().flatten();
                if wanted.is_some_and(|seq| seq > after && seq <= last) {
                    arrive(shared, travel, wanted);
                }
                if n == 0 || last >= shared.run.position().seq {
                    break;
                }
            }
            if travel.reading.try_set(None).is_none() && travel.failed.get_untracked() {
                return;
            }
            if let Some(to) = travel.to.try_get_untracked() {
                let is_known = shared
                    .run
                    .with_log(|log| to.is_none_or(|seq| log.last_seq() >= seq));
                if is_known == Some(true) {
                    arrive(shared, travel, to);
                }
            }
        });
    }

    async fn fetch(shared: Shared, after: u64) -> Option<Vec<Event>> {
        let url = format!("/api/v1/runs/{}/events?after={after}&limit={PAGE}", shared.id);
        let response = JsFuture::from(window().fetch_with_str(&url)).await.ok()?;
        let response: web_sys::Response = response.dyn_into().ok()?;
        if !response.ok() {
            return None;
        }
        let text = JsFuture::from(response.text().ok()?).await.ok();
        let text = text.as_ref().and_then(JsValue::as_string)?;
        serde_json::from_str::<EventPage>(&text)
            .ok()
            .map(|page| page.items)
    }

    fn to_address(shared: Shared, travel: Travel, asked: Memo<Option<u64>>) {
        let navigate = use_navigate();
        let round = StoredValue::new(0_u32);
        Effect::new(move |before: Option<()>| {
            let (to, is_playing) = (travel.to.get(), travel.is_playing.get());
            let mine = round.try_update_value(|round| {
                *round += 1;
                *round
            });
            if before.is_none() || is_playing || to == asked.get_untracked() {
                return;
            }
            let navigate = navigate.clone();
            let settled = move || {
                if round.try_get_value() != mine
                    || travel.to.try_get_untracked() != Some(to)
                    || asked.get_untracked() == to
                {
                    return;
                }
                let at = to.map(|seq| seq.to_string());
                let address = untrack(|| shared.changed(shared.view.get(), &[("at", at.as_deref())]));
                let mut options = stay();
                options.replace = true;
                navigate(&address, options);
            };
            set_timeout(settled, Duration::from_millis(SETTLED_MS));
        });
    }

    /// Plays from where the page is, frame by frame.
    fn play(shared: Shared, travel: Travel) {
        Effect::new(move |_| {
            if travel.is_playing.get() {
                request_animation_frame(move || frame(shared, travel, None, js_sys::Date::now()));
            }
        });
    }

    fn frame(shared: Shared, travel: Travel, player: Option<Player>, before: f64) {
        if travel.is_playing.try_get_untracked() != Some(true) {
            return;
        }
        let now = js_sys::Date::now();
        let run = shared.run;
        let instant = run.instant.get_untracked();
        // While the events are still being read it stands.
        let player = match (player, instant) {
            (Some(player), _) => Some(player),
            (None, Some(instant)) if Some(instant.seq) == travel.to.get_untracked() => {
                Some(Player::new(instant.seq, instant.at))
            }
            _ => None,
        };
        let player = player.and_then(|player| {
            let speed = f64::from(travel.speed.get_untracked());
            let elapsed = (now - before).min(FRAME_MAX_MS);
            run.with_log(|log| player.step(log.events(), elapsed, speed))
        });
        if let Some(player) = player
            && Some(player.seq) != travel.to.get_untracked()
        {
            travel.go(shared, player.seq);
        }
        request_animation_frame(move || frame(shared, travel, player, now));
    }
}
