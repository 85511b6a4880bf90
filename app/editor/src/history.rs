//! Taking changes back and making them again: as many as there were, each with its name.
//!
//! What is kept are the patches there and back, so that taking a change back gives the very text it was made on. Saving a draft does
//! not touch the history; it can be kept with the draft and taken up again for the same text.

use serde::{Deserialize, Serialize};

use crate::change::Patch;
use crate::text::{Sight, Step, patch};

/// Bytes of patches that a history holds; beyond it the oldest changes cannot be taken back any more. A day of work is far below.
pub const BYTES_MAX: usize = 32 * 1024 * 1024;

/// Changes of the same field or box within this time of each other are one, in milliseconds.
pub const BURST_MS: u64 = 1_000;

/// What was done, and what was taken back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    steps: Vec<Step>,
    /// How many of them are done; the rest has been taken back.
    n_done: usize,
    bytes: usize,
    /// When the last change was recorded; nothing if the next one is to stand alone.
    last_at: Option<u64>,
    /// Of the text it belongs to.
    fingerprint: u64,
}

/// What taking back or making again does to the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn<'h> {
    /// The name of the change.
    pub label: &'h str,
    /// What to apply to the text.
    pub patches: &'h [Patch],
    /// What is seen afterwards, if that is known.
    pub sight: Option<&'h Sight>,
}

/// A step as it is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed<'h> {
    /// The name of the change.
    pub label: &'h str,
    /// Whether it is done and can be taken back; else it can be made again.
    pub is_done: bool,
    /// So many steps are taken back, or made again, if it is with all between it and now.
    pub n: usize,
}

impl History {
    /// Keeps a change that has been made, at a moment in milliseconds of any clock. What had been taken back is gone then.
    pub fn record(&mut self, step: Step, at_ms: u64) {
        if step.is_empty() {
            return;
        }
        for gone in self.steps.drain(self.n_done..) {
            self.bytes -= size(&gone);
        }
        let is_burst = self
            .last_at
            .is_some_and(|last| at_ms.saturating_sub(last) <= BURST_MS);
        self.last_at = Some(at_ms);
        match self.steps.last_mut() {
            Some(last) if is_burst && step.key.is_some() && last.key == step.key => {
                self.bytes -= size(last);
                last.patches = patch::compose(&last.patches, &step.patches);
                last.inverse = patch::compose(&step.inverse, &last.inverse);
                last.notes.extend(step.notes);
                self.bytes += size(last);
            }
            _ => {
                self.bytes += size(&step);
                self.steps.push(step);
            }
        }
        self.n_done = self.steps.len();
        self.forget();
    }

    /// Keeps with the last change what was seen before it and what is seen after it.
    pub fn see(&mut self, before: Sight, after: Sight) {
        let Some(last) = self.n_done.checked_sub(1).and_then(|at| self.steps.get_mut(at)) else {
            return;
        };
        self.bytes -= size(last);
        match &mut last.sights {
            // One of several that became one step: it began with the first of them.
            Some(sights) => sights.1 = after,
            none => *none = Some(Box::new((before, after))),
        }
        self.bytes += size(last);
        self.forget();
    }

    /// The next change stands alone, whatever it is: a field was left, a key released.
    pub fn seal(&mut self) {
        self.last_at = None;
    }

    fn forget(&mut self) {
        let mut n_old = 0;
        while self.bytes > BYTES_MAX && n_old + 1 < self.steps.len() {
            self.bytes -= size(&self.steps[n_old]);
            n_old += 1;
        }
        self.steps.drain(..n_old);
        self.n_done = self.n_done.saturating_sub(n_old);
    }

    /// Takes the last change back.
    pub fn undo(&mut self) -> Option<Turn<'_>> {
        self.seal();
        self.n_done = self.n_done.checked_sub(1)?;
        let step = &self.steps[self.n_done];
        Some(Turn {
            label: &step.label,
            patches: &step.inverse,
            sight: step.sights.as_ref().map(|sights| &sights.0),
        })
    }

    /// Makes the change again that was taken back last.
    pub fn redo(&mut self) -> Option<Turn<'_>> {
        self.seal();
        let step = self.steps.get(self.n_done)?;
        self.n_done += 1;
        Some(Turn {
            label: &step.label,
            patches: &step.patches,
            sight: step.sights.as_ref().map(|sights| &sights.1),
        })
    }

    /// What can be taken back, the last change first.
    pub fn done(&self) -> impl Iterator<Item = &str> {
        self.steps[..self.n_done]
            .iter()
            .rev()
            .map(|step| step.label.as_str())
    }

    /// What can be made again, the next first.
    pub fn undone(&self) -> impl Iterator<Item = &str> {
        self.steps[self.n_done..].iter().map(|step| step.label.as_str())
    }

    /// All steps, the newest first: what has been taken back, then what is done.
    #[must_use]
    pub fn listed(&self) -> Vec<Listed<'_>> {
        let steps = self.steps.iter().enumerate().rev();
        steps
            .map(|(at, step)| {
                let is_done = at < self.n_done;
                Listed {
                    label: &step.label,
                    is_done,
                    n: if is_done {
                        self.n_done - at
                    } else {
                        at + 1 - self.n_done
                    },
                }
            })
            .collect()
    }

    /// Bytes it holds.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// To be kept with a text, and taken up again with [`History::fits`].
    #[must_use]
    pub fn kept_for(&self, text: &str) -> Self {
        let mut kept = self.clone();
        kept.steps.iter_mut().for_each(|step| step.sights = None);
        Self {
            fingerprint: fingerprint(text),
            last_at: None,
            bytes: kept.steps.iter().map(size).sum(),
            ..kept
        }
    }

    /// Whether it was kept for this very text, so that its patches fit.
    #[must_use]
    pub fn fits(&self, text: &str) -> bool {
        let is_sound =
            self.n_done <= self.steps.len() && self.bytes == self.steps.iter().map(size).sum::<usize>();
        is_sound && self.fingerprint == fingerprint(text)
    }
}

fn size(step: &Step) -> usize {
    let patches = step.patches.iter().chain(&step.inverse);
    let texts: usize = patches.map(|patch| size_of::<Patch>() + patch.text.len()).sum();
    let sights = step.sights.iter().flat_map(|sights| [&sights.0, &sights.1]);
    let seen: usize = sights
        .map(|sight| size_of::<Sight>() + sight.places.len() * 64 + sight.selection.tasks().len() * 32)
        .sum();
    size_of::<Step>() + step.label.len() + texts + seen
}

/// FNV-1a, the same on every machine.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::Source;
    use crate::change::Change;
    use crate::testing::{add, connect, move_to, remove, rename, set, typed};

    /// A session: each change with the time since the one before.
    fn session(source: &mut Source, history: &mut History, changes: &[(Change, u64)]) {
        let mut now = 0;
        for (change, after) in changes {
            now += after;
            if let Ok(step) = source.apply(change) {
                history.record(step, now);
            }
        }
    }

    fn back(source: &mut Source, history: &mut History) -> usize {
        let mut n_steps = 0;
        while let Some(turn) = history.undo() {
            source.patch(turn.patches);
            n_steps += 1;
        }
        n_steps
    }

    #[test]
    fn bursts_are_one_step() {
        let text = "flow: a\ntasks:\n  x: { type: noop }\n";
        let mut source = Source::guess(text);
        let mut history = History::default();
        let name = |name: &str| set("tasks.x.name", json!(name));
        session(
            &mut source,
            &mut history,
            &[
                (name("H"), 5000),
                (name("He"), 200),
                (name("Hey"), 1000),
                (name("Hey!"), 1001),
                (set("tasks.x.type", json!("log")), 100),
                (set("tasks.x.type", json!("log")), 100),
                (move_to("x", 1.0, 1.0), 100),
                (move_to("x", 2.0, 1.0), 100),
                (typed(0, 0, "#"), 100),
                (typed(1, 1, " a"), 100),
                (typed(3, 3, "\n"), 100),
                (connect("x -> x"), 0),
                (add("y", &["x"]), 0),
            ],
        );
        let end = source.text().to_owned();
        let labels: Vec<String> = history.done().map(str::to_owned).collect();
        expect![[r#"
            Add y
            Type
            Move x
            Change type of x
            Change name of x
            Change name of x"#]]
        .assert_eq(&labels.join("\n"));
        let kept = serde_json::to_string(&history.kept_for(source.text())).expect("it can be written");
        let mut restored: History = serde_json::from_str(&kept).expect("it can be read");
        assert!(restored.fits(&end) && !restored.fits(text));
        assert_eq!(back(&mut source, &mut restored), labels.len());
        assert_eq!(source.text(), text);
        assert_eq!(restored.undone().count(), labels.len());
    }

    #[test]
    fn steps_are_listed_with_the_way_to_them() {
        let mut source = Source::guess("flow: a\ntasks:\n  x: { type: noop }\n");
        let mut history = History::default();
        assert_eq!(history.listed(), []);
        let changes = ["y", "z", "u", "v"].map(|id| (add(id, &[]), 5000));
        session(&mut source, &mut history, &changes);
        history.undo();
        history.undo();
        let lines = |history: &History| {
            let lines = history.listed().into_iter().map(|step| {
                let way = if step.is_done { "undo" } else { "redo" };
                format!("{} ({way} {})", step.label, step.n)
            });
            lines.collect::<Vec<_>>().join(", ")
        };
        assert_eq!(
            lines(&history),
            "Add v (redo 2), Add u (redo 1), Add z (undo 1), Add y (undo 2)"
        );
        session(&mut source, &mut history, &[(add("w", &[]), 5000)]);
        assert_eq!(
            lines(&history),
            "Add w (undo 1), Add z (undo 2), Add y (undo 3)",
            "what had been taken back is gone"
        );
    }

    #[test]
    fn memory_is_bounded() {
        let mut history = History::default();
        let long = "x".repeat(BYTES_MAX / 10);
        for _ in 0..30 {
            let patches = vec![Patch::insert(0, long.as_str())];
            let inverse = vec![Patch::cut(0, long.len())];
            history.record(
                Step {
                    label: "Type".into(),
                    patches,
                    inverse,
                    ..Step::default()
                },
                0,
            );
        }
        assert!(history.bytes() <= BYTES_MAX);
        assert_eq!(history.done().count(), 9);
    }

    fn change() -> impl Strategy<Value = Change> {
        let id = prop::sample::select(vec!["a", "b", "c", "d", "load-all"]);
        let ids = (id.clone(), id);
        (ids, 0_u8..9, 0_usize..400, "[a-z:{}#\n -]{0,4}").prop_map(|((one, two), kind, at, text)| match kind
        {
            0 | 1 => add(
                one,
                if one == two {
                    &[][..]
                } else {
                    std::slice::from_ref(match two {
                        "a" => &"a",
                        _ => &"b",
                    })
                },
            ),
            2 => connect(&format!("{one} -> {two}")),
            3 => rename(one, two),
            4 => remove(&[one], at % 2 == 0),
            5 => move_to(one, at as f64, 2.5),
            6 => set(&format!("tasks.{one}.with.note"), json!(text)),
            7 => set(
                &format!("tasks.{one}.when"),
                json!(format!("tasks.{two}.state == 'x'")),
            ),
            _ => typed(at, at, &text),
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn a_session_is_undone_to_its_start_and_redone_to_its_end(
            changes in prop::collection::vec((change(), 0_u64..2000), 0..60),
            is_json in any::<bool>(),
        ) {
            let text = if is_json {
                "{\n  \"flow\": \"f\",\n  \"tasks\": {\n    \"a\": {\"type\": \"noop\"}\n  }\n}\n"
            } else {
                "# ü\nflow: f\ntasks:\n  a: # first\n    type: noop\n"
            };
            let mut source = Source::guess(text);
            let mut history = History::default();
            session(&mut source, &mut history, &changes);
            let end = source.text().to_owned();
            back(&mut source, &mut history);
            prop_assert_eq!(source.text(), text);
            while let Some(turn) = history.redo() {
                source.patch(turn.patches);
            }
            prop_assert_eq!(source.text(), end);
        }
    }
}
