//! What stores keep of rules and notifications.

use flow::{RunId, Timestamp};
use serde::{Deserialize, Serialize};

/// A rule as a saved document has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRule {
    /// Its name within the flow.
    pub name: String,
    /// As the document has it, as compact JSON.
    pub spec: String,
}

/// A rule of a flow's newest version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleRow {
    /// The flow's id.
    pub flow: String,
    /// Its name within the flow.
    pub name: String,
    /// As the document has it, as compact JSON.
    pub spec: String,
    /// It holds from then on: when it was first saved as it is.
    pub since: Timestamp,
    /// Fires of its schedule up to this moment have been judged.
    pub judged_until: Timestamp,
}

/// What a notification is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// A run failed.
    Failure,
    /// A run is late.
    Late,
    /// No run succeeded for too long.
    Silence,
}

impl NoticeKind {
    /// All of them, each at the place of its number.
    pub(super) const ALL: [Self; 3] = [Self::Failure, Self::Late, Self::Silence];
}

/// How a notification goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// As a mail.
    Mail,
    /// As a call.
    Webhook,
}

impl Channel {
    pub(super) const ALL: [Self; 2] = [Self::Mail, Self::Webhook];
}

/// Where a notification is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeState {
    /// It has not been sent. The courier sends it, after a failure again and again for a day.
    Waiting,
    /// It was sent: once, or a second time if the server went down in between.
    Sent,
    /// It could not be.
    Failed,
}

impl NoticeState {
    pub(super) const ALL: [Self; 3] = [Self::Waiting, Self::Sent, Self::Failed];
}

/// Something to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNotice {
    /// The flow's id.
    pub flow: String,
    /// The rule.
    pub rule: String,
    /// What it is about.
    pub kind: NoticeKind,
    /// Exactly what: of one flow, rule, kind and channel the same subject is told once.
    pub subject: String,
    /// How it goes out.
    pub channel: Channel,
    /// To whom: that part of the rule, as JSON.
    pub target: String,
    /// The run it is about.
    pub run: Option<RunId>,
    /// What to tell.
    pub message: String,
    /// When it was judged.
    pub at: Timestamp,
}

/// A notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeRow {
    /// Its number; later ones have higher ones.
    pub id: i64,
    /// What it tells.
    pub notice: NewNotice,
    /// Where it is.
    pub state: NoticeState,
    /// How often it was tried.
    pub n_attempts: u32,
    /// When it is tried, or tried again, while it waits.
    pub next_at: Option<Timestamp>,
    /// When it was sent.
    pub sent_at: Option<Timestamp>,
    /// Why the last attempt failed.
    pub error: Option<String>,
}

/// What became of an attempt to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeMark {
    /// Where it is now.
    pub state: NoticeState,
    /// When it was sent, or is tried again.
    pub at: Timestamp,
    /// Why the attempt failed.
    pub error: Option<String>,
}

/// Which notifications to list. Empty fields do not filter.
#[derive(Clone, Debug, Default)]
pub struct NoticeFilter {
    /// Of this flow.
    pub flow: Option<String>,
    /// Of this rule.
    pub rule: Option<String>,
    /// Of this kind.
    pub kind: Option<NoticeKind>,
    /// In this state.
    pub state: Option<NoticeState>,
}

/// Notifications kept; the oldest that do not wait go first.
pub const NOTICES_KEPT_MAX: usize = 10_000;
