//! Requests to a server of our own that answers what the test says.

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::HttpOptions;
use super::address::refusal;
use crate::dispatch::Dispatch;
use crate::task_types::harness::{Harness, Setup, shown};
use crate::task_types::{BuiltinOptions, TypeRegistry};

type Answer = Arc<dyn Fn(&str) -> Vec<u8> + Send + Sync>;

/// A server that answers each request, head and body as text, with these bytes, and closes.
async fn serve(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it has one");
    let answer: Answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(one(stream, Arc::clone(&answer)));
        }
    });
    address
}

async fn one(mut stream: TcpStream, answer: Answer) -> std::io::Result<()> {
    let mut request = Vec::new();
    loop {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&request);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
            .unwrap_or(0);
        if body.len() >= length {
            break;
        }
    }
    let text = String::from_utf8_lossy(&request).into_owned();
    stream.write_all(&answer(&text)).await?;
    stream.shutdown().await
}

fn respond(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut response = format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    response.extend_from_slice(body);
    response
}

/// Makes one request to a server; `SERVER` in the arguments and in what comes back is its address.
async fn check(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static, input: Value, expect: &Expect) {
    let address = serve(answer).await;
    let input: Value =
        serde_json::from_str(&input.to_string().replace("SERVER", &address.to_string())).expect("it is JSON");
    let harness = Harness::new(Setup::default());
    expect.assert_eq(
        &harness
            .run("http.request", input)
            .await
            .replace(&address.to_string(), "SERVER"),
    );
}

/// Answers with the request itself.
fn echo(request: &str) -> Vec<u8> {
    respond("200 OK", "content-type: text/plain\r\n", request)
}

#[tokio::test]
async fn what_is_sent() {
    check(echo, json!({ "url": "http://SERVER/a b?x=1#top" }), &expect![[r#"
        succeeded: {"status":200,"headers":{"content-type":"text/plain","content-length":"118","connection":"close"},"body":"GET /a%20b?x=1 HTTP/1.1\r\naccept: */*\r\nuser-agent: pointwork/0.1.0\r\naccept-encoding: gzip,br\r\nhost: SERVER\r\n\r\n"}
        out | GET http://SERVER/a%20b answered 200 OK
    "#]]).await;
    let full = json!({
        "url": "http://SERVER/orders?x=1",
        "method": "post",
        "headers": { "X-Trace": 7, "Accept": "application/json" },
        "query": { "day": "a&b", "tag": ["x", 2], "none": null },
        "body": { "n": 1 },
    });
    check(echo, full, &expect![[r#"
        succeeded: {"status":200,"headers":{"content-type":"text/plain","content-length":"277","connection":"close"},"body":"POST /orders?x=1&day=a%26b&tag=x&tag=2 HTTP/1.1\r\naccept: application/json\r\nx-trace: 7\r\ncontent-type: application/json\r\nidempotency-key: RUN/t1\r\nuser-agent: pointwork/0.1.0\r\naccept-encoding: gzip,br\r\nhost: SERVER\r\ncontent-length: 7\r\n\r\n{\"n\":1}"}
        out | POST http://SERVER/orders answered 200 OK
    "#]]).await;
    check(echo, json!({ "url": "http://SERVER/", "method": "PUT", "body": "text", "headers": { "idempotency-key": "mine" } }), &expect![[r#"
        succeeded: {"status":200,"headers":{"content-type":"text/plain","content-length":"196","connection":"close"},"body":"PUT / HTTP/1.1\r\nidempotency-key: mine\r\ncontent-type: text/plain; charset=utf-8\r\naccept: */*\r\nuser-agent: pointwork/0.1.0\r\naccept-encoding: gzip,br\r\nhost: SERVER\r\ncontent-length: 4\r\n\r\ntext"}
        out | PUT http://SERVER/ answered 200 OK
    "#]]).await;
    check(echo, json!({ "url": "http://us%65r:p%40ss@SERVER/" }), &expect![[r#"
        succeeded: {"status":200,"headers":{"content-type":"text/plain","content-length":"144","connection":"close"},"body":"GET / HTTP/1.1\r\nauthorization: Basic dXNlcjpwQHNz\r\naccept: */*\r\nuser-agent: pointwork/0.1.0\r\naccept-encoding: gzip,br\r\nhost: SERVER\r\n\r\n"}
        out | GET http://SERVER/ answered 200 OK
    "#]]).await;
}

#[tokio::test]
async fn what_comes_back() {
    let typed = |content_type: &'static str, body: &'static [u8]| {
        move |_: &str| respond("200 OK", &format!("content-type: {content_type}\r\n"), body)
    };
    let get = || json!({ "url": "http://SERVER/" });
    check(typed("application/json; charset=utf-8", b"{\"a\": [1, 2.5]}"), get(), &expect![[r#"
        succeeded: {"status":200,"headers":{"content-type":"application/json; charset=utf-8","content-length":"15","connection":"close"},"body":{"a":[1,2.5]}}
        out | GET http://SERVER/ answered 200 OK
    "#]]).await;
    check(typed("application/problem+json", b"{\"code\": 1}"), get(), &expect![[r#"
        succeeded: {"status":200,"headers":{"content-type":"application/problem+json","content-length":"11","connection":"close"},"body":{"code":1}}
        out | GET http://SERVER/ answered 200 OK
    "#]]).await;
    check(typed("application/json", b"{broken"), get(), &expect![[r#"
        succeeded: {"status":200,"headers":{"content-type":"application/json","content-length":"7","connection":"close"},"body":"{broken"}
        out | GET http://SERVER/ answered 200 OK
    "#]]).await;
    check(typed("text/html; charset=iso-8859-1", b"caf\xe9"), get(), &expect![[r#"
        succeeded: {"status":200,"headers":{"content-type":"text/html; charset=iso-8859-1","content-length":"4","connection":"close"},"body":"café"}
        out | GET http://SERVER/ answered 200 OK
    "#]]).await;
    check(typed("text/plain", b"\xff\xfe"), get(), &expect![[r#"
        succeeded: {"status":200,"headers":{"content-type":"text/plain","content-length":"2","connection":"close"},"body":""}
        out | GET http://SERVER/ answered 200 OK
    "#]]).await;
    check(typed("image/png", b"\x89PNG"), get(), &expect![[r#"
        succeeded: {"status":200,"headers":{"content-type":"image/png","content-length":"4","connection":"close"},"body":{"base64":"iVBORw=="}}
        out | GET http://SERVER/ answered 200 OK
    "#]]).await;
    check(|_: &str| respond("200 OK", "set-cookie: a=1\r\nset-cookie: b=2\r\n", "no type"), get(), &expect![[r#"
        succeeded: {"status":200,"headers":{"set-cookie":["a=1","b=2"],"content-length":"7","connection":"close"},"body":"no type"}
        out | GET http://SERVER/ answered 200 OK
    "#]]).await;
    check(
        |_: &str| respond("204 No Content", "", ""),
        get(),
        &expect![[r#"
        succeeded: {"status":204,"headers":{"content-length":"0","connection":"close"},"body":null}
        out | GET http://SERVER/ answered 204 No Content
    "#]],
    )
    .await;
}

#[tokio::test]
async fn who_is_asked_to_come_later_does() {
    let busy = |headers: &'static str| move |_: &str| respond("503 Service Unavailable", headers, "");
    let input = || json!({ "url": "http://SERVER/" });
    check(busy("retry-after: 120\r\n"), input(), &expect![[r#"
        failed, again after 120s: http_status: the answer was 503
        with {"status":503,"headers":{"retry-after":"120","content-length":"0","connection":"close"},"body":null}
        out | GET http://SERVER/ answered 503 Service Unavailable
    "#]]).await;
    let until = "date: Sat, 31 Jan 2026 11:59:00 GMT\r\nretry-after: Sat, 31 Jan 2026 12:00:00 GMT\r\n";
    check(busy(until), input(), &expect![[r#"
        failed, again after 60s: http_status: the answer was 503
        with {"status":503,"headers":{"date":"Sat, 31 Jan 2026 11:59:00 GMT","retry-after":"Sat, 31 Jan 2026 12:00:00 GMT","content-length":"0","connection":"close"},"body":null}
        out | GET http://SERVER/ answered 503 Service Unavailable
    "#]]).await;
    let before = "date: Sat, 31 Jan 2026 12:00:01 GMT\r\nretry-after: Sat, 31 Jan 2026 12:00:00 GMT\r\n";
    check(busy(before), input(), &expect![[r#"
        failed: http_status: the answer was 503
        with {"status":503,"headers":{"date":"Sat, 31 Jan 2026 12:00:01 GMT","retry-after":"Sat, 31 Jan 2026 12:00:00 GMT","content-length":"0","connection":"close"},"body":null}
        out | GET http://SERVER/ answered 503 Service Unavailable
    "#]]).await;
    check(busy("retry-after: soon\r\n"), input(), &expect![[r#"
        failed: http_status: the answer was 503
        with {"status":503,"headers":{"retry-after":"soon","content-length":"0","connection":"close"},"body":null}
        out | GET http://SERVER/ answered 503 Service Unavailable
    "#]]).await;
}

#[tokio::test]
async fn statuses() {
    let teapot = |_: &str| {
        respond(
            "418 I'm a teapot",
            "content-type: text/plain\r\n",
            "short\n  and   stout",
        )
    };
    check(teapot, json!({ "url": "http://SERVER/" }), &expect![[r#"
        failed: http_status: the answer was 418: short and stout
        with {"status":418,"headers":{"content-type":"text/plain","content-length":"19","connection":"close"},"body":"short\n  and   stout"}
        out | GET http://SERVER/ answered 418 I'm a teapot
    "#]]).await;
    check(teapot, json!({ "url": "http://SERVER/", "expect": [200, "4xx"] }), &expect![[r#"
        succeeded: {"status":418,"headers":{"content-type":"text/plain","content-length":"19","connection":"close"},"body":"short\n  and   stout"}
        out | GET http://SERVER/ answered 418 I'm a teapot
    "#]]).await;
    check(teapot, json!({ "url": "http://SERVER/", "expect": 418 }), &expect![[r#"
        succeeded: {"status":418,"headers":{"content-type":"text/plain","content-length":"19","connection":"close"},"body":"short\n  and   stout"}
        out | GET http://SERVER/ answered 418 I'm a teapot
    "#]]).await;
    check(
        teapot,
        json!({ "url": "http://SERVER/", "expect": ["6xx"] }),
        &expect![[r#"
        failed, for good: input: `expect` holds statuses such as 200 or "404", or classes such as "2xx"
    "#]],
    )
    .await;
}

#[tokio::test]
async fn bad_arguments() {
    for input in [
        json!({}),
        json!({ "url": "nonsense" }),
        json!({ "url": "file:///etc/passwd" }),
        json!({ "url": "http://SERVER/", "method": "GET IT" }),
        json!({ "url": "http://SERVER/", "method": "CONNECT" }),
        json!({ "url": "http://SERVER/", "headers": { "a b": "c" } }),
        json!({ "url": "http://SERVER/", "headers": { "a": "b\r\nc: d" } }),
        json!({ "url": "http://SERVER/", "headers": { "Content-Length": "7" } }),
        json!({ "url": "http://SERVER/", "max_body": 100_000_000 }),
        json!({ "url": "http://SERVER/", "retries": 3 }),
    ] {
        let harness = Harness::new(Setup::default());
        let shown = harness.run("http.request", input.clone()).await;
        assert!(
            shown.starts_with("failed, for good: input: "),
            "{input} gave {shown}"
        );
    }
}

#[tokio::test]
async fn redirects() {
    let hops = |request: &str| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        match path.trim_start_matches('/').parse::<u32>() {
            Ok(0) => echo(request),
            Ok(n) => respond("302 Found", &format!("location: /{}\r\n", n - 1), ""),
            Err(_) => respond("307 Temporary Redirect", "location: 0\r\n", ""),
        }
    };
    check(hops, json!({ "url": "http://SERVER/2", "method": "POST", "body": "x" }), &expect![[r#"
        succeeded: {"status":200,"headers":{"content-type":"text/plain","content-length":"162","connection":"close"},"body":"GET /0 HTTP/1.1\r\nidempotency-key: RUN/t1\r\naccept: */*\r\nuser-agent: pointwork/0.1.0\r\naccept-encoding: gzip,br\r\nhost: SERVER\r\n\r\n"}
        out | POST http://SERVER/2 answered 302 Found
        out | GET http://SERVER/1 answered 302 Found
        out | GET http://SERVER/0 answered 200 OK
    "#]]).await;
    check(hops, json!({ "url": "http://SERVER/again", "method": "POST", "body": "x" }), &expect![[r#"
        succeeded: {"status":200,"headers":{"content-type":"text/plain","content-length":"224","connection":"close"},"body":"POST /0 HTTP/1.1\r\ncontent-type: text/plain; charset=utf-8\r\nidempotency-key: RUN/t1\r\naccept: */*\r\nuser-agent: pointwork/0.1.0\r\naccept-encoding: gzip,br\r\nhost: SERVER\r\ncontent-length: 1\r\n\r\nx"}
        out | POST http://SERVER/again answered 307 Temporary Redirect
        out | POST http://SERVER/0 answered 200 OK
    "#]]).await;
    check(
        hops,
        json!({ "url": "http://SERVER/11" }),
        &expect![[r#"
        failed: redirects: more than 10 redirects, the last to /0
        out | GET http://SERVER/11 answered 302 Found
        out | GET http://SERVER/10 answered 302 Found
        out | GET http://SERVER/9 answered 302 Found
        out | GET http://SERVER/8 answered 302 Found
        out | GET http://SERVER/7 answered 302 Found
        out | GET http://SERVER/6 answered 302 Found
        out | GET http://SERVER/5 answered 302 Found
        out | GET http://SERVER/4 answered 302 Found
        out | GET http://SERVER/3 answered 302 Found
        out | GET http://SERVER/2 answered 302 Found
        out | GET http://SERVER/1 answered 302 Found
    "#]],
    )
    .await;
    check(hops, json!({ "url": "http://SERVER/1", "follow_redirects": false, "expect": "3xx" }), &expect![[r#"
        succeeded: {"status":302,"headers":{"location":"/0","content-length":"0","connection":"close"},"body":null}
        out | GET http://SERVER/1 answered 302 Found
    "#]]).await;
    check(
        hops,
        json!({ "url": "http://SERVER/3", "follow_redirects": 2 }),
        &expect![[r#"
        failed: redirects: more than 2 redirects, the last to /0
        out | GET http://SERVER/3 answered 302 Found
        out | GET http://SERVER/2 answered 302 Found
        out | GET http://SERVER/1 answered 302 Found
    "#]],
    )
    .await;
}

#[tokio::test]
async fn credentials_stay_with_their_host() {
    let other = serve(echo).await;
    let away = move |request: &str| match request.starts_with("GET /stay ") {
        true => respond("302 Found", "location: /here\r\n", ""),
        false if request.starts_with("GET /here ") => echo(request),
        false => respond(
            "302 Found",
            &format!("location: http://mallory:x@{other}/\r\n"),
            "",
        ),
    };
    let with = |path: &str| {
        let headers = json!({ "Authorization": "Bearer s3cret", "Cookie": "a=s3cret", "Proxy-Authorization": "s3cret", "X-Api-Key": "s3cret", "Accept": "a/b" });
        json!({ "url": format!("http://SERVER/{path}"), "headers": headers })
    };
    let address = serve(away).await;
    let harness = Harness::new(Setup::default());
    for (path, stays) in [("stay", true), ("go", false)] {
        let input = serde_json::from_str(&with(path).to_string().replace("SERVER", &address.to_string()))
            .expect("it is JSON");
        let shown = harness.run("http.request", input).await;
        assert_eq!(
            shown.matches("s3cret").count(),
            if stays { 4 } else { 0 },
            "{shown}"
        );
        assert!(shown.contains("accept: a/b"), "{shown}");
        assert!(
            !shown.to_lowercase().contains("basic"),
            "the other side's credentials are not used: {shown}"
        );
    }
}

#[tokio::test]
async fn forbidden_addresses() {
    let get = |url: &str| json!({ "url": url });
    let nothing = |_: &str| Vec::new();
    check(
        nothing,
        get("http://169.254.169.254/latest/meta-data"),
        &expect![[r#"
        failed, for good: refused_address: 169.254.169.254 is a link-local address; requests to it are refused
    "#]],
    )
    .await;
    check(nothing, get("http://[::ffff:169.254.169.254]/"), &expect![[r#"
        failed, for good: refused_address: ::ffff:169.254.169.254 is a link-local address; requests to it are refused
    "#]]).await;
    check(
        nothing,
        get("http://2852039166/"),
        &expect![[r#"
        failed, for good: refused_address: 169.254.169.254 is a link-local address; requests to it are refused
    "#]],
    )
    .await;
    check(
        nothing,
        get("http://[fe80::1]/"),
        &expect![[r#"
        failed, for good: refused_address: fe80::1 is a link-local address; requests to it are refused
    "#]],
    )
    .await;
    check(
        nothing,
        get("http://0.0.0.0:80/"),
        &expect![[r#"
        failed, for good: refused_address: 0.0.0.0 is an unspecified address; requests to it are refused
    "#]],
    )
    .await;
    // Also behind a redirect.
    check(
        |_: &str| respond("302 Found", "location: http://169.254.169.254/\r\n", ""),
        get("http://SERVER/"),
        &expect![[r#"
        failed, for good: refused_address: 169.254.169.254 is a link-local address; requests to it are refused
        out | GET http://SERVER/ answered 302 Found
    "#]],
    )
    .await;
}

#[tokio::test]
async fn private_networks_can_be_denied_also_by_name() {
    let http = HttpOptions { deny_private: true };
    let types = TypeRegistry::builtin(&BuiltinOptions {
        http,
        ..BuiltinOptions::default()
    });
    let harness = Harness::new(Setup {
        types,
        ..Setup::default()
    });
    for url in [
        "http://127.0.0.1:1/",
        "http://localhost:1/",
        "http://10.1.2.3/",
        "http://[::1]:1/",
    ] {
        let shown = harness.run("http.request", json!({ "url": url })).await;
        assert!(
            shown.starts_with("failed, for good: refused_address: "),
            "{url} gave {shown}"
        );
    }
}

#[test]
fn addresses() {
    let mut text = String::new();
    for address in [
        "1.1.1.1",
        "127.0.0.1",
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "100.64.0.1",
        "0.0.0.0",
        "169.254.1.1",
        "100.100.100.200",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "2606:4700::1111",
        "::1",
        "::",
        "fe80::1",
        "fd00:ec2::254",
        "fd12::1",
        "ff02::1",
        "::ffff:169.254.169.254",
        "::ffff:1.1.1.1",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "::169.254.169.254",
    ] {
        let parsed: IpAddr = address.parse().expect("an address");
        let word = match (refusal(parsed, false), refusal(parsed, true)) {
            (Some(what), _) => format!("refused: {what}"),
            (None, Some(what)) => format!("unless denied: {what}"),
            (None, None) => "allowed".to_owned(),
        };
        text.push_str(&format!("{address:<24} {word}\n"));
    }
    expect![[r#"
        1.1.1.1                  allowed
        127.0.0.1                unless denied: this machine
        10.0.0.1                 unless denied: in a private network
        192.168.1.1              unless denied: in a private network
        172.16.0.1               unless denied: in a private network
        100.64.0.1               unless denied: in a private network
        0.0.0.0                  refused: an unspecified address
        169.254.1.1              refused: a link-local address
        100.100.100.200          refused: a cloud metadata service
        224.0.0.1                refused: a multicast address
        255.255.255.255          refused: a broadcast or reserved address
        240.0.0.1                refused: a broadcast or reserved address
        2606:4700::1111          allowed
        ::1                      unless denied: this machine
        ::                       refused: an unspecified address
        fe80::1                  refused: a link-local address
        fd00:ec2::254            refused: a cloud metadata service
        fd12::1                  unless denied: in a private network
        ff02::1                  refused: a multicast address
        ::ffff:169.254.169.254   refused: a link-local address
        ::ffff:1.1.1.1           allowed
        64:ff9b::a9fe:a9fe       refused: a link-local address
        2002:a9fe:a9fe::1        refused: a link-local address
        ::169.254.169.254        refused: a link-local address
    "#]]
    .assert_eq(&text);
}

fn bomb(megabytes: usize) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let zeros = vec![b' '; 1024 * 1024];
    for _ in 0..megabytes {
        encoder.write_all(&zeros).expect("it can be written to memory");
    }
    encoder.finish().expect("it can be finished")
}

#[tokio::test]
async fn bodies_are_bounded() {
    check(
        |_: &str| respond("200 OK", "", "x".repeat(1001)),
        json!({ "url": "http://SERVER/", "max_body": 1000 }),
        &expect![[r#"
        failed, for good: body_too_large: the body of the response is larger than 1000 bytes (`max_body`)
        out | GET http://SERVER/ answered 200 OK
    "#]],
    )
    .await;
    check(
        |_: &str| respond("200 OK", "content-encoding: gzip\r\n", bomb(50)),
        json!({ "url": "http://SERVER/" }),
        &expect![[r#"
        failed, for good: body_too_large: the body of the response is larger than 8388608 bytes (`max_body`)
        out | GET http://SERVER/ answered 200 OK
    "#]],
    )
    .await;
    // Without an end.
    let endless = |_: &str| [b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &[b'x'; 100_000]].concat();
    check(
        endless,
        json!({ "url": "http://SERVER/", "max_body": 50_000 }),
        &expect![[r#"
        failed, for good: body_too_large: the body of the response is larger than 50000 bytes (`max_body`)
        out | GET http://SERVER/ answered 200 OK
    "#]],
    )
    .await;
    let packed = |_: &str| {
        respond(
            "200 OK",
            "content-type: text/plain\r\ncontent-encoding: gzip\r\n",
            bomb(0),
        )
    };
    check(
        packed,
        json!({ "url": "http://SERVER/" }),
        &expect![[r#"
        succeeded: {"status":200,"headers":{"content-type":"text/plain","connection":"close"},"body":null}
        out | GET http://SERVER/ answered 200 OK
    "#]],
    )
    .await;
}

#[tokio::test]
async fn networks_fail() {
    // A port that was free a moment ago.
    let closed = TcpListener::bind("127.0.0.1:0")
        .await
        .and_then(|listener| listener.local_addr())
        .expect("a port is free");
    let harness = Harness::new(Setup::default());
    let kind = |shown: String| shown.split(": ").take(2).collect::<Vec<_>>().join(": ");
    assert_eq!(
        kind(
            harness
                .run("http.request", json!({ "url": format!("http://{closed}/") }))
                .await
        ),
        "failed: connect"
    );
    assert_eq!(
        kind(
            harness
                .run("http.request", json!({ "url": "http://no-such-host.invalid/" }))
                .await
        ),
        "failed: dns"
    );
    let plain = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let url = format!("https://{}/", plain.local_addr().expect("it has one"));
    // One that does not speak TLS says so at once.
    let answer = async {
        let (mut stream, _) = plain.accept().await.expect("it comes");
        stream
            .write_all(&respond("400 Bad Request", "", "speak plainly"))
            .await
            .expect("it is read");
        std::future::pending::<()>().await;
    };
    let shown = tokio::select! {
        shown = harness.run("http.request", json!({ "url": url })) => shown,
        () = answer => unreachable!("it waits for ever"),
    };
    assert!(shown.starts_with("failed: tls: "), "{shown}");
    let broken = serve(|_: &str| b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort".to_vec()).await;
    assert_eq!(
        kind(
            harness
                .run("http.request", json!({ "url": format!("http://{broken}/") }))
                .await
        ),
        "failed: http"
    );
}

#[tokio::test]
async fn a_cancel_drops_the_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it has one");
    let harness = Harness::new(Setup::default());
    let job = harness.job("http.request", json!({ "url": format!("http://{address}/") }));
    harness.pool.submit(job.clone());
    let (mut stream, _) = listener.accept().await.expect("it comes");
    assert!(stream.read_u8().await.is_ok());
    harness.pool.cancel(job.dispatch.token, false);
    assert_eq!(shown(&harness.ended(&job).await), "cancelled\n");
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
}
