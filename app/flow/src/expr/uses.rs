//! Expressions as those who write them see them: which tasks a text names and where, what it would give, which words there are.

use std::ops::Range;

use serde_json::Value as Json;

use super::code::{self, Code, Form};
use super::error::ExprError;
use super::json::to_json;
use super::meter::Meter;
use super::scope::{AFTER_FIELDS, RUN_FIELDS, Scope, TASK_FIELDS, TRIGGER_FIELDS, UPSTREAM_FIELDS};
use super::{filters, ops};
use crate::suggest::Suggester;

/// One place in a text where a task is named: `tasks.fetch` or `tasks['fetch']`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskUse {
    /// The task.
    pub task: String,
    /// The bytes of the step after `tasks`, with its dot or brackets.
    pub step: Range<usize>,
    /// Fields and places after the task that stand there literally.
    pub fields: Vec<String>,
}

/// The tasks a text of that form names, in its order; `None` if it cannot be read. A name that is computed is not found.
#[must_use]
pub fn task_uses(text: &str, form: Form) -> Option<Vec<TaskUse>> {
    let mut uses: Vec<TaskUse> = code::mentions_of(text, form)?
        .into_iter()
        .filter(|mention| mention.root == "tasks")
        .filter_map(|mention| {
            let step = mention.first.clone()?;
            // In `(tasks).fetch` the bytes between are no step alone.
            let is_step = text.get(step.clone())?.trim_start().starts_with(['.', '[']);
            let fields = mention.path.iter().skip(1).map(super::refs::Step::written);
            is_step.then(|| TaskUse {
                task: mention.field(0).unwrap_or_default().to_owned(),
                step,
                fields: fields.collect(),
            })
        })
        .filter(|used| !used.task.is_empty())
        .collect();
    uses.sort_by_key(|used| used.step.start);
    uses.dedup();
    Some(uses)
}

/// A name of the scope that a text reads, with the field of it that stands there literally: `inputs` and `rows` in `inputs.rows`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameUse {
    /// The name.
    pub root: String,
    /// The field; none if it is read as a whole, or by a computed name.
    pub field: Option<String>,
}

/// The names of the scope that a text of that form reads, in its order; `None` if it cannot be read.
#[must_use]
pub fn name_uses(text: &str, form: Form) -> Option<Vec<NameUse>> {
    let uses = code::mentions_of(text, form)?.into_iter().map(|mention| NameUse {
        field: mention.field(0).map(str::to_owned),
        root: mention.root,
    });
    Some(uses.collect())
}

/// What a text of that form gives for what is in the scope, within the limits of a run.
///
/// # Errors
/// Why it cannot be read, or has no value.
pub fn preview(text: &str, form: Form, scope: &Scope) -> Result<Json, String> {
    if form == Form::Field && !code::has_expression(text) {
        return Ok(Json::String(text.to_owned()));
    }
    let words = Suggester::default();
    let (code, _) = Code::read(text, form, &words).map_err(|sentences| sentences.join(" "))?;
    let (env, meter) = (code::environment(), Meter::full());
    let value = if code.is_native {
        code.value(&env, scope, &meter)
            .and_then(|value| to_json(&value, &meter, 0))
            .and_then(|json| meter.check().map(|()| json))
    } else {
        code.render(&env, scope, &meter).map(Json::String)
    };
    value.map_err(|error| ExprError::explain(&code, "", scope, &meter, &error).message)
}

/// What one may write in expressions.
#[derive(Clone, Debug)]
pub struct Words {
    /// Filters: `value | name`.
    pub filters: Vec<&'static str>,
    /// Tests: `value is name`.
    pub tests: Vec<&'static str>,
    /// Functions: `name(…)`.
    pub functions: Vec<&'static str>,
    /// The fields of `tasks.X`.
    pub task: &'static [&'static str],
    /// The fields of `run`.
    pub run: &'static [&'static str],
    /// The fields of `upstream`.
    pub upstream: &'static [&'static str],
    /// The fields of `trigger` of a schedule.
    pub trigger: &'static [&'static str],
    /// The fields of `trigger` after another flow's end.
    pub after: &'static [&'static str],
}

/// All words of the language.
#[must_use]
pub fn words() -> Words {
    let sorted = |names: Vec<&'static str>| {
        // Names that are signs, such as `==`, are written as signs.
        let is_name = |name: &&str| name.starts_with(|c: char| c.is_ascii_alphabetic());
        let mut names: Vec<_> = names.into_iter().filter(is_name).collect();
        names.sort_unstable();
        names.dedup();
        names
    };
    Words {
        filters: sorted(filters::names().collect()),
        tests: sorted(filters::test_names().collect()),
        functions: ops::FUNCTIONS.to_vec(),
        task: TASK_FIELDS,
        run: RUN_FIELDS,
        upstream: UPSTREAM_FIELDS,
        trigger: TRIGGER_FIELDS,
        after: AFTER_FIELDS,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, form: Form, expected: Expect) {
        let shown = match task_uses(text, form) {
            None => "cannot be read".to_owned(),
            Some(uses) => uses
                .iter()
                .map(|used| {
                    format!(
                        "{} at `{}` {:?}\n",
                        used.task,
                        &text[used.step.clone()],
                        used.fields
                    )
                })
                .collect(),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn tasks_are_found_where_they_are_named() {
        check(
            "ü {{ tasks.fetch.output.a[0]['b c'] }} and {{ tasks['load-all'].state ~ tasks . x }} tasks.text {# tasks.no #}",
            Form::Field,
            expect![[r#"
                fetch at `.fetch` ["output", "a", "0", "b c"]
                load-all at `['load-all']` ["state"]
                x at ` . x` []
            "#]],
        );
        check(
            "tasks.fetch.output > 3 and not tasks['b'].error",
            Form::Condition,
            expect![[r#"
            fetch at `.fetch` ["output"]
            b at `['b']` ["error"]
        "#]],
        );
        check(
            "{{ tasks.a }} {{ tasks[inputs.which].output }}",
            Form::Field,
            expect![[r#"
            a at `.a` []
        "#]],
        );
        check(
            "{% for tasks in inputs.l %}{{ tasks.a }}{% endfor %}{{ tasks.b }}",
            Form::Field,
            expect![[r#"
            b at `.b` []
        "#]],
        );
        check("{{ tasks.", Form::Field, expect!["cannot be read"]);
    }

    #[test]
    fn a_preview_is_what_a_run_would_give() {
        let mut scope = Scope::new(
            Arc::new(serde_json::json!({ "n": 2 })),
            super::super::RunFacts::default(),
        );
        let facts = super::super::TaskFacts {
            output: Some(Arc::new(serde_json::json!({ "rows": [1, 2, 3] }))),
            ..Default::default()
        };
        scope.task("fetch", facts);
        let texts = [
            ("plain", Form::Field),
            ("{{ inputs.n + 1 }}", Form::Field),
            ("n is {{ tasks.fetch.output.rows | length }}", Form::Field),
            ("inputs.n > 1", Form::Condition),
            ("{{ inputs.m }}", Form::Field),
            (
                "{{ range(90000) | sum }}{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}",
                Form::Field,
            ),
            ("{{ inputs.", Form::Field),
        ];
        let shown: String = texts
            .iter()
            .map(|(text, form)| match preview(text, *form, &scope) {
                Ok(value) => format!("{value}\n"),
                Err(error) => format!("error: {error}\n"),
            })
            .collect();
        expect![[r#"
            "plain"
            3
            "n is 3"
            true
            error: `inputs.m` is not there; `inputs` has: n. In `{{ inputs.m }}`
            error: It does not end: it was stopped after 500000 steps. In `{{ range(90000) | sum }}{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}`
            error: The expression cannot be read at character 10: unexpected end of input, expected identifier or integer.
        "#]].assert_eq(&shown);
    }
}
