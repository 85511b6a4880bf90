//! Compiling and running a jq program.

use std::io;

use jaq_core::load::{self, Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars, compile, data};
use jaq_json::{Val, read, write};
use serde_json::Value;

use crate::task_types::first_chars;

/// What of a program is shown where it is wrong.
const SHOWN_BYTES: usize = 40;

/// What of an error of the program itself is shown: it may hold its whole input.
const MESSAGE_BYTES: usize = 1000;

/// Why there is no output.
#[derive(Debug)]
pub(super) enum Error {
    /// The program is wrong or failed.
    Wrong(String),
    /// Its output is too large, or it was stopped.
    Limit(String),
}

type Data = data::JustLut<Val>;

/// Runs a program: one output is the value, several are a list, none is null. It is stopped between outputs.
pub(super) fn evaluate(
    program: &str,
    input: &[u8],
    bytes_max: usize,
    is_stopped: &dyn Fn() -> bool,
) -> Result<Value, Error> {
    let arena = Arena::default();
    let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let modules = Loader::new(definitions)
        .load(
            &arena,
            File {
                code: program,
                path: (),
            },
        )
        .map_err(|errors| Error::Wrong(syntax(program, &errors)))?;
    // The environment of the server is nobody's business.
    let functions = jaq_core::funs::<Data>()
        .chain(jaq_std::funs())
        .chain(jaq_json::funs())
        .filter(|(name, ..)| *name != "env");
    let filter = Compiler::default()
        .with_funs(functions)
        .compile(modules)
        .map_err(|errors| Error::Wrong(undefined(program, &errors)))?;
    let input = read::parse_single(input)
        .map_err(|error| Error::Wrong(format!("the input cannot be read: {error}")))?;
    let context = Ctx::<Data>::new(&filter.lut, Vars::new([]));
    let mut outputs = Outputs {
        json: Vec::new(),
        n: 0,
        bytes_max,
    };
    for output in filter.id.run((context, input)) {
        match output {
            Ok(value) => outputs.push(&value)?,
            Err(exception) => match exception.get_err() {
                Ok(error) => {
                    return Err(Error::Wrong(
                        first_chars(&error.to_string(), MESSAGE_BYTES).to_owned(),
                    ));
                }
                // `halt`: no more outputs.
                Err(_) => break,
            },
        }
        if is_stopped() {
            return Err(Error::Limit("the jq program was stopped".to_owned()));
        }
    }
    outputs.into_value()
}

/// The outputs so far, as JSON separated by commas.
struct Outputs {
    json: Vec<u8>,
    n: usize,
    bytes_max: usize,
}

impl Outputs {
    fn push(&mut self, value: &Val) -> Result<(), Error> {
        if self.n > 0 {
            self.json.push(b',');
        }
        self.n += 1;
        let style = write::Pp::default();
        write::write(&mut *self, &style, 0, value).map_err(|_| {
            let max = crate::task_logs::human_bytes(self.bytes_max);
            Error::Limit(format!("the output of the jq program is larger than {max}"))
        })
    }

    fn into_value(self) -> Result<Value, Error> {
        let json = match self.n {
            0 => return Ok(Value::Null),
            1 => self.json,
            _ => [b"[".as_slice(), &self.json, b"]"].concat(),
        };
        serde_json::from_slice(&json).map_err(|error| {
            Error::Wrong(format!(
                "the output is not JSON (not a number, bytes or nested too deep): {error}"
            ))
        })
    }
}

impl io::Write for Outputs {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.json.len() + bytes.len() > self.bytes_max {
            return Err(io::Error::other("too large"));
        }
        self.json.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn syntax(program: &str, errors: &load::Errors<&str, ()>) -> String {
    let first = errors.iter().find_map(|(_, error)| match error {
        load::Error::Io(all) => all
            .first()
            .map(|(path, why)| (format!("`{path}` cannot be loaded: {why}"), *path)),
        load::Error::Lex(all) => all
            .first()
            .map(|(expected, found)| (format!("expected {}", expected.as_str()), *found)),
        load::Error::Parse(all) => all
            .first()
            .map(|(expected, found)| (format!("expected {}", expected.as_str()), *found)),
    });
    first.map_or_else(
        || "the jq program cannot be read".to_owned(),
        |(what, found)| located(program, &what, found),
    )
}

fn undefined(program: &str, errors: &compile::Errors<&str, ()>) -> String {
    let first = errors.iter().flat_map(|(_, errors)| errors).next();
    first.map_or_else(
        || "the jq program cannot be compiled".to_owned(),
        |(found, undefined)| {
            located(
                program,
                &format!(
                    "undefined {} `{}`",
                    undefined.as_str(),
                    first_chars(found, SHOWN_BYTES)
                ),
                found,
            )
        },
    )
}

fn located(program: &str, what: &str, found: &str) -> String {
    let before = &program[..load::span(program, found).start];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    if found.is_empty() {
        return format!("{what} at the end of the jq program");
    }
    let near = first_chars(found, SHOWN_BYTES).lines().next().unwrap_or_default();
    format!("{what} in line {line}, column {column} of the jq program, at `{near}`")
}
