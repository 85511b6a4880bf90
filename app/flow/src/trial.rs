//! Trying a document out before it is saved as a version: all of it, up to a task, or one task alone.
//!
//! A trial is an ordinary run. It is of a version that no list shows and nobody can start again by number; those are counted from
//! [`TRIAL_FIRST`] on, so that the versions people save go on as 1, 2, 3.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::doc::{EdgeDoc, FlowDoc, Join, NeedDoc, OneOrMany, TaskDoc};

/// Versions from this one on are of documents that were tried out.
pub const TRIAL_FIRST: u32 = 1 << 30;

/// Stands for who gave an output where one task runs alone and nothing is known of what comes before it.
pub const UNKNOWN: &str = "unknown";

/// Stands for who gave an output where one task runs alone on what others gave in earlier runs.
pub const RECORDED: &str = "recorded";

/// Whether a version is of a document that was tried out and not saved.
#[must_use]
pub const fn is_trial(version: u32) -> bool {
    version >= TRIAL_FIRST
}

/// How much of a document is tried out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All of it.
    #[default]
    Whole,
    /// A task and all that comes before it.
    To(String),
    /// A task, with outputs of what comes before it that are given.
    One(String),
}

impl Scope {
    /// The task it ends at.
    #[must_use]
    pub fn task(&self) -> Option<&str> {
        match self {
            Self::Whole => None,
            Self::To(task) | Self::One(task) => Some(task),
        }
    }
}

/// The tasks that come before a task, and what those need, in the order of the document; none if there is no such task.
#[must_use]
pub fn before(doc: &FlowDoc, task: &str) -> Option<Vec<String>> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&str> = vec![doc.tasks.get_key_value(task)?.0];
    while let Some(id) = open.pop() {
        let needs = doc.tasks.get(id).map_or(&[][..], |task| &task.needs);
        for need in needs {
            if found.insert(need.task()) {
                open.push(need.task());
            }
        }
    }
    let in_order = doc.tasks.keys().filter(|id| found.contains(id.as_str()));
    Some(in_order.cloned().collect())
}

/// The part of a document that a trial runs; none if there is no such task. Of its failure nobody is told but who looks at it.
///
/// A part of a flow has no ending of its own: `finally`, `on_failure` and `outputs` may name tasks that are not in it. Where one task is run alone, what comes before it is there to be looked at only, so every edge is taken.
#[must_use]
pub fn cut(doc: &FlowDoc, scope: &Scope) -> Option<FlowDoc> {
    let quiet = FlowDoc {
        notify: IndexMap::new(),
        ..doc.clone()
    };
    let Some(target) = scope.task() else {
        return Some(quiet);
    };
    let before = before(doc, target)?;
    let is_kept = |id: &str| id == target || before.iter().any(|before| before == id);
    let mut part = FlowDoc {
        tasks: IndexMap::new(),
        finally: IndexMap::new(),
        on_failure: IndexMap::new(),
        outputs: serde_json::Map::new(),
        notes: IndexMap::new(),
        groups: IndexMap::new(),
        ..quiet
    };
    part.layout.retain(|id, _| is_kept(id));
    part.pins.retain(|id, _| is_kept(id));
    for (id, task) in doc.tasks.iter().filter(|(id, _)| is_kept(id)) {
        let task = match scope {
            Scope::One(_) => alone(task, id == target),
            _ => task.clone(),
        };
        part.tasks.insert(id.clone(), task);
    }
    Some(part)
}

/// A task whose edges are all taken. What is not run itself loses what it would do more than once, for its output is given as a whole.
fn alone(task: &TaskDoc, is_target: bool) -> TaskDoc {
    let mut task = TaskDoc {
        needs: task.needs.iter().map(always).collect(),
        join: Join::All,
        when: None,
        undo: None,
        // Whoever runs a task alone wants to see it run.
        disabled: task.disabled && !is_target,
        ..task.clone()
    };
    if !is_target {
        (task.for_each, task.repeat) = (None, None);
    }
    task
}

fn always(need: &NeedDoc) -> NeedDoc {
    NeedDoc::Edge(EdgeDoc {
        task: need.task().to_owned(),
        on: Some(OneOrMany::One("always".to_owned())),
        when: None,
        handles: need.handles(),
    })
}

#[cfg(all(test, feature = "author"))]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::parse::{Format, parse, to_yaml};

    const FLOW: &str = "\
flow: f
tasks:
  a: { type: log, with: { message: m } }
  s: { type: switch, needs: [a], with: { cases: { big: 'true' } } }
  b: { type: log, needs: [{ task: s, on: big, when: 'true' }], for_each: { items: [1] }, with: { message: m } }
  c: { type: log, needs: [b, { task: a, on: failed }], join: any, with: { message: m } }
  d: { type: noop, needs: [c] }
finally: { z: { type: noop } }
outputs: { d: '{{ tasks.d.output }}' }
notify: { n: { failure: true, mail: { to: a@b.c, smtp: '{{ secrets.smtp }}' } } }
layout: { a: [0, 0], d: [8, 8] }
pins: { a: 1, d: 2 }
";

    fn check(scope: &Scope, expected: Expect) {
        let doc = parse(FLOW.as_bytes(), Format::Yaml).expect("a flow").doc;
        let shown =
            cut(&doc, scope).map_or_else(|| "there is no such task".to_owned(), |part| to_yaml(&part));
        expected.assert_eq(&shown);
    }

    #[test]
    fn a_part_has_what_comes_before_and_no_ending() {
        check(
            &Scope::To("b".to_owned()),
            expect![[r#"
            flow: f
            tasks:
              a:
                type: log
                with:
                  message: m
              s:
                type: switch
                needs: [a]
                with:
                  cases:
                    big: "true"
              b:
                type: log
                needs: [{ task: s, on: big, when: "true" }]
                with:
                  message: m
                for_each:
                  items: [1]
            layout:
              a: [0.0, 0.0]
            pins:
              a: 1
        "#]],
        );
        check(
            &Scope::One("c".to_owned()),
            expect![[r#"
            flow: f
            tasks:
              a:
                type: log
                with:
                  message: m
              s:
                type: switch
                needs: [{ task: a, on: always }]
                with:
                  cases:
                    big: "true"
              b:
                type: log
                needs: [{ task: s, on: always }]
                with:
                  message: m
              c:
                type: log
                needs: [{ task: b, on: always }, { task: a, on: always }]
                with:
                  message: m
            layout:
              a: [0.0, 0.0]
            pins:
              a: 1
        "#]],
        );
        check(&Scope::To("nobody".to_owned()), expect!["there is no such task"]);
    }

    #[test]
    fn the_whole_is_only_quiet() {
        let doc = parse(FLOW.as_bytes(), Format::Yaml).expect("a flow").doc;
        let whole = cut(&doc, &Scope::Whole).expect("it is there");
        assert!(whole.notify.is_empty() && whole.finally == doc.finally && whole.pins == doc.pins);
        assert_eq!(
            before(&doc, "c"),
            Some(["a", "s", "b"].map(str::to_owned).to_vec())
        );
    }
}
