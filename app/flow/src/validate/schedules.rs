//! Whether schedules make sense: their names, their patterns, and what they give to runs.

use super::concurrency::given;
use super::{Check, Named, TypeCatalog};
use crate::limits;
use crate::parse::join;

pub(super) fn check(check: &mut Check<'_>, types: &dyn TypeCatalog) {
    let doc = check.doc;
    let named = Named {
        field: "schedules",
        max: limits::SCHEDULES_PER_FLOW_MAX,
        many: "schedules",
        code: "too_many_schedules",
        be: "name a schedule",
    };
    check.names(&named, doc.schedules.keys());
    for (name, schedule) in &doc.schedules {
        let path = join("schedules", name);
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
