//! What people tell to runs and their tasks on pages: answers to approvals, signals, retries. Texts of forms become values here,
//! and what is wrong with one is told at its field.

use std::collections::BTreeMap;

use app::ask;
use app::model::{Question, RetryAsk};
use app::{AppError, format};
use engine::{Answer, Engine, EngineError, RetryRun};
use flow::doc::{FlowDoc, InputDoc};
use flow::view::TaskRunView;
use flow::{Problem, RunId};
use serde_json::{Map, Value, json};

use super::{ACTOR, told};
use crate::api::check_reason;

/// What the page asks for, as the engine takes it.
pub(super) fn retry(ask: RetryAsk) -> Result<RetryRun, AppError> {
    let inputs = match &ask.inputs {
        Some(text) => Some(json_of(text, "inputs")?),
        None => None,
    };
    let mut mark_succeeded = BTreeMap::new();
    if let Some(task) = ask.mark {
        let output = match &ask.output {
            Some(text) => json_of(text, "output")?,
            None => Value::Null,
        };
        mark_succeeded.insert(task, output);
    }
    Ok(RetryRun {
        idempotency_key: None,
        run: ask.run,
        from: ask.from,
        inputs,
        version: None,
        mark_succeeded,
        actor: ACTOR.to_owned(),
    })
}

/// A text as JSON. What is wrong with it is told with its place.
fn json_of(text: &str, field: &str) -> Result<Value, AppError> {
    serde_json::from_str(text).map_err(|error| {
        let message = format!("this is not JSON: {error}");
        told(EngineError::Invalid(vec![
            Problem::error("bad_json", message).at(field),
        ]))
    })
}

/// What an approval asks, as it was evaluated.
pub(super) async fn question(engine: &Engine, run: RunId, path: &str) -> Result<Question, AppError> {
    let input = engine.task_input(run, path).await.map_err(told)?;
    let title = input
        .as_ref()
        .and_then(|input| input.get("title")?.as_str())
        .map(str::to_owned);
    let fields = input
        .as_ref()
        .and_then(|input| input.get("form"))
        .map_or_else(Vec::new, ask::fields);
    Ok(Question { title, fields })
}

pub(super) async fn approve(
    engine: &Engine,
    run: RunId,
    path: &str,
    fields: &[(String, String)],
    comment: Option<String>,
) -> Result<(), AppError> {
    // Who comes too late is told that, and not what is wrong with an answer that does not count.
    if let Some(late) = too_late(engine, run, path).await? {
        return Err(late);
    }
    let asked = question(engine, run, path).await?.fields;
    let values = values(asked, fields).map_err(|problems| told(EngineError::Invalid(problems)))?;
    let answer = Answer {
        approved: true,
        values,
        comment,
    };
    give(engine, run, path, answer).await
}

pub(super) async fn reject(
    engine: &Engine,
    run: RunId,
    path: &str,
    comment: Option<String>,
) -> Result<(), AppError> {
    let answer = Answer {
        approved: false,
        values: Value::Object(Map::new()),
        comment,
    };
    give(engine, run, path, answer).await
}

async fn give(engine: &Engine, run: RunId, path: &str, answer: Answer) -> Result<(), AppError> {
    check_reason(answer.comment.as_deref())?;
    match engine.answer_task(run, path, answer, ACTOR).await {
        Ok(()) => Ok(()),
        Err(EngineError::BadAnswer(complaints)) => Err(told(EngineError::Invalid(complained(&complaints)))),
        Err(error) => Err(refused(engine, run, path, error).await?),
    }
}

/// Gives a signal.
pub(super) async fn signal(engine: &Engine, run: RunId, path: &str, text: &str) -> Result<(), AppError> {
    let value = match text.trim() {
        "" => Value::Null,
        text => json_of(text, "value")?,
    };
    match engine.signal_task(run, path, value, ACTOR).await {
        Ok(()) => Ok(()),
        Err(error) => Err(refused(engine, run, path, error).await?),
    }
}

/// The form's texts as the values of an answer.
fn values(asked: Vec<(String, InputDoc)>, given: &[(String, String)]) -> Result<Value, Vec<Problem>> {
    let inputs: Map<String, Value> = asked
        .into_iter()
        .map(|(name, field)| (name, serde_json::to_value(field).unwrap_or_default()))
        .collect();
    // A form is read like the inputs of a flow.
    let document = json!({"flow": "form", "inputs": inputs, "tasks": {}});
    let document: FlowDoc = serde_json::from_value(document).map_err(|error| {
        vec![Problem::error(
            "bad_form",
            format!("the form cannot be read: {error}"),
        )]
    })?;
    flow::inputs::from_form(&document, given).map(ask::given)
}

/// The schema's complaints, each at its field.
fn complained(complaints: &[String]) -> Vec<Problem> {
    complaints
        .iter()
        .map(|complaint| {
            let (field, message) = ask::place_of(complaint);
            let problem = Problem::error("bad_answer", message);
            match field {
                Some(field) => problem.at(format!("inputs.{field}")),
                None => problem,
            }
        })
        .collect()
}

/// Why it was not taken: who was too late is told what has become of the task.
async fn refused(engine: &Engine, run: RunId, path: &str, error: EngineError) -> Result<AppError, AppError> {
    let late = match error {
        EngineError::NotNow(_) | EngineError::Finished(_) => too_late(engine, run, path).await?,
        _ => None,
    };
    Ok(late.unwrap_or_else(|| told(error)))
}

/// Who has answered already, and when; none if nobody has.
async fn too_late(engine: &Engine, run: RunId, path: &str) -> Result<Option<AppError>, AppError> {
    let task = engine.task(run, path).await.map_err(told)?;
    if !task.state.is_final() {
        return Ok(None);
    }
    let output = engine.task_output(run, path).await.map_err(told)?;
    let message = output
        .and_then(|output| ask::decided(&output))
        .unwrap_or_else(|| over(&task));
    Ok(Some(AppError::new(409, "not_now", message)))
}

/// What became of a task that nobody's answer decided.
fn over(task: &TaskRunView) -> String {
    let word = app::look::task(task).word;
    let at = task
        .finished_at
        .map_or_else(String::new, |at| format!(" at {}", format::moment(at)));
    let why = task
        .error
        .as_ref()
        .map(|error| &error.message)
        .or(task.reason.as_ref());
    let why = why.map_or_else(String::new, |why| format!(": {why}"));
    format!("It waits for nothing any more: {word}{at}{why}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_the_values_of_an_answer() {
        let form = json!({
            "type": "object",
            "required": ["carrier"],
            "properties": {
                "carrier": {"enum": ["post", "courier"]},
                "parcels": {"type": "integer", "minimum": 1},
                "insured": {"type": "boolean"},
                "note": {"type": "string"},
                "day": {"type": "string", "format": "date"}
            }
        });
        let read = |pairs: &[(&str, &str)]| {
            let pairs: Vec<_> = pairs
                .iter()
                .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
                .collect();
            match values(ask::fields(&form), &pairs) {
                Ok(value) => value.to_string(),
                Err(problems) => problems
                    .iter()
                    .map(|problem| {
                        format!("{}: {}", problem.field.as_deref().unwrap_or("-"), problem.message)
                    })
                    .collect::<Vec<_>>()
                    .join("\n"),
            }
        };
        assert_eq!(
            read(&[
                ("carrier", "post"),
                ("parcels", "2"),
                ("insured", "false"),
                ("note", ""),
                ("day", "")
            ]),
            r#"{"carrier":"post","parcels":2,"insured":false,"note":""}"#
        );
        assert_eq!(
            read(&[
                ("carrier", ""),
                ("parcels", "0"),
                ("insured", "on"),
                ("day", "tomorrow")
            ]),
            "inputs.carrier: this input is required\n\
             inputs.parcels: 0 is too small, the least is 1\n\
             inputs.day: expected a day like 2026-01-31, found \"tomorrow\""
        );
    }

    #[test]
    fn complaints_stand_at_their_fields() {
        let told = complained(&["/day: no day".to_owned(), "something else".to_owned()]);
        let fields: Vec<_> = told.iter().map(|problem| problem.field.as_deref()).collect();
        assert_eq!(fields, [Some("inputs.day"), None]);
    }
}
