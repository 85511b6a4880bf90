//! Rules judged on a clock moved by hand; mails and calls to real servers.

use std::sync::Arc;

use expect_test::{Expect, expect};
use flow::Timestamp;
use flow::parse::Format;
use hmac::{Hmac, KeyInit, Mac};
use parking_lot::Mutex;
use serde_json::Value;
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::courier;
use super::watch::Desk;
use crate::clock::ManualClock;
use crate::mail::server::MailServer;
use crate::store::{NoticeFilter, NoticeState};
use crate::{Engine, SaveFlow, StartRun};

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// An engine whose rules are judged, and whose notifications are sent, when the test says so.
struct Office {
    engine: Engine,
    clock: Arc<ManualClock>,
    desk: Desk,
}

impl Office {
    async fn open(now: &str) -> Self {
        let clock = Arc::new(ManualClock::new(time(now)));
        let engine = Engine::builder()
            .in_memory()
            .clock(clock.clone())
            .start()
            .await
            .expect("it starts");
        engine.parts.shared.bells.stop();
        Self {
            engine,
            clock,
            desk: Desk::default(),
        }
    }

    /// Saves the flow `report`, which goes wrong if its input says so.
    async fn save(&mut self, rest: &str) {
        let source = format!(
            "flow: report\ninputs: {{ how: {{ default: good }} }}\ntasks:\n  wait: {{ type: delay, when: \"inputs.how == 'slow'\", with: {{ for: 90m }} }}\n  break: {{ type: fail, when: \"inputs.how == 'bad'\", with: {{ message: it is broken }} }}\n{rest}\n"
        );
        let save = SaveFlow {
            source: source.into(),
            format: Format::Yaml,
            id: None,
            expected: None,
            actor: "test".to_owned(),
        };
        self.engine
            .save_flow(save)
            .await
            .unwrap_or_else(|error| panic!("{error:#?}"));
        self.desk.reread();
        self.look().await;
    }

    async fn look(&mut self) {
        self.desk.turn(&self.engine).await.expect("the store is well");
    }

    async fn at(&mut self, now: &str) {
        self.clock.set(time(now));
        self.look().await;
    }

    /// A run; one that is not slow is waited for.
    async fn run(&self, how: &str) {
        let start = StartRun {
            inputs: serde_json::json!({"how": how}),
            ..StartRun::of("report")
        };
        let long = std::time::Duration::from_secs(60);
        if how == "slow" {
            self.engine.start_run(start).await.expect("it starts");
        } else {
            self.engine
                .start_and_wait(start, long)
                .await
                .expect("it starts")
                .1
                .expect("it ends");
        }
    }

    /// All that is to be told, oldest first, and when rules are looked at again.
    async fn check(&self, expected: Expect) {
        let rows = self
            .engine
            .notifications(&NoticeFilter::default(), None, 100)
            .await
            .expect("ok");
        let mut told = String::new();
        for row in rows.iter().rev() {
            let of = &row.notice;
            let run = of.run.map_or_else(String::new, |run| run.to_string());
            let message = if run.is_empty() {
                of.message.clone()
            } else {
                of.message.replace(&run, "RUN")
            };
            told += &format!(
                "{} {} {:?} {:?} {:?}: {message}\n",
                of.at, of.rule, of.kind, of.channel, row.state
            );
        }
        let next = self
            .desk
            .next_look()
            .map_or_else(|| "never".to_owned(), |at| at.to_string());
        expected.assert_eq(&format!("{told}next look {next}\n"));
    }
}

const WEBHOOK: &str = "webhook: { url: 'http://127.0.0.1:9/' }";

#[tokio::test]
async fn a_failure_is_told_once_by_each_way() {
    let mut office = Office::open("2026-05-01T10:00:00Z").await;
    office.save(&format!("notify:\n  ops: {{ failure: true, {WEBHOOK}, mail: {{ to: a@example.org, smtp: '{{{{ secrets.smtp }}}}' }} }}\n  late: {{ late: 1h, {WEBHOOK} }}\n")).await;
    office.run("good").await;
    office.run("bad").await;
    office.look().await;
    office
        .check(expect![[r#"
        2026-05-01T10:00:00Z ops Failure Mail Waiting: run RUN of report failed: break: it is broken
        2026-05-01T10:00:00Z ops Failure Webhook Waiting: run RUN of report failed: break: it is broken
        next look 2026-05-01T11:00:00Z
    "#]])
        .await;
}

#[tokio::test]
async fn a_run_that_takes_too_long_is_told_once() {
    let mut office = Office::open("2026-05-01T10:00:00Z").await;
    office
        .save(&format!("notify: {{ slow: {{ late: 30m, {WEBHOOK} }} }}"))
        .await;
    office.run("slow").await;
    office.at("2026-05-01T10:10:00Z").await;
    office.run("slow").await;
    office.at("2026-05-01T10:29:59Z").await;
    office
        .check(expect![[r#"
        next look 2026-05-01T10:30:00Z
    "#]])
        .await;
    office.at("2026-05-01T10:30:00Z").await;
    office.check(expect![[r#"
        2026-05-01T10:30:00Z slow Late Webhook Waiting: run RUN of report is not finished 30m after it was accepted
        next look 2026-05-01T10:40:00Z
    "#]]).await;
    // As after a restart.
    office.desk = Desk::default();
    office.look().await;
    office.at("2026-05-01T10:41:00Z").await;
    office.desk.reread();
    office.at("2026-05-01T10:50:00Z").await;
    office.check(expect![[r#"
        2026-05-01T10:30:00Z slow Late Webhook Waiting: run RUN of report is not finished 30m after it was accepted
        2026-05-01T10:41:00Z slow Late Webhook Waiting: run RUN of report is not finished 30m after it was accepted
        next look 2026-05-01T11:20:00Z
    "#]]).await;
}

#[tokio::test]
async fn a_schedule_whose_run_is_not_finished_in_time_is_told() {
    let mut office = Office::open("2026-05-01T10:30:00Z").await;
    office.engine.parts.clerk.stop();
    office
        .save(&format!(
            "schedules: {{ hourly: {{ cron: '0 * * * *' }} }}\nnotify: {{ late: {{ late: 20m, schedule: hourly, {WEBHOOK} }} }}"
        ))
        .await;
    office
        .check(expect![[r#"
        next look 2026-05-01T11:20:00Z
    "#]])
        .await;
    let range = time("2026-05-01T11:00:00Z")..time("2026-05-01T11:00:01Z");
    office.clock.set(time("2026-05-01T11:00:00Z"));
    let fires = office
        .engine
        .backfill("report", "hourly", range, false)
        .await
        .expect("it starts");
    let run = fires[0].run.expect("a run");
    office
        .engine
        .wait(run, std::time::Duration::from_secs(60))
        .await
        .expect("it ends");
    office.at("2026-05-01T11:20:00Z").await;
    office
        .check(expect![[r#"
        next look 2026-05-01T12:20:00Z
    "#]])
        .await;
    office.at("2026-05-01T12:20:00Z").await;
    office.at("2026-05-01T12:40:00Z").await;
    office.check(expect![[r#"
        2026-05-01T12:20:00Z late Late Webhook Waiting: the run of report that schedule hourly was to start at 2026-05-01T12:00:00Z has not begun 20m later
        next look 2026-05-01T13:20:00Z
    "#]]).await;
    office
        .engine
        .pause_schedule("report", "hourly", true, None)
        .await
        .expect("it is there");
    office.desk.reread();
    office.at("2026-05-01T15:00:00Z").await;
    office
        .engine
        .pause_schedule("report", "hourly", false, None)
        .await
        .expect("it is there");
    office.desk.reread();
    office.at("2026-05-01T15:10:00Z").await;
    office.check(expect![[r#"
        2026-05-01T12:20:00Z late Late Webhook Waiting: the run of report that schedule hourly was to start at 2026-05-01T12:00:00Z has not begun 20m later
        next look 2026-05-01T16:20:00Z
    "#]]).await;
}

#[tokio::test]
async fn silence_is_told_once_until_there_is_a_word() {
    let mut office = Office::open("2026-05-01T10:00:00Z").await;
    office
        .save(&format!("notify: {{ quiet: {{ silence: 2h, {WEBHOOK} }} }}"))
        .await;
    office.at("2026-05-01T11:59:59Z").await;
    office.run("bad").await;
    office
        .check(expect![[r#"
        next look 2026-05-01T12:00:00Z
    "#]])
        .await;
    office.at("2026-05-01T12:00:00Z").await;
    office.desk = Desk::default();
    office.at("2026-05-01T20:00:00Z").await;
    office.check(expect![[r#"
        2026-05-01T12:00:00Z quiet Silence Webhook Waiting: no run of report has succeeded for 2h: there is none
        next look 2026-05-01T22:00:00Z
    "#]]).await;
    office.run("good").await;
    office.at("2026-05-01T22:00:00Z").await;
    office.at("2026-05-01T23:00:00Z").await;
    office.check(expect![[r#"
        2026-05-01T12:00:00Z quiet Silence Webhook Waiting: no run of report has succeeded for 2h: there is none
        2026-05-01T22:00:00Z quiet Silence Webhook Waiting: no run of report has succeeded for 2h: the last one ended at 2026-05-01T20:00:00Z
        next look 2026-05-02T00:00:00Z
    "#]]).await;
}

/// A server that keeps what it is sent and answers 500 to the first `n` requests.
struct Calls {
    url: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Calls {
    async fn start(n: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let url = format!("http://{}/hook", listener.local_addr().expect("it has one"));
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let all = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let fails = all.lock().len() < n;
                if let Ok(text) = request(stream, fails).await {
                    all.lock().push(text);
                }
            }
        });
        Self { url, seen }
    }
}

async fn request(mut stream: TcpStream, fails: bool) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    loop {
        stream.read_buf(&mut bytes).await?;
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        if body.len() >= length.unwrap_or(0) {
            break;
        }
    }
    let status = if fails { "500 Oh no" } else { "204 No Content" };
    stream
        .write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").as_bytes())
        .await?;
    stream.shutdown().await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

async fn states(office: &Office) -> String {
    let rows = office
        .engine
        .notifications(&NoticeFilter::default(), None, 100)
        .await
        .expect("ok");
    let line = |row: &crate::store::NoticeRow| {
        let next = row.next_at.map_or_else(String::new, |at| format!(" next {at}"));
        let error = row.error.clone().unwrap_or_default();
        format!(
            "{:?} {:?} after {}{next} {error}\n",
            row.notice.channel, row.state, row.n_attempts
        )
    };
    rows.iter().rev().map(line).collect()
}

#[tokio::test]
async fn calls_are_signed_and_tried_again() {
    let mut office = Office::open("2026-05-01T10:00:00Z").await;
    let calls = Calls::start(1).await;
    office
        .engine
        .put_secret("sign", "geheim-geheim", "test")
        .await
        .expect("it is set");
    office.save(&format!("notify: {{ ops: {{ failure: true, webhook: {{ url: '{}', secret: '{{{{ secrets.sign }}}}' }} }} }}", calls.url)).await;
    office.run("bad").await;
    office.run("bad").await;
    courier::turn(&office.engine).await.expect("the store is well");
    let place = calls
        .url
        .replace("http://", "")
        .replace("/hook", "")
        .split(':')
        .next()
        .unwrap_or_default()
        .to_owned();
    expect![[r#"
        Webhook Waiting after 1 next 2026-05-01T10:00:10Z HOST answered 500 Internal Server Error
        Webhook Waiting after 1 next 2026-05-01T10:00:10Z HOST answered 500 Internal Server Error
    "#]]
    .assert_eq(&states(&office).await.replace(&place, "HOST"));
    office.clock.set(time("2026-05-01T10:00:09Z"));
    courier::turn(&office.engine).await.expect("the store is well");
    assert_eq!(calls.seen.lock().len(), 1, "not before its time");
    office.clock.set(time("2026-05-01T10:00:10Z"));
    courier::turn(&office.engine).await.expect("the store is well");
    courier::turn(&office.engine).await.expect("the store is well");
    expect![[r#"
        Webhook Sent after 2 
        Webhook Sent after 2 
    "#]]
    .assert_eq(&states(&office).await);
    let seen = calls.seen.lock().clone();
    assert_eq!(seen.len(), 2, "what was sent is not sent again");
    let (head, body) = seen[1].split_once("\r\n\r\n").expect("a request");
    let header = |name: &str| {
        head.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            .expect("the header")
            .to_owned()
    };
    let mut signed = Hmac::<Sha256>::new_from_slice(b"geheim-geheim").expect("a key");
    signed.update(format!("{}.{body}", header("x-pointwork-timestamp")).as_bytes());
    let digits: String = signed
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(header("x-pointwork-signature"), format!("sha256={digits}"));
    let mut body: Value = serde_json::from_str(body).expect("JSON");
    let run = body["notifications"][0]["run"]
        .as_str()
        .expect("a run")
        .to_owned();
    body["notifications"].as_array_mut().expect("a list").truncate(1);
    body["text"] = body["text"].as_str().and_then(|text| text.lines().next()).into();
    expect![[r#"
        {
          "text": "run RUN of report failed: break: it is broken",
          "notifications": [
            {
              "id": 1,
              "flow": "report",
              "rule": "ops",
              "kind": "failure",
              "run": "RUN",
              "message": "run RUN of report failed: break: it is broken",
              "at": "2026-05-01T10:00:00Z"
            }
          ]
        }
    "#]]
    .assert_eq(&format!("{body:#}\n").replace(&run, "RUN"));
}

#[tokio::test]
async fn mails_go_out_and_a_refused_address_is_given_up() {
    let mut office = Office::open("2026-05-01T10:00:00Z").await;
    let server = MailServer::locked().await;
    office.save("notify:\n  a: { failure: true, mail: { to: 'ops@example.org', from: bot@example.org, smtp: '{{ secrets.smtp }}' } }\n  b: { failure: true, mail: { to: 'unknown@example.org', from: bot@example.org, smtp: '{{ secrets.smtp }}' } }").await;
    office.run("bad").await;
    courier::turn(&office.engine).await.expect("the store is well");
    expect![[r#"
        Mail Waiting after 1 next 2026-05-01T10:00:10Z there is no secret `smtp`; set it and run the task again
        Mail Waiting after 1 next 2026-05-01T10:00:10Z there is no secret `smtp`; set it and run the task again
    "#]].assert_eq(&states(&office).await);
    office
        .engine
        .put_secret("smtp", &server.smtp("bot:p%40ss%2Fword@"), "test")
        .await
        .expect("it is set");
    server.break_off(1);
    for now in ["2026-05-01T10:00:10Z", "2026-05-01T10:00:30Z"] {
        office.clock.set(time(now));
        courier::turn(&office.engine).await.expect("the store is well");
    }
    expect![[r#"
        Mail Sent after 3 
        Mail Failed after 2 127.0.0.1 refuses the mail: 550 Mailbox unavailable
    "#]]
    .assert_eq(
        &states(&office)
            .await
            .replace(&server.address.port().to_string(), "PORT"),
    );
    let taken = server.taken();
    assert_eq!(taken.len(), 1);
    let text: String = taken[0]
        .text
        .lines()
        .filter(|line| !line.starts_with("Message-ID") && !line.starts_with("Date"))
        .map(|line| format!("{line}\n"))
        .collect();
    let rows = office
        .engine
        .notifications(
            &NoticeFilter {
                state: Some(NoticeState::Sent),
                ..NoticeFilter::default()
            },
            None,
            1,
        )
        .await
        .expect("ok");
    let run = rows[0].notice.run.expect("a run").to_string();
    expect![[r#"
        From: bot@example.org
        Subject: report: a run failed
        To: ops@example.org
        MIME-Version: 1.0
        Content-Type: text/plain; charset=utf-8
        Content-Transfer-Encoding: quoted-printable

        2026-05-01T10:00:00Z  run RUN of report failed: break: it is broken

        Rule a of flow report.


    "#]]
    .assert_eq(&text.replace("=\n", "").replace(&run, "RUN"));
}

/// Nobody turns anything by hand here.
#[tokio::test]
async fn an_engine_tells_by_itself_and_again_after_a_restart() {
    let dir = tempfile::tempdir().expect("a folder");
    let server = MailServer::start().await;
    let start = async || {
        Engine::builder()
            .data_dir(dir.path())
            .start()
            .await
            .expect("it starts")
    };
    let engine = start().await;
    let flow = "flow: a\ntasks: { b: { type: fail } }\nnotify: { ops: { failure: true, mail: { to: ops@example.org, from: bot@example.org, smtp: '{{ secrets.smtp }}' } } }";
    let save = SaveFlow {
        source: flow.into(),
        format: Format::Yaml,
        id: None,
        expected: None,
        actor: "test".to_owned(),
    };
    engine.save_flow(save).await.expect("it is saved");
    engine
        .put_secret("smtp", &server.smtp(""), "test")
        .await
        .expect("it is set");
    let long = std::time::Duration::from_secs(60);
    engine
        .start_and_wait(StartRun::of("a"), long)
        .await
        .expect("it starts");
    server.wait_for(1).await;
    engine.shutdown(std::time::Duration::ZERO).await;
    drop(engine);
    let engine = start().await;
    engine
        .start_and_wait(StartRun::of("a"), long)
        .await
        .expect("it starts");
    server.wait_for(2).await;
    engine.shutdown(std::time::Duration::ZERO).await;
    let all = server.taken();
    assert!(all.len() >= 2, "{all:?}");
}
