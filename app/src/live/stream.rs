//! A page's end of a topic: what it follows, and from where on. The connection behind it is the [`super::hub`]'s.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use leptos::prelude::*;

pub use super::batch::Batch;
use super::board::{Wish, has_past, is_before};
use super::hub;
use super::link::Link;

/// One frame of a topic.
pub struct Frame {
    /// Its name.
    pub name: String,
    /// Its data.
    pub data: String,
    /// Its position in the topic; no text if it has none.
    pub id: String,
}

/// What is to happen after a frame.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Go on.
    Go,
    /// Nothing more will come: close.
    Done,
}

/// What a stream needs to know.
pub struct Source {
    /// What to follow: `run:ID`, `logs:RUN/TASK`, `flow:ID`, `runs`, `stats`.
    pub topic: String,
    /// Where its reader stands. No text: at the beginning of what has a past; of what has none, a snapshot comes first.
    pub from: String,
    /// Takes a frame in. `hello` comes when the connection opens, also for topics that say none themselves.
    pub frame: Box<dyn Fn(Frame) -> Next>,
    /// What the dot is to say about it.
    pub link: Option<RwSignal<Link>>,
}

/// A followed topic. Dropping it closes it.
pub struct Stream {
    source: Source,
    /// The topic as the connection names it.
    topic: String,
    number: u32,
    /// The position of the last frame that was taken in.
    last: RefCell<String>,
    is_joined: Cell<bool>,
    is_over: Cell<bool>,
}

impl Stream {
    /// Begins to follow.
    #[must_use]
    pub fn open(source: Source) -> Rc<Self> {
        let (tab, number) = hub::follower();
        // A frame of a log is a piece of it, and two readers that stand apart cannot share pieces: each has a topic of its own.
        let topic = match source.topic.strip_prefix("logs:") {
            Some(log) => format!("logs~{tab}.{number}:{log}"),
            None => source.topic.clone(),
        };
        let stream = Rc::new(Self {
            last: RefCell::new(source.from.clone()),
            source,
            topic,
            number,
            is_joined: Cell::new(false),
            is_over: Cell::new(false),
        });
        stream.say(Link::Connecting);
        hub::add(&stream);
        stream
    }

    /// What is followed, and from where on; none once it is over.
    pub(super) fn wish(&self) -> Option<Wish> {
        (!self.is_over.get()).then(|| Wish {
            number: self.number,
            topic: self.topic.clone(),
            position: self.last.borrow().clone(),
        })
    }

    /// The connection now tells what comes next for this stream, or (`false`) begins anew and tells something else first.
    pub(super) fn join(&self, is_joined: bool) {
        self.is_joined.set(is_joined);
    }

    pub(super) fn number(&self) -> u32 {
        self.number
    }

    pub(super) fn is_of(&self, topic: &str) -> bool {
        !self.is_over.get() && (topic == "-" || (self.is_joined.get() && topic == self.topic))
    }

    /// Tells the dot.
    pub(super) fn say(&self, link: Link) {
        let Some(signal) = self.source.link else { return };
        // A page that takes frames in knows better how live it is. It may be gone already.
        let is_known = matches!(signal.try_get_untracked(), Some(Link::Live | Link::CatchingUp(_)));
        if !(link == Link::Live && is_known) {
            signal.try_set(link);
        }
    }

    /// Takes a frame in; answers whether nothing more is wanted. What was there already is left out: another tab may have asked for
    /// an earlier part.
    pub(super) fn take(&self, frame: Frame) -> bool {
        if has_past(&self.topic) && !frame.id.is_empty() {
            if !is_before(&self.last.borrow(), &frame.id) && frame.name != "reset" {
                return false;
            }
            self.last.borrow_mut().clone_from(&frame.id);
        }
        let (next, link) = match frame.name.as_str() {
            "gone" => (Next::Done, Link::Gone),
            _ => ((self.source.frame)(frame), Link::None),
        };
        if next == Next::Done {
            self.is_over.set(true);
            self.say(link);
        }
        next == Next::Done
    }

    /// Closes it for good.
    pub fn close(&self) {
        if !self.is_over.replace(true) {
            self.say(Link::None);
            hub::changed();
        }
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
