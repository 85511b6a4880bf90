//! Webhooks: runs that others start over HTTP, without an account, by knowing a secret. What is HTTP about it is the server's.
//!
//! A webhook is that of the flow's newest version. Who calls is known before anything of the delivery is looked at ([`callers`]); then
//! its expressions make inputs and a key of it, and the run starts like any other.

pub(crate) mod callers;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use flow::doc::{Respond, WebhookDoc};
use flow::expr::{Delivery, Scope};
use flow::payload::hex;
use flow::{Problem, limits};
use reqwest::header::HeaderMap;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::engine::{Engine, StartRun};
use crate::error::{EngineError, EngineResult};
use crate::flows::Compiled;
use crate::secrets::SecretSource as _;

/// Bytes of a delivery's key as it is; of a longer one its hash is taken.
const KEY_BYTES_MAX: usize = 128;

/// A webhook of a flow's newest version.
#[derive(Clone)]
pub struct Webhook {
    flow: String,
    name: String,
    compiled: Arc<Compiled>,
}

impl Webhook {
    fn doc(&self) -> &WebhookDoc {
        &self.compiled.doc().webhooks[&self.name]
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether callers sign what they send; if not, they send a token.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.doc().signature.is_some()
    }

    /// Bytes of a body at most.
    #[must_use]
    pub fn body_max(&self) -> usize {
        let max = self.doc().max_body.unwrap_or(limits::WEBHOOK_BYTES);
        usize::try_from(max)
            .unwrap_or(usize::MAX)
            .min(limits::INPUTS_BYTES_MAX)
    }

    /// How long the answer waits for the run's end; `None` if it comes at once.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        let most = Duration::from_millis(limits::WEBHOOK_WAIT_MAX_MS);
        let usual = Duration::from_millis(limits::WEBHOOK_WAIT_MS);
        let wait = self.doc().wait.map_or(usual, |wait| wait.as_duration());
        (self.doc().respond == Respond::Output).then(|| wait.min(most))
    }

    /// The header that shows who calls: it is nothing for expressions to see.
    #[must_use]
    pub fn caller_header(&self) -> String {
        callers::header_of(self.doc()).to_ascii_lowercase()
    }

    fn invalid(&self, field: &str, message: impl Into<String>) -> EngineError {
        let place = format!("webhooks.{}.{field}", self.name);
        EngineError::Invalid(vec![Problem::error("expression", message).at(place)])
    }
}

impl Engine {
    /// A webhook of a flow that is not archived.
    ///
    /// # Errors
    /// [`EngineError::UnknownWebhook`].
    pub async fn webhook(&self, flow: &str, name: &str) -> EngineResult<Webhook> {
        let unknown = || EngineError::UnknownWebhook {
            flow: flow.to_owned(),
            name: name.to_owned(),
        };
        let compiled = match self.parts.shared.flows.to_start(flow, None).await {
            Ok(compiled) => compiled,
            // Who has no key to the house is not told which of its doors were walled up.
            Err(EngineError::UnknownFlow(_) | EngineError::Archived(_)) => return Err(unknown()),
            Err(error) => return Err(error),
        };
        if !compiled.doc().webhooks.contains_key(name) {
            return Err(unknown());
        }
        Ok(Webhook {
            flow: flow.to_owned(),
            name: name.to_owned(),
            compiled,
        })
    }

    /// The webhooks of a flow's newest version; of one that is archived there are none.
    ///
    /// # Errors
    /// [`EngineError::UnknownFlow`].
    pub async fn webhooks(&self, flow: &str) -> EngineResult<Vec<Webhook>> {
        let compiled = match self.parts.shared.flows.to_start(flow, None).await {
            Ok(compiled) => compiled,
            Err(EngineError::Archived(_)) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let webhook = |name: &String| Webhook {
            flow: flow.to_owned(),
            name: name.clone(),
            compiled: Arc::clone(&compiled),
        };
        Ok(compiled.doc().webhooks.keys().map(webhook).collect())
    }

    /// Whether a delivery comes from somebody who knows the webhook's secret.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] if the secret is not set or cannot be read: then nobody can be known.
    pub async fn knows_caller(
        &self,
        webhook: &Webhook,
        headers: &HeaderMap,
        body: &[u8],
    ) -> EngineResult<bool> {
        let doc = webhook.doc();
        let reference = doc.token.as_deref().or(doc.signature.as_deref());
        let Some(name) = reference.and_then(flow::secrets::reference) else {
            return Ok(false);
        };
        let secret = self.parts.keeper.reveal(name).await.map_err(|error| {
            tracing::warn!(
                "Webhook {} of {} can let nobody in: {}",
                webhook.name,
                webhook.flow,
                error.message
            );
            EngineError::Unavailable(
                "this webhook cannot tell now who calls; its secret has to be set".to_owned(),
            )
        })?;
        Ok(callers::is_known(
            doc,
            secret.as_bytes(),
            headers,
            body,
            self.clock().now(),
        ))
    }

    /// The run that a delivery starts.
    ///
    /// # Errors
    /// [`EngineError::Invalid`] if an expression of the webhook has no value, or nothing can be made of the body.
    pub async fn run_of_delivery(&self, webhook: &Webhook, delivery: Delivery) -> EngineResult<StartRun> {
        let compiled = &webhook.compiled;
        let program = compiled.program.webhook(&webhook.name);
        let body = Arc::clone(&delivery.body);
        let scope = Scope::of_delivery(delivery);
        let scope = self.parts.variables.seen_with(scope, &compiled.program).await?;
        let inputs = match program.and_then(|program| program.inputs.as_ref()) {
            Some(inputs) => inputs
                .render(&compiled.program, &scope)
                .map_err(|error| webhook.invalid("inputs", error.message))?,
            None => webhook.inputs_of(&body)?,
        };
        let key = match program.and_then(|program| program.idempotency_key.as_ref()) {
            Some(key) => {
                let value = key
                    .render(&compiled.program, &scope)
                    .map_err(|error| webhook.invalid("idempotency_key", error.message))?;
                Some(webhook.key_of(&value)?)
            }
            None => None,
        };
        Ok(StartRun {
            version: Some(compiled.version),
            inputs,
            idempotency_key: key,
            trigger: format!("webhook {}", webhook.name),
            actor: "webhook".to_owned(),
            ..StartRun::of(&webhook.flow)
        })
    }
}

impl Webhook {
    /// Those fields of the body that the flow has as inputs. What services send has far more fields than anybody wants.
    fn inputs_of(&self, body: &Value) -> EngineResult<Value> {
        let declared = &self.compiled.doc().inputs;
        match body {
            Value::Null => Ok(Value::Object(Map::new())),
            Value::Object(fields) => Ok(fields
                .iter()
                .filter(|(name, _)| declared.contains_key(*name))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect()),
            _ => Err(self.invalid("inputs", "the body is no object whose fields could become inputs")),
        }
    }

    /// Apart from the keys of other triggers.
    fn key_of(&self, value: &Value) -> EngineResult<String> {
        let text = match value {
            Value::String(text) if !text.trim().is_empty() => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => {
                return Err(self.invalid(
                    "idempotency_key",
                    "the key is no text that says something, and no number",
                ));
            }
        };
        let short = match text.len() {
            0..=KEY_BYTES_MAX => text,
            _ => hex(&Sha256::digest(text.as_bytes())),
        };
        Ok(format!("webhook {} {short}", self.name))
    }
}
