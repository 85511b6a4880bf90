//! Which task an expression names at a place: `tasks.fetch.output` names `fetch` wherever one points at it.

use std::ops::Range;

/// The id of the task that is named at a byte of a text; none if none is. The task need not be there.
#[must_use]
pub fn task_at(text: &str, at: usize) -> Option<&str> {
    let mut from = 0;
    while let Some(found) = text.get(from..)?.find("tasks") {
        let start = from + found;
        from = start + "tasks".len();
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        // Of `subtasks.x` or `x.tasks` it is a part.
        let is_part = text[..start].ends_with(|c: char| is_word(c) || c == '.');
        if is_part {
            continue;
        }
        if let Some((id, end)) = named(text, from)
            && (start..=end).contains(&at)
        {
            return text.get(id);
        }
    }
    None
}

/// The bytes of the id behind `tasks`, and where the chain ends that begins so.
fn named(text: &str, after: usize) -> Option<(Range<usize>, usize)> {
    let (id, mut end) = step(text, after)?;
    while let Some((_, next)) = step(text, end) {
        end = next;
    }
    Some((id, end))
}

/// A step at a byte, `.name` or `["name"]` or `[0]`: the bytes of its name, and its end.
fn step(text: &str, at: usize) -> Option<(Range<usize>, usize)> {
    let rest = text.get(at..)?;
    if let Some(name) = rest.strip_prefix('.') {
        let length: usize = name
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .map(char::len_utf8)
            .sum();
        let start = at + 1;
        return (length > 0).then_some((start..start + length, start + length));
    }
    let inner = rest.strip_prefix('[')?;
    let quote = inner.chars().next().filter(|c| matches!(c, '"' | '\''));
    let start = at + 1 + quote.map_or(0, char::len_utf8);
    let length = match quote {
        Some(quote) => text.get(start..)?.find(quote)?,
        None => text.get(start..)?.find(']')?,
    };
    let end = start + length + quote.map_or(0, char::len_utf8);
    text.get(end..)?
        .starts_with(']')
        .then_some((start..start + length, end + 1))
}

/// The word at a byte of a text, as ids are written: in `needs: [fetch]` an id stands alone.
#[must_use]
pub fn word_at(text: &str, at: usize) -> &str {
    let is_id = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let (Some(before), Some(after)) = (text.get(..at), text.get(at..)) else {
        return "";
    };
    let start = at
        - before
            .chars()
            .rev()
            .take_while(|c| is_id(*c))
            .map(char::len_utf8)
            .sum::<usize>();
    let end = at
        + after
            .chars()
            .take_while(|c| is_id(*c))
            .map(char::len_utf8)
            .sum::<usize>();
    &text[start..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `|` is where one points.
    fn check(marked: &str, expected: Option<&str>) {
        let at = marked.find('|').expect("one points somewhere");
        let text = marked.replace('|', "");
        assert_eq!(task_at(&text, at), expected, "{marked}");
    }

    #[test]
    fn a_task_is_named_by_all_of_its_chain() {
        check("{{ ta|sks.fetch.output.rows }}", Some("fetch"));
        check("{{ tasks.fe|tch.output.rows }}", Some("fetch"));
        check("{{ tasks.fetch.output.ro|ws }}", Some("fetch"));
        check("{{ tasks.fetch.output[0].ro|ws + 1 }}", Some("fetch"));
        check("{{ tasks[\"get-or|ders\"].output }}", Some("get-orders"));
        check("{{ tasks['a b'].out|put }}", Some("a b"));
        check("{{ tasks.a.output + tasks.b.out|put }}", Some("b"));
        check("{{ tasks.a.output +| tasks.b.output }}", None);
        check("{{ inputs.da|te }}", None);
        check("{{ subtasks.a|.b }}", None);
        check("{{ x.tasks.a|.b }}", None);
        check("{{ tasks| }}", None);
        check("{{ tasks[|", None);
        check("ü {{ tasks.ä|.output }}", Some("ä"));
    }

    #[test]
    fn a_word_is_what_an_id_may_be() {
        assert_eq!(word_at("needs: [get-orders, b]", 12), "get-orders");
        assert_eq!(word_at("needs: [a]", 9), "a");
        assert_eq!(word_at("a", 99), "");
        assert_eq!(word_at("", 0), "");
    }
}
