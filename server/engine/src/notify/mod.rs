//! Telling people: what the rules of `notify` look for is judged by the engine itself, not by a run.
//!
//! - A failure is judged where the run's end is decided; what is to be told commits with it ([`of_failure`]).
//! - Lateness and silence are judged by the clock from what is stored ([`watch`]). A rule, a kind and a subject are told once: a
//!   notification is a row that is there or not, so a restart repeats nothing.
//! - The courier sends what waits, and after a failure again and again for a day ([`courier`]). It may send twice what was sent just
//!   before the server went down: at least once, like all work here.

mod courier;
mod doors;
#[cfg(test)]
mod tests;
mod watch;

use std::sync::Arc;

use flow::doc::NotifyDoc;
use flow::run::event::Ended;
use flow::view::{RunStatus, RunSummary};
use flow::{FlowDoc, RunId, Timestamp};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub(crate) use self::courier::Ways;

use crate::clock::{Clock, wait_for};
use crate::engine::Engine;
use crate::error::EngineResult;
use crate::store::{Channel, Follower, NewNotice, NewRule, NoticeKind};

/// Characters of an error in a message.
const ERROR_CHARS_MAX: usize = 1_000;

/// The way to those who judge and send.
#[derive(Default)]
pub(crate) struct Bells {
    /// Rules were saved.
    changed: Notify,
    /// There is something to send.
    pub(crate) to_send: Notify,
    stop: CancellationToken,
}

impl Bells {
    /// Rules were saved, or schedules held or let go.
    pub(crate) fn look(&self) {
        self.changed.notify_one();
    }

    /// Nothing more is judged and sent.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }
}

/// Sets judge and courier to work for an engine, as long as that lives.
pub(crate) fn start(engine: &Engine) {
    for work in [watch::work(engine), courier::work(engine)] {
        let stop = engine.parts.shared.bells.stop.clone();
        engine.parts.shared.runtime.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = work => {}
            }
        });
    }
}

/// Work that goes on as long as its engine lives.
type Work = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// The rules of a document, to be saved with it.
pub(crate) fn rules(doc: &FlowDoc) -> Vec<NewRule> {
    let rule = |(name, rule): (&String, &NotifyDoc)| NewRule {
        name: name.clone(),
        spec: serde_json::to_string(rule).unwrap_or_default(),
    };
    doc.notify.iter().map(rule).collect()
}

/// What is to be told of a run that has just ended.
pub(crate) fn of_failure(doc: &FlowDoc, run: &RunSummary) -> Vec<NewNotice> {
    if run.state != RunStatus::Failed {
        return Vec::new();
    }
    let wanting = doc.notify.iter().filter(|(_, rule)| rule.failure);
    wanting
        .flat_map(|(name, rule)| {
            let error = run.error.as_ref().map_or_else(String::new, |error| {
                let task = error
                    .task
                    .as_ref()
                    .map_or_else(String::new, |task| format!("{task}: "));
                let message: String = error.message.chars().take(ERROR_CHARS_MAX).collect();
                format!(": {task}{message}")
            });
            let about = About {
                kind: NoticeKind::Failure,
                subject: run.id.to_string(),
                run: Some(run.id),
                message: format!("run {} of {} failed{error}", run.id, run.flow),
                at: run.finished_at.unwrap_or(run.created_at),
            };
            notices((&run.flow, name, rule), &about)
        })
        .collect()
}

/// Tells those who want to know of failures that a flow could not start when a run of another ended. Said again, it is told once.
///
/// # Errors
/// If the store cannot be used.
pub(crate) async fn not_started(
    engine: &Engine,
    follower: &Follower,
    (run, outcome): (RunId, Ended),
    why: &str,
) -> EngineResult<()> {
    let store = &engine.parts.shared.store;
    let rows = store.notify_rules().await?;
    for row in rows.into_iter().filter(|row| *row.flow == *follower.flow) {
        // One that cannot be read is told of by who judges it by the clock.
        let rule = serde_json::from_str::<NotifyDoc>(&row.spec).ok();
        let Some(rule) = rule.filter(|rule| rule.failure) else {
            continue;
        };
        let why: String = why.chars().take(ERROR_CHARS_MAX).collect();
        let about = About {
            kind: NoticeKind::Failure,
            subject: format!("after {} {run}", follower.name),
            run: Some(run),
            message: format!(
                "no run of {} could start after {run} of {}, which {}: {why}",
                follower.flow,
                follower.followed,
                match outcome {
                    Ended::Cancelled => "was cancelled",
                    other => other.key(),
                }
            ),
            at: engine.clock().now(),
        };
        let told = notices((&row.flow, &row.name, &rule), &about);
        store.judged(&row.flow, &row.name, row.judged_until, told).await?;
        engine.parts.shared.bells.to_send.notify_one();
    }
    Ok(())
}

/// What a rule has found.
struct About {
    kind: NoticeKind,
    subject: String,
    run: Option<RunId>,
    message: String,
    at: Timestamp,
}

/// One notification for each way by which the rule tells.
fn notices((flow, name, rule): (&str, &str, &NotifyDoc), about: &About) -> Vec<NewNotice> {
    let mail = rule
        .mail
        .as_ref()
        .map(|mail| (Channel::Mail, serde_json::to_string(mail)));
    let call = rule
        .webhook
        .as_ref()
        .map(|call| (Channel::Webhook, serde_json::to_string(call)));
    let ways = [mail, call].into_iter().flatten();
    ways.map(|(channel, target)| NewNotice {
        flow: flow.to_owned(),
        rule: name.to_owned(),
        kind: about.kind,
        subject: about.subject.clone(),
        channel,
        target: target.unwrap_or_default(),
        run: about.run,
        message: about.message.clone(),
        at: about.at,
    })
    .collect()
}

/// Waits for a bell, or until a time if there is one. True if the bell rang.
async fn wait(bell: &Notify, clock: Arc<dyn Clock>, until: Option<Timestamp>) -> bool {
    tokio::select! {
        biased;
        () = bell.notified() => true,
        () = wait_for(&*clock, until) => false,
    }
}
