//! Runs as files: what is in them, that the web app reads them, and what never is in them.

use app::capsule::Capsule;

use crate::support::Site;

const JSON: &str = "content-type: application/json";

/// A text that no other part of a file has.
const SECRET: &str = "tok3n-geheim/\"ü";

async fn export(site: &Site, run: &str) -> Capsule {
    let answer = site.send(&format!("GET /api/v1/runs/{run}/capsule")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let disposition = answer.headers.get("content-disposition").expect("a name");
    assert_eq!(disposition, &format!("attachment; filename=\"{run}.json\""));
    Capsule::read(&answer.body).unwrap_or_else(|why| panic!("{why}\n{}", answer.body))
}

#[tokio::test]
async fn a_file_holds_the_whole_run() {
    let site = Site::start().await;
    site.save(
        r#"
flow: whole
inputs: { n: { type: integer, default: 3 } }
tasks:
  say: { type: shell, with: { command: 'echo "hello ]} \"quoted\""; echo "{\"n\": {{ inputs.n }}}"' } }
  large: { type: transform, with: { value: "{{ 'x' * 100000 }}" } }
  each: { type: shell, for_each: { items: "{{ range(inputs.n) | list }}" }, with: { command: "echo item {{ item }}" } }
"#,
    )
    .await;
    let run = site.finish("whole").await;
    let capsule = export(&site, &run).await;
    assert_eq!(capsule.run.to_string(), run);
    assert_eq!(capsule.left_out, Vec::<String>::new());
    let page = capsule.page().expect("it fits together");
    assert_eq!(page.summary.state.key(), "succeeded");
    assert_eq!(page.inputs, serde_json::json!({"n": 3}));
    // The same events as the API's, but for the tokens that neither gives out.
    let events = site
        .send(&format!("GET /api/v1/runs/{run}/events?limit=500"))
        .await
        .json();
    assert_eq!(
        serde_json::to_value(&capsule.events).expect("JSON"),
        events["items"]
    );
    let lines = |path: &str| -> Vec<String> {
        capsule
            .log(path, None)
            .lines
            .into_iter()
            .map(|line| line.text)
            .collect()
    };
    assert_eq!(lines("say"), ["hello ]} \"quoted\"", "{\"n\": 3}"]);
    assert_eq!(lines("each[2]"), ["item 2"]);
    // A large value stands beside the events, and is found.
    assert_eq!(capsule.values.len(), 1);
    let large = capsule.value("large", true).expect("is there");
    assert_eq!((large.bytes, large.part.is_cut_at("")), (100_002, true));
}

#[tokio::test]
async fn a_file_of_a_run_at_work_goes_as_far_as_the_run() {
    let site = Site::start().await;
    site.save("flow: asks\ntasks: { ask: { type: approval, with: { title: Go on? } } }\n")
        .await;
    let run = site.begin("asks").await;
    let page = export(&site, &run).await.page().expect("it fits together");
    assert!(!page.summary.state.is_final());
    assert_eq!(
        site.send("GET /api/v1/runs/run_00000000000000000000000000/capsule")
            .await
            .status,
        404
    );
}

/// Secrets are not in a file whatever a flow does with them: not given to a task, not printed by it, not in an error, not in its
/// output, not encoded.
#[tokio::test]
async fn no_secret_is_in_a_file() {
    let site = Site::start().await;
    let body = serde_json::json!({ "value": SECRET });
    let put = format!("PUT /api/v1/secrets/token\n{JSON}\n\n{body}");
    assert_eq!(site.send(&put).await.status, 204);
    let flow = serde_json::json!({"flow": "leaky", "tasks": {
        "print": {"type": "shell", "with": {
            "command": "echo \"$T\"; echo \"$T\" >&2; printf %s \"$T\" | base64; printf '\"%s\"' \"$T\" | head -c 3",
            "env": {"T": "{{ secrets.token }}"}}},
        "fall": {"type": "shell", "with": {
            "command": "echo \"no: $T\" >&2; exit 3", "env": {"T": "{{ secrets.token }}"}}},
    }});
    let save = format!("POST /api/v1/flows\n{JSON}\n\n{flow}");
    let saved = site.send(&save).await;
    assert_eq!(saved.status, 201, "{}", saved.body);
    let run = site.finish("leaky").await;
    let capsule = export(&site, &run).await;
    let whole = site.send(&format!("GET /api/v1/runs/{run}/capsule")).await.body;
    assert!(!capsule.log("print", None).lines.is_empty() && !capsule.log("fall", None).lines.is_empty());
    assert!(whole.contains("secrets.token"), "the reference stays");
    let escaped = serde_json::to_string(SECRET).expect("JSON");
    let encoded = "dG9rM24tZ2VoZWltLyLDvA";
    for trace in [SECRET, escaped.trim_matches('"'), "tok3n-geheim", encoded] {
        assert!(!whole.contains(trace), "{trace} is in the file:\n{whole}");
    }
    // Nor is what would let somebody report for an attempt.
    let tokens: Vec<&str> = whole
        .match_indices("\"token\":\"att_")
        .map(|(at, _)| &whole[at + 9..at + 39])
        .collect();
    assert!(!tokens.is_empty());
    assert!(
        tokens
            .iter()
            .all(|token| token.trim_start_matches("att_").bytes().all(|byte| byte == b'0')),
        "{tokens:?}"
    );
}
