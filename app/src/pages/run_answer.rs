//! What people tell to a task that waits for them: the answer to an approval, by the form it asks with, or a signal. Plain forms.
//! What was wrong stands at its field; who comes second is told who was first.

use flow::view::{TaskRunView, TaskStatus};
use leptos::prelude::*;

use super::run::Shared;
use super::run_actions::refusal;
use crate::error::AppError;
use crate::fns::{self, ApproveTask, RejectTask, SignalTask};
use crate::format;
use crate::icons::Icon;
use crate::model::Question;
use crate::parts::fields::{Elsewhere, Field, given};
use crate::parts::{Failure, SendForm, Sending, Submit};
use crate::posted::{Posted, posted};

/// What a form of this task that was posted without scripts said.
fn posted_here(form: &str, path: &str) -> Option<Posted> {
    posted(form).filter(|posted| posted.field("task") == Some(path))
}

/// Whatever the task asks for.
#[component]
pub fn Answer(shared: Shared, task: Memo<TaskRunView>) -> impl IntoView {
    let (kind, path) = task.with_untracked(|task| (task.task_type.clone(), task.path.clone()));
    match kind.as_str() {
        "approval" => view! { <Approval shared task path/> }.into_any(),
        "signal" => view! { <Signalling shared task path/> }.into_any(),
        _ => ().into_any(),
    }
}

fn waits(task: Memo<TaskRunView>, what: &'static str) -> Memo<bool> {
    Memo::new(move |_| {
        task.with(|task| task.state == TaskStatus::Waiting && task.waits_for.as_deref() == Some(what))
    })
}

/// An answer that came too late, or could not be taken for another reason than what it says.
#[component]
fn NotTaken(error: Signal<Option<AppError>>) -> impl IntoView {
    move || {
        let error = error.get().filter(|error| error.status != 422)?;
        let state = if error.status == 409 {
            "attention"
        } else {
            "failed"
        };
        Some(view! {
            <div class="note" data-state=state role="alert">
                <Icon name=format!("s-{state}")/>
                <div class="grow"><strong>{error.message}</strong></div>
            </div>
        })
    }
}

#[component]
fn Approval(shared: Shared, task: Memo<TaskRunView>, path: String) -> impl IntoView {
    let approve = Sending::<ApproveTask>::new();
    let reject = Sending::<RejectTask>::new();
    let id = shared.id;
    let typed = StoredValue::new(posted_here("approve_task", &path));
    let yes_error = refusal(
        move || approve.value().get(),
        typed.with_value(|typed| typed.as_ref().map(|typed| typed.error.clone())),
    );
    let no_error = refusal(
        move || reject.value().get(),
        posted_here("reject_task", &path).map(|posted| posted.error),
    );
    let late = Signal::derive(move || {
        yes_error
            .get()
            .filter(|error| error.status != 422)
            .or_else(|| no_error.get())
    });
    let is_asked = waits(task, "approval");
    let path = StoredValue::new(path);
    let question = Resource::new(
        move || is_asked.get(),
        move |is_asked| async move {
            match is_asked {
                true => fns::ask_question(id, path.get_value()).await,
                false => Ok(Question::default()),
            }
        },
    );
    view! {
        <NotTaken error=late/>
        <Transition>
            {move || {
                is_asked
                    .get()
                    .then(|| {
                        Suspend::new(async move {
                            match question.await {
                                Ok(question) => {
                                    view! {
                                        <Ask shared path=path.get_value() question typed=typed.get_value() approve reject yes_error/>
                                    }
                                        .into_any()
                                }
                                Err(error) => view! { <Failure error part=true/> }.into_any(),
                            }
                        })
                    })
            }}
        </Transition>
    }
}

#[component]
fn Ask(
    shared: Shared,
    path: String,
    question: Question,
    typed: Option<Posted>,
    approve: Sending<ApproveTask>,
    reject: Sending<RejectTask>,
    yes_error: Signal<Option<AppError>>,
) -> impl IntoView {
    let names: Vec<String> = question.fields.iter().map(|(name, _)| name.clone()).collect();
    let fields = question
        .fields
        .into_iter()
        .map(|(name, input)| {
            let given = given(&name, &input, typed.as_ref());
            view! { <Field name input given error=yes_error/> }
        })
        .collect_view();
    let comment = typed
        .as_ref()
        .and_then(|typed| typed.field("comment"))
        .unwrap_or_default()
        .to_owned();
    let is_busy = move || approve.pending().get() || reject.pending().get();
    let wrong = Signal::derive(move || yes_error.get().filter(|error| error.status == 422));
    let yes = (shared.id.to_string(), path);
    let no = yes.clone();
    view! {
        <section class="ask" aria-labelledby="ask-title">
            <h3 id="ask-title">{question.title.unwrap_or_else(|| "May it go on?".to_owned())}</h3>
            <SendForm action=approve class="start">
                <input type="hidden" name="run" value=yes.0/>
                <input type="hidden" name="task" value=yes.1/>
                {fields}
                <Comment id="yes-comment" given=comment/>
                <Elsewhere error=wrong names refused="Not approved"/>
                <div class="tools">
                    <Submit form="approve_task" here=move || shared.here() busy=is_busy icon="u-check">
                        "Approve"
                    </Submit>
                </div>
            </SendForm>
            <details class="fold reject">
                <summary>
                    <Icon name="u-turn" attr:class="i turn"/>
                    "Reject…"
                </summary>
                <SendForm action=reject class="start">
                    <input type="hidden" name="run" value=no.0/>
                    <input type="hidden" name="task" value=no.1/>
                    <Comment id="no-comment" given=String::new()/>
                    <div class="tools">
                        <Submit form="reject_task" here=move || shared.here() busy=is_busy class="button danger" icon="u-close">
                            "Reject"
                        </Submit>
                    </div>
                </SendForm>
            </details>
        </section>
    }
}

#[component]
fn Comment(id: &'static str, given: String) -> impl IntoView {
    view! {
        <div class="field">
            <label for=id>"Comment " <span class="kind">"for those who ask later"</span></label>
            <textarea id=id name="comment" class="short" rows="2" maxlength="1000" inner_html=format::in_textarea(&given)></textarea>
        </div>
    }
}

#[component]
fn Signalling(shared: Shared, task: Memo<TaskRunView>, path: String) -> impl IntoView {
    let action = Sending::<SignalTask>::new();
    let typed = posted_here("signal_task", &path);
    let error = refusal(
        move || action.value().get(),
        typed.as_ref().map(|typed| typed.error.clone()),
    );
    let wrong = move || {
        let error = error.get().filter(|error| error.status == 422)?;
        let first = error.problems.into_iter().next();
        Some(first.map_or(error.message, |problem| problem.message))
    };
    let is_asked = waits(task, "signal");
    let text = typed
        .as_ref()
        .and_then(|typed| typed.field("value"))
        .unwrap_or_default()
        .to_owned();
    let (path, text) = (StoredValue::new(path), StoredValue::new(text));
    let form = move || {
        view! {
            <section class="ask" aria-labelledby="signal-title">
                <h3 id="signal-title">"Give the signal"</h3>
                <SendForm action class="start">
                    <input type="hidden" name="run" value=shared.id.to_string()/>
                    <input type="hidden" name="task" value=path.get_value()/>
                    <div class="field">
                        <label for="signal-value">"Value " <span class="kind">"JSON; empty is null"</span></label>
                        <textarea
                            id="signal-value"
                            name="value"
                            class="code short"
                            rows="3"
                            spellcheck="false"
                            aria-describedby="signal-wrong"
                            aria-invalid=move || wrong().map(|_| "true")
                            inner_html=text.with_value(|text| format::in_textarea(text))
                        ></textarea>
                        <p class="wrong" id="signal-wrong" role="alert" hidden=move || wrong().is_none()>
                            <Icon name="s-failed"/>
                            <span>{move || wrong().unwrap_or_default()}</span>
                        </p>
                    </div>
                    <div class="tools">
                        <Submit form="signal_task" here=move || shared.here() busy=move || action.pending().get() icon="u-play">
                            "Send the signal"
                        </Submit>
                    </div>
                </SendForm>
            </section>
        }
    };
    view! {
        <NotTaken error/>
        {move || is_asked.get().then(form)}
    }
}
