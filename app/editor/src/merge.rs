//! Two people changed the same flow: what the other one did is put into one's own text, field by field.
//!
//! The text stays one's own, with its comments. What both changed differently is a conflict; one's own value stays until somebody
//! chooses.

use std::collections::BTreeMap;

use flow::parse::Format;
use serde_json::Value;

use crate::change::Patch;
use crate::changes::upstream;
use crate::refusal::Refusal;
use crate::text::draft::Draft;
use crate::text::{Step, patch};

/// Whose value is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// One's own.
    Ours,
    /// The other's.
    Theirs,
}

/// What both have changed, differently.
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict {
    /// Where.
    pub path: Vec<String>,
    /// What stood there before both.
    pub base: Option<Value>,
    /// What stands there in one's own; nothing if one has removed it.
    pub ours: Option<Value>,
    /// What the other has put there; nothing if the other has removed it.
    pub theirs: Option<Value>,
}

impl Conflict {
    /// The name of its place, as choices are given by.
    #[must_use]
    pub fn name(&self) -> String {
        self.path.join(".")
    }
}

/// What merging gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Merged {
    /// One's own text with what the other has changed.
    pub text: String,
    /// The change that makes it of one's own text, to be kept in the history.
    pub step: Step,
    /// What both have changed and nobody has chosen.
    pub conflicts: Vec<Conflict>,
}

/// Puts what leads from `base` to `theirs` into `ours`. Choices are given by the names of conflicts.
///
/// # Errors
/// One of the texts cannot be read, or one's own cannot be changed piece by piece.
pub fn merge(
    base: (&str, Format),
    ours: (&str, Format),
    theirs: (&str, Format),
    choices: &BTreeMap<String, Side>,
) -> Result<Merged, Refusal> {
    let read = |(text, format): (&str, Format)| Draft::new(text, format).map(|draft| draft.value().clone());
    let (before, other) = (read(base)?, read(theirs)?);
    let mut merge = Merge {
        draft: Draft::new(ours.0, ours.1)?,
        choices,
        conflicts: Vec::new(),
    };
    let own = merge.draft.value().clone();
    merge.at(&mut Vec::new(), Some(&before), Some(&own), Some(&other))?;
    let text = merge.draft.text().to_owned();
    let patches: Vec<Patch> = merge.draft.take_patches();
    Ok(Merged {
        step: Step {
            label: "Take over the other's changes".to_owned(),
            key: None,
            inverse: patch::invert(ours.0, &patches),
            patches,
            notes: Vec::new(),
            sights: None,
        },
        text,
        conflicts: merge.conflicts,
    })
}

struct Merge<'c> {
    draft: Draft,
    choices: &'c BTreeMap<String, Side>,
    conflicts: Vec<Conflict>,
}

impl Merge<'_> {
    fn at(
        &mut self,
        path: &mut Vec<String>,
        base: Option<&Value>,
        ours: Option<&Value>,
        theirs: Option<&Value>,
    ) -> Result<(), Refusal> {
        if theirs == base || ours == theirs {
            return Ok(());
        }
        let empty = Value::Object(Default::default());
        match (base, ours, theirs) {
            (_, Some(Value::Object(_)), Some(Value::Object(_))) => {
                let base = base.filter(|base| base.is_object()).unwrap_or(&empty);
                self.maps(path, base, ours.unwrap_or(&empty), theirs.unwrap_or(&empty))
            }
            _ if ours == base => self.take(path, theirs),
            // Where boxes stand is nobody's quarrel: one's own places stay.
            _ if path.first().is_some_and(|name| name == "layout") => Ok(()),
            (_, Some(Value::Array(ours)), Some(Value::Array(theirs)))
                if path.last().is_some_and(|name| name == "needs") =>
            {
                let base = base.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                self.needs(path, base, ours, theirs)
            }
            _ => self.conflict(path, base, ours, theirs),
        }
    }

    fn maps(
        &mut self,
        path: &mut Vec<String>,
        base: &Value,
        ours: &Value,
        theirs: &Value,
    ) -> Result<(), Refusal> {
        let keys = |value: &Value| {
            value
                .as_object()
                .map_or_else(Vec::new, |map| map.keys().cloned().collect())
        };
        let mut names: Vec<String> = keys(theirs);
        names.extend(keys(base).into_iter().filter(|key| theirs.get(key).is_none()));
        for name in names {
            let parts = (base.get(&name), ours.get(&name), theirs.get(&name));
            path.push(name);
            let done = self.at(path, parts.0, parts.1, parts.2);
            path.pop();
            done?;
        }
        Ok(())
    }

    /// Edges come and go one by one; each is told by its upstream and what takes it.
    fn needs(
        &mut self,
        path: &[String],
        base: &[Value],
        ours: &[Value],
        theirs: &[Value],
    ) -> Result<(), Refusal> {
        let mut merged: Vec<Value> = ours
            .iter()
            .filter(|need| theirs.contains(need) || !base.contains(need))
            .cloned()
            .collect();
        for need in theirs
            .iter()
            .filter(|need| !base.contains(need) && !ours.contains(need))
        {
            // Both changed the same edge: one's own stays beside it only if it is another one.
            let same = |own: &&Value| {
                upstream(own) == upstream(need) && !base.contains(own) && !theirs.contains(own)
            };
            if let Some(own) = ours.iter().find(same).cloned() {
                let mut at = path.to_vec();
                at.push(upstream(need).unwrap_or_default().to_owned());
                let before = base.iter().find(|before| upstream(before) == upstream(need));
                match self.choices.get(&at.join(".")) {
                    Some(Side::Theirs) => {
                        if let Some(slot) = merged.iter_mut().find(|merged| **merged == own) {
                            slot.clone_from(need);
                        }
                    }
                    Some(Side::Ours) => {}
                    None => self.conflicts.push(Conflict {
                        path: at,
                        base: before.cloned(),
                        ours: Some(own),
                        theirs: Some(need.clone()),
                    }),
                }
                continue;
            }
            merged.push(need.clone());
        }
        if merged.is_empty() {
            self.draft.remove(path)
        } else {
            self.draft.set(path, &Value::Array(merged))
        }
    }

    fn take(&mut self, path: &[String], theirs: Option<&Value>) -> Result<(), Refusal> {
        match theirs {
            Some(value) => self.draft.set(path, value),
            None => self.draft.remove(path),
        }
    }

    fn conflict(
        &mut self,
        path: &[String],
        base: Option<&Value>,
        ours: Option<&Value>,
        theirs: Option<&Value>,
    ) -> Result<(), Refusal> {
        let conflict = Conflict {
            path: path.to_vec(),
            base: base.cloned(),
            ours: ours.cloned(),
            theirs: theirs.cloned(),
        };
        match self.choices.get(&conflict.name()) {
            Some(Side::Theirs) => self.take(path, theirs),
            Some(Side::Ours) => Ok(()),
            None => {
                self.conflicts.push(conflict);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use expect_test::{Expect, expect};

    use super::*;
    use crate::testing::diff;

    const BASE: &str = "\
flow: f
tasks:
  # Reads.
  a: { type: log, with: { message: one } }
  b: { type: shell, needs: [a], timeout: 3s } # b
  c: { type: noop, needs: [a, b] }
layout: { a: [0, 0] }
";

    fn check(ours: &str, theirs: &str, choices: &[(&str, Side)], expected: Expect) {
        let choices = choices
            .iter()
            .map(|(name, side)| ((*name).to_owned(), *side))
            .collect();
        let yaml = |text| (text, Format::Yaml);
        let merged = merge(yaml(BASE), yaml(ours), yaml(theirs), &choices).expect("the texts can be read");
        assert_eq!(patch::apply(&merged.text, &merged.step.inverse), ours);
        let mut shown = diff(ours, &merged.text);
        for conflict in &merged.conflicts {
            let value =
                |value: &Option<Value>| value.as_ref().map_or_else(|| "-".to_owned(), Value::to_string);
            let (base, ours, theirs) = (
                value(&conflict.base),
                value(&conflict.ours),
                value(&conflict.theirs),
            );
            let _ = writeln!(
                shown,
                "{}: {base} => ours {ours}, theirs {theirs}",
                conflict.name()
            );
        }
        expected.assert_eq(&shown);
    }

    #[test]
    fn what_only_one_changed_is_taken() {
        let ours = BASE
            .replace("one", "\"mine\" # kept")
            .replace("with: { message: \"mine\" # kept }", "with: { message: mine }");
        let theirs = "\
flow: f
name: Theirs
tasks:
  a: { type: log, with: { message: one, level: info } }
  c: { type: noop, needs: [{ task: a, on: failed }] }
  d: { type: noop, needs: [c] }
layout: { a: [9, 9], d: [1, 1] }
";
        check(
            &ours,
            theirs,
            &[],
            expect![[r#"
                +name: Theirs
                -  a: { type: log, with: { message: mine } }
                -  b: { type: shell, needs: [a], timeout: 3s } # b
                -  c: { type: noop, needs: [a, b] }
                -layout: { a: [0, 0] }
                +  a: { type: log, with: { message: mine, level: info } }
                +  c: { type: noop, needs: [{ task: a, on: failed }] }
                +  d:
                +    type: noop
                +    needs: [c]
                +layout: { a: [9, 9], d: [1, 1] }
            "#]],
        );
        check(BASE, BASE, &[], expect![[""]]);
        check(&ours, BASE, &[], expect![[""]]);
    }

    #[test]
    fn what_both_changed_is_a_conflict_until_somebody_chooses() {
        let ours = BASE
            .replace("one", "mine")
            .replace("timeout: 3s", "timeout: 5s")
            .replace("needs: [a, b]", "needs: [{ task: a, on: skipped }, b]");
        let theirs = BASE
            .replace("one", "theirs")
            .replace("  b: { type: shell, needs: [a], timeout: 3s } # b\n", "")
            .replace("needs: [a, b]", "needs: [{ task: a, on: failed }]")
            .replace("[0, 0]", "[1, 1]");
        check(
            &ours,
            &theirs,
            &[],
            expect![[r#"
            -  c: { type: noop, needs: [{ task: a, on: skipped }, b] }
            -layout: { a: [0, 0] }
            +  c: { type: noop, needs: [{ task: a, on: skipped }] }
            +layout: { a: [1, 1] }
            tasks.a.with.message: "one" => ours "mine", theirs "theirs"
            tasks.c.needs.a: "a" => ours {"task":"a","on":"skipped"}, theirs {"task":"a","on":"failed"}
            tasks.b: {"type":"shell","needs":["a"],"timeout":"3s"} => ours {"type":"shell","needs":["a"],"timeout":"5s"}, theirs -
        "#]],
        );
        let all = [
            ("tasks.a.with.message", Side::Theirs),
            ("tasks.b", Side::Theirs),
            ("tasks.c.needs.a", Side::Theirs),
        ];
        check(
            &ours,
            &theirs,
            &all,
            expect![[r#"
            -  a: { type: log, with: { message: mine } }
            -  b: { type: shell, needs: [a], timeout: 5s } # b
            -  c: { type: noop, needs: [{ task: a, on: skipped }, b] }
            -layout: { a: [0, 0] }
            +  a: { type: log, with: { message: theirs } }
            +  c: { type: noop, needs: [{ task: a, on: failed }] }
            +layout: { a: [1, 1] }
        "#]],
        );
        let own = all.map(|(name, _)| (name, Side::Ours));
        check(
            &ours,
            &theirs,
            &own,
            expect![[r#"
            -  c: { type: noop, needs: [{ task: a, on: skipped }, b] }
            -layout: { a: [0, 0] }
            +  c: { type: noop, needs: [{ task: a, on: skipped }] }
            +layout: { a: [1, 1] }
        "#]],
        );
    }
}
