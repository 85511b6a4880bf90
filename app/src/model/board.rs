//! What the list of runs and commands to many of them carry.

use flow::view::board::{BulkRunView, BulkView, RunCount, SavedView};
use flow::view::{FollowerView, Page, RunSummary, ScheduleView};
use serde::{Deserialize, Serialize};

/// What starts a flow by itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Starters {
    /// Its schedules.
    pub schedules: Vec<ScheduleView>,
    /// The flows after whose runs it starts.
    pub followed: Vec<FollowerView>,
    /// Its webhooks.
    pub webhooks: Vec<WebhookLine>,
}

/// A webhook, as far as everybody may know it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookLine {
    /// Its name.
    pub name: String,
    /// Whether callers sign what they send; if not, they send a token.
    pub is_signed: bool,
    /// The header in which that comes.
    pub header: String,
}

/// What the address of the list asks for. Everything there is in words of the query; states and flow are how older links say it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunListAsk {
    /// The query.
    pub q: String,
    /// In one of these states.
    pub states: Vec<String>,
    /// Of this flow.
    pub flow: Option<String>,
    /// The page.
    pub cursor: Option<String>,
}

/// The list of runs with all that stands around it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunList {
    /// The query, as it was typed.
    pub query: String,
    /// What is wrong with it; then the page is empty.
    pub problem: Option<QueryProblem>,
    /// Its terms.
    pub chips: Vec<Chip>,
    /// The states, each with the query that has it or has it no more.
    pub toggles: Vec<Toggle>,
    /// The views there are.
    pub views: Vec<SavedView>,
    /// How many runs it finds.
    pub count: RunCount,
    /// Some of them.
    pub page: Page<RunSummary>,
}

/// What is wrong with a query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryProblem {
    /// As a sentence.
    pub message: String,
    /// What of the query comes before it.
    pub before: String,
    /// What is wrong.
    pub wrong: String,
    /// What comes after it.
    pub after: String,
}

/// A term of a query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chip {
    /// As it is written.
    pub text: String,
    /// The query without it.
    pub without: String,
}

/// A state that can be asked for or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toggle {
    /// Its key.
    pub state: String,
    /// Whether it is asked for.
    pub is_on: bool,
    /// The query with that turned around.
    pub query: String,
}

/// How a query could go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completed {
    /// The whole query with it.
    pub query: String,
    /// What is added.
    pub word: String,
    /// What it means.
    pub about: String,
}

/// A command to be prepared: to the runs that were chosen, or to all that the query finds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BulkAsk {
    /// What they are told.
    pub command: String,
    /// What the list shows.
    pub q: String,
    /// Whether it is for all that it finds.
    pub is_all: bool,
    /// The runs that were chosen.
    pub runs: Vec<String>,
}

/// A command to many runs, with what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BulkPage {
    /// The command.
    pub bulk: BulkView,
    /// Its first runs; before them those that have not done as told.
    pub runs: Vec<BulkRunView>,
}
