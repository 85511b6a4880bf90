//! The events of a run as a page has them, with states kept along the way, so that any moment is near one of them.

use std::sync::Arc;

use flow::run::{Event, RunState};
use flow::{Plan, Timestamp};

/// So many events lie between two kept states, at first.
const EVERY: u64 = 500;

/// So many states are kept. A run with more events keeps every other of them and goes on at twice the distance: a state of a large
/// run takes megabytes.
const KEYFRAMES_MAX: usize = 48;

/// The events of a run from the first on, as far as they are known.
#[derive(Debug)]
pub struct Log {
    plan: Arc<Plan>,
    events: Vec<Event>,
    /// What all of them add up to.
    head: Option<RunState>,
    keyframes: Vec<RunState>,
    every: u64,
}

impl Log {
    /// A log that knows nothing yet.
    #[must_use]
    pub fn new(plan: Arc<Plan>) -> Self {
        Self {
            plan,
            events: Vec::new(),
            head: None,
            keyframes: Vec::new(),
            every: EVERY,
        }
    }

    /// The number of the last event that is known; 0 for none.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.events.last().map_or(0, |event| event.seq)
    }

    /// Takes in what follows, oldest first. What is there already, or does not follow, is left out.
    pub fn push(&mut self, events: impl IntoIterator<Item = Event>) {
        for event in events {
            if event.seq != self.last_seq() + 1 {
                continue;
            }
            match &mut self.head {
                None => match RunState::begin(Arc::clone(&self.plan), &event) {
                    Ok(state) => self.head = Some(state),
                    Err(_) => return,
                },
                Some(head) => head.apply(&event),
            }
            self.events.push(event);
            self.keep();
        }
    }

    /// Takes in an event that has just happened, if all before it are known.
    pub fn follow(&mut self, event: &Event) {
        if self.last_seq() > 0 && event.seq == self.last_seq() + 1 {
            self.push([event.clone()]);
        }
    }

    fn keep(&mut self) {
        let Some(head) = self
            .head
            .as_ref()
            .filter(|head| head.last_seq().is_multiple_of(self.every))
        else {
            return;
        };
        self.keyframes.push(head.clone());
        if self.keyframes.len() > KEYFRAMES_MAX {
            self.every *= 2;
            let every = self.every;
            self.keyframes
                .retain(|state| state.last_seq().is_multiple_of(every));
        }
    }

    /// An event by its number.
    #[must_use]
    pub fn event(&self, seq: u64) -> Option<&Event> {
        self.events.get(usize::try_from(seq.checked_sub(1)?).ok()?)
    }

    /// All that is known.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The run after an event; none if the events up to it are not known.
    #[must_use]
    pub fn at(&self, seq: u64) -> Option<RunState> {
        if seq == 0 || seq > self.last_seq() {
            return None;
        }
        let before = self.keyframes.partition_point(|state| state.last_seq() <= seq);
        let mut state = match before.checked_sub(1).and_then(|at| self.keyframes.get(at)) {
            Some(keyframe) => keyframe.clone(),
            None => RunState::begin(Arc::clone(&self.plan), self.events.first()?).ok()?,
        };
        for event in self.range(state.last_seq(), seq)? {
            state.apply(event);
        }
        Some(state)
    }

    /// The events after one up to another, if they are known and fewer than lie between two kept states.
    #[must_use]
    pub fn between(&self, after: u64, to: u64) -> Option<&[Event]> {
        self.range(after, to)
            .filter(|events| (events.len() as u64) < self.every)
    }

    fn range(&self, after: u64, to: u64) -> Option<&[Event]> {
        self.events
            .get(usize::try_from(after).ok()?..usize::try_from(to).ok()?)
    }

    /// The number of the last event that was decided at this time or before.
    #[must_use]
    pub fn seq_at(&self, time: Timestamp) -> u64 {
        self.events.partition_point(|event| event.at <= time) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{fan, plan};

    /// Whatever the distance of the kept states, any moment is what folding from the first event makes it.
    #[test]
    fn any_moment_is_the_fold_of_the_events_before_it() {
        let (document, events) = fan(80);
        let plan = plan(&document);
        let mut log = Log::new(Arc::clone(&plan));
        log.every = 3;
        log.push(events.clone());
        assert!(log.keyframes.len() <= KEYFRAMES_MAX, "{}", log.keyframes.len());
        assert!(log.every > 3, "they were thinned");
        for seq in 1..=events.len() {
            let expected = RunState::replay(Arc::clone(&plan), &events[..seq]).expect("a whole log");
            assert_eq!(log.at(seq as u64).as_ref(), Some(&expected), "at {seq}");
        }
        assert_eq!(log.at(0), None);
        assert_eq!(log.at(events.len() as u64 + 1), None);
    }

    #[test]
    fn only_what_follows_is_taken_in() {
        let (document, events) = fan(2);
        let mut log = Log::new(plan(&document));
        // What happens before anybody travels is not kept.
        log.follow(&events[0]);
        assert_eq!(log.last_seq(), 0);
        log.push(events[..4].to_vec());
        log.push(events[2..5].to_vec());
        log.push(events[7..].to_vec());
        assert_eq!(log.last_seq(), 5);
        log.follow(&events[5]);
        assert_eq!(log.last_seq(), 6);
        assert_eq!(log.event(6), Some(&events[5]));
        assert_eq!(log.event(0), None);
        assert_eq!(log.between(4, 6).map(<[Event]>::len), Some(2));
        assert_eq!(log.between(4, 9), None);
        assert_eq!(log.seq_at(events[3].at), 4);
    }
}
