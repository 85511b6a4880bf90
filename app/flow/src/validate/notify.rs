//! Whether the rules of `notify` make sense: what they look for and whom they tell.

use super::{Check, TypeCatalog, is_template, secrets};
use crate::doc::NotifyDoc;
use crate::ids::is_slug;
use crate::limits;
use crate::parse::join;
use crate::secrets::reference;

pub(super) fn check(check: &mut Check<'_>, types: &dyn TypeCatalog) {
    let doc = check.doc;
    if doc.notify.len() > limits::NOTIFY_RULES_PER_FLOW_MAX {
        let message = format!(
            "{} rules are too many; a flow has at most {}",
            doc.notify.len(),
            limits::NOTIFY_RULES_PER_FLOW_MAX
        );
        check.error("too_many_rules", "notify", message);
    }
    for (name, rule) in &doc.notify {
        let path = join("notify", name);
        if !is_slug(name) {
            let message = format!(
                "`{}` cannot name a rule: names have lower case letters, digits, `-` and `_`",
                name.escape_debug()
            );
            check.error("bad_id", path.clone(), message);
        }
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
        secret(check, types, &join(&path, "smtp"), &mail.smtp);
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
            secret(check, types, &url, &call.url);
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
            secret(check, types, &join(&path, "secret"), text);
        }
    }
}

fn secret(check: &mut Check<'_>, types: &dyn TypeCatalog, field: &str, text: &str) {
    match reference(text) {
        Some(name) => secrets::exists(check, types, field, name),
        None => check.error(
            "secret_reference",
            field,
            "this is a secret: write `{{ secrets.name }}` with nothing before or after it, and set the secret of that name",
        ),
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
