//! A text under change: each edit patches it, reads it again, and stands only if it then says what it should.

use std::ops::Range;
use std::sync::Arc;

use flow::parse::Format;
use flow::parse::pieces::{Outline, Piece, Shape, outline};
use serde_json::{Map, Value};

use super::patch::{apply, compose};
use super::style::DocStyle;
use super::values::{self, Path};
use super::{block, bracketed, order, scalar};
use crate::change::Patch;
use crate::refusal::Refusal;

/// Edits of pieces of what a scalar says: the scalar's path, and the bytes with what replaces them.
pub(crate) type Splice = (Vec<String>, Vec<(Range<usize>, String)>);

/// Reads a text again of which bytes were replaced, each by so many others: [`Outline::patched`]. A browser begins without it and reads
/// the whole each time.
pub type Again = fn(&Outline, &str, &[(Range<usize>, usize)]) -> Option<Outline>;

/// A text under change.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    format: Format,
    text: String,
    /// Clones share it.
    outline: Arc<Outline>,
    style: DocStyle,
    /// From the text it began with to the text as it is.
    patches: Vec<Patch>,
    again: Option<Again>,
}

impl Draft {
    /// Reads a text.
    ///
    /// # Errors
    /// Why it cannot be changed piece by piece: it cannot be read.
    pub(crate) fn new(text: &str, format: Format) -> Result<Self, Refusal> {
        let outline = outline(text, format).map_err(|problems| {
            let problem = problems.first();
            let why = problem.map_or("it cannot be read", |problem| problem.message.as_str());
            let mut refusal = Refusal::new(
                "broken_text",
                format!("the text cannot be read as it is, so nothing else can be changed: {why}; mend it in the text, or undo"),
            );
            refusal.line = problem.and_then(|problem| problem.line).map(|line| line as usize);
            refusal
        })?;
        Ok(Self::of(text, format, outline))
    }

    /// A text that was read.
    fn of(text: &str, format: Format, outline: Outline) -> Self {
        Self {
            format,
            style: DocStyle::of(text, &outline.root, format),
            text: text.to_owned(),
            outline: Arc::new(outline),
            patches: Vec::new(),
            // What the tests do to texts without an editor is as good as what people do.
            again: cfg!(test).then_some(Outline::patched),
        }
    }

    /// Brings what reads a text again in part.
    pub(crate) fn read_again_with(&mut self, again: Again) {
        self.again = Some(again);
    }

    /// The text that this one has become by `patches`. Only what they touch is read again, where that can be told apart.
    ///
    /// # Errors
    /// It cannot be read any more.
    pub(crate) fn patched(&self, text: &str, format: Format, patches: &[Patch]) -> Result<Self, Refusal> {
        let read = (format == self.format)
            .then(|| self.outline_of(text, patches))
            .flatten();
        let read = match read {
            Some(outline) => Self::of(text, format, outline),
            None => Self::new(text, format)?,
        };
        Ok(Self {
            again: self.again,
            ..read
        })
    }

    /// What a text says that this one has become, if only a part of it has to be read for that.
    fn outline_of(&self, text: &str, patches: &[Patch]) -> Option<Outline> {
        let again = self.again.filter(|_| self.format == Format::Yaml)?;
        let replaced: Vec<_> = patches
            .iter()
            .map(|patch| (patch.start..patch.end, patch.text.len()))
            .collect();
        let read = again(&self.outline, text, &replaced);
        #[cfg(test)]
        if let Some(read) = &read {
            assert_eq!(Some(read), outline(text, self.format).ok().as_ref(), "{text}");
        }
        read
    }

    /// The text as it is now.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What it says.
    pub(crate) fn value(&self) -> &Value {
        &self.outline.value
    }

    /// What stands at a path.
    pub(crate) fn get(&self, path: &Path) -> Option<&Value> {
        values::get(self.value(), path)
    }

    /// Its outermost piece.
    pub(crate) fn root(&self) -> &Piece {
        &self.outline.root
    }

    /// The patches from the text it began with; it begins anew with the text as it is.
    pub(crate) fn take_patches(&mut self) -> Vec<Patch> {
        std::mem::take(&mut self.patches)
    }

    /// Takes the first of several ways to patch the text after which it says `expected`.
    fn attempt(&mut self, path: &Path, expected: &Value, ways: Vec<Vec<Patch>>) -> Result<(), Refusal> {
        for mut patches in ways {
            patches.retain(|patch| patch.start != patch.end || !patch.text.is_empty());
            patches.sort_by_key(|patch| (patch.start, patch.end));
            if super::patch::check(&self.text, &patches).is_err() {
                continue;
            }
            let text = apply(&self.text, &patches);
            let read = match self.outline_of(&text, &patches) {
                Some(read) => read,
                None => match outline(&text, self.format) {
                    Ok(read) => read,
                    Err(_) => continue,
                },
            };
            if read.value == *expected {
                self.patches = compose(&self.patches, &patches);
                self.text = text;
                self.outline = Arc::new(read);
                return Ok(());
            }
        }
        Err(self.cannot(path))
    }

    /// Nothing fits: the text is written in a way that is not understood well enough to be changed.
    fn cannot(&self, path: &Path) -> Refusal {
        let mut piece = self.root();
        for step in path {
            match piece.step(step) {
                Some(next) => piece = next,
                None => break,
            }
        }
        let name = path.join(".");
        let message = match piece.shape {
            Shape::Alias => format!(
                "`{name}` stands in what an alias (`*…`) shares with other places; change it where the anchor (`&…`) is, or write it out in the text"
            ),
            _ if self.text.contains('&') && self.text.contains('*') => format!(
                "`{name}` cannot be changed here without changing what aliases (`*…`) share; change it in the text"
            ),
            _ => format!("`{name}` is written in a way that can only be changed in the text"),
        };
        Refusal::new("text_only", message).at(&self.text, piece.start)
    }

    /// Makes a path say a value, with as few changes of the text as it takes. Mappings that are missing on the way are made.
    pub(crate) fn set(&mut self, path: &Path, value: &Value) -> Result<(), Refusal> {
        match (self.get(path), self.root().find(path).map(|piece| &piece.shape)) {
            (None, _) => self.create(path, value),
            (Some(old), _) if old == value => Ok(()),
            (Some(Value::Object(old)), Some(Shape::Map { .. })) if !old.is_empty() => {
                match value.as_object().filter(|new| !new.is_empty()) {
                    Some(new) => {
                        let old = old.clone();
                        self.set_map(path, &old, new)
                    }
                    None => self.replace(path, value),
                }
            }
            (Some(Value::Array(old)), Some(Shape::List { .. })) if !old.is_empty() => {
                match value.as_array().filter(|new| !new.is_empty()) {
                    Some(new) => {
                        let old = old.clone();
                        self.set_list(path, &old, new)
                    }
                    None => self.replace(path, value),
                }
            }
            _ => self.replace(path, value),
        }
    }

    fn set_map(
        &mut self,
        path: &Path,
        old: &Map<String, Value>,
        new: &Map<String, Value>,
    ) -> Result<(), Refusal> {
        let step = |key: &str| [path, &[key.to_owned()]].concat();
        // What is new comes first, so that the mapping is never empty.
        for (key, value) in new {
            self.set(&step(key), value)?;
        }
        for key in old.keys().filter(|key| !new.contains_key(*key)) {
            self.remove(&step(key))?;
        }
        Ok(())
    }

    fn set_list(&mut self, path: &Path, old: &[Value], new: &[Value]) -> Result<(), Refusal> {
        let step = |at: usize| [path, &[at.to_string()]].concat();
        let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
        let tail = (old[head..].iter().rev())
            .zip(new[head..].iter().rev())
            .take_while(|(a, b)| a == b)
            .count();
        let (n_old, n_new) = (old.len() - head - tail, new.len() - head - tail);
        for at in 0..n_old.min(n_new) {
            self.set(&step(head + at), &new[head + at])?;
        }
        for at in n_old..n_new {
            self.insert_item(path, head + at, &new[head + at])?;
        }
        for at in (n_new..n_old).rev() {
            self.remove(&step(head + at))?;
        }
        Ok(())
    }

    fn create(&mut self, path: &Path, value: &Value) -> Result<(), Refusal> {
        let depth = (0..path.len())
            .rev()
            .find(|depth| self.get(&path[..*depth]).is_some())
            .unwrap_or(0);
        let (parent, rest) = path.split_at(depth);
        let made = values::nested(&rest[1..], value.clone());
        match self.get(parent) {
            Some(Value::Object(_)) => {
                let at = order::place(
                    parent,
                    &rest[0],
                    self.root().find(parent).map_or(&[], Piece::entries),
                );
                self.insert(parent, at, &[(rest[0].clone(), made)])
            }
            Some(Value::Array(items)) if rest[0].parse() == Ok(items.len()) => {
                let at = items.len();
                self.insert_item(parent, at, &made)
            }
            Some(Value::Null) if !parent.is_empty() => {
                let made = values::nested(rest, value.clone());
                self.replace(parent, &made)
            }
            _ => Err(Refusal::new(
                "no_place",
                format!(
                    "`{}` cannot stand in `{}`, which is no mapping; change that first",
                    rest[0],
                    parent.join(".")
                ),
            )),
        }
    }

    /// Patches the text as it is typed; it must stay readable.
    pub(crate) fn type_in(&mut self, patches: &[Patch]) -> Result<(), Refusal> {
        super::patch::check(&self.text, patches).map_err(|message| Refusal::new("bad_patch", message))?;
        let typed = self.patched(&apply(&self.text, patches), self.format, patches)?;
        let patches = compose(&self.patches, patches);
        *self = Self { patches, ..typed };
        Ok(())
    }

    /// Puts entries into a mapping before the entry number `at`.
    pub(crate) fn insert(&mut self, path: &Path, at: usize, new: &[(String, Value)]) -> Result<(), Refusal> {
        let mut expected = self.value().clone();
        match values::get_mut(&mut expected, path) {
            Some(Value::Object(map)) => values::insert(map, at, new),
            Some(null @ Value::Null) => {
                let made = Value::Object(new.iter().cloned().collect());
                *null = made.clone();
                return self.replace(path, &made);
            }
            _ => return Err(self.cannot(path)),
        }
        let Some(piece) = self.root().find(path) else {
            return Err(self.cannot(path));
        };
        let ways = match &piece.shape {
            Shape::Map {
                is_block: true,
                entries,
            } => {
                vec![block::insert_entries(&self.text, &self.style, entries, at, new)]
            }
            Shape::Map { entries, .. } => {
                let parts: Vec<_> = new
                    .iter()
                    .map(|(key, value)| (Some(key.as_str()), value))
                    .collect();
                let mut ways = vec![bracketed::insert(&self.text, &self.style, piece, at, &parts)];
                if entries.is_empty() {
                    // `tasks: {}` among lines becomes lines.
                    let made = Value::Object(new.iter().cloned().collect());
                    if let Some(lines) = self.on_lines(path, piece, &made) {
                        ways.splice(0..0, lines);
                    }
                }
                ways
            }
            _ => Vec::new(),
        };
        self.attempt(path, &expected, ways)
    }

    /// Puts an item into a list before the item number `at`.
    pub(crate) fn insert_item(&mut self, path: &Path, at: usize, value: &Value) -> Result<(), Refusal> {
        let mut expected = self.value().clone();
        match values::get_mut(&mut expected, path) {
            Some(Value::Array(items)) if at <= items.len() => items.insert(at, value.clone()),
            _ => return Err(self.cannot(path)),
        }
        let Some(piece) = self.root().find(path) else {
            return Err(self.cannot(path));
        };
        let ways = match &piece.shape {
            Shape::List {
                is_block: true,
                items,
            } => {
                vec![block::insert_item(&self.text, &self.style, items, at, value)]
            }
            Shape::List { .. } => {
                vec![bracketed::insert(
                    &self.text,
                    &self.style,
                    piece,
                    at,
                    &[(None, value)],
                )]
            }
            _ => Vec::new(),
        };
        self.attempt(path, &expected, ways)
    }

    /// Takes what stands at a path out; nothing happens if nothing stands there.
    pub(crate) fn remove(&mut self, path: &Path) -> Result<(), Refusal> {
        let mut expected = self.value().clone();
        if values::remove(&mut expected, path).is_none() {
            return Ok(());
        }
        let Some((last, parent)) = path.split_last() else {
            return Ok(());
        };
        let Some(piece) = self.root().find(parent) else {
            return Err(self.cannot(path));
        };
        let at = match &piece.shape {
            Shape::Map { entries, .. } => entries.iter().position(|entry| entry.key.text == *last),
            _ => last.parse().ok(),
        };
        let Some(at) = at else {
            return Err(self.cannot(path));
        };
        let ways = match &piece.shape {
            Shape::Map {
                is_block: true,
                entries,
            } if entries.len() > 1 => {
                vec![block::remove_entry(&self.text, entries, at)]
            }
            Shape::List {
                is_block: true,
                items,
            } if items.len() > 1 => {
                vec![block::remove_item(&self.text, items, at)]
            }
            Shape::Map { is_block: true, .. } => {
                return self.replace(parent, &Value::Object(Map::new()));
            }
            Shape::List { is_block: true, .. } => return self.replace(parent, &Value::Array(Vec::new())),
            _ => vec![bracketed::remove(&self.text, piece, at)],
        };
        self.attempt(path, &expected, ways)
    }

    /// Takes what stands at several paths out, at once if that can be done. Their mappings and lists keep something else.
    pub(crate) fn remove_all(&mut self, paths: &[Vec<String>]) -> Result<(), Refusal> {
        let mut expected = self.value().clone();
        // From the last on, so that the numbers of items before stay right.
        for path in paths.iter().rev() {
            values::remove(&mut expected, path);
        }
        let patches: Option<Vec<Vec<Patch>>> = paths.iter().map(|path| self.removal(path)).collect();
        let patches = patches.map(|patches| patches.concat());
        if !paths.is_empty()
            && self
                .attempt(&[], &expected, patches.into_iter().collect())
                .is_ok()
        {
            return Ok(());
        }
        paths.iter().rev().try_for_each(|path| self.remove(path))
    }

    /// The patch that takes one of several entries or items out.
    fn removal(&self, path: &Path) -> Option<Vec<Patch>> {
        let (last, parent) = path.split_last()?;
        let piece = self.root().find(parent)?;
        match &piece.shape {
            Shape::Map { is_block, entries } => {
                let at = entries.iter().position(|entry| entry.key.text == *last)?;
                match is_block {
                    true if entries.len() > 1 => Some(block::remove_entry(&self.text, entries, at)),
                    true => None,
                    false => Some(bracketed::remove(&self.text, piece, at)),
                }
            }
            Shape::List { is_block, items } => {
                let at = last.parse().ok().filter(|at| *at < items.len())?;
                match is_block {
                    true if items.len() > 1 => Some(block::remove_item(&self.text, items, at)),
                    true => None,
                    false => Some(bracketed::remove(&self.text, piece, at)),
                }
            }
            _ => None,
        }
    }

    /// The same, and what is empty around it afterwards goes as well, up to `keep` steps from the top.
    pub(crate) fn prune(&mut self, path: &Path, keep: usize) -> Result<(), Refusal> {
        let is_last = |value: &Value| match value {
            Value::Object(map) => map.len() == 1,
            Value::Array(items) => items.len() == 1,
            _ => false,
        };
        let mut depth = path.len();
        while depth > keep.max(1)
            && self.get(path).is_some()
            && self.get(&path[..depth - 1]).is_some_and(is_last)
        {
            depth -= 1;
        }
        self.remove(&path[..depth])
    }

    /// Lets the entry number `at` of a mapping and the next one change places.
    pub(crate) fn swap(&mut self, path: &Path, at: usize) -> Result<(), Refusal> {
        let Some(piece) = self.root().find(path) else {
            return Err(self.cannot(path));
        };
        let (Shape::Map { is_block, entries }, true) = (&piece.shape, at + 1 < piece.entries().len()) else {
            return Err(self.cannot(path));
        };
        let ways = match is_block {
            true => block::swap(&self.text, entries, at),
            false => bracketed::swap(&self.text, piece, at),
        };
        let names: Vec<String> = entries.iter().map(|entry| entry.key.text.clone()).collect();
        // To values the order is nothing: it is looked at besides.
        let same = self.value().clone();
        self.attempt(path, &same, vec![ways])?;
        let now = self.root().find(path).map_or(&[][..], Piece::entries);
        let mut wanted = names;
        wanted.swap(at, at + 1);
        match now.iter().map(|entry| &entry.key.text).eq(&wanted) {
            true => Ok(()),
            false => Err(self.cannot(path)),
        }
    }

    /// Gives a key another name, in its place.
    pub(crate) fn rename_key(&mut self, path: &Path, to: &str) -> Result<(), Refusal> {
        let Some((last, parent)) = path.split_last() else {
            return Ok(());
        };
        let mut expected = self.value().clone();
        let Some(Value::Object(map)) = values::get_mut(&mut expected, parent) else {
            return Err(self.cannot(path));
        };
        values::rename(map, last, to);
        let Some(entry) = self.root().find(parent).and_then(|piece| piece.entry(last)) else {
            return Err(self.cannot(path));
        };
        let value = Value::from(to);
        let span = entry.key.span.clone();
        let ways = match self.format {
            Format::Json => vec![value.to_string()],
            Format::Yaml => scalar::ways(&self.style, entry.key.style, &value, true),
        };
        let ways = ways
            .into_iter()
            .map(|way| vec![Patch::new(span.start, span.end, way)]);
        let ways = ways.collect();
        self.attempt(path, &expected, ways)
    }

    /// Replaces pieces of what scalars say. Patches of all are made at once where that can be done.
    pub(crate) fn splice(&mut self, splices: &[Splice]) -> Result<(), Refusal> {
        let mut expected = self.value().clone();
        let mut patches = Some(Vec::new());
        for (path, edits) in splices {
            let Some(Value::String(text)) = values::get_mut(&mut expected, path) else {
                return Err(self.cannot(path));
            };
            *text = spliced(text, edits);
            let found = self
                .root()
                .find(path)
                .and_then(|piece| scalar::splice(&self.text, piece, edits));
            patches = patches.zip(found).map(|(mut all, found)| {
                all.extend(found);
                all
            });
        }
        let path = splices.first().map_or(&[][..], |(path, _)| path);
        if self
            .attempt(path, &expected, patches.into_iter().collect())
            .is_ok()
        {
            return Ok(());
        }
        for (path, edits) in splices {
            let Some(Value::String(text)) = self.get(path) else {
                continue;
            };
            let value = Value::from(spliced(text, edits));
            let in_place = self
                .root()
                .find(path)
                .and_then(|piece| scalar::splice(&self.text, piece, edits));
            let mut expected = self.value().clone();
            if let Some(slot) = values::get_mut(&mut expected, path) {
                slot.clone_from(&value);
            }
            if self
                .attempt(path, &expected, in_place.into_iter().collect())
                .is_err()
            {
                self.replace(path, &value)?;
            }
        }
        Ok(())
    }

    /// Sets scalars that are there already, all at once if that can be done.
    pub(crate) fn set_all(&mut self, new: &[(Vec<String>, Value)]) -> Result<(), Refusal> {
        let mut expected = self.value().clone();
        let mut patches = Vec::new();
        for (path, value) in new {
            if let (Some(slot), Some(piece)) = (values::get_mut(&mut expected, path), self.root().find(path))
                && *slot != *value
                && piece.scalar().is_some()
            {
                patches.push(Patch::new(piece.start, piece.end, value.to_string()));
                slot.clone_from(value);
            }
        }
        if self.attempt(&[], &expected, vec![patches]).is_ok() {
            return Ok(());
        }
        new.iter().try_for_each(|(path, value)| self.set(path, value))
    }

    fn on_lines(&self, path: &Path, piece: &Piece, value: &Value) -> Option<Vec<Vec<Patch>>> {
        let (last, parent) = path.split_last()?;
        let slot = block::slot(&self.text, self.root().find(parent)?, last)?;
        Some(block::replace(&self.text, &self.style, slot, piece, value))
    }

    /// Puts a value in the place of another.
    fn replace(&mut self, path: &Path, value: &Value) -> Result<(), Refusal> {
        let mut expected = self.value().clone();
        match values::get_mut(&mut expected, path) {
            Some(slot) => slot.clone_from(value),
            None => return Err(self.cannot(path)),
        }
        let Some(piece) = self.root().find(path) else {
            return Err(self.cannot(path));
        };
        let lines = self.on_lines(path, piece, value);
        let is_bracketed = lines.is_none();
        let mut ways = Vec::new();
        let is_long = |text: &String| !is_bracketed && text.contains('\n');
        let is_scalar = !value.is_array() && !value.is_object();
        if let Shape::Scalar(old) = &piece.shape
            && is_scalar
            && piece.start < piece.end
            && !value.as_str().is_some_and(|text| is_long(&text.to_owned()))
        {
            let written = scalar::ways(&self.style, old.style, value, is_bracketed);
            ways.extend(
                written
                    .into_iter()
                    .map(|way| vec![Patch::new(piece.start, piece.end, way)]),
            );
        }
        match lines {
            Some(lines) => {
                ways.extend(lines);
                let line = self.style.ink.line(value);
                ways.push(vec![Patch::new(piece.start, piece.end, line.as_str())]);
                ways.push(vec![Patch::new(piece.start, piece.end, format!(" {line}"))]);
            }
            None => {
                let written = bracketed::value_at(&self.text, &self.style, piece.start, value);
                ways.push(vec![Patch::new(piece.start, piece.end, written.as_str())]);
                ways.push(vec![Patch::new(piece.start, piece.end, format!(" {written}"))]);
                ways.push(vec![Patch::new(piece.start, piece.end, format!(": {written}"))]);
            }
        }
        self.attempt(path, &expected, ways)
    }
}

/// A text with bytes of it replaced.
fn spliced(text: &str, edits: &[(Range<usize>, String)]) -> String {
    let patches: Vec<Patch> = edits
        .iter()
        .map(|(range, new)| Patch::new(range.start, range.end, new.as_str()))
        .collect();
    apply(text, &patches)
}
