//! Whether webhooks make sense: their names, how callers are told, what they give to runs.

use super::{Check, TypeCatalog, secrets};
use crate::doc::{Respond, WebhookDoc};
use crate::ids::is_slug;
use crate::limits;
use crate::parse::join;
use crate::secrets::reference;

pub(super) fn check(check: &mut Check<'_>, types: &dyn TypeCatalog) {
    let doc = check.doc;
    if doc.webhooks.len() > limits::WEBHOOKS_PER_FLOW_MAX {
        let message = format!(
            "{} webhooks are too many; a flow has at most {}",
            doc.webhooks.len(),
            limits::WEBHOOKS_PER_FLOW_MAX
        );
        check.error("too_many_webhooks", "webhooks", message);
    }
    for (name, webhook) in &doc.webhooks {
        let path = join("webhooks", name);
        if !is_slug(name) {
            let message = format!(
                "`{}` cannot name a webhook: names have lower case letters, digits, `-` and `_`",
                name.escape_debug()
            );
            check.error("bad_id", path.clone(), message);
        }
        callers(check, types, &path, webhook);
        signing(check, &path, webhook);
        bounds(check, &path, webhook);
        if let Some(inputs) = &webhook.inputs {
            for input in inputs.keys().filter(|input| !doc.inputs.contains_key(*input)) {
                let near = check
                    .suggester
                    .did_you_mean(input, doc.inputs.keys().map(String::as_str));
                let message = format!("the flow has no input `{}`{near}", input.escape_debug());
                check.error("unknown_input", join(&format!("{path}.inputs"), input), message);
            }
        }
    }
}

/// Exactly one way to know a caller, by a secret that is stored.
fn callers(check: &mut Check<'_>, types: &dyn TypeCatalog, path: &str, webhook: &WebhookDoc) {
    let ways = [("token", &webhook.token), ("signature", &webhook.signature)];
    let given: Vec<_> = ways
        .into_iter()
        .filter_map(|(field, way)| Some((field, way.as_deref()?)))
        .collect();
    if given.len() != 1 {
        let message = "a webhook knows its callers by a `token` or by a `signature`: give one of them, as `{{ secrets.name }}`";
        check.error("webhook_auth", path, message);
    }
    for (field, text) in given {
        match reference(text) {
            Some(name) => secrets::exists(check, types, &join(path, field), name),
            None => check.error(
                "secret_reference",
                join(path, field),
                "this is a secret: write `{{ secrets.name }}` with nothing before or after it, and set the secret of that name",
            ),
        }
    }
}

fn signing(check: &mut Check<'_>, path: &str, webhook: &WebhookDoc) {
    for (field, header) in [
        ("header", &webhook.header),
        ("timestamp_header", &webhook.timestamp_header),
    ] {
        if let Some(header) = header
            && (header.is_empty()
                || !header
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)))
        {
            let message = format!("`{}` is not the name of a header", header.escape_debug());
            check.error("bad_webhook", join(path, field), message);
        }
    }
    let is_timed = webhook.timestamp_header.is_some();
    let only_signed = [
        ("timestamp_header", is_timed),
        ("signed", webhook.signed.is_some()),
        ("tolerance", webhook.tolerance.is_some()),
    ];
    for (field, _) in only_signed
        .into_iter()
        .filter(|(_, is_set)| *is_set && webhook.signature.is_none())
    {
        check.error(
            "bad_webhook",
            join(path, field),
            format!("`{field}` goes with `signature` alone"),
        );
    }
    if let Some(signed) = &webhook.signed
        && (!signed.contains("{body}") || signed.contains("{timestamp}") != is_timed)
    {
        let message =
            "what is signed holds `{body}`, and `{timestamp}` if and only if there is a `timestamp_header`";
        check.error("bad_webhook", join(path, "signed"), message);
    }
    if webhook.tolerance.is_some() && !is_timed && webhook.signature.is_some() {
        let message = "without a `timestamp_header` nobody knows how old a delivery is";
        check.error("bad_webhook", join(path, "tolerance"), message);
    }
}

fn bounds(check: &mut Check<'_>, path: &str, webhook: &WebhookDoc) {
    let wait_max = limits::WEBHOOK_WAIT_MAX_MS;
    if let Some(wait) = webhook.wait {
        if wait.as_duration().as_millis() > u128::from(wait_max) {
            let message = format!("a webhook waits at most {} s", wait_max / 1000);
            check.error("bad_webhook", join(path, "wait"), message);
        } else if webhook.respond == Respond::Run {
            let message = "`wait` has no effect without `respond: output`";
            check.warning("bad_webhook", join(path, "wait"), message);
        }
    }
    let body_max = limits::INPUTS_BYTES_MAX as u64;
    if webhook.max_body.is_some_and(|max| max == 0 || max > body_max) {
        let message = format!("`max_body` is from 1 to {body_max} bytes");
        check.error("bad_webhook", join(path, "max_body"), message);
    }
}
