//! How a decision's events are kept: one byte for the version of the encoding, then the events as compact JSON.
//!
//! What is the same for all events of a decision is written once: its first number stands in the row, instant and actor in front
//! of each stretch of events that share them. Every version that was ever written is read for ever.

use std::sync::Arc;

use flow::Timestamp;
use flow::run::event::{Event, EventKind};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Serialize, Serializer};

use super::{RunDecision, StoreError, StoreResult};

/// JSON: `[{"at": µs, "actor": "…", "events": [kind, …]}, …]`.
const JSON_STRETCHES: u8 = 1;

/// Room for the events of a short decision, so that its text is rarely moved while it grows.
const TYPICAL_BYTES: usize = 768;

/// Where in its run's log a decision belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    /// Its events have these numbers.
    Events { first: u64, last: u64 },
    /// It has none: only the row changes, which was made after this event.
    RowOnly { last: u64 },
    /// Its events' numbers do not follow one another: it fits nowhere.
    Broken,
}

impl Span {
    pub(super) fn of(decision: &RunDecision) -> Self {
        let events = &decision.events;
        let Some((head, rest)) = events.split_first() else {
            return Self::RowOnly {
                last: decision.row.last_seq,
            };
        };
        let mut last = head.seq;
        for event in rest {
            if event.seq != last + 1 {
                return Self::Broken;
            }
            last = event.seq;
        }
        if head.seq == 0 {
            Self::Broken
        } else {
            Self::Events {
                first: head.seq,
                last,
            }
        }
    }
}

#[derive(Serialize)]
struct StretchRef<'a> {
    at: i64,
    actor: &'a str,
    events: Kinds<'a>,
}

struct Kinds<'a>(&'a [Event]);

impl Serialize for Kinds<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|event| &event.kind))
    }
}

struct Stretches<'a>(&'a [Event]);

impl Serialize for Stretches<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for stretch in self.0.chunk_by(|a, b| a.at == b.at && a.actor == b.actor) {
            let head = &stretch[0];
            list.serialize_element(&StretchRef {
                at: head.at.as_micros(),
                actor: &head.actor,
                events: Kinds(stretch),
            })?;
        }
        list.end()
    }
}

#[derive(Deserialize)]
struct Stretch {
    at: i64,
    actor: Arc<str>,
    events: Vec<EventKind>,
}

/// The bytes of a decision's events.
pub(super) fn encode(events: &[Event]) -> StoreResult<Vec<u8>> {
    let mut bytes = Vec::with_capacity(TYPICAL_BYTES);
    bytes.push(JSON_STRETCHES);
    serde_json::to_writer(&mut bytes, &Stretches(events))
        .map_err(|error| StoreError::Unavailable(format!("an event cannot be written as JSON: {error}")))?;
    Ok(bytes)
}

/// The events in `bytes`, of which the first has the number `first_seq`.
pub(super) fn decode(first_seq: u64, bytes: &[u8]) -> StoreResult<Vec<Event>> {
    let unreadable = |why: String| {
        StoreError::Incompatible(format!(
            "events from number {first_seq} on cannot be read ({why}); they were written by a newer Pointwork or are damaged"
        ))
    };
    let stretches: Vec<Stretch> = match bytes.split_first() {
        Some((&JSON_STRETCHES, json)) => {
            serde_json::from_slice(json).map_err(|error| unreadable(error.to_string()))?
        }
        Some((version, _)) => return Err(unreadable(format!("their encoding has version {version}"))),
        None => return Err(unreadable("there is nothing".to_owned())),
    };
    let mut events = Vec::with_capacity(stretches.iter().map(|stretch| stretch.events.len()).sum());
    let mut seq = first_seq;
    for Stretch {
        at,
        actor,
        events: kinds,
    } in stretches
    {
        for kind in kinds {
            events.push(Event {
                seq,
                at: Timestamp::from_micros(at),
                actor: Arc::clone(&actor),
                kind,
            });
            seq += 1;
        }
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(bytes: &str, expected: Expect) {
        let mut all = vec![JSON_STRETCHES];
        all.extend_from_slice(bytes.as_bytes());
        let text = match decode(7, &all) {
            Ok(events) => {
                assert_eq!(
                    encode(&events).expect("events are JSON"),
                    all,
                    "what is read is written the same"
                );
                events
                    .iter()
                    .map(|event| format!("{} {} {} {:?}\n", event.seq, event.at, event.actor, event.kind))
                    .collect()
            }
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&text);
    }

    #[test]
    fn stored_decisions_are_read_for_ever() {
        check(
            r#"[{"at":1700000000000000,"actor":"local","events":[{"type":"run_started"}]},{"at":1700000000000001,"actor":"engine","events":[{"type":"task_succeeded","task":"a","output":{"value":{"b":[1,null]}}},{"type":"ending_step","step":"finally"}]}]"#,
            expect![[r#"
                7 2023-11-14T22:13:20Z local RunStarted
                8 2023-11-14T22:13:20.000001Z engine TaskSucceeded { task: "a", output: Inline(Object {"b": Array [Number(1), Null]}), case: None, exit_code: None, edges: [], cached_from: None }
                9 2023-11-14T22:13:20.000001Z engine EndingStep { step: Finally }
            "#]],
        );
    }

    #[test]
    fn what_cannot_be_read_says_so() {
        let mut newer = vec![JSON_STRETCHES];
        newer.extend(br#"[{"at":1,"actor":"local","events":[{"type":"unheard_of"}]}]"#);
        let error = decode(7, &newer).expect_err("no such kind").to_string();
        assert!(
            error.starts_with("events from number 7 on cannot be read (unknown variant `unheard_of`")
                && error.ends_with("they were written by a newer Pointwork or are damaged"),
            "{error}"
        );
        let error = decode(1, &[9]).expect_err("version 9 is not known").to_string();
        assert!(error.contains("version 9"), "{error}");
        assert!(decode(1, &[]).is_err());
    }

    /// A bit that fell over on the disk, or a row cut short, is an error or another event.
    #[test]
    fn damaged_rows_are_survived() {
        let mut row = vec![JSON_STRETCHES];
        row.extend(br#"[{"at":1700000000000000,"actor":"local","events":[{"type":"task_succeeded","task":"a","output":{"value":{"b":[1,null]}}},{"type":"task_scheduled","task":"b","attempt":1,"token":"att_00000000000000000000000001"},{"type":"ending_step","step":"finally"}]}]"#);
        assert_eq!(decode(1, &row).expect("it is whole").len(), 3);
        for at in 0..row.len() {
            assert!(decode(1, &row[..at]).is_err(), "cut short at {at}");
            for bit in 0..8 {
                let mut damaged = row.clone();
                damaged[at] ^= 1 << bit;
                if let Ok(events) = decode(1, &damaged) {
                    assert!(encode(&events).is_ok(), "what is read can be written");
                }
            }
        }
    }
}
