//! Whether schedules make sense: their names, their patterns, and what they give to runs.

use super::concurrency::given;
use super::{Check, TypeCatalog};
use crate::ids::is_slug;
use crate::limits;
use crate::parse::join;

pub(super) fn check(check: &mut Check<'_>, types: &dyn TypeCatalog) {
    let doc = check.doc;
    if doc.schedules.len() > limits::SCHEDULES_PER_FLOW_MAX {
        let message = format!(
            "{} schedules are too many; a flow has at most {}",
            doc.schedules.len(),
            limits::SCHEDULES_PER_FLOW_MAX
        );
        check.error("too_many_schedules", "schedules", message);
    }
    for (name, schedule) in &doc.schedules {
        let path = join("schedules", name);
        if !is_slug(name) {
            let message = format!(
                "`{}` cannot name a schedule: names have lower case letters, digits, `-` and `_`",
                name.escape_debug()
            );
            check.error("bad_id", path.clone(), message);
        }
        if let Err((field, message)) = types.check_schedule(schedule) {
            check.error("bad_schedule", join(&path, field), message);
        }
        let max = limits::JITTER_MAX;
        if schedule.jitter.is_some_and(|jitter| jitter.as_duration() > max) {
            let message = format!("the jitter is at most {} h", max.as_secs() / 3600);
            check.error("bad_schedule", join(&path, "jitter"), message);
        }
        given(check, &path, &schedule.inputs);
    }
}
