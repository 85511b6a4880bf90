//! Flows to begin with.

use crate::text::Source;
use crate::text::draft::Draft;
use flow::parse::Format;
use serde_json::Value;

/// A flow to begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Template {
    /// Its id, which is the id of its flow as well.
    pub id: &'static str,
    /// The flow as YAML.
    pub text: &'static str,
}

/// Where a server answers unless it is told otherwise.
const USUAL_ORIGIN: &str = "http://127.0.0.1:8000";

macro_rules! templates {
    ($($id:literal),* $(,)?) => {
        /// All templates, the simplest first.
        pub const ALL: &[Template] = &[$(Template {
            id: $id,
            text: include_str!(concat!("../templates/", $id, ".yaml")),
        }),*];
    };
}

templates!(
    "hello",
    "side-by-side",
    "call-and-route",
    "each-of-a-list",
    "ask-a-person",
    "try-then-fall-back",
    "poll-until-done",
    "webhook-intake",
    "nightly-report",
    "extract-transform-load",
    "take-back-on-failure",
    "watch-a-service",
);

/// What people see of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// What it is an example of.
    pub kind: String,
}

impl Template {
    /// The template with this id.
    #[must_use]
    pub fn find(id: &str) -> Option<Self> {
        ALL.iter().copied().find(|template| template.id == id)
    }

    /// Its text for a server that answers here: where a template asks for something, it asks that one.
    #[must_use]
    pub fn at(&self, origin: &str) -> String {
        self.text.replace(USUAL_ORIGIN, origin.trim_end_matches('/'))
    }

    /// What people see of it.
    #[must_use]
    pub fn about(&self) -> About {
        let draft = Draft::new(self.text, Format::Yaml).ok();
        let text = |pointer: &str| {
            let value = draft.as_ref().and_then(|draft| draft.value().pointer(pointer));
            value.and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        About {
            name: text("/name"),
            description: text("/description"),
            kind: text("/labels/kind"),
        }
    }

    /// The template as a flow of one's own.
    ///
    /// # Errors
    /// The id is none.
    pub fn with_id(&self, id: &str) -> Result<Source, crate::Refusal> {
        if !flow::ids::is_slug(id) {
            let message = format!(
                "`{id}` cannot be the id of a flow: ids have lower case letters, digits, `-` and `_`"
            );
            return Err(crate::Refusal::new("bad_id", message));
        }
        let mut source = Source::new(self.text, Format::Yaml);
        source.apply(&crate::Change::Set {
            path: vec!["flow".to_owned()],
            value: Some(Value::from(id)),
        })?;
        Ok(source)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::sync::Arc;

    use expect_test::expect;
    use flow::simulate::{Progress, Scenario, Simulation, Stub};
    use flow::validate::check;
    use serde_json::json;

    use super::*;
    use crate::testing::Types;

    /// What the world answers, so that every template gets somewhere.
    fn stubs() -> Vec<(&'static str, Value)> {
        vec![
            (
                "call",
                json!({ "status": 200, "body": { "status": "healthy", "version": "1" } }),
            ),
            (
                "figures",
                json!({ "body": { "runs": { "succeeded": 3, "failed": 1 } } }),
            ),
            ("ask", json!({ "body": { "rate": 1.2 } })),
            ("begin", json!(1_700_000_000)),
            ("look", json!({ "state": "done", "age": 3 })),
            ("charge", json!({ "id": "c-1" })),
            (
                "extract",
                json!({ "body": { "items": [{ "id": "a", "n_tasks": 2 }] } }),
            ),
            ("transform", json!([{ "id": "a", "tasks": 2 }])),
        ]
    }

    #[test]
    fn every_template_is_valid_and_runs_to_its_end() {
        let mut shown = String::new();
        for template in ALL {
            let checked = check(template.text.as_bytes(), Format::Yaml, &Types);
            assert_eq!(checked.problems, [], "{}", template.id);
            let doc = Arc::new(checked.doc.expect("it is valid"));
            assert_eq!(doc.flow, template.id);
            let about = template.about();
            assert!(!about.name.is_empty() && !about.description.is_empty() && !about.kind.is_empty());
            let inputs = flow::inputs::resolve(&doc, json!({})).expect("every input has a default");
            let stub = |(task, output): (&str, _)| (task.to_owned(), Stub::giving(output));
            let scenario = Scenario {
                inputs,
                stubs: stubs().into_iter().map(stub).collect(),
                ..Scenario::default()
            };
            let mut run = Simulation::start(doc, scenario);
            assert_eq!(run.run(), Progress::Ended, "{}", template.id);
            let _ = writeln!(shown, "{}: {:?}", template.id, run.state().status());
        }
        expect![[r#"
            hello: Succeeded
            side-by-side: Succeeded
            call-and-route: Succeeded
            each-of-a-list: Succeeded
            ask-a-person: Succeeded
            try-then-fall-back: Succeeded
            poll-until-done: Succeeded
            webhook-intake: Succeeded
            nightly-report: Succeeded
            extract-transform-load: Succeeded
            take-back-on-failure: Succeeded
            watch-a-service: Succeeded
        "#]]
        .assert_eq(&shown);
    }

    #[test]
    fn a_template_asks_the_server_it_is_on() {
        let template = Template::find("call-and-route").expect("it is there");
        let text = template.at("https://flows.example/");
        assert!(text.contains("\"https://flows.example/health\"") && !text.contains("127.0.0.1"));
        let hello = Template::find("hello").expect("it is there");
        assert_eq!(hello.at("https://flows.example"), hello.text);
    }

    #[test]
    fn a_template_becomes_a_flow_of_ones_own() {
        let template = Template::find("hello").expect("it is there");
        let source = template.with_id("my-flow").expect("the id is one");
        assert!(source.text().contains("flow: my-flow\n") && source.text().starts_with('#'));
        assert!(template.with_id("My Flow").is_err() && Template::find("nothing").is_none());
    }
}
