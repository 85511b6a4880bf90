//! Who is told when runs fail, are late or do not come.

use serde::{Deserialize, Serialize};

use crate::time::HumanDuration;

/// Whom the engine tells of what. The engine itself judges: it needs no run of the flow for that.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NotifyDoc {
    /// A run that fails.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failure: bool,
    /// A run that is not finished so long after it was accepted; with `schedule`, so long after it was due, started or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late: Option<HumanDuration>,
    /// The schedule whose fires `late` is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// No run that succeeded for so long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence: Option<HumanDuration>,
    /// Tells it by mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<NotifyMailDoc>,
    /// Tells it by a call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<NotifyWebhookDoc>,
}

/// A mail to be sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NotifyMailDoc {
    /// To whom: addresses separated by commas.
    pub to: String,
    /// Who writes; what `smtp` says unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The mail server, as `{{ secrets.name }}`.
    pub smtp: String,
}

/// A call to be made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "author", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NotifyWebhookDoc {
    /// Where to: an address, or `{{ secrets.name }}`.
    pub url: String,
    /// What the call is signed with, as `{{ secrets.name }}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}
