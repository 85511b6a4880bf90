//! The last runs of each flow as marks, and the newest runs of all.

use std::fmt::Write as _;

use flow::Timestamp;
use flow::view::{FlowSummary, RunDot, RunStatus, RunSummary};

use super::html::{badge, icon, moment, runs, text};
use crate::parts::state::{Mark, longest};
use crate::{format, look};

/// A line for each flow: its name, its last runs, how many are in which state.
pub(super) fn strips(flows: &[FlowSummary], has_more: bool) -> String {
    if flows.is_empty() {
        return "<div class=\"empty\"><p>There are no flows yet.</p><a class=\"button primary\" href=\"/edit\">New flow</a></div>"
            .to_owned();
    }
    let mut out = String::from("<ul class=\"strip-rows\">");
    for flow in flows {
        let id = format::url_part(&flow.id);
        let _ = write!(
            out,
            "<li data-key=\"{id}\"><a class=\"cut name\" href=\"/flows/{id}\">{}</a>{}<span class=\"tally\">{}</span>\
             <a class=\"button small go\" href=\"/flows/{id}#start\" aria-label=\"Start {}\">Start</a></li>",
            text(&flow.name),
            strip(&flow.latest_runs),
            tally(flow),
            text(&flow.name)
        );
    }
    out.push_str("</ul>");
    if has_more {
        out.push_str("<p class=\"more\"><a href=\"/flows\">All flows</a></p>");
    }
    out
}

/// The last runs, the oldest left: colour and shape are the state, the height is the duration. Each is a link for a pointer; by keys they
/// are reached through the list of runs, or there would be thousands of stops.
pub(super) fn strip(dots: &[RunDot]) -> String {
    if dots.is_empty() {
        return "<span class=\"muted no-runs\">no runs yet</span>".to_owned();
    }
    let longest = longest(dots);
    let mut out = format!(
        "<div class=\"strip heat\" role=\"group\" aria-label=\"The last {}\">",
        format::count(dots.len() as u64, "run", "runs")
    );
    for run in dots.iter().rev() {
        let Mark { key, title, height } = Mark::of(run, longest);
        let _ = write!(
            out,
            "<a href=\"/runs/{}\" tabindex=\"-1\" data-state=\"{key}\" title=\"{title}\" aria-label=\"{title}\" style=\"height:{height}px\"></a>",
            run.id,
        );
    }
    out.push_str("</div>");
    out
}

fn tally(flow: &FlowSummary) -> String {
    let mut out = String::new();
    let shown = [
        RunStatus::Failed,
        RunStatus::Running,
        RunStatus::Queued,
        RunStatus::Paused,
    ];
    for state in shown {
        let n = flow.runs.get(state.key()).copied().unwrap_or(0);
        if n > 0 {
            let look = look::run(state);
            let _ = write!(
                out,
                "<a class=\"count\" href=\"{}\" data-state=\"{}\" title=\"{} {}\">{}<span class=\"num\">{}</span><span class=\"sr\"> {} {} of {}</span></a>",
                runs(&format!("state:{} flow:{}", state.key(), flow.id)),
                look.key,
                format::thousands(n),
                look.word,
                icon(&format!("s-{}", look.key)),
                format::thousands(n),
                look.word,
                if n == 1 { "run" } else { "runs" },
                text(&flow.name)
            );
        }
    }
    out
}

/// The newest runs.
pub(super) fn recent(newest: &[RunSummary], now: Timestamp) -> String {
    if newest.is_empty() {
        return "<div class=\"empty\"><p>Nothing has run yet. Open a flow and start it.</p><a class=\"button\" href=\"/flows\">Flows</a></div>"
            .to_owned();
    }
    let mut out = String::from("<ul class=\"recent-rows\" data-list>");
    for run in newest {
        let took = run.started_at.map(|started| {
            let until = run.finished_at.unwrap_or(now);
            format::duration(format::span(started, until))
        });
        let _ = write!(
            out,
            "<li data-key=\"{}\"><a href=\"/runs/{}\">{}<strong class=\"cut\">{}</strong>{}<span class=\"num took\">{}</span></a></li>",
            run.id,
            run.id,
            badge(look::run(run.state)),
            text(&run.flow_name),
            moment(run.created_at),
            took.unwrap_or_default()
        );
    }
    out.push_str("</ul>");
    out
}
