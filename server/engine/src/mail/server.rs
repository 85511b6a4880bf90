//! A mail server for tests: the protocol is another crate's, the connections are real.

use std::net::SocketAddr;
use std::sync::Arc;

use mailin::{Action, AuthMechanism, Handler, Response, Session, SessionBuilder, response};
use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

use crate::task_types::harness::PATIENCE;

/// A mail that was taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Taken {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) text: String,
    /// Who logged in.
    pub(crate) login: Option<String>,
}

/// A server at work until it is dropped. Recipients steer it: `unknown@` is refused, `later@` deferred, at `break@` it breaks off;
/// whoever logs in must do so with the password `p@ss/word`.
pub(crate) struct MailServer {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    taken: Mutex<Vec<Taken>>,
    /// How many more connections are broken off at once.
    n_to_break: Mutex<u32>,
    came: Notify,
}

impl MailServer {
    /// One that takes mails from everybody.
    pub(crate) async fn start() -> Self {
        Self::open(false, None).await
    }

    /// One that takes them only from who has logged in.
    pub(crate) async fn locked() -> Self {
        Self::open(true, None).await
    }

    /// One that offers STARTTLS, as `localhost`, and its certificate as PEM: it has signed that itself.
    pub(crate) async fn with_tls() -> (Self, String) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let key =
            rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("there are versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("they fit");
        let server = Self::open(false, Some(TlsAcceptor::from(Arc::new(config)))).await;
        (server, made.cert.pem())
    }

    async fn open(is_locked: bool, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it has one");
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let must_break = {
                    let mut n = shared.n_to_break.lock();
                    let must = *n > 0;
                    *n = n.saturating_sub(1);
                    must
                };
                if !must_break {
                    tokio::spawn(talk(stream, Arc::clone(&shared), is_locked, tls.clone()));
                }
            }
        });
        Self { address, state }
    }

    /// The text for `smtp`, with this before the host.
    pub(crate) fn smtp(&self, login: &str) -> String {
        format!("smtp://{login}{}?tls=none", self.address)
    }

    pub(crate) fn break_off(&self, n: u32) {
        *self.state.n_to_break.lock() = n;
    }

    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.state.taken.lock().clone()
    }

    /// Comes back when so many mails have been taken.
    pub(crate) async fn wait_for(&self, n: usize) -> Vec<Taken> {
        loop {
            // Register before looking, or one that comes in between is missed.
            let came = self.state.came.notified();
            let taken = self.taken();
            if taken.len() >= n {
                return taken;
            }
            tokio::time::timeout(PATIENCE, came).await.expect("a mail comes");
        }
    }
}

struct Desk {
    state: Arc<State>,
    mail: Taken,
    must_break: Arc<Mutex<bool>>,
}

impl Handler for Desk {
    fn mail(&mut self, _: std::net::IpAddr, _: &str, from: &str) -> Response {
        from.clone_into(&mut self.mail.from);
        self.mail.to.clear();
        self.mail.text.clear();
        response::OK
    }

    fn rcpt(&mut self, to: &str) -> Response {
        match to.split('@').next().unwrap_or_default() {
            "unknown" => response::NO_MAILBOX,
            "later" => Response::custom(450, "Try again later".to_owned()),
            "break" => {
                *self.must_break.lock() = true;
                response::OK
            }
            _ => {
                self.mail.to.push(to.to_owned());
                response::OK
            }
        }
    }

    fn data(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.mail.text.push_str(&String::from_utf8_lossy(bytes));
        Ok(())
    }

    fn data_end(&mut self) -> Response {
        self.state.taken.lock().push(self.mail.clone());
        self.state.came.notify_waiters();
        response::OK
    }

    fn auth_plain(&mut self, _: &str, name: &str, password: &str) -> Response {
        match password {
            "p@ss/word" => {
                self.mail.login = Some(name.to_owned());
                response::AUTH_OK
            }
            _ => response::INVALID_CREDENTIALS,
        }
    }
}

async fn talk(
    stream: TcpStream,
    state: Arc<State>,
    is_locked: bool,
    tls: Option<TlsAcceptor>,
) -> std::io::Result<()> {
    let remote = stream.peer_addr()?.ip();
    let must_break = Arc::new(Mutex::new(false));
    let desk = Desk {
        state,
        mail: Taken::default(),
        must_break: Arc::clone(&must_break),
    };
    let mut builder = SessionBuilder::new("test.example");
    if is_locked {
        builder.enable_auth(AuthMechanism::Plain);
        builder.insecure_enable_plaintext_auth();
    }
    if tls.is_some() {
        builder.enable_start_tls();
    }
    let mut session = builder.build(remote, desk);
    let mut stream = BufReader::new(stream);
    stream.write_all(&session.greeting().buffer()?).await?;
    let wants_tls = converse(&mut stream, &mut session, &must_break).await?;
    if let Some(tls) = tls.filter(|_| wants_tls) {
        let mut stream = BufReader::new(tls.accept(stream.into_inner()).await?);
        session.tls_active();
        converse(&mut stream, &mut session, &must_break).await?;
    }
    Ok(())
}

/// Until one of both hangs up, or the rest is to be secret.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufReader<S>,
    session: &mut Session<Desk>,
    must_break: &Mutex<bool>,
) -> std::io::Result<bool> {
    let mut line = Vec::new();
    while stream.read_until(b'\n', &mut line).await? > 0 {
        let answer = session.process(&line);
        line.clear();
        if *must_break.lock() {
            return Ok(false);
        }
        if answer.action == Action::NoReply {
            continue;
        }
        stream.write_all(&answer.buffer()?).await?;
        stream.flush().await?;
        match answer.action {
            Action::UpgradeTls => return Ok(true),
            Action::Close => return Ok(false),
            Action::NoReply | Action::Reply => {}
        }
    }
    Ok(false)
}
