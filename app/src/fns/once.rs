//! What is read for a page is read once. The server makes parts of a page more than once, and writes the last, while the browser takes
//! over what was read first: a log that has grown in between would be another one there.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use leptos::prelude::{provide_context, use_context};

/// What was read for the page that is being written, by what was asked.
#[derive(Clone, Default)]
struct Reads(Arc<Mutex<HashMap<String, Box<dyn Any + Send>>>>);

/// From here on this is one page.
pub(crate) fn begin_page() {
    provide_context(Reads::default());
}

/// What was read for this page when the same was asked first. What a browser asks for later is read each time.
pub(super) async fn once<T: Clone + Send + 'static>(asked: String, read: impl Future<Output = T>) -> T {
    let Some(Reads(reads)) = use_context::<Reads>() else {
        return read.await;
    };
    let known = |asked: &str| {
        let reads = reads.lock().unwrap_or_else(PoisonError::into_inner);
        reads
            .get(asked)
            .and_then(|known| known.downcast_ref::<T>())
            .cloned()
    };
    if let Some(known) = known(&asked) {
        return known;
    }
    let value = read.await;
    // Two may have read at once: the first to end is believed.
    if let Some(known) = known(&asked) {
        return known;
    }
    let mut reads = reads.lock().unwrap_or_else(PoisonError::into_inner);
    reads.insert(asked, Box::new(value.clone()));
    value
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use leptos::prelude::Owner;

    use super::*;

    /// The value of a future that waits for nothing.
    fn now<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("it waits"),
        }
    }

    #[test]
    fn a_page_reads_the_same_once() {
        let n = Cell::new(0);
        let read = |asked: &str| {
            now(once(asked.to_owned(), async {
                n.set(n.get() + 1);
                n.get()
            }))
        };
        Owner::new().with(|| assert_eq!([read("log"), read("log")], [1, 2]));
        Owner::new().with(|| {
            begin_page();
            assert_eq!(
                [read("log"), read("log"), read("other"), read("log")],
                [3, 3, 4, 3]
            );
        });
    }
}
