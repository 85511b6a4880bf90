//! What stores keep of schedules.

use flow::{RunId, Timestamp};

/// A schedule as a saved document has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSchedule {
    /// Its name within the flow.
    pub name: String,
    /// As the document has it, as compact JSON.
    pub spec: String,
}

/// A schedule of a flow's newest version, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleRow {
    /// The flow's id.
    pub flow: String,
    /// Its name within the flow.
    pub name: String,
    /// As the document has it, as compact JSON.
    pub spec: String,
    /// Whether it is held.
    pub is_paused: bool,
    /// Why, in the words of who holds it.
    pub pause_reason: Option<String>,
    /// Fires up to this moment have been dealt with.
    pub considered_at: Timestamp,
    /// The fire that started the last run, and that run.
    pub last: Option<(Timestamp, RunId)>,
    /// Why the last fire started no run.
    pub last_error: Option<String>,
    /// Fires that started none because of a policy.
    pub n_left_out: u64,
}

impl ScheduleRow {
    /// One that begins now.
    pub(super) fn begin(flow: &str, new: &NewSchedule, at: Timestamp) -> Self {
        Self {
            flow: flow.to_owned(),
            name: new.name.clone(),
            spec: new.spec.clone(),
            is_paused: false,
            pause_reason: None,
            considered_at: at,
            last: None,
            last_error: None,
            n_left_out: 0,
        }
    }

    /// Notes how far it has come.
    pub(super) fn mark(&mut self, mark: &ScheduleMark) {
        self.considered_at = self.considered_at.max(mark.considered_at);
        if mark.last.is_some() {
            self.last = mark.last;
        }
        self.last_error.clone_from(&mark.last_error);
        self.n_left_out += mark.n_left_out;
    }
}

/// How far a schedule has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScheduleMark {
    /// Fires up to this moment have been dealt with; it never goes back.
    pub considered_at: Timestamp,
    /// The fire that started the last run, and that run, if one has been started.
    pub last: Option<(Timestamp, RunId)>,
    /// Why the last fire started no run.
    pub last_error: Option<String>,
    /// How many more fires have been left out.
    pub n_left_out: u64,
}
