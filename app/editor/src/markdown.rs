//! What a note says: a small part of Markdown as HTML. Nothing that a person wrote is ever taken for HTML, and only addresses of pages
//! and of mail become links.
//!
//! Headings, paragraphs in which lines stay lines, bold, italic, code, links, lists that may lie in each other. Everything else stands as
//! it was written.

use flow::limits::NOTE_CHARS_MAX;

/// Lists and marks lie at most so deep in each other; what is deeper stands as it was written.
const DEPTH_MAX: usize = 8;
/// A mark ends within so many bytes or not at all: else a text of nothing but beginnings would take a time that grows with its square.
const SPAN_MAX: usize = 1_000;

/// A link in a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What it says, as it was written.
    pub label: String,
    /// Where it leads.
    pub url: String,
}

/// A text as HTML. Its links can be pressed but are no stops of the Tab key: on the canvas the note is, and who opens it finds
/// [`links`].
#[must_use]
pub fn html(text: &str) -> String {
    written(text).html
}

/// The links of a text, in their order.
#[must_use]
pub fn links(text: &str) -> Vec<Link> {
    written(text).links
}

fn written(text: &str) -> Writer {
    let end = text
        .char_indices()
        .nth(NOTE_CHARS_MAX)
        .map_or(text.len(), |(at, _)| at);
    let lines: Vec<&str> = text[..end].lines().collect();
    let mut writer = Writer::default();
    writer.blocks(&lines, 0);
    writer
}

#[derive(Default)]
struct Writer {
    html: String,
    links: Vec<Link>,
}

impl Writer {
    /// Blocks one below the other. Those of a list's item (`depth` above 0) are its text, without a paragraph of their own.
    fn blocks(&mut self, lines: &[&str], depth: usize) {
        let mut at = 0;
        while at < lines.len() {
            at += match Block::of(lines[at]) {
                Block::Blank => 1,
                Block::Fence(fence) => self.code(&lines[at..], fence),
                Block::Heading(level, title) => {
                    // The page has headings of its own above these.
                    let level = level.min(3) + 2;
                    self.html.push_str(&format!("<h{level}>"));
                    self.spans(title, 0);
                    self.html.push_str(&format!("</h{level}>"));
                    1
                }
                Block::Item(item) if depth < DEPTH_MAX => self.list(&lines[at..], item, depth),
                Block::Item(_) | Block::Text => self.paragraph(&lines[at..], depth),
            };
        }
    }

    /// Answers how many lines it took, as do the others.
    fn paragraph(&mut self, lines: &[&str], depth: usize) -> usize {
        let is_more = |line: &&&str| matches!(Block::of(line), Block::Text);
        let n = 1 + lines[1..].iter().take_while(is_more).count();
        if depth == 0 {
            self.html.push_str("<p>");
        }
        for (ix, line) in lines[..n].iter().enumerate() {
            if ix > 0 {
                self.html.push_str("<br>");
            }
            self.spans(line.trim(), 0);
        }
        self.html.push_str(if depth == 0 { "</p>" } else { "" });
        n
    }

    fn code(&mut self, lines: &[&str], fence: &str) -> usize {
        let is_end = |line: &&str| {
            let line = line.trim();
            line.starts_with(fence) && line.bytes().all(|byte| byte == fence.as_bytes()[0])
        };
        // A block that does not end goes on to the end of the text.
        let inner = lines[1..].iter().position(is_end).unwrap_or(lines.len() - 1);
        self.html.push_str("<pre><code>");
        self.text(&lines[1..=inner].join("\n"));
        self.html.push_str("</code></pre>");
        (inner + 2).min(lines.len())
    }

    fn list(&mut self, lines: &[&str], first: Item<'_>, depth: usize) -> usize {
        let (open, close) = match first.number {
            None => ("<ul>".to_owned(), "</ul>"),
            Some(1) => ("<ol>".to_owned(), "</ol>"),
            Some(number) => (format!("<ol start=\"{number}\">"), "</ol>"),
        };
        self.html.push_str(&open);
        let mut at = 0;
        while at < lines.len() {
            let Block::Item(item) = Block::of(lines[at]) else {
                break;
            };
            if item.number.is_some() != first.number.is_some() || item.indent < first.indent {
                break;
            }
            let mut own = vec![item.text];
            own.extend(lines[at + 1..].iter().scan(false, |was_blank, line| {
                let belongs = match Block::of(line) {
                    Block::Blank => true,
                    // What goes on without a gap belongs to the item; behind a gap only what is set in does.
                    Block::Text if !*was_blank => true,
                    _ => indent(line) >= item.indent + 2,
                };
                *was_blank = line.trim().is_empty();
                belongs.then(|| outdented(line, item.width))
            }));
            at += own.len();
            self.html.push_str("<li>");
            self.blocks(&own, depth + 1);
            self.html.push_str("</li>");
        }
        self.html.push_str(close);
        at
    }

    /// Text with marks in it.
    fn spans(&mut self, text: &str, depth: usize) {
        let (mut at, mut told) = (0, 0);
        while let Some(found) = text[at..].find(['\\', '`', '*', '_', '[']) {
            at += found;
            let Some((span, end)) = Span::at(text, at) else {
                at += run(text, at);
                continue;
            };
            self.text(&text[told..at]);
            match span {
                Span::Plain(plain) => self.text(plain),
                Span::Code(code) => self.tagged("code", |writer| writer.text(code)),
                Span::Strong(inner) => self.tagged("strong", |writer| writer.inner(inner, depth)),
                Span::Italic(inner) => self.tagged("em", |writer| writer.inner(inner, depth)),
                Span::Link(label, url) => {
                    self.html.push_str("<a href=\"");
                    self.text(url);
                    self.html
                        .push_str("\" target=\"_blank\" rel=\"noopener\" tabindex=\"-1\">");
                    self.inner(label, depth);
                    self.html.push_str("</a>");
                    self.links.push(Link {
                        label: label.to_owned(),
                        url: url.to_owned(),
                    });
                }
            }
            (at, told) = (end, end);
        }
        self.text(&text[told..]);
    }

    fn inner(&mut self, text: &str, depth: usize) {
        match depth < DEPTH_MAX {
            true => self.spans(text, depth + 1),
            false => self.text(text),
        }
    }

    fn tagged(&mut self, tag: &str, inner: impl FnOnce(&mut Self)) {
        self.html.push_str(&format!("<{tag}>"));
        inner(self);
        self.html.push_str(&format!("</{tag}>"));
    }

    /// What a person wrote, so that no browser takes it for anything else.
    fn text(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.html.push_str("&amp;"),
                '<' => self.html.push_str("&lt;"),
                '>' => self.html.push_str("&gt;"),
                '"' => self.html.push_str("&quot;"),
                '\'' => self.html.push_str("&#39;"),
                c => self.html.push(c),
            }
        }
    }
}

/// What a line begins.
enum Block<'t> {
    Blank,
    /// Code, until the same fence comes again.
    Fence(&'t str),
    /// A heading, from 1 on.
    Heading(usize, &'t str),
    Item(Item<'t>),
    Text,
}

/// The first line of a list's item.
struct Item<'t> {
    /// How far its mark is set in.
    indent: usize,
    /// How far its text is.
    width: usize,
    /// Its number, if it has one.
    number: Option<u32>,
    text: &'t str,
}

impl<'t> Block<'t> {
    fn of(line: &'t str) -> Self {
        let text = line.trim();
        if text.is_empty() {
            return Self::Blank;
        }
        for mark in ['`', '~'] {
            let fence = &text[..text.len() - text.trim_start_matches(mark).len()];
            // With another backtick in the line it is code within a line.
            if fence.len() >= 3 && !text[fence.len()..].contains('`') {
                return Self::Fence(fence);
            }
        }
        let level = text.len() - text.trim_start_matches('#').len();
        if (1..=6).contains(&level) && matches!(text.as_bytes().get(level), None | Some(b' ' | b'\t')) {
            let title = text[level..].trim();
            // `## Title ##` says the same as `## Title`.
            let bare = title.trim_end_matches('#');
            let is_closed = bare.is_empty() || bare.ends_with([' ', '\t']);
            return Self::Heading(level, if is_closed { bare.trim_end() } else { title });
        }
        Item::of(line).map_or(Self::Text, Self::Item)
    }
}

impl<'t> Item<'t> {
    fn of(line: &'t str) -> Option<Self> {
        let text = line.trim_start();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (mark, number) = match digits {
            0 => (1, None),
            // Longer ones are no numbers of a list.
            1..=6 => (digits + 1, Some(text[..digits].parse().ok()?)),
            _ => return None,
        };
        let is_mark = matches!(
            (number, text.as_bytes().get(mark - 1)?),
            (None, b'-' | b'*' | b'+') | (Some(_), b'.' | b')')
        );
        let rest = text.get(mark..).filter(|_| is_mark)?;
        if !rest.starts_with([' ', '\t']) {
            return None;
        }
        let indent = indent(line);
        Some(Self {
            indent,
            width: indent + mark + 1,
            number,
            text: rest.trim_start(),
        })
    }
}

/// How far a line is set in; a tab is worth four.
fn indent(line: &str) -> usize {
    line.bytes()
        .map_while(|byte| match byte {
            b' ' => Some(1),
            b'\t' => Some(4),
            _ => None,
        })
        .sum()
}

/// A line set in by less.
fn outdented(line: &str, mut by: usize) -> &str {
    let cut = line.bytes().take_while(|byte| {
        let width = match byte {
            b' ' => 1,
            b'\t' => 4,
            _ => return false,
        };
        let fits = width <= by;
        by -= width.min(by);
        fits
    });
    &line[cut.count()..]
}

/// A part of a line with a mark.
enum Span<'t> {
    /// A character that a backslash took its meaning.
    Plain(&'t str),
    Code(&'t str),
    Strong(&'t str),
    Italic(&'t str),
    Link(&'t str, &'t str),
}

impl<'t> Span<'t> {
    /// What begins here, and where it ends; none if the characters mean themselves.
    fn at(text: &'t str, at: usize) -> Option<(Self, usize)> {
        match text.as_bytes()[at] {
            b'\\' => {
                let next = text[at + 1..].chars().next().filter(char::is_ascii_punctuation)?;
                let end = at + 1 + next.len_utf8();
                Some((Self::Plain(&text[at + 1..end]), end))
            }
            b'`' => code(text, at),
            b'[' => link(text, at),
            mark => {
                let n = run(text, at);
                let before = text[..at].chars().next_back();
                let after = text[at + n..].chars().next()?;
                // Words with underscores in them are words.
                let is_word = mark == b'_' && before.is_some_and(char::is_alphanumeric);
                if n > 3 || after.is_whitespace() || is_word {
                    return None;
                }
                let width = n.min(2);
                let end = closed(text, at + width, mark, width)?;
                let inner = &text[at + width..end];
                let span = if width == 2 {
                    Self::Strong(inner)
                } else {
                    Self::Italic(inner)
                };
                Some((span, end + width))
            }
        }
    }
}

/// How often the character here stands in a row.
fn run(text: &str, at: usize) -> usize {
    let bytes = &text.as_bytes()[at..];
    bytes.iter().take_while(|byte| **byte == bytes[0]).count()
}

/// Where the text of a mark ends that began before `from`: at as many of the same characters, behind a letter.
fn closed(text: &str, from: usize, mark: u8, width: usize) -> Option<usize> {
    let mut at = from;
    while at < text.len() && at - from <= SPAN_MAX {
        let byte = text.as_bytes()[at];
        if byte == mark {
            let n = run(text, at);
            let is_behind = at > from && !text[..at].ends_with(char::is_whitespace);
            let is_word = mark == b'_' && text[at + n..].starts_with(char::is_alphanumeric);
            if is_behind && !is_word && (n == width || n == 3) {
                // Of three, those on the outside.
                return Some(at + n - width);
            }
            at += n;
            continue;
        }
        // In code and in addresses these characters are no marks.
        let inner = matches!(byte, b'\\' | b'`' | b'[')
            .then(|| Span::at(text, at))
            .flatten();
        at = match inner {
            Some((_, end)) => end,
            None if byte == b'`' => at + run(text, at),
            None => at + text[at..].chars().next().map_or(1, char::len_utf8),
        };
    }
    None
}

fn code(text: &str, at: usize) -> Option<(Span<'_>, usize)> {
    let n = run(text, at);
    let start = at + n;
    let mut end = start;
    while let Some(found) = text[end..]
        .find('`')
        .filter(|found| end + found - start <= SPAN_MAX)
    {
        end += found;
        let closing = run(text, end);
        if closing == n {
            let inner = &text[start..end];
            // One space on both sides keeps backticks of the code apart from the marks.
            let bare = inner.strip_prefix(' ').and_then(|inner| inner.strip_suffix(' '));
            let bare = bare.filter(|bare| !bare.trim().is_empty());
            return Some((Span::Code(bare.unwrap_or(inner)), end + n));
        }
        end += closing;
    }
    None
}

fn link(text: &str, at: usize) -> Option<(Span<'_>, usize)> {
    let label = &text[at + 1..];
    let mut end = 0;
    loop {
        end += label[end..]
            .find(['\\', '[', ']'])
            .filter(|found| end + found <= SPAN_MAX)?;
        match label.as_bytes()[end] {
            b']' => break,
            // One in the other: the inner one is the link.
            b'[' => return None,
            _ => end += 1 + label[end + 1..].chars().next().map_or(0, char::len_utf8),
        }
    }
    let rest = label[end + 1..].strip_prefix('(')?;
    let mut open = 0_u32;
    let length = rest.bytes().take(SPAN_MAX).position(|byte| {
        match byte {
            b'(' => open += 1,
            b')' if open == 0 => return true,
            b')' => open -= 1,
            _ => {}
        }
        false
    })?;
    let url = &rest[..length];
    let label = &label[..end];
    if label.trim().is_empty() || !is_safe(url) {
        return None;
    }
    // The bracket, the label, `](`, the address and `)`.
    Some((Span::Link(label, url), at + 1 + end + 2 + length + 1))
}

/// Whether an address may be pressed: pages and mail. A browser would run what stands in some others.
fn is_safe(url: &str) -> bool {
    let is_known = |scheme: &str| {
        url.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            && url.len() > scheme.len()
    };
    ["https://", "http://", "mailto:"].into_iter().any(is_known)
        && !url.contains(|c: char| c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: Expect) {
        // Blocks one below the other, to be read.
        let mut shown = html(text);
        for tag in [
            "</p>", "</h3>", "</h4>", "</h5>", "</pre>", "<ul>", "</ul>", "</ol>", "</li>",
        ] {
            shown = shown.replace(tag, &format!("{tag}\n"));
        }
        expected.assert_eq(&shown);
    }

    #[test]
    fn blocks_are_told_apart() {
        check(
            "# One\n## Two ##\n#### Four\n#none\nfirst\n  second\n\n\nthird <b>&\n```sh\n# no *heading*\n\n<x>\n```\nafter\n~~~\nopen",
            expect![[r#"
                <h3>One</h3>
                <h4>Two</h4>
                <h5>Four</h5>
                <p>#none<br>first<br>second</p>
                <p>third &lt;b&gt;&amp;</p>
                <pre><code># no *heading*

                &lt;x&gt;</code></pre>
                <p>after</p>
                <pre><code>open</code></pre>
            "#]],
        );
        check("", expect![[""]]);
        check(" \n\n", expect![[""]]);
        check(
            "```",
            expect![[r#"
            <pre><code></code></pre>
        "#]],
        );
        check(
            "#",
            expect![[r#"
            <h3></h3>
        "#]],
        );
        check(
            "```in a line``` it is code",
            expect![[r#"
            <p><code>in a line</code> it is code</p>
        "#]],
        );
    }

    #[test]
    fn lists_lie_in_each_other() {
        check(
            "Before\n- one\n- *two*\n  goes on\nlazily\n  - inner\n    1. innermost\n  - second\n\n- three\n\nAfter\n3. third\n4) fourth\n- other\n-none\n1.none\n1234567. none",
            expect![[r#"
                <p>Before</p>
                <ul>
                <li>one</li>
                <li><em>two</em><br>goes on<br>lazily<ul>
                <li>inner<ol><li>innermost</li>
                </ol>
                </li>
                <li>second</li>
                </ul>
                </li>
                <li>three</li>
                </ul>
                <p>After</p>
                <ol start="3"><li>third</li>
                <li>fourth</li>
                </ol>
                <ul>
                <li>other<br>-none<br>1.none<br>1234567. none</li>
                </ul>
            "#]],
        );
        check(
            "- a\n  ```\n  code\n    in\n  ```\n- # Title\n-",
            expect![[r#"
            <ul>
            <li>a<pre><code>code
              in</code></pre>
            </li>
            <li><h3>Title</h3>
            -</li>
            </ul>
        "#]],
        );
    }

    #[test]
    fn marks_are_found_in_lines() {
        for (text, expected) in [
            (
                "**bold** *italic* __bold__ _italic_ `a*b*c`",
                expect![[r#"
                <p><strong>bold</strong> <em>italic</em> <strong>bold</strong> <em>italic</em> <code>a*b*c</code></p>
            "#]],
            ),
            (
                "***both*** **bold *and italic*** *italic **and bold***",
                expect![[r#"
                    <p><strong><em>both</em></strong> <strong>bold <em>and italic</em></strong> <em>italic <strong>and bold</strong></em></p>
                "#]],
            ),
            (
                "snake_case_word 2 * 3 * 4 **open *a* ** b**",
                expect![[r#"
                <p>snake_case_word 2 * 3 * 4 <strong>open <em>a</em> ** b</strong></p>
            "#]],
            ),
            (
                r"\*as it is\* \`\[ \\ \a \",
                expect![[r#"
                <p>*as it is* `[ \ \a \</p>
            "#]],
            ),
            (
                "`` a`b `` ` ` `open",
                expect![[r#"
                <p><code>a`b</code> <code> </code> `open</p>
            "#]],
            ),
            (
                "*über **Ünï*** ****four****",
                expect![[r#"
                <p><em>über <strong>Ünï</strong></em> ****four****</p>
            "#]],
            ),
            (
                "*a `*` \\* b* _[c](https://x/_y_)_",
                expect![[r#"
                <p><em>a <code>*</code> * b</em> <em><a href="https://x/_y_" target="_blank" rel="noopener" tabindex="-1">c</a></em></p>
            "#]],
            ),
        ] {
            check(text, expected);
        }
    }

    #[test]
    fn links_lead_to_pages_and_mail_only() {
        for (text, expected) in [
            (
                "[the *docs*](https://example.org/a_(b)?c=1&d=\"2\")",
                expect![[r#"
                    <p><a href="https://example.org/a_(b)?c=1&amp;d=&quot;2&quot;" target="_blank" rel="noopener" tabindex="-1">the <em>docs</em></a></p>
                "#]],
            ),
            (
                "[mail](mailto:ops@example.org) [up](HTTP://EXAMPLE.ORG)",
                expect![[r#"
                    <p><a href="mailto:ops@example.org" target="_blank" rel="noopener" tabindex="-1">mail</a> <a href="HTTP://EXAMPLE.ORG" target="_blank" rel="noopener" tabindex="-1">up</a></p>
                "#]],
            ),
            (
                "[no](javascript:alert(1)) [no](data:text/html,x) [no](//x) [no](/x) [no](java\tscript:x)",
                expect![[r#"
                    <p>[no](javascript:alert(1)) [no](data:text/html,x) [no](//x) [no](/x) [no](java	script:x)</p>
                "#]],
            ),
            (
                "[no](https://) [](https://x) [no](https://x y) [no] (https://x) [no](https://x",
                expect![[r#"
                    <p>[no](https://) [](https://x) [no](https://x y) [no] (https://x) [no](https://x</p>
                "#]],
            ),
            (
                "[a [b](https://x) c](https://y) [a\\]b](https://z) <https://x> <script>alert(1)</script>",
                expect![[r#"
                    <p>[a <a href="https://x" target="_blank" rel="noopener" tabindex="-1">b</a> c](https://y) <a href="https://z" target="_blank" rel="noopener" tabindex="-1">a]b</a> &lt;https://x&gt; &lt;script&gt;alert(1)&lt;/script&gt;</p>
                "#]],
            ),
        ] {
            check(text, expected);
        }
        let found = links("# [one](https://a)\n- **[two](mailto:b)**\n\n`[none](https://c)`");
        let found: Vec<String> = found
            .into_iter()
            .map(|link| format!("{} {}", link.label, link.url))
            .collect();
        assert_eq!(found, ["one https://a", "two mailto:b"]);
    }

    #[test]
    fn texts_of_nothing_but_beginnings_end_soon() {
        for piece in ["*a ", "**a ", "[", "[a](", "`a ", "- ", "> ", "*[`"] {
            let text = piece.repeat(NOTE_CHARS_MAX / piece.len());
            assert!(html(&text).len() >= text.len());
        }
        let deep: String = (0..60).map(|n| format!("{}- a\n", "  ".repeat(n))).collect();
        assert_eq!(html(&deep).matches("<ul>").count(), DEPTH_MAX);
        // What no note may hold is not read.
        assert_eq!(
            html(&"ä".repeat(NOTE_CHARS_MAX + 9)).chars().count(),
            NOTE_CHARS_MAX + 7
        );
    }

    /// A text with its tags, taken apart: whether every tag is one of ours and closed in order.
    fn is_well_formed(html: &str) -> bool {
        let mut open = Vec::new();
        for part in html.split('<').skip(1) {
            let Some((tag, text)) = part.split_once('>') else {
                return false;
            };
            if text.contains(['"', '\'']) {
                return false;
            }
            let name = tag.split(' ').next().unwrap_or_default();
            match name.strip_prefix('/') {
                Some(name) if open.pop() == Some(name) => {}
                Some(_) => return false,
                None if name == "br" => {}
                None => {
                    let known = [
                        "p", "h3", "h4", "h5", "pre", "code", "ul", "ol", "li", "strong", "em", "a",
                    ];
                    let is_bare = tag == name
                        || (name == "a"
                            && tag.ends_with(" target=\"_blank\" rel=\"noopener\" tabindex=\"-1\""))
                        || (name == "ol" && tag.starts_with("ol start=\""));
                    if !known.contains(&name) || !is_bare {
                        return false;
                    }
                    open.push(name);
                }
            }
        }
        open.is_empty()
    }

    proptest! {
        /// Whatever is written, only our tags come of it, in order, and every link is safe.
        #[test]
        fn nothing_written_is_taken_for_html(text in "([-*_`~#<>&\"'()\\[\\]\\\\ \n\ta-cé1.:/]|https://|javascript:|\n- |\n1. |```|\\]\\(|<b onclick=x>){0,60}") {
            let html = html(&text);
            prop_assert!(is_well_formed(&html), "{html}");
            for link in links(&text) {
                prop_assert!(is_safe(&link.url), "{}", link.url);
            }
        }
    }
}
