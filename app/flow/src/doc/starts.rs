//! What starts runs of a flow: times, calls from outside, the ends of other runs.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{OneOrMany, is_default};
use crate::time::HumanDuration;

/// A standing order: a run for each run of another flow that ends so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AfterDoc {
    /// The other flow's id.
    pub flow: String,
    /// The ends that count: `succeeded` (default), `failed`, `cancelled`, or `always`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<OneOrMany>,
    /// The inputs of its runs. Expressions see `trigger.name`, `trigger.flow`, `trigger.run`, `trigger.outcome` and `trigger.outputs`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub inputs: Map<String, Value>,
}

impl AfterDoc {
    /// Whether a run that ended so counts.
    #[must_use]
    pub fn covers(&self, outcome: &str) -> bool {
        match &self.on {
            None => outcome == "succeeded",
            Some(on) => on
                .as_slice()
                .iter()
                .any(|word| word == outcome || word == "always"),
        }
    }
}

/// A standing order: a run for each time a cron pattern is due.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ScheduleDoc {
    /// Minute, hour, day of month, month, day of week; or six fields with the second first; or `@daily` and its like.
    pub cron: String,
    /// Whose clocks the pattern is about, such as `Europe/Berlin`; `UTC` if it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// What happens to a time of day that the clocks skip. Unless given: `skip` for patterns of every hour, else `after`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Missing>,
    /// What happens to a time of day that the clocks show twice. Unless given: `both` for patterns of every hour, else `first`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubled: Option<Doubled>,
    /// What happens to fires that were due while no server was at work.
    #[serde(default, skip_serializing_if = "is_default")]
    pub missed: Missed,
    /// What happens to a fire while the run of the one before is at work.
    #[serde(default, skip_serializing_if = "is_default")]
    pub overlap: Overlap,
    /// Each fire comes up to so much later, the same each time it is computed: many schedules of one minute do not come at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter: Option<HumanDuration>,
    /// The inputs of its runs. Expressions see `trigger.at`, the time it was due, and `trigger.name`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub inputs: Map<String, Value>,
}

/// What happens to fires that were due while no server was at work. The newest of them is still in time for a minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    /// They are left out.
    Skip,
    /// The last of them is made up for.
    #[default]
    One,
    /// The last hundred of them are made up for.
    All,
}

/// What happens to a fire while the run of the one before is at work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// Both runs are at work side by side.
    #[default]
    Allow,
    /// It is left out.
    Skip,
}

/// What becomes of a fire whose time of day the clocks skip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// There is none that day.
    Skip,
    /// It comes at the moment the clocks jump.
    After,
}

/// What becomes of a fire whose time of day the clocks show twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Doubled {
    /// It comes the first time.
    First,
    /// It comes the second time.
    Second,
    /// It comes both times.
    Both,
}

/// An address at which others start runs of the flow. Who calls it shows that he knows a secret: by the secret itself (`token`) or by
/// signing the body with it (`signature`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WebhookDoc {
    /// The secret that callers send, as `{{ secrets.name }}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The secret that callers sign the body with (HMAC-SHA256, in hexadecimal digits or base64, also behind `sha256=`), as
    /// `{{ secrets.name }}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// The header in which token or signature come: `authorization` (also behind `Bearer`) and `x-hub-signature-256` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// The header in which the time of signing comes, in seconds since 1970. With it what is signed is `{timestamp}.{body}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp_header: Option<String>,
    /// What is signed, if it is something else: a text with `{timestamp}` and `{body}` in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<String>,
    /// How far the time of signing may be from now: 5 minutes unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<HumanDuration>,
    /// The inputs of its runs. Expressions see `body`, `headers` (names in lower case) and `query`. Without it those fields of the body
    /// become inputs that the flow has as inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Map<String, Value>>,
    /// What tells a repeated delivery: an expression over `body`, `headers` and `query`. The same key finds the same run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// How it answers.
    #[serde(default, skip_serializing_if = "is_default")]
    pub respond: Respond,
    /// How long it waits for the output at most: 30 seconds unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<HumanDuration>,
    /// Bytes of a body at most: 1 MiB unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_body: Option<u64>,
}

/// How a webhook answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Respond {
    /// At once, with the run's id.
    #[default]
    Run,
    /// When the run has ended, with its output.
    Output,
}
