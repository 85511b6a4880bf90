//! The editor's state: the text, what is drawn of it, and what can be taken back.

use std::ops::Range;

use flow::parse::Format;
use flow::parse::pieces::Outline;
use flow::problem::Problem;
use flow::validate::{self, TypeCatalog};
use serde_json::Value;

use crate::change::{Change, Patch};
use crate::changes::{Reader, SECTIONS};
use crate::drawn::Drawn;
use crate::history::{History, Turn};
use crate::model::Model;
use crate::refusal::Refusal;
use crate::text::draft::{Again, Draft};
use crate::text::{Sight, Source, Step, patch};

/// A flow that is being edited.
#[derive(Clone, Debug)]
pub struct Editor {
    source: Source,
    /// The text as it could last be read, so that a change need not read it again.
    draft: Option<Draft>,
    model: Model,
    drawn: Drawn,
    broken: Option<Refusal>,
    history: History,
    /// Reads expressions, once it is there.
    reader: Option<Reader>,
    /// Reads a text again in part, once it is there.
    again: Option<Again>,
}

/// A change that was taken back or made again.
#[derive(Clone, Debug, PartialEq)]
pub struct Turned {
    /// Its name.
    pub label: String,
    /// What happened to the text.
    pub patches: Vec<Patch>,
    /// What is to be seen now, if that is known.
    pub sight: Option<Sight>,
}

impl Turned {
    fn of(turn: &Turn<'_>) -> Self {
        Self {
            label: turn.label.to_owned(),
            patches: turn.patches.to_vec(),
            sight: turn.sight.cloned(),
        }
    }
}

impl Editor {
    /// Begins with a text.
    #[must_use]
    pub fn new(text: impl Into<String>, format: Format) -> Self {
        let mut editor = Self::light(text, format);
        editor.read_with(flow::expr::task_uses, Outline::patched);
        editor
    }

    /// The same without what reads expressions. Until [`Self::read_with`] brings it, changes that need it are refused as
    /// [`UNREAD`](crate::UNREAD).
    #[must_use]
    pub fn light(text: impl Into<String>, format: Format) -> Self {
        let mut editor = Self {
            source: Source::new(text, format),
            draft: None,
            model: Model::default(),
            drawn: Drawn::default(),
            broken: None,
            history: History::default(),
            reader: None,
            again: None,
        };
        editor.look(&[]);
        editor
    }

    /// Brings what reads expressions, and what reads a text again in part.
    pub fn read_with(&mut self, reader: Reader, again: Again) {
        self.reader = Some(reader);
        self.again = Some(again);
        if let Some(draft) = &mut self.draft {
            draft.read_again_with(again);
        }
    }

    /// Takes up a history that was kept with this very text; another one is let go.
    #[must_use]
    pub fn with_history(mut self, history: History) -> Self {
        if history.fits(self.source.text()) {
            self.history = history;
        }
        self
    }

    /// The text.
    #[must_use]
    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// What the text says, or said when it could last be read.
    #[must_use]
    pub fn document(&self) -> &Value {
        self.draft.as_ref().map_or(&Value::Null, Draft::value)
    }

    /// The text as it was read; nothing while it cannot be read.
    fn read(&self) -> Option<&Draft> {
        self.draft.as_ref().filter(|_| self.broken.is_none())
    }

    /// The boxes and arrows, of the last text that could be read.
    #[must_use]
    pub const fn model(&self) -> &Model {
        &self.model
    }

    /// Notes and groups, of the last text that could be read.
    #[must_use]
    pub const fn drawn(&self) -> &Drawn {
        &self.drawn
    }

    /// Why the text cannot be read: what is drawn is older than it.
    #[must_use]
    pub const fn broken(&self) -> Option<&Refusal> {
        self.broken.as_ref()
    }

    /// What can be taken back and made again.
    #[must_use]
    pub const fn history(&self) -> &History {
        &self.history
    }

    /// The bytes of what stands at a path, with its key; from the last text only, so nothing while it cannot be read.
    #[must_use]
    pub fn span(&self, path: &[String]) -> Option<Range<usize>> {
        let (last, parent) = path.split_last()?;
        let parent = self.read()?.root().find(parent)?;
        match parent.entry(last) {
            Some(entry) => Some(entry.key.span.start..entry.value.end.max(entry.key.after)),
            None => parent.step(last).map(|piece| piece.start..piece.end),
        }
    }

    /// The task in whose lines a byte of the text stands: from its id to where the next one begins.
    #[must_use]
    pub fn task_at(&self, byte: usize) -> Option<&str> {
        let root = self.read()?.root();
        let line = self.source.text().get(..byte)?.rfind('\n').map_or(0, |at| at + 1);
        let end = self.source.text()[line..]
            .find('\n')
            .map_or(usize::MAX, |at| line + at);
        for (section, _) in SECTIONS {
            let Some(tasks) = root.find(&[section]) else {
                continue;
            };
            for entry in tasks.entries() {
                let is_here = entry.key.span.start <= byte && byte <= entry.value.end.max(entry.key.after);
                // The blanks before it and the comment behind it are its own as well.
                if is_here || (line..end).contains(&entry.key.span.start) {
                    return Some(&entry.key.text);
                }
            }
        }
        None
    }

    /// Everything wrong with the text, each with its line and column.
    #[must_use]
    pub fn problems(&self, types: &dyn TypeCatalog) -> Vec<Problem> {
        validate::check(self.source.text().as_bytes(), self.source.format(), types).problems
    }

    /// Makes a change, at a moment in milliseconds of any clock.
    ///
    /// # Errors
    /// Why it cannot be made; nothing has changed then.
    pub fn apply(&mut self, change: &Change, at_ms: u64) -> Result<Step, Refusal> {
        self.make(change, None, at_ms)
    }

    /// The same under a name of its own: `Paste 3 tasks`.
    ///
    /// # Errors
    /// Why it cannot be made; nothing has changed then.
    pub fn apply_as(&mut self, label: &str, change: &Change, at_ms: u64) -> Result<Step, Refusal> {
        self.make(change, Some(label), at_ms)
    }

    fn make(&mut self, change: &Change, label: Option<&str>, at_ms: u64) -> Result<Step, Refusal> {
        let draft = self
            .read()
            .filter(|_| !matches!(change, Change::Type(_)))
            .cloned();
        let (mut step, draft) = match draft {
            Some(mut draft) => (self.source.plan_in(&mut draft, change, self.reader)?, Some(draft)),
            None => (self.source.plan_by(change, self.reader)?, None),
        };
        if let Some(label) = label {
            label.clone_into(&mut step.label);
        }
        self.source.patch(&step.patches);
        self.keep(step, draft, at_ms)
    }

    /// Takes up what was planned for this very text, such as a merge.
    ///
    /// # Errors
    /// It was planned for another text.
    pub fn take(&mut self, step: Step, at_ms: u64) -> Result<Step, Refusal> {
        patch::check(self.source.text(), &step.patches)
            .map_err(|message| Refusal::new("bad_patch", message))?;
        self.source.patch(&step.patches);
        self.keep(step, None, at_ms)
    }

    fn keep(&mut self, step: Step, draft: Option<Draft>, at_ms: u64) -> Result<Step, Refusal> {
        self.history.record(step.clone(), at_ms);
        match draft {
            _ if step.is_empty() => {}
            Some(draft) => self.see(draft),
            None => self.look(&step.patches),
        }
        Ok(step)
    }

    /// The next change is one of its own, even in the same field.
    pub fn seal(&mut self) {
        self.history.seal();
    }

    /// Keeps with the last change what was seen before it and what is seen after it.
    pub fn sighted(&mut self, before: Sight, after: Sight) {
        self.history.see(before, after);
    }

    /// Takes the last change back.
    pub fn undo(&mut self) -> Option<Turned> {
        let turned = Turned::of(&self.history.undo()?);
        Some(self.turn(turned))
    }

    /// Makes the change again that was taken back last.
    pub fn redo(&mut self) -> Option<Turned> {
        let turned = Turned::of(&self.history.redo()?);
        Some(self.turn(turned))
    }

    fn turn(&mut self, turned: Turned) -> Turned {
        self.source.patch(&turned.patches);
        self.look(&turned.patches);
        turned
    }

    /// Reads the text again, of which pieces were replaced. What was drawn stays while it cannot be read.
    fn look(&mut self, patches: &[Patch]) {
        let (text, format) = (self.source.text(), self.source.format());
        let read = match self.read() {
            Some(before) => before.patched(text, format, patches),
            None => Draft::new(text, format),
        };
        match read {
            Ok(draft) => self.see(draft),
            Err(refusal) => self.broken = Some(refusal),
        }
    }

    fn see(&mut self, mut draft: Draft) {
        if let Some(again) = self.again {
            draft.read_again_with(again);
        }
        debug_assert_eq!(draft.text(), self.source.text(), "the draft is of this text");
        self.model = Model::of_document(draft.value());
        self.drawn = Drawn::of_document(draft.value());
        self.broken = None;
        self.draft = Some(draft);
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use expect_test::expect;

    use super::*;
    use crate::testing::{Types, add, rename, typed};

    fn drawn(editor: &Editor) -> String {
        let mut shown = String::new();
        for node in &editor.model().nodes {
            let _ = write!(
                shown,
                "{} \"{}\" {} {:?}",
                node.id, node.title, node.task_type, node.section
            );
            if let Some(at) = node.at {
                let _ = write!(shown, " at {},{}", at.x, at.y);
            }
            if !node.cases.is_empty() {
                let _ = write!(shown, " cases {}", node.cases.join(","));
            }
            shown.push_str(if node.is_each { " each\n" } else { "\n" });
        }
        for edge in &editor.model().edges {
            let _ = write!(shown, "{} -{}-> {}", edge.from, edge.on.join(","), edge.to);
            let _ = writeln!(
                shown,
                "{}",
                edge.when
                    .as_ref()
                    .map_or_else(String::new, |when| format!(" if {when}"))
            );
        }
        shown
    }

    /// What is wrong.
    fn told(editor: &Editor) -> String {
        let mut shown = String::new();
        if let Some(broken) = editor.broken() {
            let _ = writeln!(shown, "broken: {broken}");
        }
        for problem in editor.problems(&Types) {
            let _ = writeln!(shown, "{problem}");
        }
        shown
    }

    #[test]
    fn a_light_editor_does_all_that_needs_no_expression_read() {
        let text = "flow: f\ntasks:\n  one: { type: noop }\n  two: { type: noop, needs: [one] }\n  c: { type: log, with: { message: \"{{ tasks.two.state }}\" } }\n";
        let mut editor = Editor::light(text, Format::Yaml);
        let made = |editor: &mut Editor, change: &Change| match editor.apply(change, 0) {
            Ok(step) => step.label,
            Err(refusal) => format!("{}: {refusal}", refusal.code),
        };
        let remove = |task: &str| Change::Remove {
            tasks: vec![task.to_owned()],
            heal: false,
        };
        let told = [
            made(&mut editor, &rename("one", "first")),
            made(&mut editor, &rename("two", "second")),
            made(&mut editor, &remove("two")),
        ];
        expect![[r#"
            Rename one → first
            unread: what reads expressions is not there yet, and one of them may name this task; try again
            unread: what reads expressions is not there yet, and one of them may name this task; try again"#]]
        .assert_eq(&told.join("\n"));
        assert!(
            editor.source().text().contains("needs: [first]")
                && editor.source().text().contains("tasks.two.state")
        );
        editor.read_with(flow::expr::task_uses, Outline::patched);
        assert_eq!(made(&mut editor, &rename("two", "second")), "Rename two → second");
        assert!(editor.source().text().contains("tasks.second.state"));
    }

    #[test]
    fn lines_belong_to_tasks() {
        let text = "flow: f\ntasks:\n  a: # first\n    type: noop\n    with: { ü: [1, 2] }\n\n  b: { type: noop }\nfinally: { z: { type: noop } }\n";
        let editor = Editor::new(text, Format::Yaml);
        let path = |path: &str| -> Vec<String> { path.split('.').map(str::to_owned).collect() };
        let shown = |of: &str| editor.span(&path(of)).map(|span| &text[span]);
        assert_eq!(
            shown("tasks.a"),
            Some("a: # first\n    type: noop\n    with: { ü: [1, 2] }")
        );
        assert_eq!(shown("tasks.a.with.ü.1"), Some("2"));
        assert_eq!(shown("tasks.gone.with"), None);
        let at = |mark: &str| editor.task_at(text.find(mark).expect("is there"));
        assert_eq!(
            [
                "flow",
                "  a:",
                "# first",
                "2]",
                "\n\n  b",
                "  b:",
                "}\nfinally",
                "finally",
                "z: "
            ]
            .map(at),
            [
                None,
                Some("a"),
                Some("a"),
                Some("a"),
                Some("a"),
                Some("b"),
                Some("b"),
                Some("z"),
                Some("z")
            ]
        );
        assert_eq!(editor.task_at(text.len() + 9), None);
    }

    #[test]
    fn what_is_drawn_follows_the_text_while_it_can_be_read() {
        let text = "\
flow: f
tasks:
  b: { type: switch, needs: [a, nobody], with: { cases: { big: 1 > 2, b: true }, default: small } }
  a: { type: log, name: First, for_each: { items: [1] }, with: { message: m } }
  c: { needs: [{ task: b, on: [big, small], when: inputs.x }, { task: a, on: failed }] }
finally:
  z: { type: noop }
layout: { a: [1, 2.5], b: [0] }
";
        let mut editor = Editor::new(text, Format::Yaml);
        let before = drawn(&editor);
        expect![[r#"
            b "b" switch Tasks cases big,b,small
            a "First" log Tasks at 1,2.5 each
            c "c"  Tasks
            z "z" noop Finally
            a --> b
            b -big,small-> c if inputs.x
            a -failed-> c
        "#]]
        .assert_eq(&before);
        expect![[r#"
            3:33: error: there is no task `nobody` (tasks.b.needs[1])
            5:6: error: a task needs `type` (tasks.c.type)
            5:51: error: The flow has no input `x`. (tasks.c.needs[0].when)
            8:27: error: expected a position like [120, 40], found a list (layout.b)
        "#]]
        .assert_eq(&told(&editor));
        editor
            .apply(&typed(0, 0, "["), 0)
            .expect("typing is always possible");
        assert_eq!(drawn(&editor), before);
        expect![[r#"
            broken: line 1: the text cannot be read as it is, so nothing else can be changed: the `[` here is never closed; mend it in the text, or undo
            1:1: error: the `[` here is never closed
        "#]]
        .assert_eq(&told(&editor));
        let refusal = editor.apply(&add("d", &[]), 1).expect_err("the text is broken");
        expect!["line 1: the text cannot be read as it is, so nothing else can be changed: the `[` here is never closed; mend it in the text, or undo"].assert_eq(&refusal.to_string());
        let turned = editor.undo().expect("there is something to take back");
        assert_eq!((turned.label.as_str(), editor.source().text()), ("Type", text));
        assert!(editor.broken().is_none());
        assert!(editor.redo().is_some() && editor.redo().is_none() && editor.broken().is_some());
    }
}
