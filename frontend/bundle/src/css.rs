//! One style sheet out of many.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

/// The sheets of a part of the app, in order of file name: those of all parts, and those in the folder of its name.
pub(crate) fn of_part<'a>(
    sheets: &'a BTreeMap<String, Vec<u8>>,
    part: &str,
) -> Vec<(&'a String, &'a Vec<u8>)> {
    let file = |name: &'a str| match name.rsplit_once('/') {
        None => Some(name),
        Some((folder, file)) => (folder == part).then_some(file),
    };
    let own = sheets
        .iter()
        .filter(|(name, _)| name.ends_with(".css"))
        .filter_map(|sheet| Some((file(sheet.0)?, sheet)));
    let mut own: Vec<_> = own.collect();
    own.sort_by_key(|(file, _)| *file);
    own.into_iter().map(|(_, sheet)| sheet).collect()
}

/// The sheets in the given order, without comments, indentation and blank lines.
pub(crate) fn concatenate<'a>(sheets: impl Iterator<Item = (&'a String, &'a Vec<u8>)>) -> Result<String> {
    let mut all = String::new();
    for (name, content) in sheets {
        let text = std::str::from_utf8(content).with_context(|| format!("{name} is not UTF-8"))?;
        for line in without_comments(text)
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
        {
            all.push_str(line);
            all.push('\n');
        }
    }
    Ok(all)
}

/// Strings may contain what looks like a comment, and a comment what looks like a string.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\'', '/']) {
        let (before, tail) = rest.split_at(at);
        out.push_str(before);
        rest = if let Some(comment) = tail.strip_prefix("/*") {
            comment.find("*/").map_or("", |end| &comment[end + 2..])
        } else {
            let kept = if tail.starts_with('/') {
                1
            } else {
                string_len(tail)
            };
            out.push_str(&tail[..kept]);
            &tail[kept..]
        };
    }
    out.push_str(rest);
    out
}

/// The length in bytes of the quoted string that `text` begins with.
fn string_len(text: &str) -> usize {
    let mut chars = text.char_indices();
    let quote = chars.next().map(|(_, quote)| quote);
    while let Some((at, char)) = chars.next() {
        if char == '\\' {
            chars.next();
        } else if Some(char) == quote {
            return at + 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(sheets: &[&str], expected: Expect) {
        let sheets: Vec<_> = sheets
            .iter()
            .map(|text| (String::new(), text.as_bytes().to_vec()))
            .collect();
        expected
            .assert_eq(&concatenate(sheets.iter().map(|(name, content)| (name, content))).expect("is UTF-8"));
    }

    #[test]
    fn comments_and_blank_lines_go_strings_stay() {
        check(
            &[
                "/* head */\n\n  a { color: red; /* why 'not' */ }\n",
                "b::after {\n    content: \"/* \\\" kept */\";\n    background: url('/a//b.svg');\n}\n/* open",
            ],
            expect![[r#"
                a { color: red;  }
                b::after {
                content: "/* \" kept */";
                background: url('/a//b.svg');
                }
            "#]],
        );
    }

    #[test]
    fn a_sheet_that_is_not_text_is_named() {
        let name = "style/bad.css".to_owned();
        let error = concatenate([(&name, &vec![0xff])].into_iter()).expect_err("is not UTF-8");
        assert_eq!(error.to_string(), "style/bad.css is not UTF-8");
    }

    #[test]
    fn a_part_has_the_sheets_of_all_and_its_own() {
        let names = [
            "10-a.css",
            "80-z.css",
            "editor/58-e.css",
            "monitor/70-m.css",
            "editor/notes.txt",
        ];
        let sheets: BTreeMap<String, Vec<u8>> = names.map(|name| (name.to_owned(), Vec::new())).into();
        let of = |part| {
            let own = of_part(&sheets, part);
            own.iter()
                .map(|(name, _)| name.as_str())
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(of("editor"), "10-a.css editor/58-e.css 80-z.css");
        assert_eq!(of("board"), "10-a.css 80-z.css");
    }
}
