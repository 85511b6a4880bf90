//! Mail: written, handed to an SMTP server, and what its answers mean.
//!
//! The server stands in one text, a secret: `smtps://NAME:PASSWORD@HOST:465` for TLS from the start, `smtp://NAME:PASSWORD@HOST:587` for
//! STARTTLS, which must succeed; `?tls=none` does without, `?from=` says who writes unless the mail does. Its addresses are checked as
//! those of HTTP requests are, and the connection is made to those very addresses.

#[cfg(test)]
pub(crate) mod server;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use flow::payload::hex;
use flow::run::event::TaskError;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Mailboxes, Message, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters, TlsParametersBuilder};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use reqwest::Url;
use sha2::{Digest, Sha256};

use crate::error::causes;
use crate::secrets::percent_decoded;
use crate::task_types::{BuiltinOptions, HttpOptions, permitted};

/// How long a server may be silent.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Characters of a subject.
const SUBJECT_CHARS_MAX: usize = 900;

/// Who may be written to at once.
const RECIPIENTS_MAX: usize = 100;

/// A mail to be sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mail {
    /// Who writes; what the server's text says unless given.
    pub(crate) from: Option<String>,
    /// To whom; each may be several, separated by commas.
    pub(crate) to: Vec<String>,
    pub(crate) cc: Vec<String>,
    pub(crate) reply_to: Option<String>,
    pub(crate) subject: String,
    pub(crate) body: String,
    /// The same as a page, for those who prefer it.
    pub(crate) html: Option<String>,
    /// The same for all that is one mail: repeated, it has the same message id, by which servers and people know it again.
    pub(crate) key: String,
}

/// How mails are sent.
#[derive(Clone, Debug, Default)]
pub struct MailOptions {
    /// Mail servers by name or address that may be on this machine or in a private network, although else nothing may go there.
    pub private_hosts: Vec<String>,
    /// Who signs the certificates of mail servers, beside those the system trusts.
    pub trusted: Option<Certificates>,
}

/// Certificates that are trusted.
#[derive(Clone, Debug)]
pub struct Certificates(Certificate);

impl Certificates {
    /// Those in a text of PEM; there may be several.
    ///
    /// # Errors
    /// A sentence if there are none, or one cannot be read.
    pub fn from_pem(pem: &[u8]) -> Result<Self, String> {
        let is_there = String::from_utf8_lossy(pem).contains("-----BEGIN CERTIFICATE-----");
        if !is_there {
            return Err(
                "there is no certificate in it; it is PEM, with `-----BEGIN CERTIFICATE-----`".to_owned(),
            );
        }
        let read = Certificate::from_pem(pem).map_err(|error| error.to_string())?;
        // That it is well formed shows when it is first used; better now.
        parameters("localhost", Some(&read)).map_err(|error| error.to_string())?;
        Ok(Self(read))
    }
}

/// Hands mails to servers.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    mail: MailOptions,
    addresses: HttpOptions,
}

impl Post {
    pub(crate) fn new(options: &BuiltinOptions) -> Self {
        Self {
            mail: options.mail.clone(),
            addresses: options.http.clone(),
        }
    }

    /// Sends a mail and answers its message id.
    ///
    /// # Errors
    /// Of kind `input` if it cannot be written, `refused_address` if the server is where nothing may go, `refused` and `login` if it will
    /// not have the mail, all for good; `deferred`, `connect`, `tls`, `timeout` if another attempt may succeed.
    pub(crate) async fn send(&self, smtp: &str, mail: &Mail) -> Result<String, TaskError> {
        let server = SmtpServer::read(smtp)?;
        let (message, id) = mail.message(server.from.as_deref())?;
        let mut missing = None;
        for address in self.addresses_of(&server).await? {
            let transport = server.transport(address.ip(), self.mail.trusted.as_ref())?;
            match transport.send(message.clone()).await {
                Ok(_) => return Ok(id),
                // Nothing was said there, so the mail cannot be sent twice.
                Err(error) if nobody_is_there(&error) => missing = Some(error),
                Err(error) => return Err(explain(&error, &server.host)),
            }
        }
        Err(match missing {
            Some(error) => explain(&error, &server.host),
            None => TaskError::new("connect", format!("{} has no address", server.host)),
        })
    }

    async fn addresses_of(&self, server: &SmtpServer) -> Result<Vec<SocketAddr>, TaskError> {
        let is_named = |host: &String| host.eq_ignore_ascii_case(&server.host);
        let options = HttpOptions {
            deny_private: self.addresses.deny_private && !self.mail.private_hosts.iter().any(is_named),
        };
        permitted(&server.host, server.port, &options).await
    }
}

/// Whether not even a connection was made.
fn nobody_is_there(error: &lettre::transport::smtp::Error) -> bool {
    use std::io::ErrorKind::{AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkUnreachable};
    let io = causes(error).find_map(|cause| cause.downcast_ref::<std::io::Error>());
    io.is_some_and(|error| {
        matches!(
            error.kind(),
            AddrNotAvailable | ConnectionRefused | HostUnreachable | NetworkUnreachable
        )
    })
}

/// Whether a connection was made and could not be made secure, which comes as a failure to read or write.
fn is_about_trust(error: &lettre::transport::smtp::Error) -> bool {
    causes(error)
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>()?.get_ref())
        .any(|inner| inner.is::<rustls::Error>())
}

fn parameters(
    host: &str,
    trusted: Option<&Certificate>,
) -> Result<TlsParameters, lettre::transport::smtp::Error> {
    let builder = TlsParameters::builder(host.to_owned());
    let builder = trusted
        .into_iter()
        .cloned()
        .fold(builder, TlsParametersBuilder::add_root_certificate);
    builder.build()
}

fn input(message: impl Into<std::sync::Arc<str>>) -> TaskError {
    TaskError::new("input", message).permanent()
}

/// What the text of a server says. Errors name what is wrong and never the text: it holds a password.
struct SmtpServer {
    host: String,
    port: u16,
    security: Security,
    login: Option<(String, String)>,
    from: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Security {
    FromTheStart,
    StartTls,
    None,
}

impl SmtpServer {
    fn read(text: &str) -> Result<Self, TaskError> {
        let wrong = |what: &str| {
            input(format!(
                "`smtp` {what}; it is like smtps://NAME:PASSWORD@HOST:465 or smtp://NAME:PASSWORD@HOST:587"
            ))
        };
        let url = Url::parse(text.trim()).map_err(|_| wrong("is not the address of a mail server"))?;
        let host = url
            .host_str()
            .filter(|host| !host.is_empty())
            .ok_or_else(|| wrong("names no host"))?;
        let (mut security, usual_port) = match url.scheme() {
            "smtps" => (Security::FromTheStart, 465),
            "smtp" => (Security::StartTls, 587),
            _ => return Err(wrong("is not the address of a mail server")),
        };
        let mut from = None;
        for (name, value) in url.query_pairs() {
            match (&*name, &*value) {
                ("tls", "none") if security == Security::StartTls => security = Security::None,
                ("from", _) => from = Some(value.into_owned()),
                _ => return Err(wrong("has a parameter that is neither `tls=none` nor `from=…`")),
            }
        }
        let decoded = |text: &str| String::from_utf8_lossy(&percent_decoded(text)).into_owned();
        let login = url
            .password()
            .map(|password| (decoded(url.username()), decoded(password)));
        let name = decoded(url.username());
        Ok(Self {
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: url.port().unwrap_or(usual_port),
            security,
            login,
            from: from.or_else(|| name.contains('@').then_some(name)),
        })
    }

    fn transport(
        &self,
        address: IpAddr,
        trusted: Option<&Certificates>,
    ) -> Result<AsyncSmtpTransport<Tokio1Executor>, TaskError> {
        let parameters = || {
            parameters(&self.host, trusted.map(|trusted| &trusted.0))
                .map_err(|error| TaskError::new("tls", format!("no secure connection can be made: {error}")))
        };
        let tls = match self.security {
            Security::FromTheStart => Tls::Wrapper(parameters()?),
            Security::StartTls => Tls::Required(parameters()?),
            Security::None => Tls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(address.to_string())
            .port(self.port)
            .tls(tls)
            .hello_name(ClientId::Domain("pointwork.localhost".to_owned()))
            .timeout(Some(TIMEOUT));
        if let Some((name, password)) = &self.login {
            builder = builder.credentials(Credentials::new(name.clone(), password.clone()));
        }
        Ok(builder.build())
    }
}

impl Mail {
    fn message(&self, usual_from: Option<&str>) -> Result<(Message, String), TaskError> {
        let from = self
            .from
            .as_deref()
            .or(usual_from)
            .ok_or_else(|| input("nobody writes it: give `from`, or `?from=` in `smtp`"))?;
        let from: Mailbox = address("from", from)?;
        let to = addresses("to", &self.to)?;
        let cc = addresses("cc", &self.cc)?;
        let n_recipients = to.iter().chain(cc.iter()).count();
        if to.is_empty() {
            return Err(input("`to` names nobody"));
        }
        if n_recipients > RECIPIENTS_MAX {
            return Err(input(format!(
                "a mail goes to at most {RECIPIENTS_MAX} addresses at once"
            )));
        }
        // A line break would begin another header.
        if self.subject.contains(is_control) || self.subject.chars().count() > SUBJECT_CHARS_MAX {
            return Err(input(format!(
                "`subject` is one line of at most {SUBJECT_CHARS_MAX} characters"
            )));
        }
        let digest = Sha256::digest(self.key.as_bytes());
        let digits = hex(&digest[..16]);
        let id = format!("<{digits}@{}>", from.email.domain());
        let mut message = Message::builder()
            .message_id(Some(id.clone()))
            .from(from)
            .subject(&self.subject);
        message = to.into_iter().fold(message, |message, to| message.to(to));
        message = cc.into_iter().fold(message, |message, cc| message.cc(cc));
        if let Some(reply_to) = &self.reply_to {
            message = message.reply_to(address("reply_to", reply_to)?);
        }
        let text = SinglePart::builder()
            .header(ContentType::TEXT_PLAIN)
            .body(self.body.clone());
        let built = match &self.html {
            Some(html) => {
                let page = SinglePart::builder()
                    .header(ContentType::TEXT_HTML)
                    .body(html.clone());
                message.multipart(MultiPart::alternative().singlepart(text).singlepart(page))
            }
            None => message.singlepart(text),
        };
        let built = built.map_err(|error| input(format!("the mail cannot be written: {error}")))?;
        Ok((built, id))
    }
}

fn is_control(c: char) -> bool {
    c.is_control() && c != '\t'
}

fn address(field: &str, text: &str) -> Result<Mailbox, TaskError> {
    let parsed = match text.contains(is_control) {
        true => None,
        false => text.trim().parse().ok(),
    };
    parsed.ok_or_else(|| {
        let shown: String = text.chars().take(80).collect();
        input(format!(
            "`{}` in `{field}` is no mail address",
            shown.escape_debug()
        ))
    })
}

fn addresses(field: &str, texts: &[String]) -> Result<Vec<Mailbox>, TaskError> {
    let mut all = Vec::new();
    for text in texts {
        match text.contains(is_control) {
            false if text.trim().is_empty() => {}
            false => {
                let several = text.parse::<Mailboxes>();
                all.extend(several.map_err(|_| {
                    address(field, text)
                        .err()
                        .unwrap_or_else(|| input(format!("`{field}` holds no mail addresses")))
                })?);
            }
            true => all.push(address(field, text)?),
        }
    }
    Ok(all)
}

fn explain(error: &lettre::transport::smtp::Error, host: &str) -> TaskError {
    let why = causes(error)
        .last()
        .map_or_else(|| error.to_string(), ToString::to_string);
    if let Some(code) = error.status().map(|code| code.to_string()) {
        let said = if why.starts_with(&code) {
            why
        } else {
            format!("{code} {why}")
        };
        return match &*code {
            "530" | "534" | "535" | "538" => {
                TaskError::new("login", format!("{host} refuses the login: {said}")).permanent()
            }
            _ if error.is_permanent() => {
                TaskError::new("refused", format!("{host} refuses the mail: {said}")).permanent()
            }
            _ => TaskError::new("deferred", format!("{host} does not take the mail now: {said}")),
        };
    }
    if error.is_timeout() {
        return TaskError::new("timeout", format!("{host} took too long: {why}"));
    }
    if error.is_tls() || is_about_trust(error) {
        return TaskError::new("tls", format!("no secure connection to {host}: {why}"));
    }
    if error.is_client() {
        return TaskError::new("refused", format!("{host} does not offer what is needed: {why}")).permanent();
    }
    TaskError::new(
        "connect",
        format!("{host} cannot be reached, or broke off: {why}"),
    )
}
