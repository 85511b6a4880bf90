//! What can be done to a run as a whole: hold it, let it go on, cancel it, run it again. Each is a plain form or a link.

use flow::view::RunStatus;
use leptos::prelude::*;

use super::run::Shared;
use crate::error::AppError;
use crate::fns::{CancelRun, PauseRun, ResumeRun};
use crate::icons::Icon;
use crate::parts::{Failure, SendForm, Sending, Submit};
use crate::posted::posted;

/// What went wrong with a form: what its action says, or before that what was posted without scripts.
pub(super) fn refusal<T: Clone + Send + Sync + 'static>(
    value: impl Fn() -> Option<Result<T, AppError>> + Send + Sync + 'static,
    posted: Option<AppError>,
) -> Signal<Option<AppError>> {
    Signal::derive(move || match value() {
        Some(result) => result.err(),
        None => posted.clone(),
    })
}

/// The buttons that a run in this state has.
#[component]
pub fn Actions(shared: Shared) -> impl IntoView {
    let run = shared.run;
    let again = move || {
        run.status().is_final().then(|| {
            let word = if run.status() == RunStatus::Failed {
                "Retry failed…"
            } else {
                "Run again…"
            };
            view! {
                <a class="button" href=shared.retry_address(None) data-noscroll="true">
                    <Icon name="u-again"/>
                    {word}
                </a>
            }
        })
    };
    view! {
        <div class="actions">
            {again}
            <Hold shared/>
            <Cancel shared/>
        </div>
    }
}

/// Pause or resume.
#[component]
fn Hold(shared: Shared) -> impl IntoView {
    let pause = Sending::<PauseRun>::new();
    let resume = Sending::<ResumeRun>::new();
    let run = shared.run;
    let id = shared.id;
    let here = move || shared.here();
    let pause_error = refusal(
        move || pause.value().get(),
        posted("pause_run").map(|posted| posted.error),
    );
    let resume_error = refusal(
        move || resume.value().get(),
        posted("resume_run").map(|posted| posted.error),
    );
    let error = move || pause_error.get().or_else(|| resume_error.get());
    view! {
        {move || match run.status() {
            RunStatus::Queued | RunStatus::Running => {
                view! {
                    <SendForm action=pause>
                        <input type="hidden" name="run" value=id.to_string()/>
                        <Submit form="pause_run" here busy=move || pause.pending().get() class="button" icon="u-pause"
                            title="What runs comes to its end; nothing more starts until the run is resumed. Its timeout goes on counting."
                        >
                            "Pause"
                        </Submit>
                    </SendForm>
                }
                    .into_any()
            }
            RunStatus::Paused => {
                view! {
                    <SendForm action=resume>
                        <input type="hidden" name="run" value=id.to_string()/>
                        <Submit form="resume_run" here busy=move || resume.pending().get() icon="u-play">
                            "Resume"
                        </Submit>
                    </SendForm>
                }
                    .into_any()
            }
            _ => ().into_any(),
        }}
        {move || error().map(|error| view! { <div class="refused"><Failure error part=true/></div> })}
    }
}

/// Asks before it cancels; while the run is ending it offers to end it at once.
#[component]
fn Cancel(shared: Shared) -> impl IntoView {
    let action = Sending::<CancelRun>::new();
    let run = shared.run;
    let posted = posted("cancel_run").map(|posted| posted.error);
    let is_open = posted.is_some();
    let error = refusal(move || action.value().get(), posted);
    let is_final = move || run.status().is_final();
    let is_ending = move || run.status() == RunStatus::Ending;
    let word = move || if is_ending() { "End now" } else { "Cancel" };
    let about = move || {
        if is_ending() {
            "The run is ending. Ending it now kills what still runs and leaves out undo, finally and on-failure tasks."
        } else {
            "Running attempts are asked to stop and get ten seconds; tasks that wait are cancelled. What must run at the end still runs."
        }
    };
    view! {
        <details class="cancel-ask" hidden=is_final open=is_open>
            <summary class="button danger">
                <Icon name="u-stop"/>
                {word}
                "…"
            </summary>
            <div class="float">
                <p>{about}</p>
                <SendForm action>
                    <input type="hidden" name="run" value=shared.id.to_string()/>
                    <input type="hidden" name="force" value=move || is_ending().to_string()/>
                    <div class="field">
                        <label for="cancel-reason">"Why " <span class="kind">"for those who ask later"</span></label>
                        <input id="cancel-reason" name="reason" maxlength="1000" autocomplete="off"/>
                    </div>
                    <Submit form="cancel_run" here=move || shared.here() busy=move || action.pending().get() class="button danger">
                        {move || if is_ending() { "End the run now" } else { "Cancel the run" }}
                    </Submit>
                </SendForm>
                {move || error.get().map(|error| view! { <Failure error part=true/> })}
            </div>
        </details>
    }
}
