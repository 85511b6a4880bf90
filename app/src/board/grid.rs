//! The last runs of a flow by its tasks: a column for each run, a row for each task.

use std::fmt::Write as _;

use flow::view::board::{GridTask, GridView};

use super::html::text;
use super::strips::strip;
use crate::format;

/// Height of a row, in pixels. Styles say the same.
const ROW_PX: usize = 24;

/// The whole grid with its first tasks. The rest is fetched when it comes into view.
#[must_use]
pub fn grid(view: &GridView, flow: &str) -> String {
    if view.runs.is_empty() {
        return "<p class=\"body muted\">It has not run yet.</p>".to_owned();
    }
    let ids: Vec<String> = view.runs.iter().rev().map(|run| run.id.to_string()).collect();
    format!(
        "<div class=\"grid-scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Tasks by run\" data-flow=\"{}\" data-tasks=\"{}\" data-runs=\"{}\">\
         <div class=\"grid-head\"><span class=\"name muted\">{}</span>{}</div>\
         <div class=\"grid-space\" style=\"height:{}px\">{}</div></div>",
        text(flow),
        view.n_tasks,
        ids.join(" "),
        format::count(view.n_tasks as u64, "task", "tasks"),
        strip(&view.runs),
        view.n_tasks * ROW_PX,
        grid_chunk(view)
    )
}

/// Some rows, at their place.
#[must_use]
pub fn grid_chunk(view: &GridView) -> String {
    let mut out = format!(
        "<div class=\"grid-chunk\" data-from=\"{}\" style=\"top:{}px\">",
        view.from,
        view.from * ROW_PX
    );
    let newest = view.runs.first();
    for task in &view.tasks {
        let href = newest.map_or_else(String::new, |run| {
            format!("/runs/{}?task={}", run.id, format::url_part(&task.id))
        });
        let _ = write!(
            out,
            "<div class=\"grid-row\" data-task=\"{}\"><a class=\"cut name\" href=\"{href}\" title=\"{}\">{}</a>\
             <span class=\"cells\" role=\"img\" aria-label=\"{}\">",
            text(&task.id),
            text(&task.name),
            text(&task.name),
            spoken(task)
        );
        // The oldest run stands left, as in the strips.
        for letter in task.states.chars().rev() {
            let _ = write!(
                out,
                "<i class=\"{}\"></i>",
                if letter == '-' { 'n' } else { letter }
            );
        }
        out.push_str("</span></div>");
    }
    out.push_str("</div>");
    out
}

/// How a task went, in words.
fn spoken(task: &GridTask) -> String {
    let words = [
        ('f', "failed"),
        ('s', "succeeded"),
        ('a', "running"),
        ('w', "waiting"),
        ('r', "ready"),
        ('b', "blocked"),
        ('k', "skipped"),
        ('c', "cancelled"),
    ];
    let told = words.into_iter().filter_map(|(letter, word)| {
        let n = task.states.chars().filter(|state| *state == letter).count();
        (n > 0).then(|| format!("{n} {word}"))
    });
    told.collect::<Vec<_>>().join(", ")
}
