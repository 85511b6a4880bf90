//! `fetch_data`, `process_data` and `store_data`: the task types of the systems before this one.
//!
//! They take whatever parameters those took. What was simulated there is simulated here, so that their examples give what they
//! gave; what was random is drawn from the attempt, so that it can be explained afterwards. `store_data` really writes.

mod records;
mod store;
#[cfg(test)]
mod tests;

use std::time::Duration;

use async_trait::async_trait;
use flow::run::event::TaskError;
use reqwest::header::HeaderMap;
use reqwest::{Method, Url};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::http::{Client, HttpOptions, Request, SecretParts, exchange, output};
use crate::task_type::{TaskContext, TaskOutcome, TaskType, TaskTypeInfo};

/// Records that a simulated source has.
const SIMULATED_RECORDS: u32 = 10;

/// Bytes a live source may answer with.
const LIVE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What all three have in common; other parameters are taken and ignored.
#[derive(Deserialize, JsonSchema)]
struct Common {
    /// How likely an attempt fails, from 0 to 1: for trying out what a flow does then.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    failure_rate: f64,
}

/// What a task works on.
#[derive(Deserialize, JsonSchema)]
struct Work {
    #[serde(flatten)]
    #[expect(dead_code, reason = "judged before; here its schema is of use")]
    common: Common,
    /// What an earlier task gave: records, or something that holds them.
    #[serde(default)]
    input: Value,
    /// Without `input`: what several earlier tasks gave, by their names; the records of the last one that has any count.
    #[serde(default)]
    results: Value,
}

impl Work {
    fn given(&self) -> &Value {
        if self.input.is_null() {
            &self.results
        } else {
            &self.input
        }
    }
}

/// Gets records from a source.
pub(super) struct FetchData {
    client: Client,
}

#[derive(Deserialize, JsonSchema)]
struct FetchArguments {
    #[serde(flatten)]
    #[expect(dead_code, reason = "judged before; here its schema is of use")]
    common: Common,
    /// Where the records come from. The same source always gives the same simulated records.
    #[serde(default = "default_source")]
    #[schemars(default = "default_source")]
    data_source: String,
    /// Really ask the source, an http or https URL, instead of simulating it.
    #[serde(default)]
    live: bool,
    /// Seconds a live source may take.
    #[serde(default)]
    timeout: Option<f64>,
}

fn default_source() -> String {
    "default_source".to_owned()
}

/// Makes a type's arguments and lets the attempt fail if chance wants it.
fn arguments<T: DeserializeOwned>(ctx: &TaskContext, what: &str) -> Result<T, TaskError> {
    let common: Common = ctx.input()?;
    if !(0.0..=1.0).contains(&common.failure_rate) {
        return Err(TaskError::new(
            "input",
            format!("`failure_rate` is {}; it goes from 0 to 1", common.failure_rate),
        )
        .permanent());
    }
    if draw(ctx) < common.failure_rate {
        return Err(TaskError::new(
            "simulated",
            format!(
                "{what} failed, as it does with a failure rate of {}",
                common.failure_rate
            ),
        ));
    }
    ctx.input()
}

/// A number from 0 up to but not including 1 that belongs to the attempt.
fn draw(ctx: &TaskContext) -> f64 {
    let bits = hash(&[ctx.idempotency_key.as_bytes(), &ctx.attempt.to_be_bytes()]) >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

fn hash(parts: &[&[u8]]) -> u64 {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher
        .finalize()
        .iter()
        .take(8)
        .fold(0, |bits, byte| (bits << 8) | u64::from(*byte))
}

impl FetchData {
    pub(super) fn new(options: HttpOptions) -> Self {
        Self {
            client: Client::new(options),
        }
    }

    async fn fetch(&self, ctx: &TaskContext) -> Result<Value, TaskError> {
        let arguments: FetchArguments = arguments(ctx, "fetching")?;
        let source = &arguments.data_source;
        let records = if arguments.live {
            self.live(ctx, &arguments).await?
        } else {
            simulated(source)
        };
        let count = records.len();
        ctx.info(&format!(
            "Fetched {count} records from {source}{}",
            if arguments.live { "" } else { " (simulated)" }
        ));
        Ok(json!({ "source": source, "records": records, "count": count, "simulated": !arguments.live }))
    }

    async fn live(&self, ctx: &TaskContext, arguments: &FetchArguments) -> Result<Vec<Value>, TaskError> {
        let url = Url::parse(&arguments.data_source).map_err(|error| {
            TaskError::new(
                "input",
                format!("`data_source` is not a URL, which `live` needs: {error}"),
            )
            .permanent()
        })?;
        let request = Request {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: None,
            secrets: SecretParts::default(),
            redirects_max: 10,
            body_max: LIVE_BYTES_MAX,
        };
        let seconds = arguments
            .timeout
            .filter(|seconds| seconds.is_finite() && *seconds > 0.0)
            .unwrap_or(30.0);
        let answer = tokio::time::timeout(
            Duration::from_secs_f64(seconds.min(86_400.0)),
            exchange(&self.client, ctx, request),
        );
        let response = answer
            .await
            .map_err(|_| TaskError::new("timeout", format!("the source took longer than {seconds} s")))??;
        if !(200..300).contains(&response.status) {
            return Err(TaskError::new(
                "http_status",
                format!("the source answered {}", response.status),
            ));
        }
        let body = output(response)["body"].take();
        Ok(match records::find(&body) {
            Some(records) => records.to_vec(),
            None => vec![body],
        })
    }
}

/// The records a source always has.
fn simulated(source: &str) -> Vec<Value> {
    const NAMES: [&str; 8] = [
        "amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron",
    ];
    let record = |number: u32| {
        let bits = hash(&[source.as_bytes(), &number.to_be_bytes()]);
        let name = NAMES[(bits % NAMES.len() as u64) as usize];
        json!({ "id": number, "name": format!("{name}-{number}"), "value": (bits >> 8) % 1000 })
    };
    (1..=SIMULATED_RECORDS).map(record).collect()
}

#[async_trait]
impl TaskType for FetchData {
    fn info(&self) -> TaskTypeInfo {
        TaskTypeInfo::new::<FetchArguments, Value>(
            "fetch_data",
            "Fetch data",
            "Gets records from a source, simulated unless `live`.",
        )
        .shown_as("data", "download")
    }

    async fn run(&self, ctx: &TaskContext) -> TaskOutcome {
        tokio::select! {
            output = self.fetch(ctx) => outcome(output),
            () = ctx.cancel.cancelled() => TaskOutcome::Cancelled,
        }
    }
}

fn outcome(output: Result<Value, TaskError>) -> TaskOutcome {
    match output {
        Ok(output) => TaskOutcome::ok(output),
        Err(error) => TaskOutcome::from(error),
    }
}

/// Makes something of the records before it.
pub(super) struct ProcessData;

#[async_trait]
impl TaskType for ProcessData {
    fn info(&self) -> TaskTypeInfo {
        TaskTypeInfo::new::<Work, Value>(
            "process_data",
            "Process data",
            "Transforms the records of an earlier task.",
        )
        .shown_as("data", "cog")
    }

    async fn run(&self, ctx: &TaskContext) -> TaskOutcome {
        outcome(arguments::<Work>(ctx, "processing").map(|arguments| {
            let processed = records::process(records::find(arguments.given()).unwrap_or_default());
            ctx.info(&format!("Processed {} records", processed["count"]));
            processed
        }))
    }
}

/// Writes the records before it into a file.
pub(super) struct StoreData;

#[derive(Deserialize, JsonSchema)]
struct StoreArguments {
    #[serde(flatten)]
    work: Work,
    /// The file below `files/` in the data folder; without it, one named after the run and the task.
    #[serde(default)]
    destination: Option<String>,
}

#[async_trait]
impl TaskType for StoreData {
    fn info(&self) -> TaskTypeInfo {
        TaskTypeInfo::new::<StoreArguments, Value>(
            "store_data",
            "Store data",
            "Writes the records of an earlier task into a file of the data folder.",
        )
        .shown_as("data", "database")
    }

    async fn run(&self, ctx: &TaskContext) -> TaskOutcome {
        let arguments: StoreArguments = match arguments(ctx, "storing") {
            Ok(arguments) => arguments,
            Err(error) => return TaskOutcome::from(error),
        };
        outcome(store::write(ctx, arguments.destination.as_deref(), arguments.work.given()).await)
    }
}
