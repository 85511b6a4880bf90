//! What a command gave: its output, its exit code, or why it failed.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use flow::limits;
use flow::run::event::TaskError;
use nix::sys::signal::Signal;
use serde_json::Value;

use super::OUTPUT_READ_MAX;
use super::process::Ended;
use crate::task_type::{TaskContext, TaskOutcome};
use crate::task_types::last_chars;

/// What is kept of a line that cannot be JSON: it will not be looked at.
const OTHER_LINE_BYTES: usize = 64;

/// What is kept of standard error for a message.
const RECENT_BYTES: usize = 2 * 1024;

/// What of it stands in the message.
const MESSAGE_BYTES: usize = 600;
const MESSAGE_LINES: usize = 5;

/// The last line of standard output that is not blank, kept if it may be JSON.
#[derive(Default)]
pub(super) struct LastLine {
    current: Line,
    last: Line,
}

#[derive(Default)]
struct Line {
    bytes: Vec<u8>,
    is_cut: bool,
}

impl Line {
    fn is_blank(&self) -> bool {
        self.bytes.iter().all(u8::is_ascii_whitespace)
    }

    fn extend(&mut self, more: &[u8]) {
        let first = self
            .bytes
            .iter()
            .chain(more)
            .find(|byte| !byte.is_ascii_whitespace());
        let may_be_json = first.is_some_and(|first| b"{[\"-0123456789tfn".contains(first));
        let max = if may_be_json {
            limits::OUTPUT_BYTES_MAX
        } else {
            OTHER_LINE_BYTES
        };
        let room = max.saturating_sub(self.bytes.len()).min(more.len());
        self.bytes.extend_from_slice(&more[..room]);
        self.is_cut |= room < more.len();
    }
}

impl LastLine {
    /// Takes what was read.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        let mut lines = bytes.rsplitn(2, |byte| *byte == b'\n');
        let rest = lines.next().unwrap_or_default();
        let Some(whole) = lines.next() else {
            self.current.extend(rest);
            return;
        };
        let is_blank = |line: &[u8]| line.iter().all(u8::is_ascii_whitespace);
        // Of many lines only the last that says something is looked at; the first goes on from what was read before.
        let mut lines = whole.split(|byte| *byte == b'\n');
        self.current.extend(lines.next().unwrap_or_default());
        let first = std::mem::take(&mut self.current);
        match lines.rfind(|line| !is_blank(line)) {
            Some(line) => {
                self.last = Line::default();
                self.last.extend(line);
            }
            None if !first.is_blank() => self.last = first,
            None => {}
        }
        self.current.extend(rest);
    }

    /// The value of the line, if it is JSON.
    fn value(self) -> Result<Option<Value>, TaskError> {
        let line = if self.current.is_blank() {
            self.last
        } else {
            self.current
        };
        if line.is_cut {
            let is_large = line.bytes.len() >= limits::OUTPUT_BYTES_MAX;
            return if is_large {
                Err(too_large("the last line of standard output"))
            } else {
                Ok(None)
            };
        }
        Ok(serde_json::from_slice(&line.bytes).ok())
    }
}

/// The end of standard error.
#[derive(Default)]
pub(super) struct Recent(Vec<u8>);

impl Recent {
    /// Takes what was read.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(RECENT_BYTES)..];
        self.0.extend_from_slice(bytes);
        if self.0.len() > RECENT_BYTES * 4 {
            self.0.drain(..self.0.len() - RECENT_BYTES);
        }
    }

    /// Its last lines, for a message.
    fn lines(&self, ctx: &TaskContext) -> String {
        let text = String::from_utf8_lossy(&self.0);
        let text = plain(&ctx.masked(&text));
        let mut lines: Vec<&str> = text
            .lines()
            .rev()
            .filter(|line| !line.trim().is_empty())
            .take(MESSAGE_LINES)
            .collect();
        lines.reverse();
        last_chars(&lines.join("\n"), MESSAGE_BYTES).to_owned()
    }
}

/// A text without what only terminals understand: colours, titles, moves of the cursor (ECMA-48, sections 5.4 and 5.6).
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '\u{1b}' => pass_sequence(&mut chars),
            '\n' | '\t' => out.push(char),
            control if control.is_control() => {}
            other => out.push(other),
        }
    }
    out
}

/// Goes past what stands behind an escape.
fn pass_sequence(chars: &mut std::str::Chars<'_>) {
    let last = match chars.next() {
        // A control sequence ends with a letter or the like.
        Some('[') => chars.find(|char| ('@'..='~').contains(char)),
        // A string, such as the window's title, ends with the bell or with `ESC \`.
        Some(']' | 'P' | '^' | '_') => chars.find(|char| matches!(char, '\u{7}' | '\u{1b}')),
        // A set of letters is chosen by one more.
        Some(' '..='/') => Some('\u{1b}'),
        _ => None,
    };
    if last == Some('\u{1b}') {
        chars.next();
    }
}

fn too_large(what: &str) -> TaskError {
    let max = crate::task_logs::human_bytes(limits::OUTPUT_BYTES_MAX);
    TaskError::new(
        "output_too_large",
        format!("{what} is larger than {max}; write it to a file elsewhere and give its name"),
    )
    .permanent()
}

/// What the ended process means.
pub(super) async fn outcome(ctx: &TaskContext, ended: Ended, output: &Path) -> TaskOutcome {
    if ended.was_stopped {
        return TaskOutcome::Cancelled;
    }
    let status = match ended.status {
        Ok(status) => status,
        Err(error) => {
            return TaskOutcome::failed(
                "spawn",
                format!("the end of the process could not be seen: {error}"),
            );
        }
    };
    let value = match written(output).await {
        Ok(Some(value)) => Ok(Some(value)),
        Ok(None) => ended.stdout.value(),
        Err(error) => Err(error),
    };
    if status.success() {
        return match value {
            Ok(value) => TaskOutcome::Succeeded {
                output: value.unwrap_or_default(),
                exit_code: Some(0),
            },
            Err(error) => TaskOutcome::from(TaskError {
                exit_code: Some(0),
                ..error
            }),
        };
    }
    let (kind, what) = match (status.code(), status.signal()) {
        (Some(code), _) => ("exit_code", format!("exit code {code}")),
        (None, Some(signal)) => ("signal", killed_by(signal)),
        (None, None) => ("exit_code", status.to_string()),
    };
    let stderr = ended.stderr.lines(ctx);
    let message = if stderr.is_empty() {
        what
    } else {
        format!("{what}: {stderr}")
    };
    let error = TaskError {
        exit_code: status.code(),
        ..TaskError::new(kind, message)
    };
    TaskOutcome::Failed {
        error,
        output: value.ok().flatten(),
        retry_after: None,
    }
}

fn killed_by(signal: i32) -> String {
    match Signal::try_from(signal) {
        Ok(name) => format!("killed by signal {signal} ({name})"),
        Err(_) => format!("killed by signal {signal}"),
    }
}

/// What the command wrote to `$POINTWORK_OUTPUT`, if it did.
async fn written(output: &Path) -> Result<Option<Value>, TaskError> {
    match std::fs::symlink_metadata(output) {
        Ok(file) if file.is_file() => {
            if file.len() >= OUTPUT_READ_MAX {
                return Err(too_large("what was written to $POINTWORK_OUTPUT"));
            }
        }
        // A pipe or a device could be read for ever.
        Ok(_) => {
            return Err(TaskError::new(
                "output",
                "$POINTWORK_OUTPUT was made into something that is not a file",
            )
            .permanent());
        }
        Err(_) => return Ok(None),
    }
    let bytes = tokio::fs::read(output)
        .await
        .map_err(|error| TaskError::new("output", format!("$POINTWORK_OUTPUT could not be read: {error}")))?;
    Ok(Some(serde_json::from_slice(&bytes).unwrap_or_else(|_| {
        let text = String::from_utf8_lossy(&bytes);
        Value::String(text.strip_suffix('\n').unwrap_or(&text).to_owned())
    })))
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn what_terminals_understand_is_no_part_of_a_message() {
        let told = plain(
            "\u{1b}[31;1mERROR\u{1b}[0m \u{1b}]0;title\u{7}connection\u{1b}]8;;http://a\u{1b}\\ refused\u{1b}(B\r\n\tat line 3\u{8}",
        );
        assert_eq!(told, "ERROR connection refused\n\tat line 3");
        assert_eq!(plain("größe ✓"), "größe ✓");
        assert_eq!(plain("cut \u{1b}[31"), "cut ");
    }
}
