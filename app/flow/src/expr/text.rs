//! Values as text, paid for while they are written.

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};
use serde_json::Value as Json;

use super::json::{JsonPart, key_text, number_out};
use super::meter::{Meter, PART_BYTES, check_depth};

/// Where text is written to, with what it may still take.
pub(super) struct Paying<'a> {
    out: &'a mut dyn std::fmt::Write,
    meter: &'a Meter,
    is_result: bool,
    written: u64,
    error: Option<Error>,
}

impl<'a> Paying<'a> {
    /// Pays as part of the result.
    pub(super) fn result(out: &'a mut dyn std::fmt::Write, meter: &'a Meter) -> Self {
        Self {
            out,
            meter,
            is_result: true,
            written: 0,
            error: None,
        }
    }

    /// Pays as something made in between.
    pub(super) fn between(out: &'a mut dyn std::fmt::Write, meter: &'a Meter) -> Self {
        Self {
            out,
            meter,
            is_result: false,
            written: 0,
            error: None,
        }
    }

    /// Writes a value as text: texts as they are, everything else as compact JSON.
    pub(super) fn text(&mut self, value: &Value) -> Result<(), Error> {
        match value.as_str() {
            Some(text) => self.put(text),
            None => self.json(value, None, 0),
        }
    }

    /// Writes a text as it is.
    pub(super) fn put(&mut self, text: &str) -> Result<(), Error> {
        let bytes = text.len() as u64;
        if self.is_result {
            self.meter.emit(text.len())?;
        } else {
            self.written += bytes;
            Meter::fits_text(self.written)?;
            self.meter.charge(bytes)?;
        }
        self.out.write_str(text).map_err(Error::from)
    }

    /// Writes a value as JSON; `indent` is the number of blanks per level.
    pub(super) fn json(&mut self, value: &Value, indent: Option<usize>, depth: usize) -> Result<(), Error> {
        check_depth(depth)?;
        self.meter.charge(PART_BYTES)?;
        if let (Some(part), None) = (value.downcast_object_ref::<JsonPart>(), indent) {
            return self.compact(part.get());
        }
        match value.kind() {
            ValueKind::None => self.put("null"),
            ValueKind::Bool => self.put(if value.is_true() { "true" } else { "false" }),
            ValueKind::Number => match number_out(value) {
                Ok(number) => self.put(&number.to_string()),
                // A text may hold what a JSON number cannot.
                Err(_) if depth == 0 => self.put(&value.to_string()),
                Err(error) => Err(error),
            },
            ValueKind::String => self.compact(&Json::String(value.as_str().unwrap_or_default().to_owned())),
            ValueKind::Seq | ValueKind::Iterable => self.list(value, indent, depth),
            ValueKind::Map => self.map(value, indent, depth),
            ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
            ValueKind::Invalid => value.try_iter().map(drop),
            other => Err(Error::new(
                ErrorKind::InvalidOperation,
                format!("a {other} cannot be written as text"),
            )),
        }
    }

    fn list(&mut self, value: &Value, indent: Option<usize>, depth: usize) -> Result<(), Error> {
        self.put("[")?;
        let mut is_empty = true;
        for item in value.try_iter()?.checked() {
            self.separate(&mut is_empty, indent, depth)?;
            self.json(&item?, indent, depth + 1)?;
        }
        self.close(is_empty, "]", indent, depth)
    }

    fn map(&mut self, value: &Value, indent: Option<usize>, depth: usize) -> Result<(), Error> {
        self.put("{")?;
        let mut is_empty = true;
        for key in value.try_iter()?.checked() {
            let key = key?;
            self.separate(&mut is_empty, indent, depth)?;
            self.compact(&Json::String(key_text(&key)?))?;
            self.put(if indent.is_some() { ": " } else { ":" })?;
            self.json(&value.get_item(&key)?, indent, depth + 1)?;
        }
        self.close(is_empty, "}", indent, depth)
    }

    fn separate(&mut self, is_first: &mut bool, indent: Option<usize>, depth: usize) -> Result<(), Error> {
        if !std::mem::take(is_first) {
            self.put(",")?;
        }
        self.new_line(indent, depth + 1)
    }

    fn close(
        &mut self,
        is_empty: bool,
        bracket: &str,
        indent: Option<usize>,
        depth: usize,
    ) -> Result<(), Error> {
        if !is_empty {
            self.new_line(indent, depth)?;
        }
        self.put(bracket)
    }

    fn new_line(&mut self, indent: Option<usize>, depth: usize) -> Result<(), Error> {
        match indent {
            Some(blanks) => {
                self.put("\n")?;
                self.put(&" ".repeat(blanks * depth))
            }
            None => Ok(()),
        }
    }

    fn compact(&mut self, json: &Json) -> Result<(), Error> {
        let written = serde_json::to_writer(&mut *self, json);
        match self.error.take() {
            Some(error) => Err(error),
            None => written.map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string())),
        }
    }
}

impl std::io::Write for Paying<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let text = std::str::from_utf8(bytes).map_err(std::io::Error::other)?;
        self.put(text).map_err(|error| {
            self.error = Some(error);
            std::io::Error::other("stopped")
        })?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The text form of a value, paid for as something made in between.
pub(super) fn to_text(value: &Value, meter: &Meter) -> Result<String, Error> {
    let mut text = String::new();
    Paying::between(&mut text, meter).text(value)?;
    Ok(text)
}
