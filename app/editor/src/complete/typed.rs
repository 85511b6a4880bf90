//! What has been typed so far, and what it says of what may follow.

use std::ops::Range;

use flow::expr::Form;

/// Where the expression around the end of `before` begins.
pub(super) fn begin(before: &str, form: Form, text: &str) -> Option<usize> {
    if form == Form::Condition && !text.contains("{{") {
        return Some(0);
    }
    let (open, close) = (
        before.rfind("{{").max(before.rfind("{%"))?,
        before.rfind("}}").max(before.rfind("%}")),
    );
    close.is_none_or(|close| close < open).then_some(open + 2)
}

/// What has been typed of an expression, as far as it says what may follow.
pub(super) enum Typed {
    Filter(Range<usize>),
    Test(Range<usize>),
    Chain {
        /// The complete steps before the last.
        steps: Vec<String>,
        /// The bytes of the last word.
        last: Range<usize>,
        /// The bytes of the last step with its dot or bracket; those of the word at a root.
        step: Range<usize>,
    },
    Nothing,
}

impl Typed {
    pub(super) fn of(expression: &str) -> Self {
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        // Inside a text only a subscript is of interest.
        let quote = open_quote(expression);
        if let Some(quote) = quote {
            let before = expression[..quote].trim_end();
            let Some(base) = before.strip_suffix('[') else {
                return Self::Nothing;
            };
            let Some(steps) = chain(base) else {
                return Self::Nothing;
            };
            return Self::Chain {
                steps,
                last: quote + 1..expression.len(),
                step: base.len()..expression.len(),
            };
        }
        let word = expression.len()
            - expression
                .chars()
                .rev()
                .take_while(|c| is_word(*c))
                .map(char::len_utf8)
                .sum::<usize>();
        // A minus begins no name.
        let word = word + (expression[word..].len() - expression[word..].trim_start_matches('-').len());
        let before = expression[..word].trim_end();
        let last = word..expression.len();
        if before.ends_with('|') {
            return Self::Filter(last);
        }
        if before.ends_with(" is") || before.ends_with(" is not") {
            return Self::Test(last);
        }
        if let Some(base) = before.strip_suffix('.') {
            return match chain(base) {
                Some(steps) => Self::Chain {
                    steps,
                    step: base.len()..expression.len(),
                    last,
                },
                None => Self::Nothing,
            };
        }
        if expression[last.clone()].starts_with(|c: char| c.is_ascii_digit()) {
            return Self::Nothing;
        }
        Self::Chain {
            steps: Vec::new(),
            step: last.clone(),
            last,
        }
    }
}

/// The quote that is open at the end.
fn open_quote(expression: &str) -> Option<usize> {
    let mut open: Option<(usize, char)> = None;
    let mut chars = expression.char_indices();
    while let Some((at, c)) = chars.next() {
        match open {
            Some(_) if c == '\\' => drop(chars.next()),
            Some((_, quote)) if c == quote => open = None,
            None if matches!(c, '"' | '\'') => open = Some((at, c)),
            _ => {}
        }
    }
    open.map(|(at, _)| at)
}

/// The steps of the chain that ends a text: `x + tasks.a['b c'][0]` ends with `tasks`, `a`, `b c`, `0`.
fn chain(text: &str) -> Option<Vec<String>> {
    let mut steps = Vec::new();
    let mut rest = text.trim_end();
    loop {
        if let Some(inner) = rest.strip_suffix(']') {
            let inner = inner.trim_end();
            if let Some(quote) = inner.chars().next_back().filter(|c| matches!(c, '"' | '\'')) {
                let body = &inner[..inner.len() - 1];
                let open = body.rfind(quote)?;
                steps.push(body[open + 1..].to_owned());
                rest = body[..open].trim_end().strip_suffix('[')?.trim_end();
            } else {
                let open = inner.rfind('[')?;
                let index = inner[open + 1..].trim();
                steps.push(index.parse::<u32>().ok()?.to_string());
                rest = inner[..open].trim_end();
            }
            continue;
        }
        let length: usize = (rest.chars().rev())
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .map(char::len_utf8)
            .sum();
        let (before, word) = rest.split_at(rest.len() - length);
        if word.is_empty() {
            return None;
        }
        steps.push(word.to_owned());
        match before.trim_end().strip_suffix('.') {
            Some(before) => rest = before.trim_end(),
            None => break,
        }
    }
    steps.reverse();
    Some(steps)
}
