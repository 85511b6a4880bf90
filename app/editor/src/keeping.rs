//! What becomes of unsaved work: where it is kept, what is said of that, and which of two kept texts is the one to go on from.

/// Where the text is that is not published.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Keeping {
    /// There is none: the text is the published one.
    #[default]
    Clean,
    /// It was changed, and is about to be saved.
    Changed,
    /// It is on its way.
    OnTheWay,
    /// The server has it since this moment (milliseconds).
    Kept(i64),
    /// The server does not answer: this browser has it since then.
    Here(i64),
    /// The server does not take it, for a reason: this browser has it.
    Apart(String),
    /// Nobody has it.
    Nowhere(String),
}

impl Keeping {
    /// What is said of it at a moment; nothing if there is nothing to be said.
    #[must_use]
    pub fn words(&self, now: i64) -> String {
        match self {
            Self::Clean => String::new(),
            Self::Changed => "Unsaved".to_owned(),
            Self::OnTheWay => "Saving".to_owned(),
            Self::Kept(at) => format!("Draft saved {}", ago(now - at)),
            Self::Here(_) => "Offline, kept here".to_owned(),
            Self::Apart(why) => format!("Kept here: {why}"),
            Self::Nowhere(why) => format!("Not kept: {why}"),
        }
    }

    /// The look of a state that goes with it.
    #[must_use]
    pub const fn look(&self) -> &'static str {
        match self {
            Self::Clean | Self::Changed | Self::OnTheWay | Self::Kept(_) => "idle",
            Self::Here(_) | Self::Apart(_) => "attention",
            Self::Nowhere(_) => "failed",
        }
    }

    /// Whether it would be lost with the page.
    #[must_use]
    pub const fn is_at_risk(&self) -> bool {
        matches!(self, Self::Changed | Self::OnTheWay | Self::Nowhere(_))
    }
}

/// How long something is ago, as a person says it: `3 s ago`, `just now`.
#[must_use]
pub fn ago(ms: i64) -> String {
    let secs = ms / 1000;
    match secs {
        ..=1 => "just now".to_owned(),
        2..60 => format!("{secs} s ago"),
        60..3600 => format!("{} min ago", secs / 60),
        3600..86_400 => format!("{} h ago", secs / 3600),
        _ => match secs / 86_400 {
            1 => "a day ago".to_owned(),
            days => format!("{days} days ago"),
        },
    }
}

/// A text that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The version it was begun from.
    pub base: u32,
    /// The text.
    pub source: String,
    /// Since when, in milliseconds.
    pub at: i64,
    /// If a browser kept it: the draft of the server that it grew from, by its moment.
    pub after: Option<i64>,
    /// If a browser kept it: the name under which it lies there.
    pub key: String,
}

/// The text to go on from, and the others that nobody may lose: what another tab kept has not grown into it.
///
/// It is the latest of what the server and this browser have, unless it is what is published.
#[must_use]
pub fn offered(server: Option<Stored>, here: Vec<Stored>, published: &str) -> (Option<Stored>, Vec<Stored>) {
    let mut all: Vec<Stored> = server.into_iter().chain(here).collect();
    all.retain(|stored| stored.source != published);
    // Of equal age what the server has.
    all.sort_by_key(|stored| (std::cmp::Reverse(stored.at), !stored.key.is_empty()));
    let mut rest = all.into_iter();
    let Some(opened) = rest.next() else {
        return (None, Vec::new());
    };
    let grew_from = |stored: &Stored| stored.key.is_empty() && opened.after == Some(stored.at);
    let mut others: Vec<Stored> = rest
        .filter(|stored| stored.source != opened.source && !grew_from(stored))
        .collect();
    others.dedup_by(|one, other| one.source == other.source);
    (Some(opened), others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_grows_older() {
        let said: Vec<_> = [0, 3, 59, 60, 7_200, 90_000, 200_000]
            .map(|secs| Keeping::Kept(0).words(secs * 1000))
            .to_vec();
        assert_eq!(
            said.join("; "),
            "Draft saved just now; Draft saved 3 s ago; Draft saved 59 s ago; Draft saved 1 min ago; Draft saved 2 h ago; Draft saved a day ago; Draft saved 2 days ago"
        );
        assert_eq!(Keeping::Here(5).words(9), "Offline, kept here");
        assert_eq!(
            Keeping::Kept(9000).words(0),
            "Draft saved just now",
            "clocks differ"
        );
        assert!(Keeping::Nowhere("full".to_owned()).is_at_risk() && !Keeping::Here(1).is_at_risk());
    }

    #[test]
    fn the_latest_text_is_opened_and_no_other_is_lost() {
        let server = |source: &str, at| Stored {
            base: 1,
            source: source.to_owned(),
            at,
            after: None,
            key: String::new(),
        };
        let here = |source: &str, at, after| Stored {
            after,
            key: format!("draft:f#{source}"),
            ..server(source, at)
        };
        let check = |on_server: Option<Stored>, kept: Vec<Stored>, expected: &str| {
            let (opened, others) = offered(on_server, kept, "published");
            let opened = opened.map_or_else(|| "none".to_owned(), |stored| stored.source);
            let others: Vec<_> = others.into_iter().map(|stored| stored.source).collect();
            assert_eq!(
                format!("{opened}; {}", others.join(" ")).trim_end_matches("; "),
                expected
            );
        };
        check(None, vec![], "none");
        check(Some(server("a", 1)), vec![], "a");
        check(Some(server("published", 3)), vec![], "none");
        // It grew from what the server has.
        check(Some(server("a", 1)), vec![here("b", 2, Some(1))], "b");
        // It grew from something else: another tab has saved meanwhile.
        check(Some(server("a", 2)), vec![here("b", 3, Some(1))], "b; a");
        check(Some(server("a", 3)), vec![here("b", 2, Some(1))], "a; b");
        check(
            Some(server("a", 3)),
            vec![here("b", 2, None), here("c", 4, Some(3))],
            "c; b",
        );
        // The same was kept twice.
        check(
            Some(server("a", 3)),
            vec![here("a", 2, Some(1)), here("published", 5, None)],
            "a",
        );
    }
}
