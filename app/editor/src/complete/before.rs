//! What an expression at a task may read, as a tree: what tasks before it gave, what the run was given, variables. A row is made only
//! when the one above it is open.

use std::collections::BTreeSet;

use flow::expr::Form as Spelling;
use flow::expr::form_at;
use flow::steps::{push_field, push_place};
use serde_json::Value;

use super::typed::begin;
use super::{Known, Place, find, schema_at, short};
use crate::change::Change;
use crate::form::{Field, Kind, Mistake};

/// Rows below one row at most.
pub const BELOW_MAX: usize = 100;

/// A row of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// How expressions call it: `tasks.fetch.output.rows[0].id`.
    pub reference: String,
    /// The task, input, field or place.
    pub name: String,
    /// More about it: a value, a type, a title.
    pub detail: String,
    /// How deep it is, from 1.
    pub level: u32,
    /// Its place among its neighbours, from 1, and how many of them there are.
    pub place: (u32, u32),
    /// Whether it can be opened, and whether it is; none if there is nothing in it.
    pub is_open: Option<bool>,
    /// The task whose output it is, if it is all of it.
    pub task: Option<String>,
    /// Whether it stands for something that an expression can name; else it only holds others.
    pub is_value: bool,
    /// How many more there are below the row above it, of which this is the last shown.
    pub n_more: usize,
}

/// What is known of a value: the value, or what its schema says.
#[derive(Clone, Copy)]
struct Told<'t> {
    value: Option<&'t Value>,
    schema: Option<&'t Value>,
}

impl<'t> Told<'t> {
    /// What is in it: the way on, its name, and what is known of that; and how many there are besides.
    fn inside(self) -> (Vec<(String, Told<'t>)>, usize) {
        let below = |name: &str, value| Told {
            value: Some(value),
            schema: self.schema.and_then(|schema| schema_at(schema, &[name])),
        };
        let n = match self.value {
            Some(Value::Object(fields)) => fields.len(),
            Some(Value::Array(items)) => items.len(),
            _ => 0,
        };
        let all: Vec<(String, Told<'t>)> = match self.value {
            Some(Value::Object(fields)) if n > 0 => fields
                .iter()
                .take(BELOW_MAX)
                .map(|(name, value)| (name.clone(), below(name, value)))
                .collect(),
            Some(Value::Array(items)) if n > 0 => (0_usize..)
                .zip(items)
                .take(BELOW_MAX)
                .map(|(at, value)| (at.to_string(), below(&at.to_string(), value)))
                .collect(),
            Some(value) if !value.is_null() => Vec::new(),
            _ => self.told_by_schema(),
        };
        let n_more = n.saturating_sub(all.len());
        (all, n_more)
    }

    fn told_by_schema(self) -> Vec<(String, Told<'t>)> {
        let Some(schema) = self.schema else {
            return Vec::new();
        };
        let of = |schema| Told {
            value: None,
            schema: Some(schema),
        };
        let fields = schema.get("properties").and_then(Value::as_object);
        let fields = fields.into_iter().flatten().take(BELOW_MAX);
        let mut all: Vec<_> = fields.map(|(name, schema)| (name.clone(), of(schema))).collect();
        if all.is_empty()
            && let Some(items) = schema.get("items").filter(|items| items.is_object())
        {
            all.push(("0".to_owned(), of(items)));
        }
        all
    }

    fn is_list(self) -> bool {
        match self.value {
            Some(value) if !value.is_null() => value.is_array(),
            _ => self
                .schema
                .is_some_and(|schema| schema.get("properties").is_none() && schema.get("items").is_some()),
        }
    }

    fn detail(self) -> String {
        if let Some(value) = self
            .value
            .filter(|value| !value.is_null() || self.schema.is_none())
        {
            return short(value);
        }
        let text = |field: &str| self.schema.and_then(|schema| schema.get(field)?.as_str());
        let told = [text("type"), text("title").or_else(|| text("description"))];
        told.into_iter().flatten().collect::<Vec<_>>().join(" · ")
    }
}

/// The rows in sight for a task: those below rows whose references are open.
#[must_use]
pub fn before(document: &Value, task: &[String], known: &Known, open: &BTreeSet<String>) -> Vec<Row> {
    let path: Vec<String> = task.iter().take(2).cloned().chain(["with".to_owned()]).collect();
    let place = Place {
        document,
        path: &path,
        known,
    };
    let mut rows = Rows {
        rows: Vec::new(),
        open,
    };
    let mut tops: Vec<(Row, Told<'_>)> = Vec::new();
    for upstream in place.upstreams() {
        let reference = crate::outputs::reference(&upstream.label);
        let told = Told {
            value: known.output(&upstream.label),
            schema: known.schemas.get(&upstream.label),
        };
        // A value that fits into the row says more than what made it.
        let is_short = |value: &&Value| !value.is_null() && !value.is_object() && !value.is_array();
        let detail = told.value.filter(is_short).map_or(upstream.detail, short);
        let row = Row {
            task: Some(upstream.label.clone()),
            ..Row::top(reference, upstream.label, detail)
        };
        tops.push((row, told));
    }
    let inputs = document.get("inputs").and_then(Value::as_object);
    let inputs = inputs.filter(|inputs| !inputs.is_empty());
    let given = given_of(inputs, known);
    let vars = Value::Object(known.vars.clone());
    for (name, detail, value) in [
        ("inputs", "what the run is given", &given),
        ("vars", "variables", &vars),
    ] {
        if value.as_object().is_some_and(|fields| !fields.is_empty()) {
            let row = Row {
                is_value: false,
                ..Row::top(name.to_owned(), name.to_owned(), detail.to_owned())
            };
            let told = Told {
                value: Some(value),
                schema: None,
            };
            tops.push((row, told));
        }
    }
    let n = tops.len();
    for (at, (row, told)) in tops.into_iter().enumerate().take(BELOW_MAX) {
        let n_more = if at + 1 == BELOW_MAX { n - BELOW_MAX } else { 0 };
        let place = (at as u32 + 1, n.min(BELOW_MAX) as u32);
        rows.push(Row { place, n_more, ..row }, told);
    }
    rows.rows
}

/// The inputs by name with what they were given last.
fn given_of(inputs: Option<&serde_json::Map<String, Value>>, known: &Known) -> Value {
    let given = |(name, _): (&String, &Value)| {
        let given = find(&known.inputs, &[name]).cloned();
        (name.clone(), given.unwrap_or_default())
    };
    Value::Object(inputs.into_iter().flatten().map(given).collect())
}

impl Row {
    fn top(reference: String, name: String, detail: String) -> Self {
        Self {
            reference,
            name,
            detail,
            level: 1,
            place: (1, 1),
            is_open: None,
            task: None,
            is_value: true,
            n_more: 0,
        }
    }
}

struct Rows<'r> {
    rows: Vec<Row>,
    open: &'r BTreeSet<String>,
}

impl Rows<'_> {
    fn push(&mut self, row: Row, told: Told<'_>) {
        let (inside, n_more) = told.inside();
        // What a task gives is asked for when it is opened.
        let opens = !inside.is_empty() || row.task.is_some() && told.value.is_none();
        let is_open = opens && self.open.contains(&row.reference);
        let (reference, level) = (row.reference.clone(), row.level);
        self.rows.push(Row {
            is_open: opens.then_some(is_open),
            ..row
        });
        if !is_open {
            return;
        }
        let n = inside.len();
        let is_list = told.is_list();
        for (at, (name, told)) in inside.into_iter().enumerate() {
            let mut reference = reference.clone();
            match name.parse::<u64>() {
                Ok(place) if is_list => push_place(&mut reference, place),
                _ => push_field(&mut reference, &name),
            }
            let row = Row {
                level: level + 1,
                place: (at as u32 + 1, n as u32),
                n_more: if at + 1 == n { n_more } else { 0 },
                ..Row::top(reference, name, told.detail())
            };
            self.push(row, told);
        }
    }
}

/// A field with a reference in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Inserted {
    /// What stands in the field then.
    pub text: String,
    /// The byte behind the reference.
    pub caret: usize,
    /// The change that makes it so.
    pub change: Change,
}

/// Puts a reference into a field: into the expression at the caret, else as one of its own. A field that takes no text becomes an
/// expression as a whole, as does one whose value is not written letter by letter.
///
/// # Errors
/// If no expression may stand there, or the caret stands where none makes sense.
pub fn insert(
    document: &Value,
    field: &Field,
    caret: Option<usize>,
    reference: &str,
) -> Result<Inserted, Mistake> {
    let Some(spelling) = form_at(document, &field.path) else {
        return Err(Mistake(format!(
            "{} takes no expressions: it is fixed when the flow is published. Choose one of the arguments.",
            field.title
        )));
    };
    let text = field.text();
    let is_condition = spelling == Spelling::Condition && !text.contains("{{");
    let whole = if is_condition {
        reference.to_owned()
    } else {
        format!("{{{{ {reference} }}}}")
    };
    let is_blank = text.trim().is_empty() || text.replace(' ', "") == "{{none}}";
    let is_written = field.is_expression
        || is_condition
        || match field.plain_kind() {
            Kind::Line | Kind::Lines | Kind::Code(_) => true,
            // A value of another kind is replaced, a text is written on, and in JSON it is put where the caret stands.
            Kind::Json => caret.is_some() || field.value.as_ref().is_some_and(Value::is_string),
            _ => false,
        };
    let is_made_of_parts = field
        .value
        .as_ref()
        .is_some_and(|value| value.is_object() || value.is_array());
    if is_made_of_parts && caret.is_none() {
        return Err(Mistake(format!(
            "{} has parts. Put the cursor where the value should stand, then choose it.",
            field.title
        )));
    }
    if is_blank || !is_written {
        let caret = whole.len();
        return typed(field, whole, caret);
    }
    let caret = caret.unwrap_or(text.len());
    let caret = text.floor_char_boundary(caret.min(text.len()));
    let (head, tail) = text.split_at(caret);
    let is_inside = begin(head, spelling, &text).is_some();
    let inner = if is_inside { reference } else { &whole };
    let put = |inner: &str| (format!("{head}{inner}{tail}"), head.len() + inner.len());
    let (new, at) = put(inner);
    typed(field, new, at).or_else(|_| {
        let (quoted, at) = put(&format!("\"{whole}\""));
        typed(field, quoted, at).map_err(|_| {
            Mistake("No value may stand where the cursor is. Put it where one stands, then choose the value again.".to_owned())
        })
    })
}

fn typed(field: &Field, text: String, caret: usize) -> Result<Inserted, Mistake> {
    let change = field.typed(&text)?;
    Ok(Inserted { text, caret, change })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;
    use crate::form::form;
    use crate::testing::strings;

    fn document() -> Value {
        json!({
            "inputs": { "day": { "type": "date" } },
            "tasks": {
                "fetch": { "type": "http.request", "name": "Fetch" },
                "load-all": { "type": "log", "needs": ["fetch"] },
                "last": { "type": "log", "needs": ["load-all"], "when": "inputs.day" },
                "other": { "type": "wait", "needs": ["last"] },
            },
        })
    }

    fn known() -> Known {
        let rows: Vec<_> = (0..130).map(|id| json!({ "id": id, "the name": "x" })).collect();
        Known {
            outputs: [
                ("fetch".to_owned(), json!({ "rows": rows, "total": 2.5 })),
                ("last".to_owned(), json!(7)),
            ]
            .into(),
            schemas: [(
                "load-all".to_owned(),
                json!({ "properties": {
                    "n": { "type": "integer", "description": "how many" },
                    "list": { "type": "array", "items": { "properties": { "a": { "type": "string" } } } },
                } }),
            )]
            .into(),
            inputs: json!({ "day": "2026-01-01" }),
            ..Known::default()
        }
    }

    /// The rows for a task where these are open.
    fn check(task: &str, open: &[&str], expected: Expect) {
        let open = open.iter().map(|&open| open.to_owned()).collect();
        let mut shown = String::new();
        for row in before(&document(), &strings(task), &known(), &open) {
            let mark = match row.is_open {
                None => '·',
                Some(true) => '-',
                Some(false) => '+',
            };
            if row.place.0 > 2 && row.place.0 + 1 < row.place.1 {
                continue;
            }
            let indent = "  ".repeat(row.level as usize - 1);
            let _ = write!(
                shown,
                "{indent}{mark} {}: {}  {}",
                row.name, row.detail, row.reference
            );
            if row.n_more > 0 {
                let _ = write!(shown, " and {} more", row.n_more);
            }
            shown.push('\n');
        }
        expected.assert_eq(&shown);
    }

    #[test]
    fn only_what_comes_before_is_there() {
        check(
            "tasks.last",
            &[],
            expect![[r#"
                  + load-all: log  tasks['load-all'].output
                  + fetch: Fetch · http.request  tasks.fetch.output
                  + inputs: what the run is given  inputs
            "#]],
        );
        check(
            "tasks.other",
            &[],
            expect![[r#"
              · last: 7  tasks.last.output
              + load-all: log  tasks['load-all'].output
              + fetch: Fetch · http.request  tasks.fetch.output
              + inputs: what the run is given  inputs
        "#]],
        );
        check(
            "tasks.fetch",
            &[],
            expect![[r#"
                  + inputs: what the run is given  inputs
            "#]],
        );
    }

    #[test]
    fn what_is_open_shows_values_or_what_the_type_says() {
        check(
            "tasks.last",
            &[
                "tasks.fetch.output",
                "tasks.fetch.output.rows",
                "tasks.fetch.output.rows[0]",
                "tasks['load-all'].output",
                "tasks['load-all'].output.list",
                "tasks['load-all'].output.list[0]",
                "inputs",
            ],
            expect![[r#"
                  - load-all: log  tasks['load-all'].output
                    · n: integer · how many  tasks['load-all'].output.n
                    - list: array  tasks['load-all'].output.list
                      - 0:   tasks['load-all'].output.list[0]
                        · a: string  tasks['load-all'].output.list[0].a
                  - fetch: Fetch · http.request  tasks.fetch.output
                    - rows: list of 130  tasks.fetch.output.rows
                      - 0: object of 2  tasks.fetch.output.rows[0]
                        · id: 0  tasks.fetch.output.rows[0].id
                        · the name: "x"  tasks.fetch.output.rows[0]['the name']
                      + 1: object of 2  tasks.fetch.output.rows[1]
                      + 98: object of 2  tasks.fetch.output.rows[98]
                      + 99: object of 2  tasks.fetch.output.rows[99] and 30 more
                    · total: 2.5  tasks.fetch.output.total
                  - inputs: what the run is given  inputs
                    · day: "2026-01-01"  inputs.day
            "#]],
        );
    }

    /// What comes of `tasks.a.output` in an argument of a task with this schema, where the caret is the `@`.
    fn put(schema: &Value, written: &Value, expected: Expect) {
        let (value, caret) = match written {
            Value::String(text) => (json!(text.replacen('@', "", 1)), text.find('@')),
            other => (other.clone(), None),
        };
        let schema = json!({ "properties": { "it": schema } });
        let form = form(&schema, Some(&json!({ "it": value })), &["tasks", "last", "with"]);
        let field = form.fields.first().expect("a field");
        let told = match insert(&document(), field, caret, "tasks.a.output") {
            Ok(Inserted {
                text,
                caret,
                change: Change::Set { value, .. },
            }) => {
                let (head, tail) = text.split_at(caret);
                format!("{head}@{tail} as {}", value.unwrap_or_default())
            }
            Ok(other) => format!("{other:?}"),
            Err(mistake) => mistake.to_string(),
        };
        expected.assert_eq(&told);
    }

    #[test]
    fn a_reference_goes_where_the_caret_is() {
        let text = json!({ "type": "string" });
        put(
            &text,
            &json!(""),
            expect![[r#"{{ tasks.a.output }}@ as "{{ tasks.a.output }}""#]],
        );
        put(
            &text,
            &json!("it is @!"),
            expect![[r#"it is {{ tasks.a.output }}@! as "it is {{ tasks.a.output }}!""#]],
        );
        put(
            &text,
            &json!("it is"),
            expect![[r#"it is{{ tasks.a.output }}@ as "it is{{ tasks.a.output }}""#]],
        );
        put(
            &text,
            &json!("{{ 1 + @ }}"),
            expect![[r#"{{ 1 + tasks.a.output@ }} as "{{ 1 + tasks.a.output }}""#]],
        );
        put(
            &text,
            &json!("{{ none }}@"),
            expect![[r#"{{ tasks.a.output }}@ as "{{ tasks.a.output }}""#]],
        );
    }

    #[test]
    fn a_literal_becomes_an_expression() {
        put(
            &json!({ "type": "integer" }),
            &json!(5),
            expect![[r#"{{ tasks.a.output }}@ as "{{ tasks.a.output }}""#]],
        );
        put(
            &json!({ "type": "boolean" }),
            &json!(true),
            expect![[r#"{{ tasks.a.output }}@ as "{{ tasks.a.output }}""#]],
        );
        put(
            &json!({ "enum": ["a", "b"] }),
            &json!("a"),
            expect![[r#"{{ tasks.a.output }}@ as "{{ tasks.a.output }}""#]],
        );
        put(
            &json!({}),
            &json!({ "a": 1 }),
            expect!["It has parts. Put the cursor where the value should stand, then choose it."],
        );
        put(
            &json!({}),
            &json!("{{ 1 }}"),
            expect![[r#"{{ 1 }}{{ tasks.a.output }}@ as "{{ 1 }}{{ tasks.a.output }}""#]],
        );
    }

    #[test]
    fn in_json_it_stands_in_quotes() {
        let field = Field {
            path: strings("tasks.last.with.it"),
            value: Some(json!([1, 2])),
            kind: Kind::Json,
            ..Field::default()
        };
        // Before the 2 without a comma between: that would be no JSON.
        let refused = insert(&document(), &field, Some(8), "a").map_err(|mistake| mistake.to_string());
        expect![
            "No value may stand where the cursor is. Put it where one stands, then choose the value again."
        ]
        .assert_eq(&refused.expect_err("it is no JSON then"));
        let field = Field {
            value: Some(json!({ "a": "" })),
            ..field
        };
        let put = insert(&document(), &field, Some(10), "inputs.day").expect("it stands in the text");
        expect![[r#"
            {
              "a": "{{ inputs.day }}"
            }"#]]
        .assert_eq(&put.text);
    }

    #[test]
    fn where_no_expression_may_stand_it_is_said() {
        let field = Field {
            path: strings("tasks.last.timeout"),
            title: "Timeout".to_owned(),
            ..Field::default()
        };
        let refused = insert(&document(), &field, None, "inputs.day");
        expect!["Timeout takes no expressions: it is fixed when the flow is published. Choose one of the arguments."].assert_eq(&refused.expect_err("it is fixed").to_string());
        let field = Field {
            path: strings("tasks.last.when"),
            value: Some(json!("inputs.day == ")),
            ..Field::default()
        };
        let put = insert(&document(), &field, None, "tasks.fetch.output.total");
        expect!["inputs.day == tasks.fetch.output.total"]
            .assert_eq(&put.map(|put| put.text).unwrap_or_default());
    }
}
