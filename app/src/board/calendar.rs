//! The runs of a flow by day: a column for each week, a square for each day.

use std::fmt::Write as _;

use flow::view::board::PointView;

use super::html::runs;
use crate::format;

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Days of which one has so many runs look as full as can be.
const FULLNESSES: u64 = 4;

/// The days of some weeks, the first of them a Monday. Each is a link to its runs.
pub(super) fn calendar(days: &[PointView], flow: &str) -> String {
    let most = days.iter().map(|day| day.n_created).max().unwrap_or(0);
    if most == 0 {
        return String::new();
    }
    let mut out = String::from(
        "<table class=\"calendar\"><caption>Runs by day <span class=\"muted\">in UTC: the more, the fuller; red is the share that failed</span></caption><thead><tr><td></td>",
    );
    for monday in days.iter().step_by(7) {
        let (_, month, day) = date(monday);
        let _ = write!(out, "<th scope=\"col\" class=\"num\">{day} {month}</th>");
    }
    out.push_str("</tr></thead><tbody>");
    for (weekday, name) in WEEKDAYS.iter().enumerate() {
        let _ = write!(out, "<tr><th scope=\"row\">{name}</th>");
        for day in days.iter().skip(weekday).step_by(7) {
            square(&mut out, day, (name, flow, most));
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table>");
    out
}

fn square(out: &mut String, day: &PointView, (weekday, flow, most): (&str, &str, u64)) {
    let (date_text, month, n) = date(day);
    if day.n_created == 0 {
        let _ = write!(
            out,
            "<td><span title=\"{weekday} {n} {month}: no runs\"><span class=\"sr\">no runs</span></span></td>"
        );
        return;
    }
    let fullness = (day.n_created * FULLNESSES).div_ceil(most);
    let share = match day.n_failed {
        0 => 0,
        // Seen even if it is one of thousands.
        n_failed => (n_failed * 100 / day.n_created.max(1)).clamp(20, 100),
    };
    let open = match day.n_succeeded + day.n_failed {
        0 => " data-open=\"\"",
        _ => "",
    };
    let mut told = format::count(day.n_created, "run", "runs");
    if day.n_failed > 0 {
        let _ = write!(told, ", {} failed", format::thousands(day.n_failed));
    }
    let next = flow::Timestamp::from_millis(day.at.as_millis() + 24 * 3600 * 1000);
    let query = format!("flow:{flow} since:{date_text} until:{}", day_of(next));
    let _ = write!(
        out,
        "<td><a href=\"{}\" data-full=\"{fullness}\"{open} style=\"--failed-share:{share}%\" title=\"{weekday} {n} {month}: {told}\"><span class=\"sr\">{told}</span></a></td>",
        runs(&query)
    );
}

/// The day as queries write it.
fn day_of(at: flow::Timestamp) -> String {
    let mut text = at.to_string();
    text.truncate("2026-01-31".len());
    text
}

/// A day as queries write it, its month's name, and its number in the month.
fn date(day: &PointView) -> (String, &'static str, String) {
    let text = day_of(day.at);
    let mut parts = text.split('-').skip(1);
    let month = parts.next().and_then(|month| month.parse::<usize>().ok());
    let month = month.and_then(|month| MONTHS.get(month.checked_sub(1)?)).copied();
    let number = parts.next().unwrap_or_default();
    let number = number.trim_start_matches('0').to_owned();
    (text, month.unwrap_or_default(), number)
}
