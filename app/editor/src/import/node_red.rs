//! Flows exported from Node-RED. A message there is what the task before gave here.

use flow::layout::Point;
use rustc_hash::FxHashMap;
use serde_json::{Map, Value, json};

use super::sketch::{Sketch, literal, task_path};

pub(super) fn is_flow(nodes: &[Value]) -> bool {
    let is_node = |node: &Value| {
        node.get("id").is_some_and(Value::is_string) && node.get("type").is_some_and(Value::is_string)
    };
    !nodes.is_empty()
        && nodes.iter().all(is_node)
        && nodes
            .iter()
            .any(|node| node.get("wires").is_some() || node["type"] == "tab")
}

fn text<'v>(node: &'v Value, field: &str) -> &'v str {
    node.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// What is set up elsewhere and used by nodes.
fn is_setting(node: &Value) -> bool {
    node.get("wires").is_none() || matches!(text(node, "type"), "tab" | "group" | "subflow")
}

/// What starts a message, or only leads on.
fn is_between(node: &Value) -> bool {
    matches!(
        text(node, "type"),
        "inject"
            | "link in"
            | "link out"
            | "junction"
            | "comment"
            | "http in"
            | "catch"
            | "status"
            | "complete"
            | "mqtt in"
    )
}

struct Reader<'n> {
    sketch: Sketch,
    nodes: FxHashMap<&'n str, &'n Value>,
    order: Vec<&'n Value>,
    tasks: FxHashMap<&'n str, String>,
    before: FxHashMap<&'n str, Vec<&'n str>>,
}

pub(super) fn read(nodes: &[Value]) -> Sketch {
    let order: Vec<&Value> = nodes.iter().filter(|node| !is_setting(node)).collect();
    let mut reader = Reader {
        sketch: Sketch::default(),
        nodes: nodes.iter().map(|node| (text(node, "id"), node)).collect(),
        order,
        tasks: FxHashMap::default(),
        before: FxHashMap::default(),
    };
    let tabs: Vec<&Value> = nodes.iter().filter(|node| text(node, "type") == "tab").collect();
    reader.sketch.name = tabs.first().map_or("", |tab| text(tab, "label")).to_owned();
    reader.sketch.description = tabs.first().map_or("", |tab| text(tab, "info")).to_owned();
    if tabs.len() > 1 {
        let n_tabs = tabs.len();
        reader.sketch.tell(format!("{n_tabs} tabs became one flow."));
    }
    for node in nodes
        .iter()
        .filter(|node| is_setting(node) && text(node, "type") != "tab")
    {
        let (kind, name) = (text(node, "type"), text(node, "name"));
        let named = if name.is_empty() {
            String::new()
        } else {
            format!(" `{name}`")
        };
        reader
            .sketch
            .tell(format!("What is set up as `{kind}`{named} is left out."));
    }
    reader.tasks();
    reader.edges();
    reader.fill();
    reader.sketch
}

impl<'n> Reader<'n> {
    fn tasks(&mut self) {
        for node in &self.order {
            if is_between(node) {
                continue;
            }
            let name = [text(node, "name"), text(node, "type")];
            let name = name.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
            let id = self.sketch.task(name, json!({ "type": "noop" }));
            let at = |field: &str| node.get(field).and_then(Value::as_f64);
            let at = at("x").zip(at("y")).map(|(x, y)| Point { x, y });
            self.sketch.place(&id, at);
            self.tasks.insert(text(node, "id"), id);
        }
    }

    /// The tasks that a wire leads to, through nodes that only lead on.
    fn targets(&self, node: &'n Value, output: usize) -> Vec<&'n str> {
        let wired = |node: &'n Value, output: usize| -> Vec<&'n str> {
            let wires = node.get("wires").and_then(|wires| wires.get(output)?.as_array());
            let links = (text(node, "type") == "link out")
                .then(|| node.get("links")?.as_array())
                .flatten();
            let all = wires.into_iter().flatten().chain(links.into_iter().flatten());
            all.filter_map(Value::as_str).collect()
        };
        let mut queue = wired(node, output);
        let (mut found, mut next) = (Vec::new(), 0);
        while let Some(&id) = queue.get(next) {
            next += 1;
            if self.tasks.contains_key(id) {
                found.push(id);
            } else if let Some(node) = self.nodes.get(id) {
                let more: Vec<&str> = wired(node, 0)
                    .into_iter()
                    .filter(|id| !queue.contains(id))
                    .collect();
                queue.extend(more);
            }
        }
        found
    }

    fn edges(&mut self) {
        for node in self.order.clone() {
            let Some(id) = self.tasks.get(text(node, "id")).cloned() else {
                continue;
            };
            let n_outputs = node.get("wires").and_then(Value::as_array).map_or(0, Vec::len);
            let is_switch = text(node, "type") == "switch";
            for output in 0..n_outputs {
                for target in self.targets(node, output) {
                    let to = self.tasks[target].clone();
                    let case = format!("case-{output}");
                    let on: &[&str] = if is_switch { &[case.as_str()] } else { &[] };
                    self.sketch.edge(&id, &to, on);
                    self.before.entry(target).or_default().push(text(node, "id"));
                }
            }
            if n_outputs > 1 && !is_switch {
                self.sketch.tell(format!(
                    "`{id}` has {n_outputs} outputs; here what waits for it waits for it as a whole."
                ));
            }
        }
        for id in self.sketch.ids() {
            if self.sketch.upstreams(&id).len() > 1 {
                self.sketch.set(&id, "join", json!("any"));
                self.sketch
                    .tell(format!("`{id}` ran for each message; here it runs once, after the first task before it (`join: any`)."));
            }
        }
    }

    fn fill(&mut self) {
        for node in self.order.clone() {
            let kind = text(node, "type");
            let Some(id) = self.tasks.get(text(node, "id")).cloned() else {
                self.between(node, kind);
                continue;
            };
            if let Some((task_type, with)) = self.known(&id, node, kind) {
                self.sketch.set(&id, "type", json!(task_type));
                if with.as_object().is_some_and(|with| !with.is_empty()) {
                    self.sketch.set(&id, "with", with);
                }
            } else {
                let mut original = node.clone();
                if let Value::Object(fields) = &mut original {
                    for field in ["id", "z", "x", "y", "wires", "type", "name"] {
                        fields.shift_remove(field);
                    }
                }
                let original: String = literal(&original.to_string()).chars().take(4_000).collect();
                self.sketch.set(
                    &id,
                    "description",
                    json!(format!("Was a node `{kind}` of Node-RED: {original}")),
                );
                self.sketch.tell(format!(
                    "`{id}` was a node `{kind}` of Node-RED, which is not translated: it does nothing, and its description holds the original."
                ));
            }
            if node.get("d") == Some(&Value::Bool(true)) {
                self.sketch.set(&id, "when", json!("false"));
                self.sketch.tell(format!(
                    "`{id}` was switched off, so it is skipped (`when: false`)."
                ));
            }
            let info = text(node, "info");
            if !info.is_empty() && self.sketch.get(&id, "description").is_none() {
                self.sketch.set(&id, "description", json!(info));
            }
        }
    }

    fn between(&mut self, node: &Value, kind: &str) {
        let name = text(node, "name");
        let at = |field: &str| node.get(field).and_then(Value::as_f64);
        match kind {
            "comment" => {
                let note = [name, text(node, "info")].join("\n\n");
                self.sketch
                    .note(note.trim(), at("x").zip(at("y")).map(|(x, y)| Point { x, y }));
            }
            "inject" => {
                let (cron, repeat) = (text(node, "crontab"), text(node, "repeat"));
                if !cron.is_empty() {
                    self.sketch.schedule(cron);
                } else if let Some(minutes) = repeat
                    .parse::<u64>()
                    .ok()
                    .filter(|secs| secs % 60 == 0 && *secs > 0 && *secs < 3600)
                {
                    self.sketch.schedule(&format!("*/{} * * * *", minutes / 60));
                } else if !repeat.is_empty() {
                    self.sketch.tell(format!(
                        "The flow was started each {repeat} seconds: add a schedule."
                    ));
                }
                let payload = text(node, "payload");
                if !payload.is_empty() && text(node, "payloadType") != "date" {
                    self.sketch.tell(format!(
                        "What `{name}` injected (`{}`) is left out: make it an input.",
                        literal(payload)
                    ));
                }
            }
            "link in" | "link out" | "junction" => {}
            "http in" => self.sketch.tell(format!(
                "`{} {}` started the flow: add it under `webhooks`, with a token or a signature as a secret.",
                text(node, "method").to_uppercase(),
                text(node, "url")
            )),
            other => self.sketch.tell(format!(
                "The node `{other}`{} is left out; use edges `on: failed`, `on_failure` or a trigger.",
                named(name)
            )),
        }
    }

    fn known(&mut self, id: &str, node: &Value, kind: &str) -> Option<(&'static str, Value)> {
        let name = text(node, "id");
        Some(match kind {
            "debug" => {
                let message = match self.message(name, text(node, "complete")) {
                    Some(message) => format!("{{{{ {message} }}}}"),
                    None => {
                        self.sketch.tell(format!(
                            "What `{id}` writes is not translated: say which task's output it is."
                        ));
                        text(node, "name").to_owned()
                    }
                };
                ("log", json!({ "message": message }))
            }
            "http request" => {
                let mut with = Map::new();
                let method = text(node, "method");
                if !matches!(method, "" | "GET" | "use") {
                    with.insert("method".to_owned(), json!(method));
                }
                with.insert("url".to_owned(), self.mustache(id, name, text(node, "url")));
                if matches!(method, "POST" | "PUT" | "PATCH")
                    && let Some(body) = self.message(name, "payload")
                {
                    with.insert("body".to_owned(), json!(format!("{{{{ {body} }}}}")));
                }
                ("http.request", Value::Object(with))
            }
            "template" => (
                "transform",
                json!({ "value": self.mustache(id, name, text(node, "template")) }),
            ),
            "exec" => {
                if node
                    .get("addpay")
                    .is_some_and(|adds| *adds != json!(false) && *adds != json!(""))
                {
                    self.sketch.tell(format!(
                        "The message was added to the command of `{id}`: hand it over in `env`."
                    ));
                }
                let command = [text(node, "command"), text(node, "append")].join(" ");
                ("shell", json!({ "command": literal(command.trim()) }))
            }
            "delay" if text(node, "pauseType") == "delay" => {
                let unit = match text(node, "timeoutUnits") {
                    "milliseconds" => "ms",
                    "minutes" => "m",
                    "hours" => "h",
                    "days" => "d",
                    _ => "s",
                };
                let amount: f64 = text(node, "timeout").parse().ok()?;
                (
                    "delay",
                    json!({ "for": format!("{}{unit}", crate::changes::number(amount.floor())) }),
                )
            }
            "switch" => self.switch(id, node)?,
            "change" => self.change(node)?,
            "e-mail" => {
                let body = self.message(name, "payload").unwrap_or_else(|| "''".to_owned());
                self.sketch.tell(format!(
                    "`{id}` sends by the server in the secret `smtp`: put its address there."
                ));
                (
                    "mail.send",
                    json!({
                        "to": text(node, "name"), "subject": "Message", "body": format!("{{{{ {body} }}}}"), "smtp": "{{ secrets.smtp }}",
                    }),
                )
            }
            _ => return None,
        })
    }

    fn switch(&mut self, id: &str, node: &Value) -> Option<(&'static str, Value)> {
        let left = self.message(text(node, "id"), text(node, "property"));
        let mut cases = Map::new();
        let mut is_told = false;
        let rules = node.get("rules")?.as_array()?;
        for (number, rule) in rules.iter().enumerate() {
            let right = match text(rule, "vt") {
                "num" => text(rule, "v").to_owned(),
                "str" | "" => Value::from(text(rule, "v")).to_string(),
                _ => String::new(),
            };
            let condition = left.as_ref().and_then(|left| {
                let sign = match text(rule, "t") {
                    "eq" => "==",
                    "neq" => "!=",
                    "lt" => "<",
                    "lte" => "<=",
                    "gt" => ">",
                    "gte" => ">=",
                    "cont" => return Some(format!("{right} in {left}")),
                    "true" => return Some(format!("{left} == true")),
                    "false" => return Some(format!("{left} == false")),
                    "null" => return Some(format!("{left} is none")),
                    "nnull" => return Some(format!("{left} is not none")),
                    "else" => return Some("true".to_owned()),
                    _ => return None,
                };
                (!right.is_empty()).then(|| format!("{left} {sign} {right}"))
            });
            is_told |= condition.is_none();
            cases.insert(
                format!("case-{number}"),
                json!(condition.unwrap_or_else(|| "false".to_owned())),
            );
        }
        if is_told || cases.is_empty() {
            self.sketch.tell(format!(
                "Cases of `{id}` are not translated: they are `false` until you write them."
            ));
        }
        if cases.is_empty() {
            cases.insert("case-0".to_owned(), json!("false"));
        }
        if text(node, "checkall") == "true" && cases.len() > 1 {
            self.sketch.tell(format!(
                "`{id}` followed all cases that hold; here the first one wins."
            ));
        }
        Some(("switch", json!({ "cases": cases })))
    }

    fn change(&self, node: &Value) -> Option<(&'static str, Value)> {
        let rules = node.get("rules")?.as_array()?;
        let [rule] = rules.as_slice() else { return None };
        if text(rule, "t") != "set" || text(rule, "p") != "payload" {
            return None;
        }
        let to = text(rule, "to");
        let value = match text(rule, "tot") {
            "str" => json!(literal(to)),
            "num" | "bool" | "json" => serde_json::from_str(to).ok()?,
            "msg" => json!(format!("{{{{ {} }}}}", self.message(text(node, "id"), to)?)),
            _ => return None,
        };
        Some(("transform", json!({ "value": value })))
    }

    /// A property of the message as an expression: what the only task before gave.
    fn message(&self, node: &str, property: &str) -> Option<String> {
        // Nodes that only direct or hold a message hand it on.
        let (mut at, mut n_steps) = (node, 0);
        let only = loop {
            let [only] = self.before.get(at)?.as_slice() else {
                return None;
            };
            let kind = self.nodes.get(only).map_or("", |node| text(node, "type"));
            n_steps += 1;
            if !matches!(kind, "switch" | "delay") || n_steps > self.order.len() {
                break only;
            }
            at = only;
        };
        let path = property.strip_prefix("msg.").unwrap_or(property);
        let rest = match path.strip_prefix("payload") {
            Some(rest) => rest,
            None if matches!(path, "" | "true" | "false") => "",
            None => return None,
        };
        let is_http = self
            .nodes
            .get(only)
            .is_some_and(|node| text(node, "type") == "http request");
        let body = if is_http { ".body" } else { "" };
        let is_plain = rest
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '[' | ']'));
        is_plain.then(|| format!("{}.output{body}{rest}", task_path(&self.tasks[only])))
    }

    /// A Mustache template.
    fn mustache(&mut self, id: &str, node: &str, template: &str) -> Value {
        let mut made = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("{{") {
            made.push_str(&literal(before));
            let Some((inner, behind)) = after.split_once("}}") else {
                break;
            };
            let name = inner.trim_matches(['{', '}', '&', ' ']);
            match self.message(node, name) {
                Some(path) => made.push_str(&format!("{{{{ {path} }}}}")),
                None => {
                    made.push_str(&format!("{{ {{{}}} }}", literal(name)));
                    self.sketch.tell(format!(
                        "A text of `{id}` names `{name}`, which has to be written anew."
                    ));
                }
            }
            rest = behind
                .strip_prefix('}')
                .filter(|_| inner.starts_with('{'))
                .unwrap_or(behind);
        }
        made.push_str(&literal(rest));
        json!(made)
    }
}

fn named(name: &str) -> String {
    if name.is_empty() {
        String::new()
    } else {
        format!(" `{name}`")
    }
}
