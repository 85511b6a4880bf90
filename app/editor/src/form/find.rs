//! One field of many.

use serde_json::Value;

use super::{Field, Form, Kind, form};
use crate::session::Session;

impl Form {
    /// The field at a path, however deep.
    #[must_use]
    pub fn at(&self, path: &[String]) -> Option<Field> {
        for field in self.fields.iter().chain(&self.unknown) {
            if field.path == path {
                return Some(field.clone());
            }
            if path.starts_with(&field.path) {
                return match field.plain_kind() {
                    Kind::Group(inner) => inner.at(path),
                    Kind::List(fields) | Kind::Map(fields) => {
                        let inner = Self {
                            fields: fields.clone(),
                            ..Self::default()
                        };
                        inner.at(path)
                    }
                    _ => None,
                };
            }
        }
        None
    }
}

impl Session {
    /// The field of a task at a path of the document, as its form shows it.
    #[must_use]
    pub fn field(&self, path: &[String]) -> Option<Field> {
        let [section, id, step, ..] = path else {
            return None;
        };
        let (of, task) = self.task(id).filter(|(of, _)| of == section)?;
        let whole = match step.as_str() {
            "with" => {
                let known = task.get("type").and_then(Value::as_str);
                let known = known.and_then(|key| self.type_of(key));
                let schema = known.map_or(&Value::Bool(true), |known| &known.input_schema);
                form(schema, task.get("with"), &[of, id, "with"])
            }
            _ => form(&self.task_schema, Some(task), &[of, id]),
        };
        whole.at(path)
    }
}
