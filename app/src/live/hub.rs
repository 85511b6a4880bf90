//! One connection for all tabs of a browser: over HTTP/1.1 there are six to a server, and each would be held for ever.
//!
//! The tab that holds the lock [`NAME`] has the connection. The others tell it over a channel what they want, and it hands on what it
//! hears; when it closes or sleeps, the browser gives the lock to another. Where there is no lock (over plain HTTP from elsewhere
//! browsers have none), each tab has a connection of its own.
//!
//! `EventSource` alone is not enough: it tries for ever at its own pace and does not say what it is doing. So each break closes
//! it, and a new one is opened after [`backoff`], asking for what comes after the last thing that was told.
//!
//! What tabs say to each other, each a text whose first line is its kind:
//!
//! - `who`: a tab has taken over; all others say what they want.
//! - `want`, tab, and each [`Wish`] on a line: all that a tab wants.
//! - `join`, and a tab and a number on each line: these may listen from here on.
//! - `frame`, topic, name, position, data, each on a line: what the server said.
//! - `link`, state, and the milliseconds it has: how the connection is.
//! - `beat`: it lives.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use leptos::leptos_dom::helpers::{TimeoutHandle, set_timeout_with_handle};
use leptos::prelude::*;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BroadcastChannel, Event, EventSource, MessageEvent};

use super::board::{Board, Change, Wish};
use super::link::{Link, OFFLINE_AFTER, backoff};
use super::stream::{Frame, Stream};
use crate::format::url_part;

mod role;

/// The name of lock and channel. Its number goes up when what tabs say to each other changes: after an update of the server older
/// tabs are still there.
const NAME: &str = "pointwork-live-1";

/// How long a page may be hidden before it lets go.
const HIDDEN_MS: u64 = 30_000;
/// A connection that has said nothing for so long is dead: the server says something every five seconds.
const SILENT_MS: f64 = 15_000.0;
/// The same for a tab that hears of it from another: that one has found it out by then, or sleeps in the middle of its work.
const SILENT_LEADER_MS: f64 = 25_000.0;
/// How long wishes are gathered before the connection is opened for them, and for those that are no more.
const SOON_MS: u64 = 20;
const LATER_MS: u64 = 1000;
/// How long a tab that takes over waits for the wishes of the others.
const GATHER_MS: u64 = 150;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// It has the connection, for itself or for all.
    Leads,
    /// Another tab has it.
    Follows,
    /// The page was hidden for a while and wants nothing.
    Sleeps,
}

type Listener<T> = Closure<dyn FnMut(T)>;
type Callback = Closure<dyn FnMut(JsValue) -> JsValue>;

struct Hub {
    me: Weak<Self>,
    tab: String,
    role: Cell<Role>,
    /// Streams that were ever begun in this tab.
    n_streams: Cell<u32>,
    streams: RefCell<Vec<Weak<Stream>>>,
    board: RefCell<Board>,
    /// None: this tab is on its own.
    channel: Option<BroadcastChannel>,
    /// Lets go of the lock.
    release: RefCell<Option<js_sys::Function>>,
    has_asked_for_lock: Cell<bool>,
    open: RefCell<Option<(EventSource, Vec<Listener<Event>>)>>,
    /// The topics of the open connection, by their place.
    places: RefCell<Vec<String>>,
    timer: Cell<Option<TimeoutHandle>>,
    /// How urgent the waiting opening is.
    due: Cell<Change>,
    is_gathering: Cell<bool>,
    sleeper: Cell<Option<TimeoutHandle>>,
    tries: Cell<u32>,
    /// When the connection broke; 0 while it stands.
    broken_at: Cell<f64>,
    heard_at: Cell<f64>,
    link: Cell<Link>,
    /// Listeners and callbacks that live as long as the page.
    kept: RefCell<Vec<Callback>>,
}

thread_local! {
    static HUB: Rc<Hub> = Hub::start();
}

/// The name of this tab, and the number of the stream that begins in it.
pub(super) fn follower() -> (String, u32) {
    HUB.with(|hub| {
        let number = hub.n_streams.get() + 1;
        hub.n_streams.set(number);
        (hub.tab.clone(), number)
    })
}

/// A stream begins.
pub(super) fn add(stream: &Rc<Stream>) {
    HUB.with(|hub| {
        hub.streams.borrow_mut().push(Rc::downgrade(stream));
        hub.gather();
    });
}

/// A stream wants something else, or nothing more.
pub(super) fn changed() {
    // While the page goes away there is no hub any more.
    let _ = HUB.try_with(|hub| hub.gather());
}

fn now() -> f64 {
    js_sys::Date::now()
}

/// The first line of a text, and the rest.
fn first_line(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, ""))
}

impl Hub {
    fn start() -> Rc<Self> {
        let channel = role::locks().and_then(|_| BroadcastChannel::new(NAME).ok());
        let hub = Rc::new_cyclic(|me| Self {
            me: Weak::clone(me),
            tab: format!("{:x}", (js_sys::Math::random() * 2f64.powi(52)) as u64),
            role: Cell::new(Role::Follows),
            n_streams: Cell::new(0),
            streams: RefCell::default(),
            board: RefCell::default(),
            channel,
            release: RefCell::default(),
            has_asked_for_lock: Cell::new(false),
            open: RefCell::default(),
            places: RefCell::default(),
            timer: Cell::default(),
            due: Cell::new(Change::None),
            is_gathering: Cell::new(false),
            sleeper: Cell::default(),
            tries: Cell::new(0),
            broken_at: Cell::new(0.0),
            heard_at: Cell::new(now()),
            link: Cell::new(Link::Connecting),
            kept: RefCell::default(),
        });
        hub.listen();
        hub.ask_for_lock();
        // A page may be opened in the background and never be looked at.
        hub.visibility_changed();
        hub
    }

    /// What `then` does with the hub when something happens.
    fn when(&self, then: impl Fn(&Self, JsValue) + 'static) -> JsValue {
        let me = Weak::clone(&self.me);
        let closure: Callback = Closure::new(move |value| {
            if let Some(hub) = me.upgrade() {
                then(&hub, value);
            }
            JsValue::UNDEFINED
        });
        let function = closure.as_ref().clone();
        self.kept.borrow_mut().push(closure);
        function
    }

    fn later(&self, ms: u64, then: impl Fn(&Self) + 'static) -> Option<TimeoutHandle> {
        let me = Weak::clone(&self.me);
        let act = move || {
            if let Some(hub) = me.upgrade() {
                then(&hub);
            }
        };
        set_timeout_with_handle(act, Duration::from_millis(ms)).ok()
    }

    fn listen(&self) {
        let on = |target: &web_sys::EventTarget, name: &str, then: fn(&Self)| {
            let function = self.when(move |hub, _| then(hub));
            // Adding a listener fails for no name.
            let _ = target.add_event_listener_with_callback(name, function.unchecked_ref());
        };
        on(&document(), "visibilitychange", Self::visibility_changed);
        // A page that is left may be kept by the browser and come back.
        on(&window(), "pagehide", Self::sleep);
        on(&window(), "pageshow", Self::wake);
        on(&window(), "offline", Self::lost_network);
        on(&window(), "online", Self::found_network);
        if let Some(channel) = &self.channel {
            let heard = self.when(|hub, event| {
                let event: MessageEvent = event.unchecked_into();
                if let Some(text) = event.data().as_string() {
                    hub.heard(&text);
                }
            });
            let _ = channel.add_event_listener_with_callback("message", heard.unchecked_ref());
        }
        let me = Weak::clone(&self.me);
        let look = move || {
            if let Some(hub) = me.upgrade() {
                hub.listen_for_silence();
            }
        };
        // Without the timer a silent connection is found out when the network says so.
        let _ = set_interval_with_handle(look, Duration::from_secs(5));
    }

    fn post(&self, text: &str) {
        if let Some(channel) = &self.channel {
            // A channel that is not closed takes every text.
            let _ = channel.post_message(&text.into());
        }
    }

    /// Gathers what this tab wants, once for all that changes in this turn.
    fn gather(&self) {
        if !self.is_gathering.replace(true) {
            self.later(0, |hub| {
                hub.is_gathering.set(false);
                hub.want();
            });
        }
    }

    fn live_streams(&self) -> Vec<Rc<Stream>> {
        let mut streams = self.streams.borrow_mut();
        streams.retain(|stream| stream.strong_count() > 0);
        streams.iter().filter_map(Weak::upgrade).collect()
    }

    fn want(&self) {
        let streams = self.live_streams();
        let wishes = streams.iter().filter_map(|stream| stream.wish());
        match self.role.get() {
            Role::Sleeps => {}
            Role::Leads => self.wanted(&self.tab, wishes.collect()),
            Role::Follows => {
                let lines: String = wishes.map(|wish| format!("\n{}", wish.to_line())).collect();
                self.post(&format!("want\n{}{lines}", self.tab));
            }
        }
    }

    /// A tab said what it wants.
    fn wanted(&self, tab: &str, wishes: Vec<Wish>) {
        let change = self.board.borrow_mut().wants(tab, wishes);
        self.let_join();
        self.open_for(change);
    }

    /// Those who wait and whose turn it is may listen.
    fn let_join(&self) {
        let joined = self.board.borrow_mut().joined();
        if joined.is_empty() {
            return;
        }
        let lines: String = joined
            .iter()
            .map(|(tab, number)| format!("\n{tab} {number}"))
            .collect();
        self.post(&format!("join{lines}"));
        self.join(&lines);
    }

    fn join(&self, lines: &str) {
        let mine: Vec<u32> = lines
            .lines()
            .filter_map(|line| line.split_once(' '))
            .filter(|(tab, _)| *tab == self.tab)
            .filter_map(|(_, number)| number.parse().ok())
            .collect();
        for stream in self.live_streams() {
            if mine.contains(&stream.number()) {
                stream.join(true);
                // It may be that nothing is said for a while: how the connection is holds for it too.
                stream.say(self.link.get());
            }
        }
    }

    /// Another tab said something.
    fn heard(&self, text: &str) {
        let (kind, rest) = first_line(text);
        match (kind, self.role.get()) {
            ("want", Role::Leads) => {
                let (tab, lines) = first_line(rest);
                self.wanted(tab, lines.lines().filter_map(Wish::from_line).collect());
                self.tell_link();
            }
            (kind, Role::Follows) if kind != "want" => {
                self.heard_at.set(now());
                match kind {
                    "who" => self.begin_anew(),
                    "join" => self.join(rest),
                    "frame" => self.deliver(rest),
                    "link" => self.say(link_of(rest)),
                    "beat" if matches!(self.link.get(), Link::Offline { .. }) => self.say(Link::Live),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// Another connection takes the place of the one that was: nobody listens before it was told where from.
    fn begin_anew(&self) {
        for stream in self.live_streams() {
            stream.join(false);
        }
        self.want();
    }

    /// Hands a frame to those who follow its topic: topic, name and position, each on its line, and the data.
    fn deliver(&self, text: &str) {
        let (topic, rest) = first_line(text);
        let (name, rest) = first_line(rest);
        let (id, data) = first_line(rest);
        let mut is_less = false;
        for stream in self.live_streams().iter().filter(|stream| stream.is_of(topic)) {
            is_less |= stream.take(Frame {
                name: name.to_owned(),
                data: data.to_owned(),
                id: id.to_owned(),
            });
        }
        if is_less {
            self.gather();
        }
    }

    fn say(&self, link: Link) {
        self.link.set(link);
        for stream in self.live_streams() {
            if stream.wish().is_some() {
                stream.say(link);
            }
        }
    }

    fn tell_link(&self) {
        let text = match self.link.get() {
            Link::Live => "link\nlive".to_owned(),
            Link::Retrying { at_ms } => format!("link\nretrying\n{}", at_ms as u64),
            Link::Offline { since_ms } => format!("link\noffline\n{}", since_ms as u64),
            _ => return,
        };
        self.post(&text);
    }

    fn open_for(&self, change: Change) {
        // A connection that waits for its next try will ask for everything anyway.
        let is_retrying = self.open.borrow().is_none() && self.tries.get() > 0;
        if change <= self.due.get() || is_retrying {
            return;
        }
        self.due.set(change);
        let ms = match change {
            Change::Now => SOON_MS,
            _ => LATER_MS,
        };
        self.set_timer(ms);
    }

    fn set_timer(&self, ms: u64) {
        if let Some(timer) = self.timer.take() {
            timer.clear();
        }
        self.timer.set(self.later(ms, Self::connect));
    }

    fn connect(&self) {
        self.disconnect();
        if self.role.get() != Role::Leads {
            return;
        }
        let question = self.board.borrow_mut().question();
        self.let_join();
        if question.is_empty() {
            // Nobody waits for a next try any more: what is wanted later is asked for at once.
            self.tries.set(0);
            self.broken_at.set(0.0);
            return;
        }
        let query: Vec<String> = question
            .iter()
            .map(|(topic, position)| format!("t={}", url_part(&format!("{topic}@{position}"))))
            .collect();
        *self.places.borrow_mut() = question.into_iter().map(|(topic, _)| topic).collect();
        self.heard_at.set(now());
        let Ok(events) = EventSource::new(&format!("/live?{}", query.join("&"))) else {
            self.broke();
            return;
        };
        let mut listeners = Vec::new();
        let mut on = |name: &str, then: fn(&Self, &Event)| {
            let me = Weak::clone(&self.me);
            let listener: Listener<Event> = Closure::new(move |event: Event| {
                if let Some(hub) = me.upgrade() {
                    then(&hub, &event);
                }
            });
            // Adding a listener fails for no name.
            let _ = events.add_event_listener_with_callback(name, listener.as_ref().unchecked_ref());
            listeners.push(listener);
        };
        on("f", |hub, event| {
            let message: &MessageEvent = event.unchecked_ref();
            hub.take(&message.data().as_string().unwrap_or_default());
        });
        on("error", |hub, _| hub.broke());
        *self.open.borrow_mut() = Some((events, listeners));
    }

    /// The server said something: place, name, position and data.
    fn take(&self, text: &str) {
        self.heard_at.set(now());
        self.tries.set(0);
        self.broken_at.set(0.0);
        let mut parts = text.splitn(4, ' ');
        let mut part = || parts.next().unwrap_or_default();
        let (place, name, position, data) = (part(), part(), part(), part());
        if name == "beat" {
            self.post("beat");
            return;
        }
        let topic = match place.parse::<usize>() {
            Ok(place) => self.places.borrow().get(place).cloned().unwrap_or_default(),
            Err(_) => "-".to_owned(),
        };
        let position = if position == "-" { "" } else { position };
        let has_others = {
            let mut board = self.board.borrow_mut();
            board.told(&topic, position);
            let has_others = board.has_others(&self.tab);
            if matches!(name, "end" | "gone") {
                board.ended(&topic);
            }
            has_others
        };
        let frame = format!("{topic}\n{name}\n{position}\n{data}");
        if has_others {
            self.post(&format!("frame\n{frame}"));
        }
        self.deliver(&frame);
        if place == "-" {
            self.say(Link::Live);
            self.tell_link();
        }
    }

    /// Closes what is open. A listener may be the one that runs right now, so its memory is freed in the next turn.
    fn disconnect(&self) {
        self.due.set(Change::None);
        if let Some(timer) = self.timer.take() {
            timer.clear();
        }
        if let Some((events, listeners)) = self.open.borrow_mut().take() {
            events.close();
            let kept = Cell::new(Some(listeners));
            set_timeout(move || drop(kept.take()), Duration::ZERO);
        }
    }

    fn broke(&self) {
        self.disconnect();
        let n = self.tries.get();
        self.tries.set(n.saturating_add(1));
        if self.broken_at.get() == 0.0 {
            self.broken_at.set(now());
        }
        let pause = backoff(n, js_sys::Math::random());
        let is_offline = n >= OFFLINE_AFTER || !window().navigator().on_line();
        self.say(if is_offline {
            Link::Offline {
                since_ms: self.broken_at.get(),
            }
        } else {
            Link::Retrying {
                at_ms: now() + pause.as_millis() as f64,
            }
        });
        self.tell_link();
        self.set_timer(pause.as_millis() as u64);
    }

    fn listen_for_silence(&self) {
        let silent_ms = now() - self.heard_at.get();
        match self.role.get() {
            Role::Leads if self.open.borrow().is_some() && silent_ms > SILENT_MS => self.broke(),
            Role::Follows if silent_ms > SILENT_LEADER_MS && self.link.get() == Link::Live => {
                self.say(Link::Offline {
                    since_ms: self.heard_at.get(),
                });
            }
            _ => {}
        }
    }

    fn lost_network(&self) {
        if self.open.borrow().is_some() {
            self.broke();
        }
    }

    /// Back-off is for a server that does not answer; now something has changed.
    fn found_network(&self) {
        if self.role.get() == Role::Leads && self.open.borrow().is_none() && self.tries.get() > 0 {
            self.set_timer(0);
        }
    }
}

/// What another tab says of the connection.
fn link_of(text: &str) -> Link {
    let (state, ms) = first_line(text);
    // Whole numbers: reading any other would bring 10 kB of tables to every page.
    let ms = ms.parse::<u64>().unwrap_or(0) as f64;
    match state {
        "live" => Link::Live,
        "retrying" => Link::Retrying { at_ms: ms },
        "offline" => Link::Offline { since_ms: ms },
        _ => Link::Connecting,
    }
}
