//! How the tasks of a group stand together in a run: how many in which state, what matters most first.

/// The states a task can be in, by the keys that cards have, with their words: what has gone wrong first, then what is at work, then
/// what waits, and last what is done with.
const STATES: [(&str, &str); 14] = [
    ("failed", "failed"),
    ("timed_out", "timed out"),
    ("asking", "needs you"),
    ("running", "running"),
    ("retrying", "retrying"),
    ("waiting", "waiting"),
    ("ready", "ready"),
    ("cancelled", "cancelled"),
    ("queued", "queued"),
    ("blocked", "blocked"),
    ("plan", "not begun"),
    ("taken_back", "taken back"),
    ("skipped", "skipped"),
    ("succeeded", "succeeded"),
];

/// So many of one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// The state's key.
    pub key: &'static str,
    /// Its word.
    pub word: &'static str,
    /// How many tasks are in it.
    pub n: usize,
}

/// How many are in which state, what matters most first; nothing if none of them is in any. Keys that are not known are left out.
#[must_use]
pub fn shares<'k>(keys: impl IntoIterator<Item = &'k str>) -> Vec<Share> {
    let mut counts = [0_usize; STATES.len()];
    for key in keys {
        if let Some(at) = STATES.iter().position(|(known, _)| *known == key) {
            counts[at] += 1;
        }
    }
    let told = STATES.iter().zip(counts).filter(|(_, n)| *n > 0);
    told.map(|((key, word), n)| Share { key, word, n }).collect()
}

/// The shares in words: `1 failed, 3 succeeded`.
#[must_use]
pub fn words(shares: &[Share]) -> String {
    let told: Vec<String> = shares
        .iter()
        .map(|share| format!("{} {}", share.n, share.word))
        .collect();
    told.join(", ")
}

/// How far apart two summaries of a run are said, in milliseconds.
pub const SAY_EVERY_MS: f64 = 2000.0;

/// What was said of a run last, and when: nobody can listen to every step.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    said: Option<(String, f64)>,
}

impl Summary {
    /// What is to be said of a run at an instant; nothing if it was said already, or something else just now.
    pub fn say(&mut self, shares: &[Share], now_ms: f64) -> Option<String> {
        let text = words(shares);
        if let Some((before, at)) = &self.said
            && (*before == text || now_ms - at < SAY_EVERY_MS)
        {
            return None;
        }
        if text.is_empty() {
            return None;
        }
        self.said = Some((text.clone(), now_ms));
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(keys: &str, expected: &str) {
        assert_eq!(words(&shares(keys.split_whitespace())), expected);
    }

    #[test]
    fn what_matters_most_comes_first() {
        check("", "");
        check("succeeded succeeded", "2 succeeded");
        check("succeeded blocked running", "1 running, 1 blocked, 1 succeeded");
        check(
            "succeeded running failed asking timed_out",
            "1 failed, 1 timed out, 1 needs you, 1 running, 1 succeeded",
        );
        check("nothing of the kind", "");
    }

    #[test]
    fn a_run_is_summed_up_every_two_seconds_at_most() {
        let mut summary = Summary::default();
        let mut out = Vec::new();
        let steps = [
            ("blocked blocked", 0.0),
            ("running blocked", 500.0),
            ("succeeded running", 2100.0),
            ("succeeded running", 9000.0),
            ("succeeded succeeded", 9100.0),
        ];
        for (keys, now) in steps {
            let said = summary.say(&shares(keys.split_whitespace()), now);
            out.push(said.unwrap_or_else(|| "-".to_owned()));
        }
        assert_eq!(
            out,
            ["2 blocked", "-", "1 running, 1 succeeded", "-", "2 succeeded"]
        );
    }
}
