//! What needs people, with what can be done in place.

use std::fmt::Write as _;

use flow::view::RunSummary;
use flow::view::board::{AttentionView, NeedView, NeedyRun};

use super::html::{icon, moment, runs, said, text};
use crate::format;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Failed,
    Stuck,
    Asking,
    Late,
}

impl Kind {
    const fn key(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Stuck => "stuck",
            Self::Asking => "asking",
            Self::Late => "late",
        }
    }

    /// The state it looks like.
    const fn state(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Stuck | Self::Late => "attention",
            Self::Asking => "asking",
        }
    }

    fn heading(self, n: &str, is_one: bool) -> String {
        match (self, is_one) {
            (Self::Failed, true) => format!("{n} run failed in the last 24 hours and was not retried"),
            (Self::Failed, false) => format!("{n} runs failed in the last 24 hours and were not retried"),
            (Self::Stuck, true) => format!("{n} run is stuck"),
            (Self::Stuck, false) => format!("{n} runs are stuck"),
            (Self::Asking, true) => format!("{n} run waits for an answer"),
            (Self::Asking, false) => format!("{n} runs wait for an answer"),
            (Self::Late, true) => format!("{n} run takes much longer than usual"),
            (Self::Late, false) => format!("{n} runs take much longer than usual"),
        }
    }
}

/// The list; a calm word if nobody is needed.
pub(super) fn needs(view: &AttentionView) -> String {
    let kinds = [
        (Kind::Failed, &view.failed),
        (Kind::Stuck, &view.stuck),
        (Kind::Asking, &view.asking),
        (Kind::Late, &view.late),
    ];
    let mut out = String::new();
    for (kind, need) in kinds.into_iter().filter(|(_, need)| need.count.n > 0) {
        section(&mut out, kind, need);
    }
    if out.is_empty() {
        return format!(
            "<p class=\"calm\" data-state=\"succeeded\">{}Nothing needs you: nothing failed in the last 24 hours, nothing is stuck or late, nobody is asked.</p>",
            icon("s-succeeded")
        );
    }
    format!("<div class=\"need-columns\">{out}</div>")
}

fn section(out: &mut String, kind: Kind, need: &NeedView) {
    let (key, state) = (kind.key(), kind.state());
    let more = if need.count.is_whole { "" } else { "+" };
    let n = format!("{}{more}", format::thousands(need.count.n));
    let _ = write!(
        out,
        "<section aria-labelledby=\"need-{key}\"><h3 id=\"need-{key}\" data-state=\"{state}\">{}<a href=\"{}\">{}</a></h3><ul class=\"need-rows\">",
        icon(&format!("s-{state}")),
        runs(&need.query),
        kind.heading(&n, need.count.n == 1)
    );
    for needy in &need.items {
        row(out, kind, needy);
    }
    out.push_str("</ul></section>");
}

fn row(out: &mut String, kind: Kind, needy: &NeedyRun) {
    let run = &needy.run;
    let task = needy.task.as_deref();
    let task = task.map_or_else(String::new, |task| format!("?task={}", format::url_part(task)));
    let since = needy.since.map_or_else(String::new, |at| {
        let word = if kind == Kind::Failed { "" } else { "since " };
        format!("<span class=\"muted\">{word}{}</span>", moment(at))
    });
    let usual = needy.usual_ms.map_or_else(String::new, |ms| {
        format!("usually done in {}", format::duration(ms))
    });
    let reason = needy.reason.as_deref().unwrap_or_default();
    let between = if usual.is_empty() || reason.is_empty() {
        ""
    } else {
        "; "
    };
    let _ = write!(
        out,
        "<li data-key=\"{}-{}\"><a href=\"/runs/{}{task}\"><strong class=\"cut\">{}</strong>{since}<span class=\"cut soft\">{}{between}{usual}</span></a>{}</li>",
        kind.key(),
        run.id,
        run.id,
        text(&run.flow_name),
        said(reason),
        doing(kind, run, &task)
    );
}

/// What can be done about it, in place.
fn doing(kind: Kind, run: &RunSummary, task: &str) -> String {
    match kind {
        Kind::Asking => format!(
            "<a class=\"button small\" href=\"/runs/{}{task}\">Answer</a>",
            run.id
        ),
        Kind::Failed => button("retry_run", "Retry", run),
        Kind::Stuck | Kind::Late => button("cancel_run", "Cancel", run),
    }
}

fn button(form: &str, word: &str, run: &RunSummary) -> String {
    format!(
        "<form method=\"post\" action=\"/\" data-act=\"{form}\"><input type=\"hidden\" name=\"run\" value=\"{}\"/>\
         <button class=\"button small\" type=\"submit\" name=\"form\" value=\"{form}\" aria-label=\"{word} the run of {}\">{word}</button></form>",
        run.id,
        text(&run.flow_name)
    )
}
