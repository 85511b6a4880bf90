//! The first page, the list of runs, commands to many of them.

use std::time::Duration;

use app::AppError;
use app::backend::board::BoardBackend;
use app::board::HomeData;
use app::model::board::{
    BulkAsk, BulkPage, Chip, Completed, QueryProblem, RunList, RunListAsk, Starters, Toggle, WebhookLine,
};
use async_trait::async_trait;
use axum::http::StatusCode;
use engine::webhooks::Webhook;
use engine::{BulkCommand, NewBulk};
use flow::RunId;
use flow::query::{BadQuery, RunQuery, What, complete};
use flow::view::board::{GridView, PointView, RunCount, Window, WindowView};
use flow::view::{Page, RunStatus};

use super::{ACTOR, EngineBackend, told};
use crate::api::{LIST_DEFAULT, check_reason};
use crate::problem::ApiError;

/// Flows on the first page: those that ran last.
const FLOWS_SHOWN: usize = 12;

/// Newest runs on the first page.
const RECENT_SHOWN: usize = 12;

/// How far ahead the first page looks.
const AHEAD: Duration = Duration::from_secs(24 * 3600);

/// Tasks of a piece of a grid.
const GRID_TASKS: usize = 100;

/// Runs of a command whose results its page shows.
const RESULTS_SHOWN: usize = 200;

/// Flows that are offered while a query is typed.
const FLOWS_OFFERED: usize = 200;

#[async_trait]
impl BoardBackend for EngineBackend {
    async fn home(&self, window: Window) -> Result<HomeData, AppError> {
        // One more than is shown tells that there are more.
        let latest = self.engine.latest_flows(FLOWS_SHOWN + 1).await;
        let mut flows = latest.map_err(told)?;
        let has_more_flows = flows.len() > FLOWS_SHOWN;
        flows.truncate(FLOWS_SHOWN);
        let recent = self.engine.runs(&Default::default(), None, RECENT_SHOWN).await;
        Ok(HomeData {
            now: self.engine.clock().now(),
            window: self.engine.window(None, window).await.map_err(told)?,
            attention: self.engine.attention().await.map_err(told)?,
            has_more_flows,
            flows,
            agenda: self.engine.agenda(AHEAD).await.map_err(told)?,
            recent: recent.map_err(told)?.items,
        })
    }

    async fn run_list(&self, ask: RunListAsk) -> Result<RunList, AppError> {
        let text = whole(&ask);
        let views = self.engine.views().await.map_err(told)?;
        let query = match RunQuery::read(&text) {
            Ok(query) => query,
            Err(bad) => {
                return Ok(RunList {
                    problem: Some(shown(&text, bad)),
                    query: text,
                    chips: Vec::new(),
                    toggles: toggles(&RunQuery::default()),
                    views,
                    count: RunCount::default(),
                    page: Page {
                        items: Vec::new(),
                        next_cursor: None,
                    },
                });
            }
        };
        let filter = self.engine.sought(&text).await.map_err(told)?;
        let page = self.engine.runs(&filter, ask.cursor.as_deref(), LIST_DEFAULT);
        Ok(RunList {
            page: page.await.map_err(told)?,
            count: self.engine.count_runs(&filter).await.map_err(told)?,
            chips: chips(&query),
            toggles: toggles(&query),
            query: text,
            problem: None,
            views,
        })
    }

    async fn complete(&self, text: String, caret: usize) -> Result<Vec<Completed>, AppError> {
        let flows = self.engine.flows(None, None, FLOWS_OFFERED).await.map_err(told)?;
        let ids = flows.items.iter().map(|flow| flow.id.as_str());
        let found = complete(&text, caret, ids);
        Ok(found
            .into_iter()
            .map(|one| Completed {
                query: one.query,
                word: one.word,
                about: one.about.to_owned(),
            })
            .collect())
    }

    async fn save_view(&self, name: String, query: String) -> Result<(), AppError> {
        self.engine.put_view(&name, &query, ACTOR).await.map_err(told)
    }

    async fn remove_view(&self, name: String) -> Result<(), AppError> {
        self.engine.remove_view(&name).await.map_err(told)
    }

    async fn prepare_bulk(&self, ask: BulkAsk) -> Result<String, AppError> {
        let refused = |code, detail: &str| {
            AppError::from(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail))
        };
        let command = BulkCommand::from_key(&ask.command)
            .ok_or_else(|| refused("bad_command", "choose what the runs are told"))?;
        let runs: Vec<RunId> = match ask.is_all {
            true => Vec::new(),
            false => ask.runs.iter().filter_map(|run| run.parse().ok()).collect(),
        };
        if !ask.is_all && runs.is_empty() {
            return Err(refused("no_runs", "choose runs first, or all that fit the query"));
        }
        let new = NewBulk {
            command,
            query: ask.is_all.then_some(ask.q),
            runs,
            reason: None,
            actor: ACTOR.to_owned(),
        };
        Ok(self.engine.prepare_bulk(new).await.map_err(told)?.id)
    }

    async fn bulk(&self, id: String) -> Result<BulkPage, AppError> {
        Ok(BulkPage {
            bulk: self.engine.bulk(&id).await.map_err(told)?,
            runs: self.engine.bulk_results(&id, RESULTS_SHOWN).await.map_err(told)?,
        })
    }

    async fn begin_bulk(&self, id: String, confirm: Option<String>) -> Result<(), AppError> {
        let begun = self.engine.begin_bulk(&id, confirm.as_deref()).await;
        begun.map(|_| ()).map_err(told)
    }

    async fn grid(&self, flow: String, from: usize) -> Result<GridView, AppError> {
        self.engine.grid(&flow, from, GRID_TASKS).await.map_err(told)
    }

    async fn flow_window(&self, flow: String, window: Window) -> Result<WindowView, AppError> {
        self.engine.window(Some(&flow), window).await.map_err(told)
    }

    async fn flow_days(&self, flow: String) -> Result<Vec<PointView>, AppError> {
        self.engine.days(Some(&flow)).await.map_err(told)
    }

    async fn starters(&self, flow: String) -> Result<Starters, AppError> {
        let webhooks = self.engine.webhooks(&flow).await.map_err(told)?;
        let line = |webhook: &Webhook| WebhookLine {
            name: webhook.name().to_owned(),
            is_signed: webhook.is_signed(),
            header: webhook.caller_header(),
        };
        Ok(Starters {
            webhooks: webhooks.iter().map(line).collect(),
            schedules: self.engine.schedules(Some(&flow)).await.map_err(told)?,
            followed: self.engine.followers(Some(&flow)).await.map_err(told)?,
        })
    }

    async fn hold_schedule(
        &self,
        flow: String,
        name: String,
        is_held: bool,
        reason: Option<String>,
    ) -> Result<(), AppError> {
        check_reason(reason.as_deref())?;
        let reason = reason.as_deref();
        let held = self.engine.pause_schedule(&flow, &name, is_held, reason).await;
        held.map_err(told)
    }

    async fn run_schedule(&self, flow: String, name: String) -> Result<RunId, AppError> {
        let run = self.engine.run_schedule(&flow, &name, ACTOR).await;
        run.map_err(told)
    }
}

/// What an address asks for, all of it in words of the query.
fn whole(ask: &RunListAsk) -> String {
    let mut terms = Vec::new();
    let known = |state: &&String| RunStatus::from_key(state).is_some();
    let states: Vec<&str> = ask.states.iter().filter(known).map(String::as_str).collect();
    if !states.is_empty() {
        terms.push(format!("state:{}", states.join(",")));
    }
    if let Some(flow) = ask.flow.as_deref().filter(|flow| flow::ids::is_slug(flow)) {
        terms.push(format!("flow:{flow}"));
    }
    let query = ask.q.trim();
    if !query.is_empty() {
        terms.push(query.to_owned());
    }
    terms.join(" ")
}

fn shown(text: &str, bad: BadQuery) -> QueryProblem {
    let chars: Vec<char> = text.chars().collect();
    let (from, until) = (bad.from.min(chars.len()), bad.until.min(chars.len()));
    QueryProblem {
        message: bad.message,
        before: chars[..from].iter().collect(),
        wrong: chars[from..until].iter().collect(),
        after: chars[until..].iter().collect(),
    }
}

fn chips(query: &RunQuery) -> Vec<Chip> {
    let terms = query.terms.iter().enumerate();
    terms
        .map(|(at, term)| Chip {
            text: term.to_string(),
            without: query.without(at).to_string(),
        })
        .collect()
}

/// The states, turned on and off in the first term that names states.
fn toggles(query: &RunQuery) -> Vec<Toggle> {
    let place = query
        .terms
        .iter()
        .position(|term| !term.is_not && matches!(term.what, What::State(_)));
    let on: &[RunStatus] = match place.map(|at| &query.terms[at].what) {
        Some(What::State(states)) => states,
        _ => &[],
    };
    RunStatus::ALL
        .into_iter()
        .map(|state| {
            let is_on = on.contains(&state);
            let mut states: Vec<&str> = on
                .iter()
                .filter(|other| **other != state)
                .map(|state| state.key())
                .collect();
            if !is_on {
                states.push(state.key());
            }
            let mut terms: Vec<String> = Vec::new();
            if !states.is_empty() {
                terms.push(format!("state:{}", states.join(",")));
            }
            let others = query
                .terms
                .iter()
                .enumerate()
                .filter(|(at, _)| Some(*at) != place);
            terms.extend(others.map(|(_, term)| term.to_string()));
            Toggle {
                state: state.key().to_owned(),
                is_on,
                query: terms.join(" "),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(q: &str, states: &[&str], flow: Option<&str>) -> RunListAsk {
        RunListAsk {
            q: q.to_owned(),
            states: states.iter().map(|state| (*state).to_owned()).collect(),
            flow: flow.map(str::to_owned),
            cursor: None,
        }
    }

    #[test]
    fn older_links_are_words_of_the_query() {
        assert_eq!(whole(&ask("", &[], None)), "");
        assert_eq!(
            whole(&ask(" dur:>5m ", &["failed", "x", "running"], Some("etl"))),
            "state:failed,running flow:etl dur:>5m"
        );
        assert_eq!(whole(&ask("a", &[], Some("no slug"))), "a");
    }

    #[test]
    fn states_are_turned_on_and_off_and_the_rest_stays() {
        let told = |query: &str| {
            let query = RunQuery::read(query).expect("is right");
            let toggles = toggles(&query);
            let line = |toggle: &Toggle| format!("{} {} {}", toggle.state, toggle.is_on, toggle.query);
            [line(&toggles[1]), line(&toggles[5])]
        };
        assert_eq!(
            told(""),
            ["running false state:running", "failed false state:failed"]
        );
        assert_eq!(
            told("flow:a state:failed -state:paused"),
            [
                "running false state:failed,running flow:a -state:paused",
                "failed true flow:a -state:paused"
            ]
        );
    }

    #[test]
    fn what_is_wrong_is_shown_at_its_place() {
        let text = "ü state:lost b";
        let bad = RunQuery::read(text).expect_err("is wrong");
        let QueryProblem {
            before, wrong, after, ..
        } = shown(text, bad);
        assert_eq!([before, wrong, after], ["ü state:", "lost", " b"]);
    }
}
