//! What is masked, in which forms, however it is cut.

mod data_folder;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use expect_test::{Expect, expect};
use flow::run::event::TaskError;
use parking_lot::Mutex;
use proptest::prelude::*;
use serde_json::json;

use super::mask::{MaskedLog, Masker};
use crate::store::LogStream;
use crate::task_type::{LogSink, TaskOutcome};
use crate::task_types::harness::{Harness, Setup, shown};

/// Each line of `text` with these secrets masked.
fn check(secrets: &[&str], text: &str, expected: Expect) {
    let masker = Masker::new(secrets.iter().copied()).expect("there is something to look for");
    expected.assert_eq(&masker.text(text));
}

#[test]
fn forms_of_a_secret() {
    check(
        &["p\"ä ss/+wörd"],
        "as it is: p\"ä ss/+wörd!
JSON: {\"a\":\"p\\\"ä ss/+wörd\"} {\"a\":\"p\\\"\\u00e4 ss\\/+w\\u00f6rd\"} {\\\"a\\\":\\\"p\\\\\\\"ä ss/+wörd\\\"}
URL: ?a=p%22%C3%A4%20ss%2F%2Bw%C3%B6rd&b ?a=p%22%c3%a4+ss%2f%2bw%c3%b6rd /p%22%C3%A4%20ss/+w%C3%B6rd
base64: cCLDpCBzcy8rd8O2cmQ= alone, Basic dXNlcjpwIsOkIHNzLyt3w7ZyZA== with a name, eHAiw6Qgc3MvK3fDtnJkeHg= inside
not that: p\"ä ss/+word p",
        expect![[r#"
            as it is: ***!
            JSON: {"a":"***"} {"a":"***"} {\"a\":\"***\"}
            URL: ?a=***&b ?a=*** /***
            base64: *** alone, Basic dXNlcjp***A== with a name, eH***eHg= inside
            not that: p"ä ss/+word p"#]],
    );
}

#[test]
fn parts_that_tell_a_secret() {
    check(
        &[
            "smtps://mail%40example.org:geheim%21@mail.example.org:465",
            "Bearer abcdefgh12345678",
            "-----BEGIN KEY-----\nAAAABBBBCCCCDDDD\nshort\n-----END KEY-----\n",
            "https://hooks.example.org/T012/B345/xyz?token=aaaabbbbcccc",
        ],
        "geheim! geheim%21 mail@example.org mail.example.org AUTH AG1haWxAZXhhbXBsZS5vcmcAZ2VoZWltIQ==
abcdefgh12345678 Bearer Bearer abcdefgh12345678
AAAABBBBCCCCDDDD short -----BEGIN KEY-----\\nAAAABBBBCCCCDDDD\\nshort\\n-----END KEY-----\\n
POST https://hooks.example.org/T012/B345/xyz answered 200; aaaabbbbcccc",
        expect![[r#"
            *** *** mail@example.org mail.example.org AUTH ***
            *** Bearer ***
            *** short ***
            POST https://hooks.example.org*** answered 200; ***"#]],
    );
}

#[test]
fn what_is_too_short_is_not_looked_for() {
    assert!(Masker::new(["abc", "", " 1 "]).is_none());
}

#[test]
fn outcomes_are_masked_in_every_corner() {
    let masker = Masker::new(["12345678", "geheim"]).expect("two");
    let output = json!({"a": ["x geheim", 12345678, 1.5, true, null], "geheim": {"b": "Z2VoZWlt"}});
    let outcomes = [
        TaskOutcome::ok(output.clone()),
        TaskOutcome::Failed {
            error: TaskError::new("geheim", "it says geheim"),
            output: Some(output),
            retry_after: None,
        },
    ];
    let told: String = outcomes.map(|outcome| shown(&masker.outcome(outcome))).concat();
    expect![[r#"
        succeeded: {"a":["x ***","***",1.5,true,null],"***":{"b":"***"}}
        failed: ***: it says ***
        with {"a":["x ***","***",1.5,true,null],"***":{"b":"***"}}
    "#]]
    .assert_eq(&told);
}

/// What reached a log.
#[derive(Default)]
struct Seen(Mutex<Vec<u8>>);

impl LogSink for Seen {
    fn write(&self, _: LogStream, bytes: &[u8]) {
        self.0.lock().extend_from_slice(bytes);
    }
}

fn logged(secret: &str, pieces: &[&[u8]]) -> String {
    let seen = std::sync::Arc::new(Seen::default());
    let masker = Masker::new([secret]).expect("one");
    let log = MaskedLog::new(masker, std::sync::Arc::<Seen>::clone(&seen));
    for piece in pieces {
        log.write(LogStream::Stdout, piece);
    }
    log.finish();
    let seen = seen.0.lock();
    String::from_utf8_lossy(&seen).into_owned()
}

#[test]
fn lines_without_end_are_masked_too() {
    let secret = "geheim-und-lang";
    let long = "x".repeat(300_000);
    let line = format!("{long}{secret}{long}{secret}");
    let at = 300_000 + 5;
    let told = logged(secret, &[&line.as_bytes()[..at], &line.as_bytes()[at..]]);
    assert!(told == format!("{long}***{long}***"), "{} bytes", told.len());
}

proptest! {
    /// A secret that is printed in a line, in any encoding and in pieces of any length, is not in the log; what stands around it is.
    #[test]
    fn no_cut_lets_a_secret_through(
        secret in "[a-zA-Z0-9äß€\"\\\\/+ %&=]{6,40}",
        before in "[ -~]{0,20}",
        after in "[ -~]{0,20}",
        encoding in 0..8_usize,
        cuts in prop::collection::vec(0..200_usize, 0..6),
    ) {
        prop_assume!(secret.trim() == secret && !before.contains(&secret) && !after.contains(&secret));
        let json = serde_json::Value::from(secret.as_str()).to_string();
        let form = match encoding {
            0 => secret.clone(),
            1 => STANDARD.encode(&secret),
            2 => URL_SAFE.encode(&secret),
            3 => STANDARD_NO_PAD.encode(&secret),
            4 => URL_SAFE_NO_PAD.encode(&secret),
            5 => json[1..json.len() - 1].to_owned(),
            6 => secret.bytes().fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{}", if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") });
                text
            }),
            _ => serde_html_form_like(&secret),
        };
        let line = format!("{before}\u{1}{form}\u{1}{after}\n");
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(line.len())).collect();
        cuts.extend([0, line.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &line.as_bytes()[pair[0]..pair[1]]).collect();
        prop_assert_eq!(logged(&secret, &pieces), format!("{}\u{1}***\u{1}{}\n", before, after));
    }
}

/// As forms send it.
fn serde_html_form_like(text: &str) -> String {
    let mut url = reqwest::Url::parse("http://a/").expect("a URL");
    url.query_pairs_mut().append_pair("", text);
    url.query().unwrap_or_default().trim_start_matches('=').to_owned()
}

const SECRETS: &[(&str, &str)] = &[
    ("token", "tok3n-geheim"),
    ("empty", "x"),
    ("multi", "first line\nsecond line\n"),
];

/// An attempt with secrets: how it ended and its log.
async fn attempt(task_type: &str, input: serde_json::Value, expected: Expect) {
    let harness = Harness::new(Setup {
        secrets: SECRETS,
        ..Setup::default()
    });
    expected.assert_eq(&harness.run(task_type, input).await);
}

#[tokio::test]
async fn a_command_gets_secrets_and_gives_none_back() {
    attempt(
        "shell",
        json!({
            "command": "read -r line; printf '%s' \"$TOKEN\" | wc -c; echo \"$TOKEN $OTHER $line\"; printf 'tok3n-'; sleep 0.01; printf 'geheim\\n\"%s\"' \"$TOKEN\"",
            "env": {"TOKEN": "{{ secrets.token }}", "OTHER": "x {{ secrets.token }}"},
            "stdin": "{{ secrets.multi }}",
        }),
        expect![[r#"
            succeeded (exit code 0): "***"
            out | 12
            out | *** x {{ secrets.token }} ***
            out | ***
            out | "***"
        "#]],
    )
    .await;
    attempt(
        "shell",
        json!({"command": "echo \"login with $TOKEN failed\" >&2; echo \"$TOKEN\" | base64 >&2; exit 3", "env": {"TOKEN": "{{ secrets.token }}"}}),
        expect![[r#"
            failed (exit code 3): exit_code: exit code 3: login with *** failed
            ***Cg==
            err | login with *** failed
            err | ***Cg==
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_secret_that_is_not_there_or_may_not_be_fails_for_good() {
    attempt(
        "shell",
        json!({"command": "true", "env": {"A": "{{ secrets.gone }}"}}),
        expect![[r#"
            failed, for good: unknown_secret: there is no secret `gone`; set it and run the task again
        "#]],
    )
    .await;
    attempt(
        "shell",
        json!({"command": "{{ secrets.token }}"}),
        expect![[r#"
            failed, for good: input: the argument at /command takes no secret
        "#]],
    )
    .await;
}
