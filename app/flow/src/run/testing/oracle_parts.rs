//! The rules of items once more, naively: each list is kept as its events tell it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::doc::{FlowDoc, ItemFailureWord, OnItemFailure, TaskDoc};
use crate::payload::Payload;
use crate::run::{Event, EventKind};

/// What is known of the items of one task.
#[derive(Default)]
struct List {
    /// Of a loop, how many iterations there may be.
    n: u32,
    is_loop: bool,
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
    /// Results of items that hold from another run.
    reused: BTreeMap<String, BTreeMap<u32, Value>>,
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
            reused: BTreeMap::new(),
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
        if self.task(key).for_each.is_none() {
            return (0, 0);
        }
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

    /// Whether the task runs several times: for items or as iterations.
    pub(super) fn has(&self, key: &str) -> bool {
        self.lists.contains_key(key)
    }

    /// Notes the result of an item that holds from another run; says whether it is one of an item.
    pub(super) fn reused(&mut self, path: &str, output: &Payload) -> bool {
        let Some((key, part)) = split(path) else {
            return false;
        };
        let value = output
            .inline()
            .map(|value| Value::clone(value))
            .unwrap_or_default();
        self.reused.entry(key.to_owned()).or_default().insert(part, value);
        true
    }

    pub(super) fn listed(&mut self, event: &Event, key: &str, n: u32) {
        let mut outputs = self.reused.remove(key).unwrap_or_default();
        outputs.retain(|part, _| *part < n);
        let list = List {
            n,
            begun: outputs.keys().copied().collect(),
            settled: outputs.keys().map(|part| (*part, "succeeded")).collect(),
            outputs,
            ..List::default()
        };
        self.begins(event, key, list);
    }

    pub(super) fn loop_begun(&mut self, event: &Event, key: &str) {
        let n = self
            .task(key)
            .repeat
            .as_ref()
            .and_then(|repeat| repeat.max_iterations);
        self.begins(
            event,
            key,
            List {
                n: n.unwrap_or(100),
                is_loop: true,
                ..List::default()
            },
        );
    }

    fn begins(&mut self, event: &Event, key: &str, list: List) {
        let is_first = self.lists.insert(key.to_owned(), list).is_none();
        let seq = event.seq;
        self.expect(is_first, || format!("{seq}: the items of {key} are listed twice"));
    }

    /// The conditions the random loops are made of.
    fn holds(&self, key: &str, iteration: u32) -> Option<bool> {
        match self.task(key).repeat.as_ref()?.until.as_str() {
            "{{ iteration >= 2 }}" => Some(iteration >= 2),
            "{{ inputs.no }}" => Some(false),
            _ => None,
        }
    }

    fn parallel(&self, key: &str) -> usize {
        let task = self.task(key);
        match &task.for_each {
            Some(each) => each.max_parallel.unwrap_or(16) as usize,
            None => 1,
        }
    }

    /// Takes an event in if it is about an item; says whether it was.
    pub(super) fn event(&mut self, event: &Event, now: Now) -> bool {
        let Some((key, part)) = event.kind.task().and_then(|path| split(path)) else {
            return false;
        };
        let seq = event.seq;
        let is_stopping = self.is_stopping(key, now);
        let parallel = self.parallel(key);
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
        let judged = self.holds(key, part.saturating_sub(1));
        let Some(list) = self.lists.get_mut(key) else {
            return true;
        };
        let first = u32::from(list.is_loop);
        let goes_on = !list.is_loop || part == 1 || judged == Some(false);
        let mut told = Vec::new();
        let mut expect = |holds: bool, fault: &str| {
            if !holds {
                told.push(format!("{seq}: {key}[{part}] {fault}"));
            }
        };
        expect(part < list.n + first, "is none of the items");
        expect(!list.is_over, "moves though its task is over");
        expect(!list.settled.contains_key(&part), "moves after it settled");
        if list.begun.insert(part) {
            expect(
                (first..part).all(|other| list.begun.contains(&other)),
                "begins before another",
            );
            expect(goes_on, "begins though its loop is over");
            expect(!is_stopped && !now.paused, "begins though none may");
            let n_open = list.begun.len() - list.settled.len();
            expect(n_open <= parallel, "begins though there is no room");
        }
        let mut settled = None;
        match &event.kind {
            EventKind::TaskScheduled { .. } | EventKind::ChildRequested { .. } => {
                expect(list.out.insert(part), "has two attempts at once");
                expect(!is_stopped && !now.paused, "is tried though none may");
            }
            EventKind::AttemptStarted { .. } | EventKind::ChildStarted { .. } => {
                expect(list.out.contains(&part), "starts unasked")
            }
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
        if list.is_loop {
            return self.loop_settles(event, &key, is_stopping);
        }
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

    fn loop_settles(&mut self, event: &Event, key: &str, is_stopping: bool) {
        let seq = event.seq;
        let list = &self.lists[key];
        let last = list.begun.len() as u32;
        let how = list.settled.get(&last).copied();
        let judged = self.holds(key, last);
        let may = match &event.kind {
            EventKind::TaskSucceeded { output, .. } => {
                let wanted = list.outputs.get(&last).cloned().unwrap_or_default();
                let gives_it = output.inline().is_none_or(|value| **value == wanted);
                how == Some("succeeded") && judged == Some(true) && gives_it && !is_stopping
            }
            EventKind::TaskFailed { .. } => {
                let is_used_up = judged == Some(false) && last == list.n;
                let is_over = how == Some("succeeded") && (judged.is_none() || is_used_up);
                (how == Some("failed") || is_over) && !is_stopping
            }
            EventKind::TaskCancelled { .. } => true,
            _ => return,
        };
        self.expect(may, || {
            format!("{seq}: the loop of {key} must not end so after {last}")
        });
        if let Some(list) = self.lists.get_mut(key) {
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
            let room = n_open < self.parallel(key);
            let more = list.begun.len() < list.n as usize;
            if n_open == 0 && (is_stopped || !more || list.is_loop) {
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
    if let Some((key, rest)) = path.split_once('#') {
        return Some((key, rest.parse().ok()?));
    }
    let (key, rest) = path.split_once('[')?;
    Some((key, rest.strip_suffix(']')?.parse().ok()?))
}
