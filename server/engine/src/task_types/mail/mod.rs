//! `mail.send`: a mail through an SMTP server.

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use flow::run::event::TaskError;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::mail::{Mail, Post};
use crate::task_type::{TaskContext, TaskOutcome, TaskType, TaskTypeInfo};

/// Sends a mail.
pub(super) struct MailSend {
    post: Post,
}

impl MailSend {
    pub(super) fn new(post: Post) -> Self {
        Self { post }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// To whom: an address, several separated by commas, or a list.
    to: OneOrMany,
    /// Who else gets it.
    #[serde(default)]
    cc: Option<OneOrMany>,
    /// Who writes; what `smtp` says unless given.
    #[serde(default)]
    from: Option<String>,
    /// Where answers go.
    #[serde(default)]
    reply_to: Option<String>,
    /// One line.
    subject: String,
    /// The text.
    #[serde(default)]
    body: String,
    /// The same as a page of HTML, for those who prefer it.
    #[serde(default)]
    html: Option<String>,
    /// The mail server: a secret such as `smtps://NAME:PASSWORD@HOST:465` or `smtp://NAME:PASSWORD@HOST:587`.
    #[schemars(extend("x-secret" = true))]
    smtp: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn all(self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

#[async_trait]
impl TaskType for MailSend {
    fn info(&self) -> TaskTypeInfo {
        TaskTypeInfo::new::<Arguments, String>(
            "mail.send",
            "Send mail",
            "Sends a mail through an SMTP server; its message id becomes the output.",
        )
        .shown_as("io", "mail")
    }

    async fn run(&self, ctx: &TaskContext) -> TaskOutcome {
        // Dropping the exchange closes its connection; the server then has no whole mail.
        tokio::select! {
            sent = deliver(ctx, &self.post) => match sent {
                Ok(id) => TaskOutcome::ok(id),
                Err(error) => TaskOutcome::from(error),
            },
            () = ctx.cancel.cancelled() => TaskOutcome::Cancelled,
        }
    }
}

async fn deliver(ctx: &TaskContext, post: &Post) -> Result<String, TaskError> {
    let arguments: Arguments = ctx.input()?;
    let mail = Mail {
        from: arguments.from,
        to: arguments.to.all(),
        cc: arguments.cc.map(OneOrMany::all).unwrap_or_default(),
        reply_to: arguments.reply_to,
        subject: arguments.subject,
        body: arguments.body,
        html: arguments.html,
        key: ctx.idempotency_key.clone(),
    };
    let id = post.send(&arguments.smtp, &mail).await?;
    ctx.info(&format!("the mail server took {id}"));
    Ok(id)
}
