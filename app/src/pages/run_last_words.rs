//! What a run's failed task wrote last, beside the run's error: often it says more than the error.

use flow::TaskIx;
use flow::plan::Spot;
use flow::run::RunState;
use flow::view::TaskStatus;
use leptos::prelude::*;

use super::logs::drawn;
use super::run_shared::Shared;
use crate::fns;
use crate::log::sheet::Sheet;
use crate::model::LogLine;

/// Lines shown.
const LINES: usize = 12;

/// The end of the failed attempt's log; nothing if it wrote nothing.
#[component]
pub fn LastWords(shared: Shared) -> impl IntoView {
    let failed = Memo::new(move |_| {
        let task = shared
            .run
            .summary
            .with(|summary| summary.error.as_ref()?.task.clone())?;
        let spot = shared.run.with(|state| culprit(state, &task))?;
        let view = shared.run.at(spot)?;
        // Of an item that has settled nobody knows which attempt was its last: the log's end is that one's.
        Some((view.path, Some(view.attempt).filter(|attempt| *attempt > 0)))
    });
    let lines = Resource::new(
        move || failed.get(),
        move |failed| async move {
            let Some((path, attempt)) = failed else {
                return (String::new(), Vec::new());
            };
            let page = match shared.capsule {
                Some(capsule) => Ok(capsule.with_value(|capsule| capsule.log(&path, attempt))),
                None => fns::task_logs(shared.id, path.clone(), attempt, None, None, false).await,
            };
            let mut sheet = Sheet::default();
            // Without it the error stands alone, as it does where nothing was written.
            sheet.add(page.unwrap_or_default());
            (path, last(&sheet))
        },
    );
    view! {
        <Transition>
            {move || Suspend::new(async move {
                let (path, lines) = lines.await;
                (!lines.is_empty()).then(|| view! { <Words shared path lines/> })
            })}
        </Transition>
    }
    .into_any()
}

/// Whose log tells why a task failed: its own, or that of its first item that failed.
fn culprit(state: &RunState, task: &str) -> Option<Spot> {
    let spot = state.plan().spot(task)?;
    let of_part = |ix: TaskIx| {
        let parts = state.parts(ix).filter(|_| spot.part.is_none())?;
        let failed = |part: &u32| parts.status(*part) == Some(TaskStatus::Failed);
        Some(Spot::part(ix, parts.numbers().find(failed)?))
    };
    Some(of_part(spot.task).unwrap_or(spot))
}

/// The last lines, with their numbers.
fn last(sheet: &Sheet) -> Vec<LogLine> {
    let n_rows = sheet.n_rows();
    let rows = (n_rows.saturating_sub(LINES)..n_rows).filter_map(|at| sheet.row(at));
    rows.filter_map(|row| {
        Some(LogLine {
            n: row.n,
            ..row.line?.clone()
        })
    })
    .collect()
}

#[component]
fn Words(shared: Shared, path: String, lines: Vec<LogLine>) -> impl IntoView {
    let digits = lines.last().map_or(0, |line| line.n).to_string().len();
    // The error names the task; which of its items it was is said here.
    let mark = path
        .find(['[', '#'])
        .and_then(|at| path.get(at..))
        .map(str::to_owned);
    let end = lines.last().map(|line| (line.attempt, line.n));
    let all = {
        let path = path.clone();
        move || end.map(|(attempt, n)| shared.line_address(&path, attempt, n))
    };
    let rows = lines
        .into_iter()
        .map(|line| {
            let (path, attempt, n) = (path.clone(), line.attempt, line.n);
            let href = move || shared.line_address(&path, attempt, n);
            let is_error = line.stream == "stderr";
            view! {
                <li data-stream=line.stream>
                    <a class="n" data-n=n href=href tabindex="-1" aria-hidden="true" data-noscroll="true"></a>
                    <span class="t">
                        {is_error.then(|| view! { <span class="sr">"stderr: "</span> })}
                        {drawn(&line.text, None)}
                    </span>
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="last-words" aria-labelledby="last-words-title">
            <h3 id="last-words-title">
                "Its last lines" {mark.map(|mark| view! { <span class="muted num">{mark}</span> })}
            </h3>
            <a class="raw" href=all data-noscroll="true">"All of its log"</a>
            <div class="log wrap" style=format!("--digits:{digits}")>
                <ol class="lines">{rows}</ol>
            </div>
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use flow::Timestamp;

    use super::*;
    use crate::model::LogPage;

    #[test]
    fn the_last_lines_have_their_numbers() {
        let line = |n: u64| LogLine {
            attempt: 2,
            n: 0,
            at: Timestamp::from_millis(0),
            stream: "stdout".to_owned(),
            text: n.to_string(),
        };
        let of = |n_lines: u64| {
            let mut sheet = Sheet::default();
            sheet.add(LogPage {
                lines: (1..=n_lines).map(line).collect(),
                ..LogPage::default()
            });
            let lines = last(&sheet);
            let told = lines.iter().map(|line| format!("{}={}", line.n, line.text));
            told.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(of(0), "");
        assert_eq!(of(2), "1=1 2=2");
        assert_eq!(
            of(300),
            "289=289 290=290 291=291 292=292 293=293 294=294 295=295 296=296 297=297 298=298 299=299 300=300"
        );
    }
}
