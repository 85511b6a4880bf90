//! A task type of one's own: an implementation of one trait, and one line where the engine is put together.

use std::io::Write;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use engine::flow::parse::Format;
use engine::{Engine, SaveFlow, StartRun, TaskContext, TaskOutcome, TaskType, TaskTypeInfo};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Counts the words of a text.
struct CountWords;

/// What stands under `with`. Documents are checked against it before they are saved, and forms are made from it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// The text.
    text: String,
    /// Words of fewer letters do not count.
    #[serde(default)]
    shortest: usize,
}

/// What later tasks find under `tasks.NAME.output`.
#[derive(Serialize, JsonSchema)]
struct Output {
    /// How many words count.
    words: usize,
    /// The longest of them.
    longest: Option<String>,
}

#[async_trait]
impl TaskType for CountWords {
    fn info(&self) -> TaskTypeInfo {
        TaskTypeInfo::new::<Arguments, Output>("words.count", "Count words", "Counts the words of a text.")
    }

    async fn run(&self, ctx: &TaskContext) -> TaskOutcome {
        let Arguments { text, shortest } = match ctx.input() {
            Ok(arguments) => arguments,
            Err(error) => return TaskOutcome::from(error),
        };
        let letters = |word: &&str| word.chars().count();
        let words: Vec<&str> = text
            .split_whitespace()
            .filter(|word| letters(word) >= shortest)
            .collect();
        ctx.info(&format!("{} words count", words.len()));
        let longest = words.iter().copied().max_by_key(letters).map(str::to_owned);
        match serde_json::to_value(Output {
            words: words.len(),
            longest,
        }) {
            Ok(output) => TaskOutcome::ok(output),
            Err(error) => TaskOutcome::failed("output", error.to_string()),
        }
    }
}

const FLOW: &str = r#"
flow: words
inputs:
  text: { type: text, required: true }
tasks:
  count: { type: words.count, with: { text: "{{ inputs.text }}", shortest: 4 } }
  tell: { type: log, needs: [count], with: { message: "the longest is {{ tasks.count.output.longest }}" } }
outputs:
  words: "{{ tasks.count.output.words }}"
  told: "{{ tasks.tell.output }}"
"#;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let text = std::env::args()
        .nth(1)
        .context("give a text to count the words of")?;

    // With `.data_dir("data")` instead of `.in_memory()` runs are durable.
    let engine = Engine::builder()
        .in_memory()
        .task_type(CountWords)
        .start()
        .await?;

    let save = SaveFlow {
        source: FLOW.as_bytes().to_vec(),
        format: Format::Yaml,
        id: None,
        expected: None,
        actor: "example".to_owned(),
    };
    let flow = engine.save_flow(save).await?.id;
    let start = StartRun {
        inputs: serde_json::json!({ "text": text }),
        ..StartRun::of(&flow)
    };
    let (_, ended) = engine.start_and_wait(start, Duration::from_secs(30)).await?;
    let run = ended.context("the run takes too long")?;
    writeln!(
        std::io::stdout(),
        "{} {}",
        run.summary.state.key(),
        run.outputs.as_ref().unwrap_or_default()
    )?;
    engine.shutdown(Duration::ZERO).await;
    Ok(())
}
