//! Whether the rules of `notify` make sense: what they look for and whom they tell.

use super::{Check, Named, TypeCatalog, is_template, secrets};
use crate::doc::NotifyDoc;
use crate::limits;
use crate::parse::join;
use crate::secrets::reference;

pub(super) fn check(check: &mut Check<'_>, types: &dyn TypeCatalog) {
    let doc = check.doc;
    let named = Named {
        field: "notify",
        max: limits::NOTIFY_RULES_PER_FLOW_MAX,
        many: "rules",
        code: "too_many_rules",
        be: "name a rule",
    };
    check.names(&named, doc.notify.keys());
    for (name, rule) in &doc.notify {
        let path = join("notify", name);
        looked_for(check, &path, rule);
        told(check, types, &path, rule);
    }
}

fn looked_for(check: &mut Check<'_>, path: &str, rule: &NotifyDoc) {
    if !rule.failure && rule.late.is_none() && rule.silence.is_none() {
        let message = "the rule looks for nothing: give `failure: true`, `late` or `silence`";
        check.error("bad_rule", path, message);
    }
    for (field, length) in [("late", rule.late), ("silence", rule.silence)] {
        let range = u128::from(limits::NOTIFY_MIN_MS)..=u128::from(limits::NOTIFY_MAX_MS);
        if length.is_some_and(|length| !range.contains(&length.as_duration().as_millis())) {
            check.error(
                "bad_rule",
                join(path, field),
                format!("`{field}` is from 1s to 366d"),
            );
        }
    }
    let Some(schedule) = &rule.schedule else { return };
    if !check.doc.schedules.contains_key(schedule) {
        let near = check
            .suggester
            .did_you_mean(schedule, check.doc.schedules.keys().map(String::as_str));
        let message = format!("the flow has no schedule `{}`{near}", schedule.escape_debug());
        check.error("unknown_schedule", join(path, "schedule"), message);
    } else if rule.late.is_none() {
        let message = "`schedule` says what `late` is about; give `late` too";
        check.error("bad_rule", join(path, "schedule"), message);
    }
}

fn told(check: &mut Check<'_>, types: &dyn TypeCatalog, path: &str, rule: &NotifyDoc) {
    if rule.mail.is_none() && rule.webhook.is_none() {
        check.error(
            "bad_rule",
            path,
            "the rule tells nobody: give `mail` or `webhook`",
        );
    }
    if let Some(mail) = &rule.mail {
        let path = join(path, "mail");
        secrets::stands_alone(check, types, &join(&path, "smtp"), &mail.smtp);
        if mail.to.trim().is_empty() || mail.to.contains(['\n', '\r']) {
            check.error("bad_rule", join(&path, "to"), "these are no mail addresses");
        }
        for (field, text) in [("to", Some(&mail.to)), ("from", mail.from.as_ref())] {
            no_expression(check, &join(&path, field), text.map(String::as_str));
        }
    }
    if let Some(call) = &rule.webhook {
        let path = join(path, "webhook");
        let url = join(&path, "url");
        if reference(&call.url).is_some() {
            secrets::stands_alone(check, types, &url, &call.url);
        } else {
            no_expression(check, &url, Some(&call.url));
            let is_http = ["http://", "https://"]
                .iter()
                .any(|start| call.url.starts_with(start));
            if !is_http && !is_template(&call.url) {
                check.error(
                    "bad_rule",
                    url,
                    "an address begins with `https://` or `http://`, or is a secret",
                );
            }
        }
        if let Some(text) = &call.secret {
            secrets::stands_alone(check, types, &join(&path, "secret"), text);
        }
    }
}

/// Rules are judged without a run, so there is nothing an expression could see.
fn no_expression(check: &mut Check<'_>, field: &str, text: Option<&str>) {
    if text.is_some_and(is_template) {
        check.error(
            "expression",
            field,
            "there are no expressions here: rules are judged without a run",
        );
    }
}
