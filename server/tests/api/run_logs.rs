//! The log of a whole run: read in pages, searched, followed.

use futures::StreamExt;
use serde_json::Value;

use crate::support::Site;

/// Three tasks, one after the other, one of them with items, one tried twice.
const TALK: &str = "flow: talk
tasks:
  list: { type: shell, with: { command: 'seq 1 500' } }
  each:
    type: shell
    needs: [list]
    for_each: { items: ['a', 'b'], max_parallel: 1 }
    with: { command: 'echo item {{ item }}' }
  last:
    type: shell
    needs: [each]
    retry: { max_attempts: 2, first: 1ms }
    with: { command: 'echo Wrong >&2; [ $POINTWORK_ATTEMPT = 2 ]' }
";

async fn read(site: &Site, run: &str, query: &str) -> Value {
    let answer = site.send(&format!("GET /api/v1/runs/{run}/logs{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.body);
    answer.json()
}

/// `task attempt:number text` of each line.
fn told(page: &Value) -> Vec<String> {
    let lines = page["lines"].as_array().expect("lines");
    lines
        .iter()
        .map(|line| {
            format!(
                "{} {}:{} {}",
                line["task"].as_str().unwrap_or("?"),
                line["attempt"],
                line["n"],
                line["text"].as_str().unwrap_or("?")
            )
        })
        .collect()
}

#[tokio::test]
async fn all_lines_of_a_run_stand_in_the_order_of_their_writing() {
    let site = Site::start().await;
    site.save(TALK).await;
    let run = site.finish("talk").await;
    let end = read(&site, &run, "?limit=6").await;
    assert_eq!(
        told(&end),
        [
            "list 1:499 499",
            "list 1:500 500",
            "each[0] 1:1 item a",
            "each[1] 1:1 item b",
            "last 1:1 Wrong",
            "last 2:1 Wrong",
        ]
    );
    assert!(end["after"].is_null() && end["n_lines"].is_null(), "{end}");

    // Page by page to the beginning, and forth again.
    let (mut n_lines, mut page) = (6, end);
    while let Some(before) = page["before"].as_str() {
        page = read(&site, &run, &format!("?limit=100&before={before}")).await;
        n_lines += told(&page).len();
    }
    assert_eq!(n_lines, 504);
    assert_eq!(told(&page)[0], "list 1:1 1");
    let mut texts = told(&page);
    while let Some(after) = page["after"].as_str() {
        page = read(&site, &run, &format!("?limit=101&after={after}")).await;
        texts.extend(told(&page));
    }
    assert_eq!(texts.len(), 504);
    assert_eq!(texts[99], "list 1:100 100");
    assert_eq!(texts[501], "each[1] 1:1 item b");
    assert_eq!(
        read(&site, &run, "?until=2000-01-01T00:00:00Z").await["lines"],
        Value::Array(Vec::new())
    );
}

#[tokio::test]
async fn lines_that_fit_are_counted_over_the_whole_run() {
    let site = Site::start().await;
    site.save(TALK).await;
    let run = site.finish("talk").await;
    let errors = read(&site, &run, "?in=stderr").await;
    assert_eq!(errors["n_lines"], 2);
    let whose = |line: &String| line.split(':').next().map(str::to_owned);
    let found: Vec<_> = told(&errors).iter().filter_map(whose).collect();
    assert_eq!(found, ["last 1", "last 2"]);
    assert_eq!(read(&site, &run, "?text=WRONG&in=stdout").await["n_lines"], 0);

    let end = read(&site, &run, "?text=9&limit=3").await;
    assert_eq!(end["n_lines"], 95);
    assert_eq!(told(&end), ["list 1:497 497", "list 1:498 498", "list 1:499 499"]);
    let before = end["before"].as_str().expect("there are more");
    let page = read(&site, &run, &format!("?text=9&limit=2&before={before}")).await;
    assert_eq!(told(&page), ["list 1:495 495", "list 1:496 496"]);
    let after = page["after"].as_str().expect("there are more");
    let page = read(&site, &run, &format!("?text=9&limit=9&after={after}")).await;
    assert_eq!(told(&page), told(&end));
    assert!(page["after"].is_null() && page["before"].is_string(), "{page}");
}

#[tokio::test]
async fn what_is_no_place_is_refused() {
    let site = Site::start().await;
    site.save("flow: f\ntasks: { t: { type: noop } }").await;
    let run = site.finish("f").await;
    for (query, code) in [
        ("?before=x", "bad_cursor"),
        ("?after=1.2.3", "bad_cursor"),
        ("?before=1.1.1.0.a&after=1.1.1.0.a", "bad_query"),
        ("?in=x", "bad_stream"),
        ("?limit=1001", "bad_query"),
        ("?other=1", "bad_query"),
    ] {
        let answer = site.send(&format!("GET /api/v1/runs/{run}/logs{query}")).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.body);
        assert!(answer.body.contains(code), "{query}: {}", answer.body);
    }
    let missing = "GET /api/v1/runs/run_00000000000000000000000000/logs";
    assert_eq!(site.send(missing).await.status, 404);
    assert_eq!(read(&site, &run, "").await["lines"], Value::Array(Vec::new()));
}

/// What a page is told of a run's log.
struct Live {
    body: std::pin::Pin<Box<dyn futures::Stream<Item = reqwest::Result<bytes::Bytes>> + Send>>,
    text: String,
}

impl Live {
    async fn open(site: &Site, run: &str, position: &str) -> Self {
        let path = format!("{}/live?t=logs~1.1:{run}@{position}", site.url);
        let response = site.client.get(path).send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        Self {
            body: Box::pin(response.bytes_stream()),
            text: String::new(),
        }
    }

    /// The next frame of the log: its name, its position, its lines.
    async fn next(&mut self) -> (String, String, Vec<String>) {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let data = block.lines().find_map(|line| line.strip_prefix("data: "));
                let data = data.unwrap_or_default().to_owned();
                self.text = rest.to_owned();
                if let Some(frame) = data.strip_prefix("0 ") {
                    let mut words = frame.splitn(3, ' ');
                    let mut word = || words.next().unwrap_or_default().to_owned();
                    let (name, position, json) = (word(), word(), word());
                    let page: Value = serde_json::from_str(&json).expect("JSON");
                    let lines = page["lines"].as_array().cloned().unwrap_or_default();
                    let line = |line: &Value| {
                        let task = line["task"].as_str().unwrap_or("?");
                        let line = &line["line"];
                        format!(
                            "{task} {}:{} {}",
                            line["attempt"],
                            line["n"],
                            line["text"].as_str().unwrap_or("?")
                        )
                    };
                    return (name, position, lines.iter().map(line).collect());
                }
            }
            let chunk = self
                .body
                .next()
                .await
                .expect("the stream goes on")
                .expect("bytes");
            self.text
                .push_str(std::str::from_utf8(&chunk).expect("ASCII data here"));
        }
    }

    /// Lines until this one, and the position then.
    async fn until(&mut self, last: &str) -> (Vec<String>, String) {
        let mut all = Vec::new();
        loop {
            let (name, position, lines) = self.next().await;
            if name == "log" {
                all.extend(lines);
                if all.last().is_some_and(|line| line == last) {
                    return (all, position);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_run_is_followed_while_its_tasks_write() {
    let site = Site::start().await;
    site.save(
        "flow: talk
tasks:
  one: { type: shell, with: { command: 'echo a; echo b' } }
  gate: { type: signal, needs: [one], with: { name: go, timeout: 1h } }
  two: { type: shell, needs: [gate], with: { command: 'echo c' } }
",
    )
    .await;
    let run = site.begin("talk").await;
    let mut live = Live::open(&site, &run, "").await;
    let (lines, position) = live.until("one 1:2 b").await;
    assert_eq!(lines, ["one 1:1 a", "one 1:2 b"]);
    // Another that knows so much already.
    let mut later = Live::open(&site, &run, "9999999999999999:7").await;
    let signal = format!("POST /api/v1/runs/{run}/tasks/gate/signal\ncontent-type: application/json\n\n{{}}");
    let answer = site.send(&signal).await;
    assert!(answer.status < 300, "{}", answer.body);
    let (lines, last) = live.until("two 1:1 c").await;
    assert_eq!(lines, ["two 1:1 c"]);
    assert_ne!(position, last);
    assert_eq!(live.next().await.0, "end");
    // It stands beyond what is written: it is told the end.
    loop {
        let (name, _, lines) = later.next().await;
        if name == "end" {
            break;
        }
        assert_eq!(lines, Vec::<String>::new(), "{name}");
    }
    // Who comes back is told again what was written shortly before: lines have places by which they are known.
    let mut again = Live::open(&site, &run, &last).await;
    let (lines, _) = again.until("two 1:1 c").await;
    assert!(lines.ends_with(&["two 1:1 c".to_owned()]), "{lines:?}");
}
