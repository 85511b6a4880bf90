//! Streams: server-sent events with resume, and the same frames over WebSocket.

use expect_test::expect;
use futures::StreamExt;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use crate::support::Site;

/// Twelve short waits one after the other: some forty events that take a while.
fn chain() -> String {
    let mut yaml = "flow: chain\ntasks:\n  t0: { type: delay, with: { for: 20ms } }\n".to_owned();
    for n in 1..12 {
        yaml.push_str(&format!(
            "  t{n}: {{ type: delay, with: {{ for: 20ms }}, needs: [t{}] }}\n",
            n - 1
        ));
    }
    yaml
}

/// Frames of an event stream as they come in.
pub(crate) struct Frames {
    body: std::pin::Pin<Box<dyn futures::Stream<Item = reqwest::Result<bytes::Bytes>> + Send>>,
    text: String,
}

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Frame {
    pub(crate) event: String,
    pub(crate) id: Option<String>,
    pub(crate) data: Value,
}

impl Frames {
    pub(crate) async fn open(site: &Site, path: &str, last: Option<&str>) -> Self {
        let mut request = site
            .client
            .get(format!("{}{path}", site.url))
            .header("accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-cache, no-transform");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        Self {
            body: Box::pin(response.bytes_stream()),
            text: String::new(),
        }
    }

    pub(crate) async fn next(&mut self) -> Option<Frame> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let frame = parse(block);
                self.text = rest.to_owned();
                if let Some(frame) = frame {
                    return Some(frame);
                }
            }
            let chunk = self.body.next().await?.expect("the stream does not break");
            self.text
                .push_str(std::str::from_utf8(&chunk).expect("ASCII data here"));
        }
    }

    pub(crate) async fn until(&mut self, event: &str) -> Frame {
        loop {
            let frame = self.next().await.expect("the stream goes on");
            if frame.event == event {
                return frame;
            }
        }
    }
}

fn parse(block: &str) -> Option<Frame> {
    let mut frame = Frame::default();
    for line in block.lines() {
        match line.split_once(": ") {
            Some(("event", name)) => frame.event = name.to_owned(),
            Some(("id", id)) => frame.id = Some(id.to_owned()),
            Some(("data", data)) => frame.data = serde_json::from_str(data).expect("JSON"),
            _ => {}
        }
    }
    (!frame.event.is_empty()).then_some(frame)
}

#[tokio::test]
async fn a_run_is_followed_over_breaks_without_gap_or_repeat() {
    let site = Site::start().await;
    site.save(&chain()).await;
    let run = site.begin("chain").await;
    let path = format!("/api/v1/runs/{run}/events");
    let mut seen: Vec<u64> = Vec::new();
    let mut last: Option<String> = None;
    let mut n_opened = 0;
    'open: loop {
        n_opened += 1;
        let mut frames = Frames::open(&site, &path, last.as_deref()).await;
        let hello = frames.next().await.expect("a first frame");
        assert_eq!(hello.event, "hello");
        assert!(
            hello.data["server_now"].is_string() && hello.data["last_seq"].is_u64(),
            "{hello:?}"
        );
        // Every third event the connection breaks.
        for _ in 0..3 {
            let frame = frames.next().await.expect("events or the end");
            if frame.event == "end" {
                assert_eq!(frame.data["state"], "succeeded");
                assert_eq!(frames.next().await, None, "the end is the end");
                break 'open;
            }
            assert_eq!(frame.event, "event");
            assert_eq!(frame.id, Some(frame.data["seq"].to_string()));
            seen.push(frame.data["seq"].as_u64().expect("a number"));
            last = frame.id;
        }
    }
    let all = site
        .send(&format!("GET /api/v1/runs/{run}/events?limit=500"))
        .await
        .json();
    let n_events = all["items"].as_array().expect("items").len() as u64;
    assert_eq!(seen, (1..=n_events).collect::<Vec<_>>());
    assert!(n_opened > 5, "{n_opened}");
}

#[tokio::test]
async fn after_is_a_position_too_and_an_unknown_one_is_reset() {
    let site = Site::start().await;
    site.save("flow: x\ntasks: { a: { type: noop }, b: { type: noop, needs: [a] } }")
        .await;
    let run = site.finish("x").await;
    let body = site
        .send(&format!("GET /api/v1/runs/{run}/events?stream=true&after=3"))
        .await
        .body;
    expect![[r#"
        retry: 1000

        event: hello
        data: {"server_now":"TIME","last_seq":5}

        event: event
        id: 4
        data: {"seq":4,"at":"TIME","actor":"local","type":"task_succeeded","task":"b","output":{"value":null}}

        event: event
        id: 5
        data: {"seq":5,"at":"TIME","actor":"local","type":"run_finished","outcome":"succeeded"}

        event: end
        data: {"run":"run_1","state":"succeeded"}

    "#]]
    .assert_eq(&site.redact(&body));
    let mut frames = Frames::open(&site, &format!("/api/v1/runs/{run}/events?after=1000"), None).await;
    let reset = frames.until("reset").await;
    assert_eq!(reset.data["reason"], "position_unknown");
    assert_eq!(reset.data["run"]["id"], run.as_str());
    assert_eq!(reset.id, Some(reset.data["last_seq"].to_string()));
    assert_eq!(
        frames.next().await.map(|frame| frame.event),
        Some("end".to_owned())
    );
    site.check(
        "GET /api/v1/runs/run_00000000000000000000000000/events?stream",
        expect![[r#"
        404
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Not Found",
          "status": 404,
          "code": "unknown_run",
          "detail": "There is no run run_2."
        }
    "#]],
    )
    .await;
    site.check(
        &format!("GET /api/v1/runs/{run}/events?stream\nlast-event-id: x"),
        expect![[r#"
        400
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Bad Request",
          "status": 400,
          "code": "bad_position",
          "detail": "`x` is no event's number."
        }
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_reader_far_behind_gets_a_snapshot() {
    let site = Site::start().await;
    let tasks: String = (0..6_000)
        .map(|n| format!("  t{n}: {{ type: noop }}\n"))
        .collect();
    site.save(&format!("flow: wide\ntasks:\n{tasks}")).await;
    let run = site.finish("wide").await;
    let mut frames = Frames::open(&site, &format!("/api/v1/runs/{run}/events"), None).await;
    assert_eq!(
        frames.next().await.map(|frame| frame.event),
        Some("hello".to_owned())
    );
    let reset = frames.next().await.expect("a frame");
    assert_eq!(
        (reset.event.as_str(), &reset.data["reason"]),
        ("reset", &Value::from("too_far_behind"))
    );
    assert_eq!(reset.data["run"]["tasks"].as_array().map(Vec::len), Some(1000));
    assert_eq!(
        frames.next().await.map(|frame| frame.event),
        Some("end".to_owned())
    );
}

#[tokio::test]
async fn logs_are_followed_to_their_end() {
    let site = Site::start().await;
    site.save("flow: talk\ntasks: { say: { type: shell, with: { command: 'for n in 1 2 3 4 5; do echo line $n; sleep 0.05; done' } } }").await;
    let run = site.begin("talk").await;
    let path = format!("/api/v1/runs/{run}/tasks/say/logs?follow=true");
    let (mut lines, mut last) = (Vec::new(), None);
    let mut frames = Frames::open(&site, &path, None).await;
    assert_eq!(
        frames.next().await.map(|frame| frame.event),
        Some("hello".to_owned())
    );
    loop {
        let frame = frames.next().await.expect("the stream goes on");
        if frame.event == "end" {
            break;
        }
        assert_eq!(frame.event, "log");
        lines.extend(
            frame.data["lines"]
                .as_array()
                .expect("lines")
                .iter()
                .map(|line| line["text"].as_str().unwrap_or("?").to_owned()),
        );
        last = frame.id;
        // Each time a new connection goes on.
        frames = Frames::open(&site, &path, last.as_deref()).await;
        frames.until("hello").await;
    }
    assert_eq!(lines, ["line 1", "line 2", "line 3", "line 4", "line 5"]);
    assert!(last.is_some_and(|last| last.starts_with("1:")));
}

#[tokio::test]
async fn several_topics_share_a_stream() {
    let site = Site::start().await;
    site.save(&chain()).await;
    site.save("flow: other\ntasks: { t: { type: noop } }").await;
    let run = site.begin("chain").await;
    let path = format!("/api/v1/events?topics=run:{run},runs,stats");
    let mut frames = Frames::open(&site, &path, None).await;
    let hello = frames.next().await.expect("a first frame");
    assert_eq!(hello.event, "hello");
    assert!(hello.data["runs"][&run].is_u64(), "{hello:?}");
    let other = site.begin("other").await;
    let (mut seen, mut last, mut is_other_seen, mut has_stats) = (Vec::new(), None, false, false);
    loop {
        let frame = frames.next().await.expect("the stream goes on");
        match frame.event.as_str() {
            "event" => {
                assert_eq!(frame.data["run"], run.as_str());
                seen.push(frame.data["event"]["seq"].as_u64().expect("a number"));
            }
            "run" => is_other_seen |= frame.data["id"] == other.as_str(),
            "stats" => has_stats = true,
            "end" => break,
            name => panic!("{name}"),
        }
        last = frame.id.or(last);
    }
    assert_eq!(seen, (1..=seen.len() as u64).collect::<Vec<_>>());
    assert!(has_stats);
    while !is_other_seen {
        is_other_seen = frames.until("run").await.data["id"] == other.as_str();
    }
    let mut again = Frames::open(&site, &path, last.as_deref()).await;
    again.until("hello").await;
    let mut events = Vec::new();
    loop {
        let frame = again.next().await.expect("the stream goes on");
        match frame.event.as_str() {
            "reset" => {
                assert_eq!(frame.data["topic"], "runs");
                assert_eq!(frame.data["runs"].as_array().map(Vec::len), Some(2));
                break;
            }
            name => events.push(name.to_owned()),
        }
    }
    assert!(
        !events.contains(&"event".to_owned()),
        "nothing is repeated: {events:?}"
    );
    site.check(
        "GET /api/v1/events?topics=",
        expect![[r#"
        400
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Bad Request",
          "status": 400,
          "code": "bad_topics",
          "detail": "`topics` names from 1 to 50 topics, separated by commas."
        }
    "#]],
    )
    .await;
    site.check(
        "GET /api/v1/events?topics=weather",
        expect![[r#"
        400
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Bad Request",
          "status": 400,
          "code": "bad_topics",
          "detail": "`weather` is no topic; there are run:ID, flow:ID, runs and stats."
        }
    "#]],
    )
    .await;
    site.check(
        "GET /api/v1/events?topics=flow:none",
        expect![[r#"
        404
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Not Found",
          "status": 404,
          "code": "unknown_flow",
          "detail": "There is no flow none."
        }
    "#]],
    )
    .await;
    site.check(
        "GET /api/v1/events",
        expect![[r#"
        400
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Bad Request",
          "status": 400,
          "code": "bad_query",
          "detail": "The parameters are not right: missing field `topics`."
        }
    "#]],
    )
    .await;
}

#[tokio::test]
async fn a_websocket_carries_the_same_frames() {
    let site = Site::start().await;
    site.save(&chain()).await;
    let run = site.begin("chain").await;
    let url = format!("{}/api/v1/ws?topics=run:{run}", site.url.replace("http", "ws"));
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.expect("it connects");
    let mut seen = Vec::new();
    let mut first = None;
    while let Some(message) = socket.next().await {
        let Message::Text(text) = message.expect("no break") else {
            continue;
        };
        let frame: Value = serde_json::from_str(&text).expect("JSON");
        first.get_or_insert_with(|| frame["event"].clone());
        match frame["event"].as_str() {
            Some("event") => seen.push(frame["data"]["event"]["seq"].as_u64().expect("a number")),
            Some("end") => break,
            _ => {}
        }
    }
    assert_eq!(first, Some(Value::from("hello")));
    assert_eq!(seen, (1..=seen.len() as u64).collect::<Vec<_>>());
    assert!(seen.len() > 12);
    // The server goes down: the socket is closed in good order.
    site.stop().await;
    let rest: Vec<_> = socket.collect().await;
    assert!(matches!(rest.last(), Some(Ok(Message::Close(_)))), "{rest:?}");
    let site = Site::start().await;
    site.check(
        "GET /api/v1/ws?topics=runs",
        expect![[r#"
        426
        content-type: application/problem+json
        {
          "type": "about:blank",
          "title": "Upgrade Required",
          "status": 426,
          "code": "not_a_websocket",
          "detail": "Connection header did not include 'upgrade'."
        }
    "#]],
    )
    .await;
}

#[tokio::test]
async fn streams_end_when_the_server_goes_down() {
    let site = Site::start().await;
    let mut frames = Frames::open(&site, "/api/v1/events?topics=runs", None).await;
    frames.until("hello").await;
    site.stop().await;
    assert_eq!(frames.next().await, None);
}

#[tokio::test]
async fn answers_are_compressed_for_those_who_ask_and_streams_never() {
    let site = Site::start().await;
    site.save("flow: one\ntasks: { a: { type: noop } }").await;
    let run = site.finish("one").await;
    let encoding = async |request: String| {
        let answer = site.send(&request).await;
        assert_eq!(answer.status, 200, "{request}");
        answer
            .headers
            .get("content-encoding")
            .map(|value| value.to_str().unwrap_or("?").to_owned())
    };
    let described = "GET /api/v1/task-types";
    let packed = encoding(format!("{described}\naccept-encoding: gzip, br")).await;
    assert_eq!(packed.as_deref(), Some("gzip"));
    assert_eq!(encoding(described.to_owned()).await, None);
    assert_eq!(
        encoding("GET /health\naccept-encoding: gzip".to_owned()).await,
        None
    );
    let path = format!("/api/v1/runs/{run}");
    let stream = format!("GET {path}/events\naccept: text/event-stream\naccept-encoding: gzip");
    assert_eq!(encoding(stream).await, None);
}
