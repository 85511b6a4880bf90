//! How a flow is drawn, apart from what it means: whether two texts differ in nothing else.

use crate::FlowDoc;
use crate::parse::Format;

/// What stands in a document for those who look at it.
const DRAWING: [&str; 3] = ["layout:", "notes:", "groups:"];

/// A document with its text.
#[derive(Clone, Copy, Debug)]
pub struct Written<'d> {
    /// What it says.
    pub doc: &'d FlowDoc,
    /// Its text.
    pub source: &'d str,
    /// What that is written in.
    pub format: Format,
}

/// Whether nothing but the drawing has changed: boxes moved, notes, groups. Comments and the form of the rest count as change,
/// since they would be lost with the text that is replaced. In doubt it says no.
#[must_use]
pub fn is_only_redrawn(before: Written<'_>, after: Written<'_>) -> bool {
    if before.format != after.format || !before.doc.means_the_same(after.doc) {
        return false;
    }
    match before.format {
        // It has no comments.
        Format::Json => true,
        Format::Yaml => undrawn(before.source).eq(undrawn(after.source)),
    }
}

/// The lines of a YAML document that are not of its drawing.
fn undrawn(source: &str) -> impl Iterator<Item = &str> {
    let mut is_drawing = false;
    source.lines().map(str::trim_end).filter(move |line| {
        if line.starts_with(|first: char| !first.is_whitespace() && first != '#') {
            is_drawing = DRAWING.iter().any(|key| line.starts_with(key));
        }
        let is_comment = line.trim_start().starts_with('#') || (is_drawing && line.contains(" #"));
        !line.is_empty() && (!is_drawing || is_comment)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    #[test]
    fn what_is_only_drawn_otherwise() {
        let check = |format: Format, before: &str, after: &str, expected: bool| {
            let doc = |text: &str| parse::parse(text.as_bytes(), format).expect("it can be read").doc;
            let (old, new) = (doc(before), doc(after));
            let written = |doc, source| Written { doc, source, format };
            let said = is_only_redrawn(written(&old, before), written(&new, after));
            assert_eq!(said, expected, "from\n{before}\nto\n{after}");
        };
        let plain = "flow: a # mine\ntasks:\n  x: { type: noop }\n";
        let with = |more: &str| format!("{plain}{more}");
        let yaml = |before: &str, after: &str, expected| check(Format::Yaml, before, after, expected);

        yaml(plain, &with("\nlayout:\n  x: [1, 2]\n"), true);
        yaml(
            &with("layout: { x: [1, 2] }\n"),
            &with("layout: { x: [3, 2] }\n"),
            true,
        );
        yaml(&with("layout:\n  x: [1, 2]\n"), plain, true);
        let noted = with("notes:\n  n:\n    text: Careful\ngroups: { g: { tasks: [x] } }\n");
        yaml(plain, &noted, true);
        yaml(&noted, plain, true);
        // The text would be lost with what it says besides.
        yaml(plain, "flow: a\ntasks:\n  x: { type: noop }\n", false);
        yaml(plain, "flow: a # mine\ntasks: { x: { type: noop } }\n", false);
        yaml(&with("layout:\n  # by hand\n  x: [1, 2]\n"), plain, false);
        yaml(
            &with("layout:\n  x: [1, 2] # by hand\n"),
            &with("layout:\n  x: [2, 2]\n"),
            false,
        );
        // A drawing in the middle ends where the next key begins.
        yaml(
            "flow: a\nlayout:\n  x: [1, 2]\ntasks:\n  x: { type: noop }\n",
            "flow: a\nlayout:\n  x: [9, 2]\ntasks:\n  x: { type: log, with: { message: m } }\n",
            false,
        );
        let json = |before: &str, after: &str, expected| check(Format::Json, before, after, expected);
        json(
            r#"{"flow":"a","tasks":{"x":{"type":"noop"}}}"#,
            r#"{"flow":"a", "tasks":{"x":{"type":"noop"}}, "layout":{"x":[1,2]}}"#,
            true,
        );
        json(
            r#"{"flow":"a","tasks":{"x":{"type":"noop"}}}"#,
            r#"{"flow":"a","tasks":{"y":{"type":"noop"}}}"#,
            false,
        );
    }
}
