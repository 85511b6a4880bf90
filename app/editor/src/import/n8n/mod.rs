//! Workflows exported from n8n.

mod arguments;
mod values;

use flow::layout::Point;
use rustc_hash::FxHashMap;
use serde_json::{Map, Value, json};

use super::sketch::{Sketch, literal};

pub(super) fn is_workflow(document: &Value) -> bool {
    let nodes = document.get("nodes").and_then(Value::as_array);
    nodes.is_some_and(|nodes| {
        nodes
            .iter()
            .all(|node| node.get("type").is_some_and(Value::is_string))
    }) && document.get("connections").is_some_and(Value::is_object)
}

fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// What a node says, and its parameters that have been understood.
struct Node<'n> {
    name: &'n str,
    kind: &'n str,
    value: &'n Value,
    at: Option<Point>,
}

struct Reader<'n> {
    sketch: Sketch,
    nodes: Vec<Node<'n>>,
    /// Which task a node became; those that start a run became none.
    tasks: FxHashMap<&'n str, String>,
    /// The nodes before each node.
    before: FxHashMap<&'n str, Vec<&'n str>>,
}

pub(super) fn read(document: &Value) -> Sketch {
    let nodes: Vec<Node<'_>> = document["nodes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|node| Node {
            name: text(node, "/name"),
            kind: text(node, "/type").rsplit('.').next().unwrap_or_default(),
            value: node,
            at: point(node.get("position")),
        })
        .collect();
    let mut reader = Reader {
        sketch: Sketch::named(text(document, "/name")),
        before: before(&document["connections"]),
        nodes,
        tasks: FxHashMap::default(),
    };
    reader.unique();
    reader.ids();
    reader.translate();
    reader.connect(&document["connections"]);
    for key in ["pinData", "settings", "staticData"] {
        let is_empty = |value: &Value| value.as_object().is_none_or(Map::is_empty);
        if document.get(key).is_some_and(|value| !is_empty(value)) {
            reader
                .sketch
                .tell(format!("`{key}` of the workflow is left out."));
        }
    }
    reader.sketch
}

fn point(position: Option<&Value>) -> Option<Point> {
    let position = position?;
    Some(Point {
        x: position.get(0)?.as_f64()?,
        y: position.get(1)?.as_f64()?,
    })
}

/// The links out of a node: the output's kind and number, and the name of the node it leads to.
fn links(connections: &Value) -> impl Iterator<Item = (&str, &str, usize, &str)> {
    let all = connections.as_object().into_iter().flatten();
    all.flat_map(|(from, outputs)| {
        outputs
            .as_object()
            .into_iter()
            .flatten()
            .flat_map(move |(kind, outputs)| {
                let outputs = outputs.as_array().into_iter().flatten().enumerate();
                outputs.flat_map(move |(number, links)| {
                    let links = links.as_array().into_iter().flatten();
                    links.filter_map(move |link| {
                        Some((from.as_str(), kind.as_str(), number, link.get("node")?.as_str()?))
                    })
                })
            })
    })
}

fn before(connections: &Value) -> FxHashMap<&str, Vec<&str>> {
    let mut before: FxHashMap<&str, Vec<&str>> = FxHashMap::default();
    for (from, _, _, to) in links(connections) {
        let before = before.entry(to).or_default();
        if !before.contains(&from) {
            before.push(from);
        }
    }
    before
}

fn is_trigger(kind: &str) -> bool {
    kind.ends_with("Trigger") || matches!(kind, "start" | "webhook" | "cron" | "interval")
}

impl<'n> Reader<'n> {
    /// Links go by names, so each name stands for one node.
    fn unique(&mut self) {
        let mut names: Vec<&str> = Vec::new();
        let sketch = &mut self.sketch;
        self.nodes.retain(|node| {
            let is_new = !names.contains(&node.name);
            if is_new {
                names.push(node.name);
            } else {
                sketch.tell(format!("Another node called `{}` is left out.", node.name));
            }
            is_new
        });
    }

    /// Every node that becomes a task gets its id first, so that expressions can name it.
    fn ids(&mut self) {
        for node in &self.nodes {
            if !is_trigger(node.kind) && node.kind != "stickyNote" {
                let id = self.sketch.task(node.name, json!({ "type": "noop" }));
                self.sketch.place(&id, node.at);
                self.tasks.insert(node.name, id);
            }
        }
    }

    fn translate(&mut self) {
        for at in 0..self.nodes.len() {
            let Node {
                name,
                kind,
                value,
                at,
            } = self.nodes[at];
            if kind == "stickyNote" {
                self.sketch.note(text(value, "/parameters/content"), at);
                continue;
            }
            let Some(id) = self.tasks.get(name).cloned() else {
                self.trigger(name, kind, &value["parameters"]);
                continue;
            };
            self.node(&id, name, kind, value);
            self.common(&id, value);
        }
    }

    fn trigger(&mut self, name: &str, kind: &str, parameters: &Value) {
        match kind {
            "manualTrigger" | "start" => {}
            "scheduleTrigger" | "cron" | "interval" => {
                let intervals = parameters.pointer("/rule/interval").and_then(Value::as_array);
                let intervals = intervals.map_or(&[][..], Vec::as_slice);
                let crons: Vec<String> = intervals.iter().filter_map(cron).collect();
                if crons.is_empty() || crons.len() < intervals.len() {
                    self.sketch
                        .tell(format!("Not all times at which `{name}` starts the flow are translated: add a schedule."));
                }
                for cron in crons {
                    self.sketch.schedule(&cron);
                }
            }
            "webhook" => self.sketch.tell(format!(
                "`{name}` starts the flow from outside: add it under `webhooks`, with a token or a signature as a secret."
            )),
            other => self
                .sketch
                .tell(format!("`{name}` ({other}) starts the flow there; here something else has to start it.")),
        }
    }

    fn node(&mut self, id: &str, name: &'n str, kind: &str, node: &Value) {
        let parameters = &node["parameters"];
        let mut used: Vec<&str> = Vec::new();
        let (task_type, with) = match kind {
            "noOp" | "merge" => ("noop", Value::Null),
            "httpRequest" => {
                used = vec![
                    "url",
                    "method",
                    "requestMethod",
                    "sendHeaders",
                    "sendQuery",
                    "sendBody",
                    "specifyBody",
                    "contentType",
                    "headerParameters",
                    "queryParameters",
                    "bodyParameters",
                    "jsonBody",
                    "authentication",
                    "options",
                    "specifyHeaders",
                    "specifyQuery",
                ];
                ("http.request", self.http(id, name, parameters))
            }
            "set" => {
                used = vec![
                    "assignments",
                    "values",
                    "options",
                    "mode",
                    "jsonOutput",
                    "keepOnlySet",
                    "includeOtherFields",
                ];
                (
                    "transform",
                    json!({ "value": self.assigned(id, name, parameters) }),
                )
            }
            "if" => {
                used = vec!["conditions", "combineOperation", "combinator", "options"];
                let condition = self.conditions(id, name, parameters);
                (
                    "switch",
                    json!({ "cases": { "yes": condition }, "default": "no" }),
                )
            }
            "switch" => {
                used = vec!["rules", "mode", "options", "dataType", "value1", "fallbackOutput"];
                ("switch", self.rules(id, name, parameters))
            }
            "executeWorkflow" => {
                used = vec!["workflowId", "source", "workflowInputs", "options", "mode"];
                let flow = parameters
                    .pointer("/workflowId/value")
                    .or_else(|| parameters.get("workflowId"));
                let flow = flow.and_then(Value::as_str).unwrap_or_default();
                self.sketch.tell(format!(
                    "`{id}` runs the workflow `{flow}` there: name the flow it is here, and its inputs."
                ));
                (
                    "subflow",
                    json!({ "flow": super::sketch::slug(flow, "other-flow") }),
                )
            }
            "wait" => {
                used = vec!["amount", "unit", "resume"];
                match delay(parameters) {
                    Some(duration) => ("delay", json!({ "for": duration })),
                    None => ("signal", json!({ "name": id })),
                }
            }
            "emailSend" => {
                used = vec![
                    "fromEmail",
                    "toEmail",
                    "subject",
                    "text",
                    "html",
                    "message",
                    "emailFormat",
                    "options",
                ];
                ("mail.send", self.mail(id, name, parameters))
            }
            other => {
                let what = format!("a node `{other}` of n8n");
                let original: String = literal(&parameters.to_string()).chars().take(4_000).collect();
                self.sketch
                    .set(id, "description", json!(format!("Was {what}: {original}")));
                self.sketch.tell(format!(
                    "`{id}` was {what}, which is not translated: it does nothing, and its description holds the original."
                ));
                ("noop", Value::Null)
            }
        };
        self.sketch.set(id, "type", json!(task_type));
        if with.as_object().is_some_and(|with| !with.is_empty()) {
            self.sketch.set(id, "with", with);
        }
        let is_empty = |value: &Value| {
            value.is_null() || *value == json!({}) || *value == json!([]) || *value == json!("")
        };
        if task_type != "noop" || matches!(kind, "noOp" | "merge") {
            let left: Vec<&str> = (parameters.as_object().into_iter().flatten())
                .filter(|(key, value)| !used.contains(&key.as_str()) && !is_empty(value))
                .map(|(key, _)| key.as_str())
                .collect();
            if !left.is_empty() {
                self.sketch
                    .tell(format!("Parameters of `{id}` are left out: {}.", left.join(", ")));
            }
            if parameters
                .get("options")
                .is_some_and(|options| !is_empty(options))
            {
                let options = literal(&parameters["options"].to_string());
                self.sketch
                    .tell(format!("The options of `{id}` are left out: {options}."));
            }
        }
        if node
            .get("credentials")
            .is_some_and(|credentials| !is_empty(credentials))
        {
            self.sketch.tell(format!(
                "The credentials of `{id}` do not come along: add them as secrets."
            ));
        }
    }

    /// What nodes of all types have.
    fn common(&mut self, id: &str, node: &Value) {
        if node.get("disabled") == Some(&Value::Bool(true)) {
            self.sketch.set(id, "when", json!("false"));
            self.sketch
                .tell(format!("`{id}` was switched off, so it is skipped (`when: false`), and what waits for it alone as well."));
        }
        if node.get("retryOnFail") == Some(&Value::Bool(true)) {
            let attempts = node
                .get("maxTries")
                .and_then(Value::as_u64)
                .unwrap_or(3)
                .clamp(1, 1000);
            let pause = node
                .get("waitBetweenTries")
                .and_then(Value::as_u64)
                .unwrap_or(1000);
            self.sketch.set(
                id,
                "retry",
                json!({ "max_attempts": attempts, "backoff": "fixed", "first": format!("{pause}ms") }),
            );
        }
        let notes = text(node, "/notes");
        if !notes.is_empty() {
            let kept = self.sketch.get(id, "description").and_then(Value::as_str);
            let description = kept.map_or_else(|| notes.to_owned(), |kept| format!("{notes}\n\n{kept}"));
            self.sketch.set(id, "description", json!(description));
        }
    }

    fn connect(&mut self, connections: &Value) {
        for (from, kind, number, to) in links(connections) {
            let (Some(up), Some(down)) = (self.tasks.get(from).cloned(), self.tasks.get(to).cloned()) else {
                continue;
            };
            if kind != "main" {
                self.sketch.tell(format!(
                    "The link `{kind}` from `{up}` to `{down}` is left out: it is no order of work."
                ));
                continue;
            }
            let Some(node) = self.nodes.iter().find(|node| node.name == from) else {
                continue;
            };
            let on_error = text(node.value, "/onError");
            let case: String;
            let on: &[&str] = match (node.kind, number) {
                ("if", 0) => &["yes"],
                ("if", _) => &["no"],
                ("switch", number) => {
                    let rules = node.value.pointer("/parameters/rules");
                    let rules = rules
                        .and_then(|rules| rules.get("values").or_else(|| rules.get("rules"))?.as_array());
                    case = match rules.and_then(|rules| rules.get(number)) {
                        Some(rule) => case_name(rule, number),
                        None => "otherwise".to_owned(),
                    };
                    &[case.as_str()]
                }
                (_, 1) if on_error == "continueErrorOutput" => &["failed"],
                _ if on_error == "continueRegularOutput"
                    || node.value.get("continueOnFail") == Some(&Value::Bool(true)) =>
                {
                    &["succeeded", "failed"]
                }
                _ => &[],
            };
            self.sketch.edge(&up, &down, on);
        }
        for node in &self.nodes {
            let Some(id) = self.tasks.get(node.name) else {
                continue;
            };
            if self.sketch.upstreams(id).len() < 2 {
                continue;
            }
            if node.kind == "merge" {
                self.sketch.set(id, "join", json!("settled"));
            } else {
                self.sketch.set(id, "join", json!("any"));
                self.sketch.tell(format!(
                    "`{id}` ran once for each link into it; here it runs once, after the first (`join: any`)."
                ));
            }
        }
    }
}

fn case_name(rule: &Value, number: usize) -> String {
    let name = [text(rule, "/outputKey"), text(rule, "/renameOutput")];
    let name = name.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
    let name = super::sketch::slug(name, "");
    let is_state = matches!(
        name.as_str(),
        "succeeded" | "failed" | "skipped" | "cancelled" | "always"
    );
    if name.is_empty() || is_state {
        format!("case-{number}")
    } else {
        name
    }
}

fn cron(interval: &Value) -> Option<String> {
    let number = |name: &str, otherwise: u64| interval.get(name).and_then(Value::as_u64).unwrap_or(otherwise);
    let (minute, hour) = (number("triggerAtMinute", 0), number("triggerAtHour", 0));
    Some(match text(interval, "/field") {
        "cronExpression" => text(interval, "/expression").to_owned(),
        "minutes" => format!("*/{} * * * *", number("minutesInterval", 5)),
        "hours" => format!("{minute} */{} * * *", number("hoursInterval", 1)),
        "days" | "" if number("daysInterval", 1) == 1 => format!("{minute} {hour} * * *"),
        _ => return None,
    })
}

fn delay(parameters: &Value) -> Option<String> {
    let amount = parameters.get("amount").and_then(Value::as_u64)?;
    let unit = match text(parameters, "/unit") {
        "seconds" => "s",
        "minutes" => "m",
        "" | "hours" => "h",
        "days" => "d",
        _ => return None,
    };
    Some(format!("{amount}{unit}"))
}
