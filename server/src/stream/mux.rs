//! All that the tabs of a browser follow, on one connection: over HTTP/1.1 a browser has six of them to a server, for all its tabs.
//!
//! `GET /live?t=run:ID@SEQ&t=logs:RUN/TASK@POSITION&t=flow:ID@&t=runs@&t=stats@`: each topic with the position its reader has, if it
//! has one. Frames are those of the topic's own stream, after the topic's place in the question: `event: f`, `data: 0 event 7 {…}`
//! (place, name, position or `-`, data). A place of `-` is for everybody: `hello` at once, and `beat` when nothing else was said for a
//! while, because a browser does not tell a page of comments. A topic that does not exist is told as `gone`.
//!
//! `logs:RUN` is the log of the whole run.
//!
//! Topics without a past (`runs`, `flow:ID`) begin with a snapshot: between the page's making and its following something may have
//! happened. What stands before a `~` in a topic's kind is the reader's own business: `logs~7:RUN/TASK`.
//!
//! This is between the pages and the server; others use `/api/v1/events`.

use std::time::Duration;

use app::AppError;
use async_trait::async_trait;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use engine::Engine;
use flow::Timestamp;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use serde::Serialize;
use tokio::time::{Instant, sleep_until};

use super::logs::{self, TaskLogs};
use super::run::RunEvents;
use super::run_logs::RunLines;
use super::runs::RunsTopic;
use super::stats::StatsTopic;
use super::{FLUSH_BYTES, Frame, Pace, Source};
use crate::extract::run_id;
use crate::problem::{ApiError, ApiResult};
use crate::run_log;
use crate::state::ServerState;

/// Topics of one connection: a browser with fifty tabs, each with a run and a log, is served.
const TOPICS_MAX: usize = 200;

/// How often a silent connection says that it lives. A page takes it for dead after three times that.
const BEAT: Duration = Duration::from_secs(5);

/// Answers what the pages of a browser follow.
pub(crate) async fn live(State(state): State<ServerState>, RawQuery(query): RawQuery) -> ApiResult<Response> {
    let topics = topics(query.as_deref().unwrap_or_default());
    if topics.is_empty() || topics.len() > TOPICS_MAX {
        return Err(ApiError::bad_request(
            "bad_topics",
            format!("`t` is there from 1 to {TOPICS_MAX} times"),
        ));
    }
    let mux = Mux::open(&state.engine, topics).await;
    super::sse(&state, Box::new(mux))
}

/// The topics of a question, in its order: name and position.
fn topics(query: &str) -> Vec<(String, String)> {
    let pairs: Vec<(String, String)> = serde_html_form::from_str(query).unwrap_or_default();
    pairs
        .into_iter()
        .filter(|(name, _)| name == "t")
        .map(|(_, topic)| match topic.rsplit_once('@') {
            Some((name, position)) => (name.to_owned(), position.to_owned()),
            None => (topic, String::new()),
        })
        .collect()
}

/// A topic on its way to its next frames, and those.
struct Topic {
    place: usize,
    source: Box<dyn Source>,
    /// It said that nothing more will come.
    has_ended: bool,
}

/// What a topic said. None: it broke off.
type Said = (Topic, Option<Vec<Frame>>);

/// Follows several topics.
///
/// Each topic waits by itself and is asked for more only when the reader has taken what it said before: a busy one neither starves
/// the others nor fills memory.
struct Mux {
    engine: Engine,
    topics: FuturesUnordered<BoxFuture<'static, Said>>,
    /// What is to be said first.
    first: Vec<Frame>,
    beat_at: Instant,
    pace: Pace,
}

/// The clock, by which pages set theirs.
#[derive(Serialize)]
struct Now {
    server_now: Timestamp,
}

/// Why there is no such topic.
#[derive(Serialize)]
struct Gone {
    message: String,
}

impl Mux {
    /// A topic that cannot be followed is told as `gone`: one tab with a deleted run does not keep the others from theirs.
    async fn open(engine: &Engine, names: Vec<(String, String)>) -> Self {
        let mut mux = Self {
            engine: engine.clone(),
            topics: FuturesUnordered::new(),
            first: Vec::new(),
            beat_at: Instant::now() + BEAT,
            pace: Pace::default(),
        };
        mux.first.push(mux.now("hello"));
        for (place, (name, position)) in names.iter().enumerate() {
            match source(engine, name, position).await {
                Ok(source) => mux.ask(Topic {
                    place,
                    source,
                    has_ended: false,
                }),
                Err(error) => {
                    let AppError { message, .. } = error.into();
                    mux.first
                        .push(placed(&place, &Frame::new("gone", &Gone { message })));
                }
            }
        }
        mux
    }

    fn now(&self, name: &'static str) -> Frame {
        let now = Now {
            server_now: self.engine.clock().now(),
        };
        placed(&"-", &Frame::new(name, &now))
    }

    fn ask(&self, mut topic: Topic) {
        let asked = async move {
            let frames = topic.source.next().await;
            (topic, frames)
        };
        self.topics.push(asked.boxed());
    }

    /// What a topic said, for those who follow it. None if the connection is to end: a topic broke off, and its reader comes back.
    fn told(&self, (mut topic, frames): Said) -> Option<Vec<Frame>> {
        let Some(frames) = frames else {
            return topic.has_ended.then(Vec::new);
        };
        topic.has_ended |= frames.iter().any(|frame| frame.event == "end");
        let place = topic.place;
        self.ask(topic);
        Some(frames.iter().map(|frame| placed(&place, frame)).collect())
    }

    /// The next that any topic says.
    async fn said(&mut self) -> Said {
        match self.topics.next().await {
            Some(said) => said,
            // All topics have ended: the connection only says that it lives.
            None => std::future::pending().await,
        }
    }
}

/// A frame with the place of its topic before it.
fn placed(place: &impl std::fmt::Display, frame: &Frame) -> Frame {
    let position = frame.id.as_deref().unwrap_or("-");
    Frame {
        event: "f",
        id: None,
        data: format!("{place} {} {position} {}", frame.event, frame.data),
    }
}

async fn source(engine: &Engine, name: &str, position: &str) -> ApiResult<Box<dyn Source>> {
    let unknown = || ApiError::bad_request("bad_topics", format!("`{name}` is no topic"));
    let (kind, of) = name.split_once(':').unwrap_or((name, ""));
    let kind = kind.split_once('~').map_or(kind, |(kind, _)| kind);
    Ok(match kind {
        "run" => {
            let after = position.parse().unwrap_or(0);
            Box::new(Run(RunEvents::open(engine, run_id(of)?, after).await?))
        }
        "logs" if !of.contains('/') => {
            let position = run_log::position(position)?;
            Box::new(RunLines::open(engine, run_id(of)?, position).await?)
        }
        "logs" => {
            let (run, task) = of.split_once('/').ok_or_else(unknown)?;
            let after = logs::position(Some(position))?;
            Box::new(TaskLogs::open(engine, run_id(run)?, task.to_owned(), after, None).await?)
        }
        "flow" => {
            engine.flow_versions(of).await?;
            let flow = Some(of.to_owned());
            Box::new(Changes::Runs(RunsTopic::open(
                engine,
                name.to_owned(),
                flow,
                true,
            )))
        }
        "runs" => Box::new(Changes::Runs(RunsTopic::open(
            engine,
            name.to_owned(),
            None,
            true,
        ))),
        "stats" => Box::new(Changes::Stats(StatsTopic::open(engine))),
        _ => return Err(unknown()),
    })
}

/// A run. Its snapshot is asked for by the page in its own form, so here it is only said that one is needed.
struct Run(RunEvents);

#[async_trait]
impl Source for Run {
    async fn next(&mut self) -> Option<Vec<Frame>> {
        let mut frames = self.0.next().await?;
        for frame in frames.iter_mut().filter(|frame| frame.event == "reset") {
            frame.data = "{}".to_owned();
        }
        Some(frames)
    }
}

/// Topics without a past.
enum Changes {
    Runs(RunsTopic),
    Stats(StatsTopic),
}

#[async_trait]
impl Source for Changes {
    async fn next(&mut self) -> Option<Vec<Frame>> {
        match self {
            Self::Runs(runs) => runs.next().await,
            Self::Stats(stats) => stats.next().await,
        }
    }
}

#[async_trait]
impl Source for Mux {
    async fn next(&mut self) -> Option<Vec<Frame>> {
        if !self.first.is_empty() {
            return Some(std::mem::take(&mut self.first));
        }
        self.pace.wait().await;
        let mut told = Vec::new();
        while told.is_empty() {
            let beat_at = self.beat_at;
            tokio::select! {
                said = self.said() => told = self.told(said)?,
                () = sleep_until(beat_at) => told.push(self.now("beat")),
            }
        }
        // What is there already travels along.
        let mut bytes: usize = told.iter().map(|frame| frame.data.len()).sum();
        while bytes < FLUSH_BYTES
            && let Some(Some(said)) = self.topics.next().now_or_never()
        {
            let more = self.told(said)?;
            bytes += more.iter().map(|frame| frame.data.len()).sum::<usize>();
            told.extend(more);
        }
        self.beat_at = Instant::now() + BEAT;
        Some(told)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Write as _;

    use engine::{SaveFlow, StartRun};
    use expect_test::{Expect, expect};
    use flow::parse::Format;

    use super::*;

    /// A server's engine, and a folder that lives as long.
    async fn engine() -> (Engine, tempfile::TempDir) {
        let dir = tempfile::tempdir().expect("a folder");
        let builder = Engine::builder().in_memory().data_dir(dir.path());
        (builder.start().await.expect("it starts"), dir)
    }

    /// A run of this flow that has ended.
    async fn ended(engine: &Engine, source: &str) -> flow::RunId {
        let save = SaveFlow {
            source: source.into(),
            format: Format::Yaml,
            id: None,
            expected: None,
            actor: "test".to_owned(),
        };
        engine.save_flow(save).await.expect("a flow without problems");
        let run = engine.start_run(StartRun::of("f")).await.expect("it starts");
        let waited = engine.wait(run, Duration::from_secs(60)).await;
        waited.expect("it is there").expect("it ends");
        engine.logs_flushed(run).await;
        run
    }

    /// What each topic says, as `name@position`, until the connection has nothing to do but to say that it lives.
    async fn told(engine: &Engine, names: &[&str]) -> String {
        let mut mux = Mux::open(engine, topics(&format!("t={}", names.join("&t=")))).await;
        let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
        'all: loop {
            for frame in mux.next().await.expect("it goes on") {
                let words: Vec<&str> = frame.data.splitn(4, ' ').collect();
                let [place, name, position, _] = words[..] else {
                    panic!("{}", frame.data);
                };
                let said = told.entry(place.to_owned()).or_default();
                said.push(format!("{name}@{position}"));
                if name == "beat" {
                    break 'all;
                }
            }
        }
        told.iter().fold(String::new(), |mut text, (place, said)| {
            let _ = writeln!(text, "{place}: {}", said.join(" "));
            text
        })
    }

    #[test]
    fn topics_come_with_positions() {
        let check = |query: &str, expected: Expect| {
            let told: String = topics(query)
                .into_iter()
                .map(|(name, position)| format!("{name} at {position:?}\n"))
                .collect();
            expected.assert_eq(&told);
        };
        check(
            "t=run:run_1@7&t=logs:run_1/a%5B0%5D@2:31&x=1&t=runs@&t=stats",
            expect![[r#"
                run:run_1 at "7"
                logs:run_1/a[0] at "2:31"
                runs at ""
                stats at ""
            "#]],
        );
        check("", expect![""]);
    }

    #[tokio::test]
    async fn each_topic_goes_on_where_its_reader_stands() {
        let (engine, _dir) = engine().await;
        let run = ended(
            &engine,
            "flow: f\ntasks:\n  a: { type: log, with: { message: hi } }\n",
        )
        .await;
        let text = told(
            &engine,
            &[
                &format!("run:{run}@"),
                &format!("run:{run}@3"),
                &format!("run:{run}@99"),
                &format!("logs~t.1:{run}/a@"),
                "runs@",
                "stats@",
                "flow:f@",
            ],
        )
        .await;
        expect![[r#"
            -: hello@- beat@-
            0: hello@- event@1 event@2 event@3 event@4 end@-
            1: hello@- event@4 end@-
            2: hello@- reset@4 end@-
            3: hello@- log@1:1 end@-
            4: reset@-
            5: stats@-
            6: reset@-
        "#]]
        .assert_eq(&text);
        engine.shutdown(Duration::ZERO).await;
    }

    #[tokio::test]
    async fn what_does_not_exist_keeps_nobody_from_the_rest() {
        let (engine, _dir) = engine().await;
        let missing = "run_00000000000000000000000000";
        let text = told(
            &engine,
            &[
                &format!("run:{missing}@"),
                &format!("logs:{missing}/a@"),
                &format!("logs:{missing}@"),
                "flow:none@",
                "nonsense@",
                "stats@",
            ],
        )
        .await;
        expect![[r#"
            -: hello@- beat@-
            0: gone@-
            1: gone@-
            2: gone@-
            3: gone@-
            4: gone@-
            5: stats@-
        "#]]
        .assert_eq(&text);
        engine.shutdown(Duration::ZERO).await;
    }
}
