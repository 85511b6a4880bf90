//! One style sheet out of many.

use anyhow::{Context, Result};

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
}
