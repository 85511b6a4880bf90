//! Steps into values as authors write them in expressions: `rows[3].name`, `headers['content-type']`.

/// Appends the step to a field: `.name`, or in brackets what is no plain name.
pub fn push_field(path: &mut String, field: &str) {
    let is_name = !field.is_empty()
        && !field.starts_with(|c: char| c.is_ascii_digit())
        && field.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_name {
        path.push('.');
        path.push_str(field);
        return;
    }
    path.push_str("['");
    for char in field.chars() {
        match char {
            '\'' | '\\' => path.extend(['\\', char]),
            '\n' => path.push_str("\\n"),
            '\r' => path.push_str("\\r"),
            '\t' => path.push_str("\\t"),
            other => path.push(other),
        }
    }
    path.push_str("']");
}

/// Appends the step to a place in a list, from 0.
pub fn push_place(path: &mut String, place: u64) {
    path.push('[');
    path.push_str(&place.to_string());
    path.push(']');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_name_stands_in_brackets() {
        let mut told = String::new();
        for field in [
            "id",
            "_x1",
            "1x",
            "",
            "a-b",
            "größe",
            "it's",
            "a\\b",
            "two\nlines",
        ] {
            push_field(&mut told, field);
            told.push('\n');
        }
        push_place(&mut told, 12);
        expect_test::expect![[r"
            .id
            ._x1
            ['1x']
            ['']
            ['a-b']
            ['größe']
            ['it\'s']
            ['a\\b']
            ['two\nlines']
            [12]"]]
        .assert_eq(&told);
    }

    #[test]
    #[cfg(feature = "author")]
    fn expressions_read_what_is_written() {
        use crate::expr::{Form, RunFacts, Scope, preview};
        use serde_json::json;

        for field in ["id", "a-b", "it's", "a\\b", "two\nlines", "größe", "tab\t", ""] {
            let mut path = "inputs".to_owned();
            push_field(&mut path, field);
            let scope = Scope::new(json!({ field: "here" }).into(), RunFacts::default());
            let given = preview(&format!("{{{{ {path} }}}}"), Form::Field, &scope);
            assert_eq!(given, Ok(json!("here")), "{path}");
        }
    }
}
