//! The rules of items once more, naively: each list is kept as its events tell it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::doc::{FlowDoc, ItemFailureWord, OnItemFailure, TaskDoc};
use crate::run::{Event, EventKind};

/// What is known of the items of one task.
#[derive(Default)]
struct List {
    n: u32,
    begun: BTreeSet<u32>,
    settled: BTreeMap<u32, &'static str>,
    outputs: BTreeMap<u32, Value>,
    out: BTreeSet<u32>,
    n_attempts_failed: BTreeMap<u32, u32>,
    is_over: bool,
}

impl List {
    fn n_failed(&self) -> u32 {
        self.settled.values().filter(|how| **how == "failed").count() as u32
    }
}

/// All lists of a run.
pub(super) struct Lists<'d> {
    doc: &'d FlowDoc,
    lists: BTreeMap<String, List>,
    pub(super) faults: Vec<String>,
}

/// What the rest of the run allows just now.
#[derive(Clone, Copy)]
pub(super) struct Now {
    /// Whether nothing may start.
    pub(super) paused: bool,
    /// Whether the work is over.
    pub(super) ending: bool,
}

impl<'d> Lists<'d> {
    pub(super) fn new(doc: &'d FlowDoc) -> Self {
        Self {
            doc,
            lists: BTreeMap::new(),
            faults: Vec::new(),
        }
    }

    fn task(&self, key: &str) -> &'d TaskDoc {
        let groups = [&self.doc.tasks, &self.doc.finally, &self.doc.on_failure];
        groups
            .into_iter()
            .find_map(|group| group.get(key))
            .expect("a task")
    }

    fn is_stopping(&self, key: &str, now: Now) -> bool {
        now.ending && self.doc.tasks.contains_key(key)
    }

    /// How many may fail before the rest are stopped, and how many with the task still succeeding.
    fn bounds(&self, key: &str, n: u32) -> (u32, u32) {
        match &self
            .task(key)
            .for_each
            .as_ref()
            .expect("it has items")
            .on_item_failure
        {
            OnItemFailure::Word(ItemFailureWord::FailFast) => (0, 0),
            OnItemFailure::Word(ItemFailureWord::Continue) => (n, 0),
            OnItemFailure::Tolerate(share) => {
                let percent: u32 = share.tolerate.trim_end_matches('%').parse().expect("whole");
                (n * percent / 100, n * percent / 100)
            }
        }
    }

    fn expect(&mut self, holds: bool, fault: impl FnOnce() -> String) {
        if !holds {
            self.faults.push(fault());
        }
    }

    pub(super) fn listed(&mut self, event: &Event, key: &str, n: u32) {
        let list = List { n, ..List::default() };
        let is_first = self.lists.insert(key.to_owned(), list).is_none();
        let seq = event.seq;
        self.expect(is_first, || format!("{seq}: the items of {key} are listed twice"));
    }

    /// Takes an event in if it is about an item; says whether it was.
    pub(super) fn event(&mut self, event: &Event, now: Now) -> bool {
        let Some((key, part)) = event.kind.task().and_then(|path| split(path)) else {
            return false;
        };
        let seq = event.seq;
        let is_stopping = self.is_stopping(key, now);
        let parallel = self
            .task(key)
            .for_each
            .as_ref()
            .and_then(|each| each.max_parallel)
            .unwrap_or(16);
        let max_attempts = self
            .task(key)
            .retry
            .as_ref()
            .map_or(1, |retry| retry.max_attempts);
        let Some(list) = self.lists.get(key) else {
            self.faults
                .push(format!("{seq}: an item of {key} before they are listed"));
            return true;
        };
        let (before_stop, _) = self.bounds(key, list.n);
        let is_stopped = is_stopping || list.n_failed() > before_stop;
        let Some(list) = self.lists.get_mut(key) else {
            return true;
        };
        let mut told = Vec::new();
        let mut expect = |holds: bool, fault: &str| {
            if !holds {
                told.push(format!("{seq}: {key}[{part}] {fault}"));
            }
        };
        expect(part < list.n, "is none of the items");
        expect(!list.is_over, "moves though its task is over");
        expect(!list.settled.contains_key(&part), "moves after it settled");
        if list.begun.insert(part) {
            expect(part as usize + 1 == list.begun.len(), "begins before another");
            expect(!is_stopped && !now.paused, "begins though none may");
            let n_open = list.begun.len() - list.settled.len();
            expect(n_open <= parallel as usize, "begins though there is no room");
        }
        let mut settled = None;
        match &event.kind {
            EventKind::TaskScheduled { .. } => {
                expect(list.out.insert(part), "has two attempts at once");
                expect(!is_stopped && !now.paused, "is tried though none may");
            }
            EventKind::AttemptStarted { .. } => expect(list.out.contains(&part), "starts unasked"),
            EventKind::AttemptFailed { .. } => {
                list.out.remove(&part);
                let n_failed = list.n_attempts_failed.entry(part).or_default();
                *n_failed += 1;
                expect(*n_failed < max_attempts, "is tried too often");
                expect(!is_stopped, "is to be tried though none may");
            }
            EventKind::TaskWaiting { .. } | EventKind::AttemptLost { .. } => {
                list.out.remove(&part);
                expect(!is_stopped, "waits though it is stopped");
            }
            EventKind::TaskDue { .. } => expect(now.paused, "is due and waits"),
            EventKind::TaskSucceeded { output, .. } => {
                if let Some(value) = output.inline() {
                    list.outputs.insert(part, Value::clone(value));
                }
                settled = Some("succeeded");
            }
            EventKind::TaskFailed { .. } => settled = Some("failed"),
            EventKind::TaskSkipped { .. } => settled = Some("skipped"),
            EventKind::TaskCancelled { .. } => {
                expect(is_stopped, "is cancelled for no reason");
                settled = Some("cancelled");
            }
            _ => expect(false, "cannot have such an event"),
        }
        if let Some(how) = settled {
            list.out.remove(&part);
            list.settled.insert(part, how);
        }
        self.faults.append(&mut told);
        true
    }

    /// The task itself settles.
    pub(super) fn task_event(&mut self, event: &Event, now: Now) {
        let Some(key) = event.kind.task().map(ToString::to_string) else {
            return;
        };
        let seq = event.seq;
        let is_stopping = self.is_stopping(&key, now);
        let Some(list) = self.lists.get(&key) else { return };
        let (before_stop, tolerated) = self.bounds(&key, list.n);
        let n_failed = list.n_failed();
        let none_open = list.begun.len() == list.settled.len();
        let all = list.settled.len() == list.n as usize;
        match &event.kind {
            EventKind::TaskSucceeded { output, .. } => {
                let wanted: Vec<Value> = (0..list.n)
                    .map(|part| list.outputs.get(&part).cloned().unwrap_or_default())
                    .collect();
                let fits = output
                    .inline()
                    .is_none_or(|value| **value == Value::Array(wanted));
                let may = all && n_failed <= tolerated && fits && !is_stopping;
                self.expect(may, || {
                    format!("{seq}: {key} must not succeed: {n_failed} failed")
                });
            }
            EventKind::TaskFailed { .. } => {
                let may = none_open && n_failed > tolerated && (all || n_failed > before_stop);
                self.expect(may && !is_stopping, || {
                    format!("{seq}: {key} must not fail: {n_failed} failed")
                });
            }
            EventKind::TaskCancelled { .. } => {}
            _ => return,
        }
        if let Some(list) = self.lists.get_mut(&key) {
            list.is_over = true;
        }
    }

    /// Nothing is left to be decided.
    pub(super) fn rest(&mut self, seq: u64, now: Now) {
        let mut told = Vec::new();
        for (key, list) in self.lists.iter().filter(|(_, list)| !list.is_over) {
            let n_open = list.begun.len() - list.settled.len();
            let (before_stop, _) = self.bounds(key, list.n);
            let is_stopped = self.is_stopping(key, now) || list.n_failed() > before_stop;
            let parallel = self
                .task(key)
                .for_each
                .as_ref()
                .and_then(|each| each.max_parallel);
            let room = n_open < parallel.unwrap_or(16) as usize;
            let more = list.begun.len() < list.n as usize;
            if n_open == 0 && (is_stopped || !more) {
                told.push(format!("{seq}: all items of {key} have settled, but it has not"));
            }
            if !is_stopped && more && room {
                told.push(format!("{seq}: an item of {key} is left alone"));
            }
        }
        self.faults.append(&mut told);
    }
}

/// The task and the number of an item's path.
fn split(path: &str) -> Option<(&str, u32)> {
    let (key, rest) = path.split_once('[')?;
    Some((key, rest.strip_suffix(']')?.parse().ok()?))
}
