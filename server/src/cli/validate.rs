//! `pointwork validate`: everything that is wrong with documents, as `file:line:column`.

use std::io::Write;
use std::path::PathBuf;

use engine::task_types::{BuiltinOptions, TypeRegistry};
use flow::Severity;
use serde_json::json;

use super::document::{Source, lines};

/// Check flow documents; nothing is stored. Exit code 1 if any has an error
#[derive(Debug, clap::Args)]
pub(super) struct ValidateArgs {
    /// Flow documents, YAML or JSON; `-` for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print the problems as JSON
    #[arg(long)]
    json: bool,
}

/// Prints all problems; true if none is an error. A file that cannot be read is one.
///
/// # Errors
/// If nothing can be printed.
pub(super) fn validate(args: &ValidateArgs, out: &mut dyn Write) -> std::io::Result<bool> {
    let types = TypeRegistry::builtin(&BuiltinOptions::default());
    let mut is_good = true;
    let mut told = Vec::new();
    for file in &args.files {
        let (name, problems) = match Source::open(file) {
            Ok(source) => {
                let problems = source.read(&types).problems;
                (source.name, problems)
            }
            Err(problem) => (file.display().to_string(), vec![problem]),
        };
        is_good &= problems.iter().all(|problem| problem.severity != Severity::Error);
        if args.json {
            told.push(json!({ "file": name, "problems": problems }));
        } else if problems.is_empty() {
            writeln!(out, "{name}: ok")?;
        } else {
            out.write_all(lines(&name, &problems).as_bytes())?;
        }
    }
    if args.json {
        writeln!(out, "{:#}", serde_json::Value::from(told))?;
    }
    Ok(is_good)
}
