//! Several topics on one stream.
//!
//! The position of a client is a vector: how far it is in each run it follows. Other topics have no past; a client that comes back
//! gets a snapshot of them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use engine::Engine;
use flow::{RunId, Timestamp};
use futures::FutureExt;
use serde::Serialize;

use super::run::{RunEvents, Step};
use super::runs::RunsTopic;
use super::stats::StatsTopic;
use super::{Frame, Source};
use crate::extract::run_id;
use crate::problem::{ApiError, ApiResult};
use crate::state::ServerState;

/// Topics of one stream: more than any page shows.
const TOPICS_MAX: usize = 50;

/// The first frame.
#[derive(Serialize)]
struct Hello {
    server_now: Timestamp,
    /// The last event of each run that is followed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    runs: BTreeMap<RunId, u64>,
}

/// The position of a client in each run, as it travels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Cursor(BTreeMap<RunId, u64>);

impl Cursor {
    fn to_text(&self) -> String {
        let parts: Vec<String> = self.0.iter().map(|(run, seq)| format!("{run}={seq}")).collect();
        BASE64_URL_SAFE_NO_PAD.encode(parts.join(","))
    }

    /// None if it is not one of ours.
    fn parse(text: &str) -> Option<Self> {
        let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let parts = text.split(',').filter(|part| !part.is_empty());
        let parts = parts.map(|part| {
            part.split_once('=')
                .and_then(|(run, seq)| Some((run.parse().ok()?, seq.parse().ok()?)))
        });
        parts.collect::<Option<_>>().map(Self)
    }
}

enum Topic {
    Run(Box<RunEvents>),
    Runs(RunsTopic),
    Stats(StatsTopic),
}

enum Next {
    Run(Option<Step>),
    Frames(Option<Vec<Frame>>),
}

impl Topic {
    async fn next(&mut self) -> Next {
        match self {
            Self::Run(run) => Next::Run(run.step().await),
            Self::Runs(runs) => Next::Frames(runs.next().await),
            Self::Stats(stats) => Next::Frames(stats.next().await),
        }
    }
}

/// Follows several topics.
pub(crate) struct Many {
    engine: Engine,
    topics: Vec<Topic>,
    cursor: Cursor,
    is_greeted: bool,
}

impl Many {
    /// Follows topics, `run:ID`, `flow:ID`, `runs` and `stats`, from a position on.
    pub(crate) async fn open(state: &ServerState, topics: &str, after: Option<&str>) -> ApiResult<Self> {
        // A cursor of another server is as good as none: everything begins with what is now.
        let cursor = after.map(|after| Cursor::parse(after).unwrap_or_default());
        let names: std::collections::BTreeSet<&str> = topics
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .collect();
        if names.is_empty() || names.len() > TOPICS_MAX {
            return Err(ApiError::bad_request(
                "bad_topics",
                format!("`topics` names from 1 to {TOPICS_MAX} topics, separated by commas"),
            ));
        }
        let engine = &state.engine;
        let mut many = Self {
            engine: engine.clone(),
            topics: Vec::new(),
            cursor: Cursor::default(),
            is_greeted: false,
        };
        for name in names {
            many.topics.push(topic(engine, name, cursor.as_ref()).await?);
        }
        for topic in &many.topics {
            if let Topic::Run(run) = topic {
                many.cursor.0.insert(run.run(), run.position());
            }
        }
        Ok(many)
    }

    fn hello(&self) -> Frame {
        let runs = self.topics.iter().filter_map(|topic| match topic {
            Topic::Run(run) => Some((run.run(), run.last_seq())),
            _ => None,
        });
        let hello = Hello {
            server_now: self.engine.clock().now(),
            runs: runs.collect(),
        };
        Frame::new("hello", &hello).at(self.cursor.to_text())
    }

    /// What a topic gave, as frames.
    fn frames(&mut self, at: usize, next: Next) -> Option<Vec<Frame>> {
        let step = match next {
            Next::Frames(frames) => return Some(self.with_position(frames?)),
            Next::Run(step) => step?,
        };
        let Topic::Run(followed) = &self.topics[at] else {
            return None;
        };
        let run = followed.run();
        self.cursor.0.insert(run, followed.position());
        let frames = match step {
            Step::Events(events) => {
                let wrapped = |(_, json)| Frame {
                    event: "event",
                    id: None,
                    data: format!("{{\"run\":\"{run}\",\"event\":{json}}}"),
                };
                events.into_iter().map(wrapped).collect()
            }
            Step::Reset(reset) => vec![Frame::new("reset", &reset)],
            Step::End(end) => {
                drop(self.topics.remove(at));
                vec![Frame::new("end", &end)]
            }
        };
        Some(self.with_position(frames))
    }

    /// The position stands on the last frame: a client that saw but a part gets all of the batch again, and ignores what it knows.
    fn with_position(&self, mut frames: Vec<Frame>) -> Vec<Frame> {
        if let Some(last) = frames.last_mut() {
            last.id = Some(self.cursor.to_text());
        }
        frames
    }
}

async fn topic(engine: &Engine, name: &str, cursor: Option<&Cursor>) -> ApiResult<Topic> {
    let is_behind = cursor.is_some();
    if let Some(id) = name.strip_prefix("run:") {
        let run = run_id(id)?;
        let after = cursor.and_then(|cursor| cursor.0.get(&run).copied()).unwrap_or(0);
        return Ok(Topic::Run(Box::new(RunEvents::open(engine, run, after).await?)));
    }
    if let Some(id) = name.strip_prefix("flow:") {
        engine.flow_versions(id).await?;
        return Ok(Topic::Runs(RunsTopic::open(
            engine,
            name.to_owned(),
            Some(id.to_owned()),
            is_behind,
        )));
    }
    match name {
        "runs" => Ok(Topic::Runs(RunsTopic::open(
            engine,
            name.to_owned(),
            None,
            is_behind,
        ))),
        "stats" => Ok(Topic::Stats(StatsTopic::open(engine))),
        _ => {
            let detail = format!("`{name}` is no topic; there are run:ID, flow:ID, runs and stats");
            Err(ApiError::bad_request("bad_topics", detail))
        }
    }
}

#[async_trait]
impl Source for Many {
    async fn next(&mut self) -> Option<Vec<Frame>> {
        if !self.is_greeted {
            self.is_greeted = true;
            return Some(vec![self.hello()]);
        }
        if self.topics.is_empty() {
            // All runs have ended; the client may stay and is told so by heartbeats, or leaves.
            return std::future::pending().await;
        }
        // The topics that are not first lose nothing by being dropped in the middle.
        let all = self.topics.iter_mut().map(|topic| topic.next().boxed());
        let (next, at, _) = futures::future::select_all(all).await;
        self.frames(at, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_travel() {
        let cursor = Cursor([(RunId(1), 7), (RunId(9), 0)].into());
        assert_eq!(Cursor::parse(&cursor.to_text()), Some(cursor));
        assert_eq!(Cursor::parse(""), Some(Cursor::default()));
        assert_eq!(Cursor::parse("not ours!"), None);
    }
}
