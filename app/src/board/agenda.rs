//! What is due in the next hours, as a line of time and as a list.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use flow::view::board::{AgendaView, DueView};

use super::html::{icon, moment, said, text};
use crate::format;

/// Schedules that have a line of their own.
const LANES_MAX: usize = 8;

/// The lanes; what was missed stands before them.
pub(super) fn agenda(view: &AgendaView) -> String {
    if view.items.is_empty() {
        return "<p class=\"body muted\">No schedule is due in the next 24 hours.</p>".to_owned();
    }
    let mut out = String::new();
    for due in view.items.iter().filter(|due| due.is_missed) {
        missed(&mut out, due);
    }
    let mut lanes: BTreeMap<(&str, &str), Vec<&DueView>> = BTreeMap::new();
    for due in view.items.iter().filter(|due| !due.is_missed) {
        lanes.entry((&due.flow, &due.schedule)).or_default().push(due);
    }
    let mut lanes: Vec<_> = lanes.into_iter().collect();
    lanes.sort_by_key(|(_, moments)| moments.first().map(|due| due.at));
    let n_left = lanes.len().saturating_sub(LANES_MAX);
    let mut n_of: BTreeMap<&str, usize> = BTreeMap::new();
    for ((flow, _), _) in &lanes {
        *n_of.entry(flow).or_default() += 1;
    }
    out.push_str("<ul class=\"lanes\">");
    for ((flow, schedule), moments) in lanes.into_iter().take(LANES_MAX) {
        // Of several schedules of a flow each says which it is.
        let is_one_of_many = n_of.get(flow).is_some_and(|n| *n > 1);
        lane(&mut out, view, (flow, schedule), is_one_of_many, &moments);
    }
    out.push_str("</ul>");
    if n_left > 0 {
        let _ = write!(
            out,
            "<p class=\"more muted\">{} more in the next 24 hours</p>",
            format::count(n_left as u64, "schedule", "schedules")
        );
    }
    out
}

fn missed(out: &mut String, due: &DueView) {
    let _ = write!(
        out,
        "<p class=\"missed\" data-state=\"attention\">{}<span><a href=\"/flows/{}\">{}</a> was not started by its schedule {}: {}</span></p>",
        icon("s-attention"),
        format::url_part(&due.flow),
        text(&due.flow_name),
        text(&due.schedule),
        said(due.error.as_deref().unwrap_or("it was missed"))
    );
}

fn lane(
    out: &mut String,
    view: &AgendaView,
    (flow, schedule): (&str, &str),
    is_one_of_many: bool,
    moments: &[&DueView],
) {
    let whole = view.until.since(view.since).as_secs_f64().max(1.0);
    let Some(first) = moments.first() else { return };
    let _ = write!(
        out,
        "<li data-key=\"{flow}/{schedule}\"><a class=\"cut name\" href=\"/flows/{flow}\" title=\"{} ({})\">{}{}</a>\
         <span class=\"lane\" aria-hidden=\"true\">",
        text(&first.flow_name),
        text(schedule),
        text(&first.flow_name),
        match is_one_of_many {
            true => format!(" <span class=\"muted\">{}</span>", text(schedule)),
            false => String::new(),
        }
    );
    for due in moments {
        let part = due.at.since(view.since).as_secs_f64() / whole;
        let _ = write!(
            out,
            "<i style=\"left:{:.2}%\" title=\"{}\"></i>",
            part * 100.0,
            text(&due.local)
        );
    }
    let more = match moments.len() - 1 {
        0 => String::new(),
        n => format!(" <span class=\"muted\">and {n} more</span>"),
    };
    let _ = write!(
        out,
        "</span><span class=\"next\">{}{more}</span></li>",
        moment(first.at)
    );
}
