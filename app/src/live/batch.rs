//! Many small things taken in together.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use leptos::prelude::*;

/// Collects things and hands them over once per frame of the screen.
pub struct Batch<T> {
    items: RefCell<Vec<T>>,
    is_due: Cell<bool>,
    /// Gone as soon as what it was made for is.
    life: StoredValue<()>,
    flush: Box<dyn Fn(Vec<T>)>,
}

/// A hidden page draws no frames, and nobody looks: past so many, things are handed over nevertheless.
const BATCH_MAX: usize = 5000;

impl<T: 'static> Batch<T> {
    /// A batch that is handed to `flush` as long as the reactive owner of the caller lives: a frame may come after the end of a page
    /// or a panel, whose signals are no more.
    pub fn new(flush: impl Fn(Vec<T>) + 'static) -> Rc<Self> {
        Rc::new(Self {
            items: RefCell::default(),
            is_due: Cell::new(false),
            life: StoredValue::new(()),
            flush: Box::new(flush),
        })
    }

    /// Adds a thing.
    pub fn push(self: &Rc<Self>, item: T) {
        self.items.borrow_mut().push(item);
        if self.items.borrow().len() > BATCH_MAX {
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
        if !items.is_empty() && !self.life.is_disposed() {
            (self.flush)(items);
        }
    }
}
