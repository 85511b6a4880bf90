//! Flows written for other tools, as flows of this one: n8n, Node-RED, chains of tasks, cURL commands, the predecessors' JSON.
//!
//! What cannot be said here is never dropped in silence: each such thing is told in a note, and a task that cannot be translated stays
//! in the flow as a `noop` that keeps the original in its description.

mod chain;
mod curl;
mod n8n;
mod node_red;
mod sketch;

use flow::parse::pieces::outline;
use flow::parse::{Format, to_yaml};
use flow::validate::TypeCatalog;
use serde_json::Value;

use crate::refusal::Refusal;
use sketch::Sketch;

/// The tool a text was written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This one.
    Pointwork,
    /// The predecessors.
    Predecessor,
    /// n8n.
    N8n,
    /// Node-RED.
    NodeRed,
    /// `a >> [b, c] >> d`.
    Chain,
    /// A cURL command.
    Curl,
}

impl Origin {
    /// Its name, as people know it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pointwork => "Pointwork",
            Self::Predecessor => "the predecessor",
            Self::N8n => "n8n",
            Self::NodeRed => "Node-RED",
            Self::Chain => "a chain of tasks",
            Self::Curl => "cURL",
        }
    }
}

/// A flow made of something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// What it was.
    pub origin: Origin,
    /// The flow as text.
    pub text: String,
    /// How the text is written.
    pub format: Format,
    /// What could not be translated, or was understood in a certain way, in sentences.
    pub notes: Vec<String>,
}

/// Bytes of a text that is imported: the same as of a flow.
const BYTES_MAX: usize = flow::limits::DOCUMENT_BYTES_MAX;

/// Makes a flow of a text, whatever it was written for.
///
/// # Errors
/// Nothing known is found in it, or it cannot be read.
pub fn import(text: &str, types: &dyn TypeCatalog) -> Result<Imported, Refusal> {
    if text.len() > BYTES_MAX {
        let message = format!("the text has {} bytes; at most {BYTES_MAX} are read", text.len());
        return Err(Refusal::new("too_large", message));
    }
    let trimmed = text.trim();
    if trimmed.starts_with("curl ") || trimmed.starts_with("curl.exe ") || trimmed.starts_with("$ curl ") {
        return curl::read(trimmed.trim_start_matches("$ ")).map(|sketch| finish(sketch, Origin::Curl));
    }
    if is_address(trimmed) {
        return Err(Refusal::new(
            "address",
            "this is the address of a file, and nothing is fetched from there; open it in the browser, then paste what it says, or save it and choose the file",
        ));
    }
    let format = Format::guess(trimmed.as_bytes());
    let json = serde_json::from_str::<Value>(trimmed).ok();
    match &json {
        Some(document) if n8n::is_workflow(document) => {
            return Ok(finish(n8n::read(document), Origin::N8n));
        }
        Some(Value::Array(nodes)) if node_red::is_flow(nodes) => {
            return Ok(finish(node_red::read(nodes), Origin::NodeRed));
        }
        Some(document) if document.pointer("/flow/tasks").is_some_and(Value::is_array) => {
            return predecessor(trimmed, types);
        }
        _ => {}
    }
    if let Ok(read) = outline(text, format)
        && read.value.get("flow").is_some_and(Value::is_string)
        && read.value.get("tasks").is_some()
    {
        return Ok(Imported {
            origin: Origin::Pointwork,
            text: text.to_owned(),
            format,
            notes: Vec::new(),
        });
    }
    if json.is_none() && (text.contains(">>") || text.contains("<<")) {
        return chain::read(text).map(|sketch| finish(sketch, Origin::Chain));
    }
    Err(Refusal::new(
        "unknown_format",
        "nothing known is found in this text; paste a flow as YAML or JSON, a workflow exported from n8n or Node-RED, a chain such as `a >> [b, c] >> d`, or a cURL command",
    ))
}

/// Whether a text is an address and nothing else.
fn is_address(text: &str) -> bool {
    let is_web = ["http://", "https://", "file://"]
        .iter()
        .any(|scheme| text.starts_with(scheme));
    is_web && !text.contains(char::is_whitespace)
}

fn predecessor(text: &str, types: &dyn TypeCatalog) -> Result<Imported, Refusal> {
    let translated = flow::legacy::translate(text.as_bytes(), types).map_err(|problems| {
        let told: Vec<String> = problems.iter().take(5).map(ToString::to_string).collect();
        Refusal::new(
            "not_translated",
            format!("the document cannot be translated: {}", told.join("; ")),
        )
    })?;
    Ok(Imported {
        origin: Origin::Predecessor,
        text: to_yaml(&translated.doc),
        format: Format::Yaml,
        notes: translated
            .warnings
            .iter()
            .map(|warning| warning.message.clone())
            .collect(),
    })
}

fn finish(sketch: Sketch, origin: Origin) -> Imported {
    let (text, notes) = sketch.finish();
    Imported {
        origin,
        text,
        format: Format::Yaml,
        notes,
    }
}

#[cfg(test)]
mod tests;
