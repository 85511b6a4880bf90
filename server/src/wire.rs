//! Connections: accepted, bounded, and ended gracefully.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::Service;
use tracing::{debug, warn};

use crate::safety::{LocalAddress, PeerAddress};
use crate::state::Stopping;

/// Connections open at once; more wait until one ends.
const CONNECTIONS_MAX: usize = 10_000;

/// How long the head of a request may take to arrive, and a connection may be idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes of a request's head; longer ones are answered with 431.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// How long answers may take to be finished when the server goes down.
const FINISH: Duration = Duration::from_secs(5);

/// How long to wait before accepting again when the system has no room for another connection.
const PAUSE: Duration = Duration::from_millis(50);

/// Answers requests until the server goes down, then lets those in hand be answered for a while.
pub(crate) async fn serve(listener: TcpListener, router: Router, stopping: Stopping) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else {
            break;
        };
        let accepted = tokio::select! {
            () = stopping.wait() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = connection(stream, router.clone(), stopping.clone());
                tokio::spawn(async move {
                    connection.await;
                    drop(permit);
                });
            }
            Err(error) => {
                warn!(%error, "A connection could not be accepted: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    let all = room.acquire_many(CONNECTIONS_MAX as u32);
    if tokio::time::timeout(FINISH, all).await.is_err() {
        debug!("Some connections did not end in time");
    }
}

async fn connection(stream: TcpStream, router: Router, stopping: Stopping) {
    // Frames of a stream are small and must not wait for each other. A socket that cannot do it works as well.
    let _ = stream.set_nodelay(true);
    let Ok(local) = stream.local_addr() else { return };
    let Ok(peer) = stream.peer_addr() else { return };
    let addresses = (LocalAddress(local.ip()), PeerAddress(peer.ip().to_canonical()));
    let service = hyper::service::service_fn(move |request| answer(router.clone(), addresses, request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return log(ended),
        () = stopping.wait() => connection.as_mut().graceful_shutdown(),
    }
    log(connection.await);
}

/// Clients break off at all times; it is nobody's failure.
fn log(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        debug!(%error, "A connection broke: {error}");
    }
}

async fn answer(
    mut router: Router,
    (local, peer): (LocalAddress, PeerAddress),
    request: Request<Incoming>,
) -> Result<Response, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(local);
    request.extensions_mut().insert(peer);
    router.call(request).await
}
