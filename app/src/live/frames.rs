//! What the stream of a run says, taken into the run.

#[cfg(feature = "hydrate")]
use std::rc::Rc;

use flow::Timestamp;
#[cfg(feature = "hydrate")]
use flow::run::Event;
#[cfg(feature = "hydrate")]
use leptos::prelude::*;
use serde::Deserialize;

#[cfg(feature = "hydrate")]
use super::run::LiveRun;
#[cfg(feature = "hydrate")]
use super::stream::{Batch, Frame, Next};
#[cfg(feature = "hydrate")]
use crate::parts::Clock;

/// The first frame of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Hello {
    /// The server's clock.
    pub server_now: Timestamp,
    /// The last event there is.
    #[serde(default)]
    pub last_seq: u64,
}

/// Takes a frame in. Events go into the batch; `refetch` asks for a whole snapshot.
#[cfg(feature = "hydrate")]
pub fn take(
    frame: &Frame,
    run: LiveRun,
    clock: Clock,
    batch: &Rc<Batch<Event>>,
    refetch: impl FnOnce(),
) -> Next {
    match frame.name.as_str() {
        "hello" => {
            if let Ok(hello) = serde_json::from_str::<Hello>(&frame.data) {
                clock.set(hello.server_now);
                run.hello(hello.last_seq);
            }
        }
        "reset" => refetch(),
        "end" => {
            batch.flush();
            if !run.is_over.get_untracked() {
                refetch();
            }
            return Next::Done;
        }
        _ => {
            if let Ok(event) = serde_json::from_str(&frame.data) {
                batch.push(event);
            }
        }
    }
    Next::Go
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hello_is_read() {
        let hello: Hello =
            serde_json::from_str(r#"{"server_now":"2026-01-01T00:00:00Z","last_seq":7,"more":1}"#)
                .expect("is a hello");
        assert_eq!(
            hello,
            Hello {
                server_now: Timestamp::from_millis(1_767_225_600_000),
                last_seq: 7
            }
        );
    }
}
