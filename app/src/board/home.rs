//! The first page: what needs people first, then the numbers, then how the flows went, what is due, what ran last.

use super::{HomeData, agenda, html, needs, strips, tiles};

/// The page's parts.
#[must_use]
pub fn home(data: &HomeData) -> String {
    let HomeData {
        now,
        window,
        attention,
        flows,
        has_more_flows,
        agenda: due,
        recent,
    } = data;
    let part = |name: &str, rest: &str, body: String| format!("<div data-part=\"{name}\"{rest}>{body}</div>");
    let panel = |name: &str, title: &str, side: &str, body: String| {
        format!(
            "<section class=\"panel\" aria-labelledby=\"home-{name}\"><header><h2 id=\"home-{name}\" class=\"grow\">{title}</h2>{side}</header>{body}</section>"
        )
    };
    let pill = "<button class=\"pill\" type=\"button\" data-pill hidden></button>";
    [
        "<header><h1 class=\"grow\">What needs you</h1></header>".to_owned(),
        part("needs", " data-rows", format!("{pill}{}", needs::needs(attention))),
        format!(
            "<section class=\"numbers\" aria-labelledby=\"home-numbers\"><header><h2 id=\"home-numbers\" class=\"grow\">Numbers</h2>{}</header>\
             <p class=\"sr\">{}</p>{}</section>",
            tiles::windows(window.window, "/"),
            tiles::spoken(&window.now),
            part("tiles", "", tiles::tiles(window, None))
        ),
        "<div class=\"home-columns\"><div class=\"column\">".to_owned(),
        panel(
            "flows",
            "Last 30 runs of each flow",
            "<a class=\"button quiet small\" href=\"/flows\">All flows</a>",
            part("flows", "", strips::strips(flows, *has_more_flows)),
        ),
        "</div><div class=\"column side\">".to_owned(),
        panel(
            "agenda",
            "Due in the next 24 hours",
            "",
            part("agenda", "", agenda::agenda(due)),
        ),
        panel(
            "recent",
            "Newest runs",
            "<a class=\"button quiet small\" href=\"/runs\">All runs</a>",
            part(
                "recent",
                " data-rows data-hold",
                format!("{pill}{}", strips::recent(recent, *now)),
            ),
        ),
        format!(
            "</div></div><p class=\"as-of muted\">As of {}</p>",
            html::moment(*now)
        ),
    ]
    .concat()
}
