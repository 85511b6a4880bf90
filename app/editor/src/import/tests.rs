use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::import;
use crate::testing::Types;

/// The flow that a text becomes, and what is told. Whatever comes out can be stored.
fn check(text: &str, expected: Expect) {
    let shown = match import(text, &Types) {
        Err(refusal) => format!("refused: {refusal}\n"),
        Ok(imported) => {
            let checked = flow::validate::check(imported.text.as_bytes(), imported.format, &Types);
            let problems: String = checked
                .problems
                .iter()
                .map(|problem| format!("{problem}\n"))
                .collect();
            let notes: String = imported.notes.iter().map(|note| format!("- {note}\n")).collect();
            assert!(checked.doc.is_some(), "it is valid:\n{}{problems}", imported.text);
            format!(
                "from {}\n{}{problems}{notes}",
                imported.origin.name(),
                imported.text
            )
        }
    };
    expected.assert_eq(&shown);
}

#[test]
fn addresses_are_told_what_to_do_with() {
    check(
        " https://example.org/flows/import.yaml\n",
        expect![[r#"
        refused: this is the address of a file, and nothing is fetched from there; open it in the browser, then paste what it says, or save it and choose the file
    "#]],
    );
}

#[test]
fn chains_of_tasks() {
    check(
        "a >> [b, c] >> d\nd << e",
        expect![[r#"
        from a chain of tasks
        flow: chain
        name: Chain
        tasks:
          a:
            type: noop
          b:
            type: noop
            needs: [a]
          c:
            type: noop
            needs: [a]
          d:
            type: noop
            needs: [b, c, e]
          e:
            type: noop
        - 5 tasks do nothing yet: say what they do.
    "#]],
    );
    check(
        r#"
from airflow import DAG
with DAG("x"):
    fetch = BashOperator(
        task_id="fetch_it",
        bash_command="echo \"hi\"  # kept, a=b",
        retries=3, trigger_rule="all_done", env={"a": f(b=1)},
    )
    run = PythonOperator(task_id='run', python_callable=main)
    done = EmptyOperator(task_id="done")
    # all in a row
    fetch >> run \
        >> done
    done >> fetch
    print("hi")
"#,
        expect![[r#"
            from a chain of tasks
            flow: chain
            name: Chain
            tasks:
              fetch_it:
                type: shell
                with:
                  command: "echo \"hi\"  # kept, a=b"
              run:
                type: noop
                description: "Was PythonOperator: \"PythonOperator(task_id='run', python_callable=main)\""
                needs: [fetch_it]
              done:
                type: noop
                needs: [run]
            - Of `fetch_it` not taken over: `retries`, `trigger_rule`, `env`.
            - `run` was PythonOperator, which is not translated: it does nothing, and its description holds the original.
            - Line 15 is left out: `print("hi")`.
            - The way back from `done` to `fetch_it` is left out: a flow has no circles; use a `loop` or a `for_each`.
            - 2 tasks do nothing yet: say what they do.
        "#]],
    );
    check(
        "a >> b c",
        expect![[r#"
        refused: line 1: `a >> b c` is no chain; write it like `a >> [b, c] >> d`
    "#]],
    );
}

#[test]
fn curl_commands() {
    check(
        "curl 'https://api.example/v1/items?q=1' \\\n  -H 'Accept: application/json' -H \"Authorization: Bearer abc\" \\\n  --retry 3 -m 20 --compressed -k",
        expect![[r#"
            from cURL
            flow: get-api-example
            name: GET api.example
            tasks:
              request:
                type: http.request
                with:
                  url: "https://api.example/v1/items?q=1"
                  headers:
                    Accept: application/json
                  auth:
                    bearer: "{{ secrets.token }}"
                timeout: 20s
                retry:
                  max_attempts: 4
            - The token is not kept: put it into the secret `token`.
            - `-k` is left out: certificates are always checked.
        "#]],
    );
    check(
        "curl -XPOST api.example -u me:pw --json '{\"a\": [1, \"it\"]}' -o out.json",
        expect![[r#"
            from cURL
            flow: post-api-example
            name: POST api.example
            tasks:
              request:
                type: http.request
                with:
                  method: POST
                  url: "http://api.example"
                  body:
                    a: [1, it]
                  auth:
                    username: me
                    password: "{{ secrets.password }}"
            - The password is not kept: put it into the secret `password`.
            - The option `-o out.json` is left out.
        "#]],
    );
    check(
        "curl -d a=1 -d b=$'x\\'y' https://me:pw@a.example -F file=@x",
        expect![[r#"
            from cURL
            flow: post-a-example
            name: POST a.example
            tasks:
              request:
                type: http.request
                with:
                  method: POST
                  url: "https://a.example"
                  body: "a=1&b=x'y"
                  headers:
                    Content-Type: application/x-www-form-urlencoded
                  auth:
                    username: me
                    password: "{{ secrets.password }}"
            - The option `-F file=@x` is left out.
            - The password is not kept: put it into the secret `password`.
        "#]],
    );
    check(
        "curl -G --data-urlencode q=1 'https://a.example/?x={{ 1 }}' other",
        expect![[r#"
            from cURL
            flow: get-a-example
            name: GET a.example
            tasks:
              request:
                type: http.request
                with:
                  url: "https://a.example/?x={{ 1 }}&q=1"
            - `other` is left out: one command makes one request.
            - Braces `{{ … }}` in the command are read as expressions here.
        "#]],
    );
    check(
        "curl -H",
        expect![[r#"
        refused: `-H` says nothing after it; complete the command
    "#]],
    );
    check(
        "curl -s",
        expect![[r#"
        refused: the command names no address; add the URL to it
    "#]],
    );
    check(
        "curl 'https://a.example",
        expect![[r#"
        refused: a quote in the command is never closed
    "#]],
    );
}

fn n8n(nodes: Value, connections: Value) -> String {
    json!({ "name": "My Workflow", "nodes": nodes, "connections": connections, "settings": { "timezone": "UTC" } }).to_string()
}

#[test]
fn workflows_of_n8n() {
    let to = |name: &str| json!({ "node": name, "type": "main", "index": 0 });
    check(
        &n8n(
            json!([
                { "name": "When", "type": "n8n-nodes-base.scheduleTrigger", "position": [0, 0],
                  "parameters": { "rule": { "interval": [{ "field": "hours", "hoursInterval": 6 }, { "field": "weeks" }] } } },
                { "name": "Get orders", "type": "n8n-nodes-base.httpRequest", "position": [200.4, 0], "retryOnFail": true, "maxTries": 4,
                  "credentials": { "x": {} }, "parameters": { "url": "https://a.example/{{x}}", "options": { "timeout": 3 },
                  "sendHeaders": true, "headerParameters": { "parameters": [{ "name": "X-Day", "value": "={{ $now }}" }] } } },
                { "name": "Any?", "type": "n8n-nodes-base.if", "position": [400, 0], "parameters": { "conditions": { "combinator": "and",
                  "conditions": [{ "leftValue": "={{ $json.items[0]['the name'] }}", "rightValue": "x", "operator": { "operation": "equals" } },
                                 { "leftValue": "={{ $json.n }}", "rightValue": 3, "operator": { "operation": "gt" } }] } } },
                { "name": "Shape", "type": "n8n-nodes-base.set", "position": [600, 0], "disabled": true, "parameters": { "assignments": { "assignments": [
                  { "name": "id", "value": "={{ $('Get orders').item.json.id }}" }, { "name": "text", "value": "=Hi {{ $json.a }}, {{ $json.b.map(x => x) }}" }] } } },
                { "name": "Crunch", "type": "n8n-nodes-base.code", "position": [600, 200], "parameters": { "jsCode": "return items" }, "notes": "does it" },
                { "name": "Note", "type": "n8n-nodes-base.stickyNote", "position": [0, 300], "parameters": { "content": "## Read me" } },
                { "name": "Join", "type": "n8n-nodes-base.merge", "position": [800, 0], "parameters": { "mode": "append" } },
                { "name": "Pause", "type": "n8n-nodes-base.wait", "parameters": { "amount": 5, "unit": "minutes" } },
            ]),
            json!({
                "When": { "main": [[to("Get orders")]] },
                "Get orders": { "main": [[to("Any?")]] },
                "Any?": { "main": [[to("Shape")], [to("Crunch")]] },
                "Shape": { "main": [[to("Join")]] },
                "Crunch": { "main": [[to("Join"), to("Get orders")]], "ai_tool": [[to("Join")]] },
                "Join": { "main": [[to("Pause")]] },
            }),
        ),
        expect![[r###"
            from n8n
            flow: my-workflow
            name: My Workflow
            schedules:
              schedule:
                cron: "0 */6 * * *"
            tasks:
              get-orders:
                name: Get orders
                type: http.request
                with:
                  url: "https://a.example/{ {x}}"
                  headers:
                    X-Day: "{ { $now } }"
                retry:
                  max_attempts: 4
                  backoff: fixed
                  first: 1000ms
              any:
                name: "Any?"
                type: switch
                needs: [get-orders]
                with:
                  cases:
                    "yes": "tasks['get-orders'].output.body.items[0]['the name'] == \"x\" and tasks['get-orders'].output.body.n > 3"
                  default: "no"
              shape:
                name: Shape
                type: transform
                needs: [{ task: any, on: "yes" }]
                when: "false"
                with:
                  value:
                    id: "{{ tasks['get-orders'].output.body.id }}"
                    text: "Hi {{ tasks['get-orders'].output.body.a }}, { { $json.b.map(x => x) } }"
              crunch:
                name: Crunch
                type: noop
                description: |-
                  does it

                  Was a node `code` of n8n: {"jsCode":"return items"}
                needs: [{ task: any, on: "no" }]
              join:
                name: Join
                type: noop
                needs: [shape, crunch]
                join: settled
              pause:
                name: Pause
                type: delay
                needs: [join]
                with:
                  for: 5m
            layout:
              get-orders: [281, 0]
              any: [561, 0]
              shape: [842, 0]
              crunch: [842, 281]
              join: [1122, 0]
            notes:
              note:
                text: "## Read me"
                at: [0, 421]
            - Not all times at which `When` starts the flow are translated: add a schedule.
            - `headers` of `get-orders` holds an expression that has to be written anew: `$now`.
            - The options of `get-orders` are left out: {"timeout":3}.
            - The credentials of `get-orders` do not come along: add them as secrets.
            - `text` of `shape` holds an expression that has to be written anew: `$json.b.map(x => x)`.
            - `shape` was switched off, so it is skipped (`when: false`), and what waits for it alone as well.
            - `crunch` was a node `code` of n8n, which is not translated: it does nothing, and its description holds the original.
            - Parameters of `join` are left out: mode.
            - The way back from `crunch` to `get-orders` is left out: a flow has no circles; use a `loop` or a `for_each`.
            - The link `ai_tool` from `crunch` to `join` is left out: it is no order of work.
            - `settings` of the workflow is left out.
        "###]],
    );
    check(
        &n8n(
            json!([
                { "name": "Hook", "type": "n8n-nodes-base.webhook", "parameters": {} },
                { "name": "Ask", "type": "n8n-nodes-base.httpRequest", "parameters": { "url": "https://a.example" } },
                { "name": "Route", "type": "n8n-nodes-base.switch", "parameters": { "rules": { "values": [
                  { "outputKey": "Big ones", "conditions": { "conditions": [{ "leftValue": "={{ $json.n }}", "rightValue": 1, "operator": { "operation": "lt" } }] } },
                  { "conditions": { "conditions": [{ "leftValue": "a", "rightValue": "b", "operator": { "operation": "regex" } }] } }] } } },
                { "name": "Send", "type": "n8n-nodes-base.emailSend", "onError": "continueErrorOutput", "parameters": { "toEmail": "a@b.example", "subject": "S", "text": "T" } },
                { "name": "Send", "type": "n8n-nodes-base.noOp", "parameters": {} },
                { "name": "Sub", "type": "n8n-nodes-base.executeWorkflow", "parameters": { "workflowId": "12" } },
            ]),
            json!({ "Hook": { "main": [[to("Ask")]] }, "Ask": { "main": [[to("Route")]] }, "Route": { "main": [[to("Send")], [to("Sub")], [to("Sub")]] }, "Send": { "main": [[], [to("Sub")]] } }),
        ),
        expect![[r#"
            from n8n
            flow: my-workflow
            name: My Workflow
            tasks:
              ask:
                name: Ask
                type: http.request
                with:
                  url: "https://a.example"
              route:
                name: Route
                type: switch
                needs: [ask]
                with:
                  cases:
                    big-ones: "tasks.ask.output.body.n < 1"
                    case-1: "false"
                  default: otherwise
              send:
                name: Send
                type: mail.send
                needs: [{ task: route, on: big-ones }]
                with:
                  to: "a@b.example"
                  subject: S
                  body: T
                  smtp: "{{ secrets.smtp }}"
              sub:
                name: Sub
                type: subflow
                needs:
                  - { task: route, on: case-1 }
                  - { task: route, on: otherwise }
                  - { task: send, on: failed }
                join: any
                with:
                  flow: "12"
            - Another node called `Send` is left out.
            - `Hook` starts the flow from outside: add it under `webhooks`, with a token or a signature as a secret.
            - The condition of `route` is not translated: it is `false` until you write it.
            - Cases of `route` are not translated: they are `false` until you write them.
            - `send` sends by the server in the secret `smtp`: put its address there.
            - `sub` runs the workflow `12` there: name the flow it is here, and its inputs.
            - `sub` ran once for each link into it; here it runs once, after the first (`join: any`).
            - `settings` of the workflow is left out.
        "#]],
    );
    check(
        &n8n(json!([]), json!({})),
        expect![[r#"
        from n8n
        flow: my-workflow
        name: My Workflow
        tasks:
          start:
            type: noop
        - `settings` of the workflow is left out.
        - Nothing to do was found, so the flow has one task that does nothing.
    "#]],
    );
}

#[test]
fn flows_of_node_red() {
    let nodes = json!([
        { "id": "t", "type": "tab", "label": "Garden", "info": "Waters it." },
        { "id": "i", "type": "inject", "z": "t", "name": "often", "crontab": "*/5 * * * *", "payload": "1", "payloadType": "num", "wires": [["h", "l"]] },
        { "id": "h", "type": "http request", "z": "t", "name": "Weather", "method": "GET", "url": "https://a.example/{{{payload.town}}}", "x": 100, "y": 80, "wires": [["s"]] },
        { "id": "s", "type": "switch", "z": "t", "name": "", "property": "payload.rain", "checkall": "true", "rules": [
            { "t": "lt", "v": "3", "vt": "num" }, { "t": "regex", "v": "x", "vt": "str" }, { "t": "else" }], "wires": [["d"], ["f"], ["c"]] },
        { "id": "d", "type": "delay", "z": "t", "name": "Soon", "pauseType": "delay", "timeout": "5", "timeoutUnits": "seconds", "wires": [["e"]] },
        { "id": "f", "type": "function", "z": "t", "name": "Think", "func": "return {{msg}};", "wires": [["e"], []] },
        { "id": "c", "type": "change", "z": "t", "name": "Set", "rules": [{ "t": "set", "p": "payload", "pt": "msg", "to": "payload.rain", "tot": "msg" }], "wires": [["g"]] },
        { "id": "e", "type": "exec", "z": "t", "name": "Pump", "command": "pump", "append": "--on", "addpay": "payload", "d": true, "wires": [["g"], [], []] },
        { "id": "l", "type": "link out", "z": "t", "links": ["k"], "wires": [] },
        { "id": "k", "type": "link in", "z": "t", "links": ["l"], "wires": [["g"]] },
        { "id": "g", "type": "debug", "z": "t", "name": "Show", "complete": "payload", "wires": [] },
        { "id": "n", "type": "comment", "z": "t", "name": "Care", "info": "for it", "x": 1, "y": 2, "wires": [] },
        { "id": "x", "type": "catch", "z": "t", "name": "", "wires": [["g"]] },
        { "id": "b", "type": "mqtt-broker", "name": "broker" },
    ]);
    check(
        &nodes.to_string(),
        expect![[r#"
        from Node-RED
        flow: garden
        name: Garden
        description: Waters it.
        schedules:
          schedule:
            cron: "*/5 * * * *"
        tasks:
          weather:
            name: Weather
            type: http.request
            with:
              url: "https://a.example/{ {payload.town} }"
          switch:
            type: switch
            needs: [weather]
            with:
              cases:
                case-0: "tasks.weather.output.body.rain < 3"
                case-1: "false"
                case-2: "true"
          soon:
            name: Soon
            type: delay
            needs: [{ task: switch, on: case-0 }]
            with:
              for: 5s
          think:
            name: Think
            type: noop
            description: "Was a node `function` of Node-RED: {\"func\":\"return { {msg}};\"}"
            needs: [{ task: switch, on: case-1 }]
          set:
            name: Set
            type: transform
            needs: [{ task: switch, on: case-2 }]
            with:
              value: "{{ tasks.weather.output.body.rain }}"
          pump:
            name: Pump
            type: shell
            needs: [soon, think]
            join: any
            when: "false"
            with:
              command: pump --on
          show:
            name: Show
            type: log
            needs: [set, pump]
            join: any
            with:
              message: Show
        layout:
          weather: [100, 80]
        notes:
          note:
            text: |-
              Care

              for it
            at: [1, 2]
        - What is set up as `mqtt-broker` `broker` is left out.
        - `think` has 2 outputs; here what waits for it waits for it as a whole.
        - `pump` has 3 outputs; here what waits for it waits for it as a whole.
        - `pump` ran for each message; here it runs once, after the first task before it (`join: any`).
        - `show` ran for each message; here it runs once, after the first task before it (`join: any`).
        - What `often` injected (`1`) is left out: make it an input.
        - A text of `weather` names `payload.town`, which has to be written anew.
        - Cases of `switch` are not translated: they are `false` until you write them.
        - `switch` followed all cases that hold; here the first one wins.
        - `think` was a node `function` of Node-RED, which is not translated: it does nothing, and its description holds the original.
        - The message was added to the command of `pump`: hand it over in `env`.
        - `pump` was switched off, so it is skipped (`when: false`).
        - What `show` writes is not translated: say which task's output it is.
        - The node `catch` is left out; use edges `on: failed`, `on_failure` or a trigger.
    "#]],
    );
}

#[test]
fn what_is_known_already_and_what_is_not() {
    check(
        "flow: a\ntasks:\n  x: { type: noop } # kept\n",
        expect![[r#"
        from Pointwork
        flow: a
        tasks:
          x: { type: noop } # kept
    "#]],
    );
    check(
        r#"{"flow": {"id": "Old", "name": "Old", "start_task": "a", "tasks": [{"name": "a", "description": "", "task_type": "fetch_data"}], "conditions": []}}"#,
        expect![[r#"
            from the predecessor
            flow: old-bca97160f4
            name: Old
            labels:
              legacy.id: Old
            tasks:
              a:
                type: fetch_data
                name: a
                description: ""
        "#]],
    );
    check(
        "hello",
        expect![[r#"
        refused: nothing known is found in this text; paste a flow as YAML or JSON, a workflow exported from n8n or Node-RED, a chain such as `a >> [b, c] >> d`, or a cURL command
    "#]],
    );
    check(
        "[1, 2]",
        expect![[r#"
        refused: nothing known is found in this text; paste a flow as YAML or JSON, a workflow exported from n8n or Node-RED, a chain such as `a >> [b, c] >> d`, or a cURL command
    "#]],
    );
    check(
        r#"{"nodes": []}"#,
        expect![[r#"
        refused: nothing known is found in this text; paste a flow as YAML or JSON, a workflow exported from n8n or Node-RED, a chain such as `a >> [b, c] >> d`, or a cURL command
    "#]],
    );
}

mod any {
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        let words = prop::sample::select(vec![
            "nodes",
            "connections",
            "parameters",
            "type",
            "name",
            "main",
            "node",
            "rules",
            "values",
            "n8n-nodes-base.if",
            "a",
            "b",
            "={{ $json.a }}",
            "n8n-nodes-base.switch",
            "n8n-nodes-base.httpRequest",
            "switch",
            "http request",
            "wires",
            "id",
            "{{",
            "conditions",
        ]);
        let leaf = prop_oneof![
            words.clone().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            Just(Value::Null)
        ];
        leaf.prop_recursive(5, 40, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
                prop::collection::vec((words.clone(), inner), 0..5).prop_map(|entries| Value::Object(
                    entries
                        .into_iter()
                        .map(|(key, value)| (key.to_owned(), value))
                        .collect()
                )),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn json_of_any_shape_is_read_or_refused(
            nodes in prop::collection::vec(value(), 0..4),
            connections in value(),
            text in "(curl |a >> |\\[|\\{)?[a-z\"'\\\\ <>=\\[\\],@:$\\n-]{0,40}",
        ) {
            let named: Vec<Value> = nodes.iter().enumerate().map(|(at, node)| {
                let mut node = node.as_object().cloned().unwrap_or_default();
                node.entry("type").or_insert_with(|| json!("n8n-nodes-base.if"));
                node.entry("name").or_insert_with(|| json!(format!("n{at}")));
                node.entry("id").or_insert_with(|| json!(format!("n{at}")));
                node.entry("wires").or_insert_with(|| json!([["n0"]]));
                Value::Object(node)
            }).collect();
            let connections = if connections.is_object() { connections } else { json!({}) };
            for text in [json!({ "nodes": named, "connections": connections }).to_string(), Value::Array(named).to_string(), text] {
                if let Ok(imported) = import(&text, &Types) {
                    let read = flow::parse::pieces::outline(&imported.text, imported.format);
                    prop_assert!(read.is_ok(), "{}", imported.text);
                }
            }
        }
    }
}
