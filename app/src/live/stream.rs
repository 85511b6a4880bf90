//! The browser's end of a stream of server-sent events.
//!
//! `EventSource` alone is not enough: it tries for ever at its own pace and does not say what it is doing. So each break
//! closes it, and a new one is opened after [`backoff`], asking for what comes after the last thing that was taken in.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use leptos::leptos_dom::helpers::{TimeoutHandle, set_timeout_with_handle};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Event, EventSource, MessageEvent};

use super::link::{Link, OFFLINE_AFTER, backoff};

/// One frame of a stream.
pub struct Frame {
    /// Its name; `message` if it has none.
    pub name: String,
    /// Its data.
    pub data: String,
    /// Its position in the stream, if it has one.
    pub id: String,
}

/// What is to happen after a frame.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Go on.
    Go,
    /// Nothing more will come: close.
    Done,
    /// Something is missing: open again from where the reader stands.
    Again,
}

/// What a stream needs to know.
pub struct Source {
    /// Where to ask; called at each opening, so that it can name the reader's position.
    pub url: Box<dyn Fn() -> String>,
    /// The names of frames to listen for.
    pub names: &'static [&'static str],
    /// Takes a frame in.
    pub frame: Box<dyn Fn(Frame) -> Next>,
    /// What the dot is to say about it.
    pub link: Option<RwSignal<Link>>,
}

/// How long a page may be hidden before its streams close: browsers allow six connections to a server, for all tabs.
const HIDDEN_MS: u64 = 30_000;

type OnEvent = Closure<dyn FnMut(Event)>;

/// An open stream. Dropping it closes it.
pub struct Stream {
    source: Source,
    me: Weak<Self>,
    open: RefCell<Option<(EventSource, Vec<OnEvent>)>>,
    timer: Cell<Option<TimeoutHandle>>,
    sleeper: Cell<Option<TimeoutHandle>>,
    tries: Cell<u32>,
    broken_at: Cell<f64>,
    is_over: Cell<bool>,
    on_visible: RefCell<Option<OnEvent>>,
}

impl Stream {
    /// Opens a stream.
    #[must_use]
    pub fn open(source: Source) -> Rc<Self> {
        let stream = Rc::new_cyclic(|me| Self {
            source,
            me: Weak::clone(me),
            open: RefCell::default(),
            timer: Cell::default(),
            sleeper: Cell::default(),
            tries: Cell::new(0),
            broken_at: Cell::new(0.0),
            is_over: Cell::new(false),
            on_visible: RefCell::default(),
        });
        stream.watch_visibility();
        stream.say(Link::Connecting);
        stream.connect();
        stream
    }

    fn say(&self, link: Link) {
        if let Some(signal) = self.source.link {
            // The page may be gone already.
            signal.try_set(link);
        }
    }

    /// What `then` does with the stream, later, if there still is one.
    fn later(&self, then: impl Fn(&Self) + 'static) -> impl Fn() + 'static {
        let me = Weak::clone(&self.me);
        move || {
            if let Some(stream) = me.upgrade() {
                then(&stream);
            }
        }
    }

    fn connect(&self) {
        self.disconnect();
        let Ok(events) = EventSource::new(&(self.source.url)()) else {
            self.broke();
            return;
        };
        let mut listeners = Vec::new();
        for name in self.source.names {
            let me = Weak::clone(&self.me);
            let listener: OnEvent = Closure::new(move |event: Event| {
                if let (Some(stream), Ok(message)) = (me.upgrade(), event.dyn_into::<MessageEvent>()) {
                    stream.take(&message);
                }
            });
            // Adding a listener fails for no name.
            let _ = events.add_event_listener_with_callback(name, listener.as_ref().unchecked_ref());
            listeners.push(listener);
        }
        let broke = self.later(Self::broke);
        let listener: OnEvent = Closure::new(move |_| broke());
        events.set_onerror(Some(listener.as_ref().unchecked_ref()));
        listeners.push(listener);
        *self.open.borrow_mut() = Some((events, listeners));
    }

    fn take(&self, message: &MessageEvent) {
        if self.tries.replace(0) > 0 || self.broken_at.get() > 0.0 {
            self.broken_at.set(0.0);
        }
        let frame = Frame {
            name: message.type_(),
            data: message.data().as_string().unwrap_or_default(),
            id: message.last_event_id(),
        };
        match (self.source.frame)(frame) {
            Next::Go => {}
            Next::Done => {
                self.is_over.set(true);
                self.disconnect();
                self.say(Link::None);
            }
            Next::Again => self.broke(),
        }
    }

    /// Closes what is open. A listener may be the one that runs right now, so its memory is freed in the next turn.
    fn disconnect(&self) {
        if let Some(timer) = self.timer.take() {
            timer.clear();
        }
        if let Some((events, listeners)) = self.open.borrow_mut().take() {
            events.set_onerror(None);
            events.close();
            let keep = Cell::new(Some(listeners));
            set_timeout(move || drop(keep.take()), Duration::ZERO);
        }
    }

    fn broke(&self) {
        self.disconnect();
        if self.is_over.get() {
            return;
        }
        let n = self.tries.get();
        self.tries.set(n.saturating_add(1));
        let now = js_sys::Date::now();
        if self.broken_at.get() == 0.0 {
            self.broken_at.set(now);
        }
        let pause = backoff(n, js_sys::Math::random());
        self.say(if n >= OFFLINE_AFTER {
            Link::Offline {
                since_ms: self.broken_at.get(),
            }
        } else {
            Link::Retrying {
                at_ms: now + pause.as_millis() as f64,
            }
        });
        self.timer
            .set(set_timeout_with_handle(self.later(Self::connect), pause).ok());
    }

    fn watch_visibility(&self) {
        let changed = self.later(Self::visibility_changed);
        let listener: OnEvent = Closure::new(move |_| changed());
        let _ = document()
            .add_event_listener_with_callback("visibilitychange", listener.as_ref().unchecked_ref());
        *self.on_visible.borrow_mut() = Some(listener);
    }

    fn visibility_changed(&self) {
        if let Some(sleeper) = self.sleeper.take() {
            sleeper.clear();
        }
        if self.is_over.get() {
            return;
        }
        if document().hidden() {
            let sleep = self.later(|stream| {
                stream.disconnect();
                stream.say(Link::Asleep);
            });
            self.sleeper
                .set(set_timeout_with_handle(sleep, Duration::from_millis(HIDDEN_MS)).ok());
        } else if self.open.borrow().is_none() {
            self.tries.set(0);
            self.connect();
        }
    }

    /// Closes it for good.
    pub fn close(&self) {
        self.is_over.set(true);
        self.disconnect();
        if let Some(sleeper) = self.sleeper.take() {
            sleeper.clear();
        }
        if let Some(listener) = self.on_visible.borrow_mut().take() {
            let _ = document()
                .remove_event_listener_with_callback("visibilitychange", listener.as_ref().unchecked_ref());
        }
        self.say(Link::None);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.close();
    }
}

/// Keeps a stream open as long as the reactive owner of the caller lives.
pub fn keep(stream: Rc<Stream>) {
    let kept = StoredValue::new_local(Some(stream));
    on_cleanup(move || {
        kept.try_update_value(|stream| {
            if let Some(stream) = stream.take() {
                stream.close();
            }
        });
    });
}

/// Collects things and hands them over once per frame of the screen.
pub struct Batch<T> {
    items: RefCell<Vec<T>>,
    is_due: Cell<bool>,
    flush: Box<dyn Fn(Vec<T>)>,
}

/// A hidden page draws no frames: past so many, things are handed over at once.
const BATCH_MAX: usize = 5000;

impl<T: 'static> Batch<T> {
    /// A batch that is handed to `flush`.
    pub fn new(flush: impl Fn(Vec<T>) + 'static) -> Rc<Self> {
        Rc::new(Self {
            items: RefCell::default(),
            is_due: Cell::new(false),
            flush: Box::new(flush),
        })
    }

    /// Adds a thing.
    pub fn push(self: &Rc<Self>, item: T) {
        self.items.borrow_mut().push(item);
        if self.items.borrow().len() > BATCH_MAX || document().hidden() {
            self.flush();
        } else if !self.is_due.replace(true) {
            let me = Rc::clone(self);
            request_animation_frame(move || {
                me.is_due.set(false);
                me.flush();
            });
        }
    }

    /// Hands over what there is.
    pub fn flush(&self) {
        let items = self.items.take();
        if !items.is_empty() {
            (self.flush)(items);
        }
    }
}
