//! `pointwork validate`: everything that is wrong with documents, as `file:line:column`.

use std::io::Write;
use std::path::PathBuf;

use engine::task_types::{BuiltinOptions, TypeRegistry};
use flow::parse::Format;
use flow::validate::check;
use flow::{Problem, Severity};

/// Checks flow documents; nothing is stored.
#[derive(Debug, clap::Args)]
pub struct ValidateArgs {
    /// Flow documents, YAML or JSON; `-` for standard input.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Print the problems as JSON.
    #[arg(long)]
    json: bool,
}

/// Prints all problems; true if none is an error.
///
/// # Errors
/// If a file cannot be read or nothing can be printed.
pub fn validate(args: &ValidateArgs, out: &mut dyn Write) -> anyhow::Result<bool> {
    let types = TypeRegistry::builtin(&BuiltinOptions::default());
    let mut all: Vec<(String, Vec<Problem>)> = Vec::new();
    for file in &args.files {
        let (name, text) = super::read_document(file)?;
        let problems = check(&text, Format::guess(&text), &types).problems;
        all.push((name, problems));
    }
    let ok = all.iter().flat_map(|(_, problems)| problems).all(|problem| problem.severity != Severity::Error);
    if args.json {
        let files: Vec<_> = all.iter().map(|(file, problems)| serde_json::json!({ "file": file, "problems": problems })).collect();
        writeln!(out, "{}", serde_json::to_string_pretty(&files)?)?;
        return Ok(ok);
    }
    for (file, problems) in &all {
        for problem in problems {
            writeln!(out, "{file}:{problem}")?;
        }
        if problems.is_empty() {
            writeln!(out, "{file}: ok")?;
        }
    }
    Ok(ok)
}
