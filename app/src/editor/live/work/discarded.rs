//! The draft that was discarded last: this browser has it until another one is discarded, and one press brings it back.

use editor::keeping::{Stored, ago};
use leptos::prelude::*;

use super::super::desk::Desk;
use super::drafts::{kept_here, prefix, remove, write};
use super::now_at_server;
use crate::icons::Icon;

/// What the name of a discarded draft has in it that is offered, and of one that is only kept.
const OFFERED: &str = "#gone";
const PUT_BY: &str = "#bin";

/// Whether what lies under this name was discarded.
pub(super) fn is_discarded(key: &str) -> bool {
    key.contains(OFFERED) || key.contains(PUT_BY)
}

impl Desk {
    /// Keeps what is discarded now, in the place of what was before.
    pub(super) fn keep_discarded(self) {
        let gone = self.with(|session| Stored {
            base: session.version,
            source: session.text().to_owned(),
            at: now_at_server(self.work().clock),
            after: None,
            key: format!("{}{OFFERED}", prefix(session.flow.as_deref())),
        });
        for before in self.discarded() {
            remove(&before.key);
        }
        if write(&gone) {
            self.work().gone.set(Some(gone));
        }
    }

    fn discarded(self) -> Vec<Stored> {
        kept_here(self)
            .into_iter()
            .filter(|kept| is_discarded(&kept.key))
            .collect()
    }

    /// Offers what was discarded before the page was opened, unless that was declined.
    pub(super) fn offer_discarded(self) {
        let gone = self.discarded();
        let gone = gone.into_iter().find(|kept| kept.key.contains(OFFERED));
        self.work().gone.set(gone);
    }

    /// It is offered no more; the menu still has it.
    pub(super) fn put_discarded_by(self) {
        let Some(gone) = self.work().gone.try_update(Option::take).flatten() else {
            return;
        };
        let by = Stored {
            key: gone.key.replace(OFFERED, PUT_BY),
            ..gone.clone()
        };
        if write(&by) {
            remove(&gone.key);
        }
    }

    /// Goes on with what was discarded. What is on the canvas is kept as another draft.
    pub(super) fn restore_draft(self) {
        match self.discarded().into_iter().next() {
            Some(gone) => {
                self.work().gone.set(None);
                self.open_other(&gone);
                self.tell("The discarded draft is back.".to_owned());
            }
            None => self.tell("This browser has no discarded draft of this flow.".to_owned()),
        }
    }
}

/// Says that a draft was discarded, and brings it back.
#[component]
pub(in super::super) fn Discarded(desk: Desk) -> impl IntoView {
    let work = desk.work();
    move || {
        let gone = work.gone.get()?;
        let age = ago(now_at_server(work.clock) - gone.at);
        Some(view! {
            <div class="note ed-offer" role="status">
                <Icon name="u-undo"/>
                <p class="grow"><strong>{format!("Your draft was discarded {age}.")}</strong></p>
                <button type="button" class="button small" on:click=move |_| desk.restore_draft()>"Restore"</button>
                <button type="button" class="button quiet square" aria-label="Close" on:click=move |_| desk.put_discarded_by()>
                    <Icon name="u-close"/>
                </button>
            </div>
        })
    }
}
