//! Who is let in, and what browsers are told.

use std::io::{Read, Write};
use std::net::TcpStream;

use expect_test::expect;

use crate::support::Site;

#[tokio::test]
async fn only_our_own_hosts_are_answered() {
    let site = Site::start().await;
    site.check("GET /health\nhost: evil.example", expect![[r#"
        421
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Misdirected Request",
          "status": 421,
          "code": "host_not_allowed",
          "detail": "This server does not answer for the host `evil.example`; start it with `--allow-host evil.example` if it should."
        }
    "#]]).await;
    site.check("GET /\nhost: evil.example\naccept: text/html", expect![[r#"
        421
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Misdirected Request",
          "status": 421,
          "code": "host_not_allowed",
          "detail": "This server does not answer for the host `evil.example`; start it with `--allow-host evil.example` if it should."
        }
    "#]]).await;
    assert_eq!(site.send("GET /ready\nhost: localhost").await.status, 200);
    assert_eq!(site.send("GET /ready\nhost: [::1]:1").await.status, 200);
}

#[tokio::test]
async fn an_address_in_the_request_line_counts_too() {
    let site = Site::start().await;
    let address = site.url.strip_prefix("http://").expect("an address").to_owned();
    let ask = |request: &'static str| {
        let address = address.clone();
        tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).expect("it listens");
            stream.write_all(request.as_bytes()).expect("it is sent");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("it answers");
            answer.lines().next().unwrap_or_default().to_owned()
        })
    };
    for (request, expected) in [
        (
            "GET http://evil.example/ready HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n",
            "HTTP/1.1 421 Misdirected Request",
        ),
        (
            "GET http://evil.example/ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
            "HTTP/1.1 400 Bad Request",
        ),
        (
            "GET http://localhost/ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
            "HTTP/1.1 200 OK",
        ),
        (
            "GET /ready HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\nconnection: close\r\n\r\n",
            "HTTP/1.1 400 Bad Request",
        ),
        (
            "GET /ready HTTP/1.1\r\nconnection: close\r\n\r\n",
            "HTTP/1.1 400 Bad Request",
        ),
        ("GET /ready HTTP/1.0\r\n\r\n", "HTTP/1.0 400 Bad Request"),
    ] {
        assert_eq!(ask(request).await.expect("no panic"), expected, "{request}");
    }
}

#[tokio::test]
async fn other_pages_may_not_write_or_follow() {
    let site = Site::start().await;
    site.save("flow: x\ntasks: { t: { type: noop } }").await;
    site.check(
        "POST /api/v1/flows/x/runs\norigin: http://evil.example",
        expect![[r#"
        403
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Forbidden",
          "status": 403,
          "code": "foreign_origin",
          "detail": "A page of `http://evil.example` may not do this."
        }
    "#]],
    )
    .await;
    for refused in [
        "POST /api/v1/flows/x/runs\norigin: null",
        "POST /api/v1/flows/x/runs\nsec-fetch-site: cross-site",
        "DELETE /api/v1/flows/x\nsec-fetch-site: same-site",
        "GET /api/v1/events?topics=runs\naccept: text/event-stream\norigin: http://evil.example",
        "GET /api/v1/ws?topics=runs\nconnection: upgrade\nupgrade: websocket\norigin: http://evil.example",
        "POST /fn/set_theme\ncontent-type: application/x-www-form-urlencoded\norigin: http://localhost:1\n\ntheme=dark",
    ] {
        assert_eq!(site.send(refused).await.status, 403, "{refused}");
    }
    assert_eq!(
        site.send("GET /api/v1/runs").await.json()["items"],
        serde_json::json!([])
    );
    let own = format!(
        "POST /api/v1/flows/x/runs\norigin: {}\nsec-fetch-site: same-origin",
        site.url
    );
    assert_eq!(site.send(&own).await.status, 202);
}

#[tokio::test]
async fn browsers_are_told_to_be_careful() {
    let site = Site::start().await;
    for path in ["/api/v1/flows", "/health", "/docs/", "/redoc", "/api/v1/none"] {
        let headers = site.send(&format!("GET {path}")).await.headers;
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["referrer-policy"], "same-origin", "{path}");
        assert_eq!(headers["x-frame-options"], "DENY", "{path}");
        let policy = headers["content-security-policy"].to_str().expect("text");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert!(headers.get("access-control-allow-origin").is_none(), "{path}");
    }
    let page = site.send("GET /runs\naccept: text/html").await;
    assert_eq!(page.status, 200, "{}", page.body);
    let policy = page.headers["content-security-policy"].to_str().expect("text");
    assert!(
        policy.contains("script-src 'self' 'wasm-unsafe-eval' 'nonce-"),
        "{policy}"
    );
}

#[tokio::test]
async fn some_addresses_have_two_doors() {
    let site = Site::start().await;
    for path in ["/", "/flows"] {
        let page = site
            .send(&format!("GET {path}\naccept: text/html,*/*;q=0.8"))
            .await;
        assert!(
            page.headers["content-type"]
                .to_str()
                .is_ok_and(|kind| kind.starts_with("text/html")),
            "{path}"
        );
        assert!(
            page.headers.get_all("vary").iter().any(|vary| vary == "accept"),
            "{path}"
        );
        let json = site.send(&format!("GET {path}")).await;
        assert_eq!(json.headers["content-type"], "application/json", "{path}");
        assert!(
            json.headers.get_all("vary").iter().any(|vary| vary == "accept"),
            "{path}"
        );
    }
    assert_eq!(site.send("GET /nowhere\naccept: text/html").await.status, 404);
    assert_eq!(site.send("GET /fn/none").await.status, 405);
}
