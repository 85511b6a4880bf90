//! Who sends what is to be told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use flow::doc::{NotifyMailDoc, NotifyWebhookDoc};
use flow::run::event::TaskError;
use flow::{Timestamp, secrets};
use reqwest::Url;
use serde_json::json;
use tracing::{info, warn};
use zeroize::Zeroizing;

use super::{Work, wait};
use crate::engine::Engine;
use crate::error::{EngineResult, causes};
use crate::mail::{Mail, Post};
use crate::secrets::SecretSource as _;
use crate::secrets::mask::Masker;
use crate::store::{Channel, NoticeMark, NoticeRow, NoticeState};
use crate::task_types::{BuiltinOptions, HttpClient};
use crate::webhooks::callers::signature_of;

/// Notifications of one rule that go out as one: of a flood of failures people want to know once.
const TOGETHER_MAX: usize = 100;

/// The pause after a first failed attempt; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(10);

/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(3600);

/// Attempts, about a day of them.
const ATTEMPTS_MAX: u32 = 30;

/// How long one call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// How long after the store refused the courier looks again.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// The ways by which notifications go out.
pub(crate) struct Ways {
    client: HttpClient,
    post: Post,
}

impl Ways {
    pub(crate) fn new(options: &BuiltinOptions) -> Self {
        Self {
            client: HttpClient::new(options.http.clone()),
            post: Post::new(options),
        }
    }
}

pub(super) fn work(engine: &Engine) -> Work {
    let parts = Arc::downgrade(&engine.parts);
    let bells = Arc::clone(&engine.parts.shared.bells);
    Box::pin(async move {
        loop {
            let Some(engine) = Engine::alive(&parts) else {
                return;
            };
            let next = match turn(&engine).await {
                Ok(next) => next,
                Err(error) => {
                    warn!("Sending notifications has to wait: {error}");
                    Some(engine.clock().now().plus(AFTER_FAILURE))
                }
            };
            let clock = Arc::clone(engine.clock());
            drop(engine);
            let _ = wait(&bells.to_send, clock, next).await;
        }
    })
}

/// Sends what is due; answers when there is something to send next.
pub(super) async fn turn(engine: &Engine) -> EngineResult<Option<Timestamp>> {
    let now = engine.clock().now();
    let store = &engine.parts.shared.store;
    let waiting = store.waiting_notifications(TOGETHER_MAX).await?;
    let mut groups: BTreeMap<(String, String, Channel, String), Vec<NoticeRow>> = BTreeMap::new();
    let mut next = None;
    for row in waiting {
        if row.next_at.is_some_and(|at| at > now) {
            next = next.or(row.next_at);
            continue;
        }
        let of = &row.notice;
        let group = (of.flow.clone(), of.rule.clone(), of.channel, of.target.clone());
        groups.entry(group).or_default().push(row);
    }
    if groups.is_empty() {
        return Ok(next);
    }
    let sent = groups.into_values().map(|rows| async move {
        let outcome = deliver(engine, &rows).await;
        (rows, outcome)
    });
    for (rows, outcome) in futures::future::join_all(sent).await {
        note(engine, &rows, outcome).await?;
    }
    // There may be more than were read.
    Ok(Some(now))
}

async fn note(engine: &Engine, rows: &[NoticeRow], outcome: Result<(), TaskError>) -> EngineResult<()> {
    let now = engine.clock().now();
    let ids = rows.iter().map(|row| row.id).collect();
    let Some(first) = rows.first() else { return Ok(()) };
    let (flow, rule) = (&first.notice.flow, &first.notice.rule);
    let mark = match outcome {
        Ok(()) => {
            info!("Told {} things by rule {rule} of {flow}", rows.len());
            NoticeMark {
                state: NoticeState::Sent,
                at: now,
                error: None,
            }
        }
        Err(error) => {
            let n = first.n_attempts + 1;
            let is_over = error.is_final || n >= ATTEMPTS_MAX;
            let more = if is_over {
                "it is given up"
            } else {
                "it is tried again"
            };
            warn!(
                "Rule {rule} of {flow} could not tell something, {more}: {}",
                error.message
            );
            NoticeMark {
                state: if is_over {
                    NoticeState::Failed
                } else {
                    NoticeState::Waiting
                },
                at: now.plus(FIRST_PAUSE.saturating_mul(1 << (n - 1).min(16)).min(PAUSE_MAX)),
                error: Some(error.message.to_string()),
            }
        }
    };
    Ok(engine.parts.shared.store.mark_notifications(ids, mark).await?)
}

async fn deliver(engine: &Engine, rows: &[NoticeRow]) -> Result<(), TaskError> {
    let Some(first) = rows.first() else { return Ok(()) };
    let mut revealed = Vec::new();
    let sent = match first.notice.channel {
        Channel::Mail => by_mail(engine, rows, &mut revealed).await,
        Channel::Webhook => by_call(engine, rows, &mut revealed).await,
    };
    // Answers of the other side may repeat what it was given.
    let masker = Masker::new(revealed.iter().map(|value: &Zeroizing<String>| value.as_str()));
    sent.map_err(|error| match masker {
        Some(masker) => masker.error(error),
        None => error,
    })
}

/// The text, or the secret it refers to. A secret that is missing may be set while there are attempts left.
async fn resolve(
    engine: &Engine,
    text: &str,
    revealed: &mut Vec<Zeroizing<String>>,
) -> Result<String, TaskError> {
    let Some(name) = secrets::reference(text) else {
        return Ok(text.to_owned());
    };
    let value = engine
        .parts
        .keeper
        .reveal(name)
        .await
        .map_err(|error| TaskError {
            is_final: false,
            ..error
        })?;
    revealed.push(value.clone());
    Ok(value.as_str().to_owned())
}

fn unreadable(error: serde_json::Error) -> TaskError {
    TaskError::new("input", format!("whom to tell cannot be read: {error}")).permanent()
}

/// The same for the same notifications, so that one sent twice is known again.
fn key(rows: &[NoticeRow]) -> String {
    let ids: Vec<String> = rows
        .iter()
        .map(|row| format!("{}@{}", row.id, row.notice.at))
        .collect();
    ids.join(" ")
}

async fn by_mail(
    engine: &Engine,
    rows: &[NoticeRow],
    revealed: &mut Vec<Zeroizing<String>>,
) -> Result<(), TaskError> {
    let notice = &rows[0].notice;
    let target: NotifyMailDoc = serde_json::from_str(&notice.target).map_err(unreadable)?;
    let smtp = resolve(engine, &target.smtp, revealed).await?;
    let line = |row: &NoticeRow| format!("{}  {}\n", row.notice.at, row.notice.message);
    let mail = Mail {
        from: target.from,
        to: vec![target.to],
        subject: subject(rows),
        body: rows.iter().map(line).collect::<String>()
            + &format!("\nRule {} of flow {}.\n", notice.rule, notice.flow),
        key: format!("{} notifications {}", engine.parts.instance, key(rows)),
        ..Mail::default()
    };
    engine.parts.ways.post.send(&smtp, &mail).await.map(drop)
}

/// Of one kind by its name, of several by their number.
fn subject(rows: &[NoticeRow]) -> String {
    use crate::store::NoticeKind::{Failure, Late, Silence};
    let notice = &rows[0].notice;
    let flow = &notice.flow;
    match (rows.len(), notice.kind) {
        (1, Failure) => format!("{flow}: a run failed"),
        (1, Late) => format!("{flow}: a run is late"),
        (1, Silence) => format!("{flow}: no run succeeds"),
        (n, _) => format!("{flow}: {n} things happened"),
    }
}

async fn by_call(
    engine: &Engine,
    rows: &[NoticeRow],
    revealed: &mut Vec<Zeroizing<String>>,
) -> Result<(), TaskError> {
    let target: NotifyWebhookDoc = serde_json::from_str(&rows[0].notice.target).map_err(unreadable)?;
    let url = resolve(engine, &target.url, revealed).await?;
    let url = Url::parse(url.trim())
        .map_err(|error| TaskError::new("input", format!("the address is none: {error}")))?;
    let client = &engine.parts.ways.client;
    client.check(&url)?;
    let one = |row: &NoticeRow| {
        let notice = &row.notice;
        json!({
            "id": row.id,
            "flow": notice.flow,
            "rule": notice.rule,
            "kind": notice.kind,
            "run": notice.run.map(|run| run.to_string()),
            "message": notice.message,
            "at": notice.at,
        })
    };
    let list: Vec<_> = rows.iter().map(one).collect();
    // `text` is what chat services show.
    let text: Vec<&str> = rows.iter().map(|row| row.notice.message.as_str()).collect();
    let body = json!({"text": text.join("\n"), "notifications": list}).to_string();
    let mut request = client
        .get()?
        .post(url.clone())
        .timeout(CALL_TIMEOUT)
        .header("content-type", "application/json")
        .header(
            "idempotency-key",
            format!(
                "pointwork-{}",
                key(rows).replace(' ', "-").chars().take(200).collect::<String>()
            ),
        );
    if let Some(secret) = &target.secret {
        let secret = resolve(engine, secret, revealed).await?;
        let seconds = (engine.clock().now().as_micros() / 1_000_000).to_string();
        request = request
            .header("x-pointwork-signature", signature_of(&secret, &seconds, &body))
            .header("x-pointwork-timestamp", seconds);
    }
    let place = url.host_str().unwrap_or_default().to_owned();
    let answer = request.body(body).send().await.map_err(|error| {
        let kind = if error.is_timeout() { "timeout" } else { "connect" };
        TaskError::new(kind, format!("{place} cannot be reached: {}", innermost(&error)))
    })?;
    match answer.status() {
        status if status.is_success() => Ok(()),
        status => Err(TaskError::new(
            "http_status",
            format!("{place} answered {status}"),
        )),
    }
}

/// What lies behind an error in the end. It names no address, which may be a secret.
fn innermost(error: &reqwest::Error) -> String {
    let innermost = causes(error).last();
    innermost.map_or_else(|| "the connection broke off".to_owned(), ToString::to_string)
}
