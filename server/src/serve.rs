//! A server put together, started and stopped.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use engine::secrets::key::KeySource;
use engine::store::retention::Retention;
use engine::task_types::{BuiltinOptions, HttpOptions, MailOptions};
use engine::{Engine, EngineError, QueueLimits};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tower::ServiceExt;
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate, SizeAbove};

use crate::accept::{content_type, prefers_html};
use crate::log_lines::LogLines;
use crate::problem::ApiError;
use crate::safety::{self, Hosts};
use crate::state::{STREAMS_MAX, ServerState, Shared, Stopping};
use crate::{api, backend, docs, examples, wire};

/// How a server is set up.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The folder that holds everything.
    pub data: PathBuf,
    /// How many attempts may be made at once.
    pub workers: Option<usize>,
    /// Hosts to answer for, beside loopback and the listen address.
    pub allow_hosts: Vec<String>,
    /// Whether others than this machine may be let in without a login.
    pub insecure_no_login: bool,
    /// Task types that are switched off.
    pub disabled_types: Vec<String>,
    /// Whether `http.request` is kept from this machine's and private networks' addresses.
    pub deny_private_networks: bool,
    /// How mails are sent.
    pub mail: MailOptions,
    /// A program that evaluates jq in a process of its own.
    pub jq_helper: Option<PathBuf>,
    /// Which finished runs are kept.
    pub retention: Retention,
    /// What holds for queues, unless set while the server works.
    pub queues: BTreeMap<String, QueueLimits>,
    /// How long a worker in another process may be silent; a minute unless named.
    pub worker_lease: Option<Duration>,
    /// Where the key of the secrets is.
    pub secret_key: KeySource,
    /// Whether an empty store gets the example flows.
    pub examples: bool,
}

impl ServeOptions {
    /// The usual set-up.
    #[must_use]
    pub fn new(listen: SocketAddr, data: PathBuf) -> Self {
        Self {
            listen,
            data,
            workers: None,
            allow_hosts: Vec::new(),
            insecure_no_login: false,
            disabled_types: Vec::new(),
            deny_private_networks: false,
            mail: MailOptions::default(),
            jq_helper: None,
            retention: Retention::default(),
            queues: BTreeMap::new(),
            worker_lease: None,
            secret_key: KeySource::default(),
            examples: true,
        }
    }
}

/// A server at work.
pub struct Server {
    address: SocketAddr,
    engine: Engine,
    stop: watch::Sender<bool>,
    answering: JoinHandle<()>,
}

impl Server {
    /// Starts a server; it answers when this comes back.
    ///
    /// # Errors
    /// If the address or the data folder cannot be used, or the options do not go together: with one sentence that says why.
    pub async fn start(options: ServeOptions) -> Result<Self> {
        let listen = options.listen;
        if !listen.ip().is_loopback() && !options.insecure_no_login {
            bail!(
                "{listen} can be reached from other machines, and there is no login yet: whoever reaches it could run commands \
                 here. Listen on 127.0.0.1, or give `--insecure-no-login` if the network is trusted"
            );
        }
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("cannot listen on {listen}"))?;
        let address = listener
            .local_addr()
            .with_context(|| format!("cannot listen on {listen}"))?;
        let engine = start_engine(&options).await?;
        if options.examples {
            examples::save_if_empty(&engine).await?;
        }
        let (stop, stopping) = watch::channel(false);
        let stopping = Stopping::new(stopping);
        let state = ServerState {
            shared: Arc::new(Shared {
                hosts: Hosts::new(address, &options.allow_hosts),
                stopping: stopping.clone(),
                streams: Arc::new(Semaphore::new(STREAMS_MAX)),
                wrong: Default::default(),
                logs: LogLines::new(engine.clone()),
                started_at: engine.clock().now(),
            }),
            engine: engine.clone(),
        };
        let answering = tokio::spawn(wire::serve(listener, router(state), stopping));
        Ok(Self {
            address,
            engine,
            stop,
            answering,
        })
    }

    /// Where it answers.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops: no new connections, streams end, attempts may finish for this long and are handed back after it.
    pub async fn stop(self, finish: Duration) {
        // An error means that nothing listens any more.
        let _ = self.stop.send(true);
        self.engine.shutdown(finish).await;
        // It ends within its own bound; a panic in it was reported when it happened.
        let _ = self.answering.await;
    }
}

async fn start_engine(options: &ServeOptions) -> Result<Engine> {
    let builtin = BuiltinOptions {
        http: HttpOptions {
            deny_private: options.deny_private_networks,
        },
        mail: options.mail.clone(),
        jq_helper: options.jq_helper.clone(),
    };
    let mut builder = Engine::builder()
        .data_dir(&options.data)
        .builtin(builtin)
        .retention(options.retention.clone())
        .secret_key(options.secret_key.clone())
        .disable(options.disabled_types.clone());
    for (name, limits) in &options.queues {
        builder = builder.queue(name, limits.clone());
    }
    if let Some(lease) = options.worker_lease {
        builder = builder.worker_lease(lease);
    }
    if let Some(workers) = options.workers {
        builder = builder.workers(workers);
    }
    builder.start().await.map_err(|error| match error {
        EngineError::BadRequest(_) => anyhow::Error::new(error),
        other => anyhow::Error::new(other)
            .context(format!("cannot use the data folder {}", options.data.display())),
    })
}

/// Everything that has an address.
fn router(state: ServerState) -> Router {
    let pages = backend::pages(&state);
    let (api, description) = api::router().split_for_parts();
    let fallback = (pages.clone(), state.clone());
    api.merge(docs::router(description))
        .merge(backend::server_functions(&state))
        .route("/live", axum::routing::get(crate::stream::mux::live))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(move |request| page_or_nothing(fallback.0, fallback.1, request))
        .layer(middleware::from_fn_with_state(pages, two_doors))
        .layer(compression())
        .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
            // The panic hook has told what and where.
            ApiError::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "something went wrong here; the server's log says what",
            )
            .into_response()
        }))
        .layer(middleware::from_fn_with_state(state.clone(), safety::guard))
        .with_state(state)
}

/// What is written for each request travels compressed: a third smaller than in the quickest way, and still within a millisecond for a page.
/// Files are compressed already, fonts in themselves. Streams are left alone: they would wait for more. So are short answers, which are most.
fn compression() -> CompressionLayer<impl Predicate> {
    let what = DefaultPredicate::new()
        .and(SizeAbove::new(1024))
        .and(NotForContentType::const_new("font/"))
        .and(NotForContentType::const_new("application/wasm"));
    CompressionLayer::new()
        .quality(CompressionLevel::Precise(6))
        .compress_when(what)
}

/// Addresses with two doors: a page for browsers, JSON for programs.
const TWO_DOORS: [&str; 3] = ["/", "/flows", "/flows/summary"];

async fn two_doors(State(pages): State<Router>, request: Request, next: Next) -> Response {
    if !TWO_DOORS.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let mut response = if is_read && prefers_html(request.headers()) {
        let page: Result<Response, std::convert::Infallible> = pages.oneshot(request).await;
        page.into_response()
    } else {
        next.run(request).await
    };
    response
        .headers_mut()
        .append(header::VARY, HeaderValue::from_static("accept"));
    response
}

async fn page_or_nothing(pages: Router, state: ServerState, request: Request) -> Response {
    let path = request.uri().path();
    if path == "/api" || path.starts_with("/api/") || path.starts_with("/fn/") {
        return ApiError::not_found(
            "unknown_address",
            format!("there is nothing at {path}; /docs lists all calls"),
        )
        .into_response();
    }
    if request.method() == Method::POST && content_type(request.headers()) == backend::FORM_TYPE {
        return backend::form_of_page(&state, pages, request)
            .await
            .into_response();
    }
    let page: Result<Response, std::convert::Infallible> = pages.oneshot(request).await;
    page.into_response()
}

async fn method_not_allowed(method: Method, uri: Uri) -> ApiError {
    let detail = format!("{method} cannot be done at {}", uri.path());
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}
