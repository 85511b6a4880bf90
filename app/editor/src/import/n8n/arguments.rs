//! Parameters of the nodes that have a task type here.

use serde_json::{Map, Value, json};

use super::{Reader, case_name, text};

impl<'n> Reader<'n> {
    pub(super) fn http(&mut self, id: &str, name: &'n str, parameters: &Value) -> Value {
        let mut with = Map::new();
        let method = [text(parameters, "/method"), text(parameters, "/requestMethod")];
        if let Some(method) = method
            .into_iter()
            .find(|method| !method.is_empty() && *method != "GET")
        {
            with.insert("method".to_owned(), json!(method));
        }
        let url = self.value(id, name, "url", &parameters["url"]);
        with.insert("url".to_owned(), if url.is_null() { json!("") } else { url });
        for (list, field) in [
            ("headerParameters", "headers"),
            ("queryParameters", "query"),
            ("bodyParameters", "body"),
        ] {
            let pairs = parameters
                .pointer(&format!("/{list}/parameters"))
                .and_then(Value::as_array);
            let mut map = Map::new();
            for pair in pairs.into_iter().flatten() {
                let key = text(pair, "/name").to_owned();
                let value = self.value(id, name, field, &pair["value"]);
                map.insert(key, value);
            }
            map.remove("");
            if !map.is_empty() {
                with.insert(field.to_owned(), Value::Object(map));
            }
        }
        if let Some(body) = parameters.get("jsonBody") {
            let body = self.value(id, name, "body", body);
            let read = body.as_str().and_then(|text| serde_json::from_str(text).ok());
            with.insert("body".to_owned(), read.unwrap_or(body));
        }
        let login = text(parameters, "/authentication");
        if !matches!(login, "" | "none") {
            self.sketch.tell(format!(
                "How `{id}` logs in ({login}) is left out: add `auth` with a secret."
            ));
        }
        Value::Object(with)
    }

    pub(super) fn mail(&mut self, id: &str, name: &'n str, parameters: &Value) -> Value {
        let mut with = Map::new();
        for (from, to) in [
            ("fromEmail", "from"),
            ("toEmail", "to"),
            ("subject", "subject"),
            ("text", "body"),
            ("message", "body"),
            ("html", "html"),
        ] {
            let value = self.value(id, name, to, &parameters[from]);
            if !value.is_null() {
                with.insert(to.to_owned(), value);
            }
        }
        for needed in ["to", "subject"] {
            with.entry(needed.to_owned()).or_insert_with(|| json!(""));
        }
        with.insert("smtp".to_owned(), json!("{{ secrets.smtp }}"));
        self.sketch.tell(format!(
            "`{id}` sends by the server in the secret `smtp`: put its address there."
        ));
        Value::Object(with)
    }

    pub(super) fn assigned(&mut self, id: &str, name: &'n str, parameters: &Value) -> Value {
        let mut made = Map::new();
        let new = parameters
            .pointer("/assignments/assignments")
            .and_then(Value::as_array);
        let old = parameters
            .get("values")
            .and_then(Value::as_object)
            .into_iter()
            .flatten();
        let old = old.flat_map(|(_, values)| values.as_array().into_iter().flatten());
        for assignment in new.into_iter().flatten().chain(old) {
            let key = text(assignment, "/name").to_owned();
            let value = self.value(id, name, &key, &assignment["value"]);
            made.insert(key, value);
        }
        if let Some(json) = parameters.get("jsonOutput") {
            let value = self.value(id, name, "value", json);
            return value
                .as_str()
                .and_then(|text| serde_json::from_str(text).ok())
                .unwrap_or(value);
        }
        let adds = parameters.get("includeOtherFields") == Some(&Value::Bool(true))
            || (parameters.get("values").is_some()
                && parameters.get("keepOnlySet") != Some(&Value::Bool(true)));
        if adds {
            self.sketch.tell(format!(
                "`{id}` also handed on the fields it was given; here it gives only what it sets."
            ));
        }
        Value::Object(made)
    }

    pub(super) fn conditions(&mut self, id: &str, name: &'n str, parameters: &Value) -> Value {
        let conditions = &parameters["conditions"];
        let mut parts = Vec::new();
        let listed = conditions.get("conditions").and_then(Value::as_array);
        for condition in listed.into_iter().flatten() {
            let operation = text(condition, "/operator/operation");
            parts.push(self.compare(name, &condition["leftValue"], operation, &condition["rightValue"]));
        }
        let by_type = conditions.as_object().into_iter().flatten();
        let by_type =
            by_type.filter(|(kind, _)| matches!(kind.as_str(), "string" | "number" | "boolean" | "dateTime"));
        for condition in by_type.flat_map(|(_, all)| all.as_array().into_iter().flatten()) {
            let operation = text(condition, "/operation");
            let operation = if operation.is_empty() { "equal" } else { operation };
            parts.push(self.compare(name, &condition["value1"], operation, &condition["value2"]));
        }
        let is_any =
            text(conditions, "/combinator") == "or" || text(parameters, "/combineOperation") == "any";
        let parts: Option<Vec<String>> = parts.into_iter().collect();
        match parts {
            Some(parts) if !parts.is_empty() => json!(parts.join(if is_any { " or " } else { " and " })),
            _ => {
                self.sketch.tell(format!(
                    "The condition of `{id}` is not translated: it is `false` until you write it."
                ));
                json!("false")
            }
        }
    }

    pub(super) fn compare(&self, name: &str, left: &Value, operation: &str, right: &Value) -> Option<String> {
        let (left, right) = (self.operand(name, left)?, self.operand(name, right));
        let sign = match operation {
            "equals" | "equal" => "==",
            "notEquals" | "notEqual" => "!=",
            "gt" | "larger" | "after" => ">",
            "lt" | "smaller" | "before" => "<",
            "gte" | "largerEqual" => ">=",
            "lte" | "smallerEqual" => "<=",
            "contains" => return Some(format!("{} in {left}", right?)),
            "notContains" => return Some(format!("{} not in {left}", right?)),
            "exists" => return Some(format!("{left} is defined")),
            "notExists" => return Some(format!("{left} is not defined")),
            "empty" | "isEmpty" => return Some(format!("not {left}")),
            "notEmpty" | "isNotEmpty" => return Some(format!("({left} | length) > 0")),
            "true" => return Some(format!("{left} == true")),
            "false" => return Some(format!("{left} == false")),
            _ => return None,
        };
        Some(format!("{left} {sign} {}", right?))
    }

    pub(super) fn rules(&mut self, id: &str, name: &'n str, parameters: &Value) -> Value {
        let mut cases = Map::new();
        let rules = parameters
            .pointer("/rules/values")
            .or_else(|| parameters.pointer("/rules/rules"));
        for (number, rule) in rules.and_then(Value::as_array).into_iter().flatten().enumerate() {
            let condition = if rule.get("conditions").is_some() {
                self.conditions(id, name, rule)
            } else {
                let operation = text(rule, "/operation");
                let operation = if operation.is_empty() { "equal" } else { operation };
                let compared = self.compare(name, &parameters["value1"], operation, &rule["value2"]);
                compared.map_or_else(|| json!("false"), |compared| json!(compared))
            };
            cases.insert(case_name(rule, number), condition);
        }
        if cases.values().any(|case| *case == json!("false")) || cases.is_empty() {
            self.sketch.tell(format!(
                "Cases of `{id}` are not translated: they are `false` until you write them."
            ));
        }
        if cases.is_empty() {
            cases.insert("case-0".to_owned(), json!("false"));
        }
        json!({ "cases": cases, "default": "otherwise" })
    }
}
