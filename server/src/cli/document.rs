//! Documents as the command line names them: files, or `-` for standard input.

use std::io::Read as _;
use std::path::Path;

use engine::{Engine, EngineResult, SaveFlow, Saved};
use flow::legacy::translate;
use flow::parse::Format;
use flow::validate::{TypeCatalog, check};
use flow::{FlowDoc, Problem, Severity, limits};
use serde_json::Value;

/// A document's text and what to call it.
pub(super) struct Source {
    /// As it was named.
    pub(super) name: String,
    text: Vec<u8>,
}

/// What became of a document.
pub(super) struct Read {
    /// The flow, if nothing is wrong.
    pub(super) doc: Option<FlowDoc>,
    /// Everything to be told.
    pub(super) problems: Vec<Problem>,
}

impl Source {
    /// Reads a file, or standard input.
    ///
    /// # Errors
    /// If it cannot be read: the error has the name in front.
    pub(super) fn open(path: &Path) -> Result<Self, Problem> {
        let name = if path == Path::new("-") {
            "<stdin>".to_owned()
        } else {
            path.display().to_string()
        };
        // One byte more than is allowed is enough to see that it is too large.
        let most = limits::DOCUMENT_BYTES_MAX as u64 + 1;
        let mut text = Vec::new();
        let read = if path == Path::new("-") {
            std::io::stdin().lock().take(most).read_to_end(&mut text)
        } else {
            std::fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut text))
        };
        match read {
            Ok(_) => Ok(Self { name, text }),
            Err(error) => Err(Problem::error(
                "unreadable",
                format!("cannot read {name}: {error}"),
            )),
        }
    }

    /// Everything that is wrong with it, and the flow. A predecessor's document is translated.
    pub(super) fn read(&self, types: &dyn TypeCatalog) -> Read {
        if self.is_predecessors() {
            return match translate(&self.text, types) {
                Ok(translated) => Read {
                    doc: Some(translated.doc),
                    problems: translated.warnings,
                },
                Err(problems) => Read { doc: None, problems },
            };
        }
        let checked = check(&self.text, Format::guess(&self.text), types);
        let is_wrong = checked
            .problems
            .iter()
            .any(|problem| problem.severity == Severity::Error);
        Read {
            doc: checked.doc.filter(|_| !is_wrong),
            problems: checked.problems,
        }
    }

    /// Saves the flow it was read as: with its own text, so that comments stay, unless it had to be translated.
    pub(super) async fn save(self, engine: &Engine, doc: &FlowDoc) -> EngineResult<Saved> {
        if self.is_predecessors() {
            return engine.save_document(doc, "local").await;
        }
        let format = Format::guess(&self.text);
        let actor = "local".to_owned();
        engine
            .save_flow(SaveFlow {
                source: self.text,
                format,
                id: None,
                expected: None,
                actor,
            })
            .await
    }

    /// Whether it is a document like `{"flow": {…}}`: ours have a text under `flow`.
    fn is_predecessors(&self) -> bool {
        Format::guess(&self.text) == Format::Json
            && serde_json::from_slice::<Value>(&self.text).is_ok_and(|document| document["flow"].is_object())
    }
}

/// Problems as compilers print them, one a line: `file:line:column: error: …`.
pub(super) fn lines(name: &str, problems: &[Problem]) -> String {
    let line = |problem: &Problem| match problem.line {
        Some(_) => format!("{name}:{problem}\n"),
        None => format!("{name}: {problem}\n"),
    };
    problems.iter().map(line).collect()
}
