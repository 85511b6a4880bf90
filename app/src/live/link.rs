//! What a stream's client decides: what to do with a frame, when to try again, what the dot says. Pure: the clock and the
//! dice are arguments; [`super::hub`] carries it out in the browser.

use std::time::Duration;

/// How the page hangs on the server.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Link {
    /// Nothing to follow: no stream was asked for, or what was followed has ended.
    #[default]
    None,
    /// Asked for, no frame yet.
    Connecting,
    /// What is shown is what is.
    Live,
    /// Frames of the past are still coming: this many events to go.
    CatchingUp(u64),
    /// The stream broke; the next try comes at this moment (milliseconds of the browser's clock).
    Retrying {
        /// When.
        at_ms: f64,
    },
    /// Several tries failed, since this moment (milliseconds since 1970 by the browser's clock).
    Offline {
        /// When the stream broke.
        since_ms: f64,
    },
    /// The page was hidden for a while and the stream closed; it resumes when the page is shown.
    Asleep,
    /// What was followed is not there any more.
    Gone,
}

/// After how many failed tries in a row "reconnecting" becomes "offline".
pub const OFFLINE_AFTER: u32 = 4;

/// The pause before try `n` (from 0) after the stream broke: half a second, doubled each time up to 15 s, of which up to
/// half is left to chance so that a restarted server is not met by everybody at once. `dice` is from 0 to 1.
#[must_use]
pub fn backoff(n: u32, dice: f64) -> Duration {
    let whole = 500.0 * f64::from(1u32 << n.min(5));
    let whole = whole.min(15_000.0);
    Duration::from_millis((whole * (1.0 - dice.clamp(0.0, 1.0) / 2.0)) as u64)
}

/// Where a client stands in a numbered stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The last event that was taken in.
    pub seq: u64,
    /// The last event the server said it had.
    pub known: u64,
}

/// What to do with a numbered event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// It is the next one.
    Apply,
    /// It was there already: streams may repeat after a reconnect.
    Ignore,
    /// Events between are missing: ask again from [`Position::seq`].
    Gap,
}

impl Position {
    /// A client that has everything up to `seq`.
    #[must_use]
    pub const fn at(seq: u64) -> Self {
        Self { seq, known: seq }
    }

    /// Judges an event by its number, and moves on if it is the next.
    pub fn take(&mut self, seq: u64) -> Take {
        if seq <= self.seq {
            return Take::Ignore;
        }
        if seq > self.seq + 1 {
            return Take::Gap;
        }
        self.seq = seq;
        self.known = self.known.max(seq);
        Take::Apply
    }

    /// The server said hello: it has events up to `last`.
    pub fn hello(&mut self, last: u64) {
        self.known = self.known.max(last);
    }

    /// What the dot says while frames come in.
    #[must_use]
    pub fn link(&self) -> Link {
        match self.known.saturating_sub(self.seq) {
            0 => Link::Live,
            n => Link::CatchingUp(n),
        }
    }

    /// What the dot says when frames are taken in that came a moment ago: if the stream has broken or closed since, it says so still.
    #[must_use]
    pub fn link_after(&self, said: Link) -> Link {
        match said {
            Link::Connecting | Link::Live | Link::CatchingUp(_) => self.link(),
            Link::None | Link::Retrying { .. } | Link::Offline { .. } | Link::Asleep | Link::Gone => said,
        }
    }
}

/// What the dot looks like and says; `now_ms` is the browser's clock, `clock` prints one of its moments.
#[must_use]
pub fn words(link: Link, now_ms: f64, clock: impl Fn(f64) -> String) -> (&'static str, String) {
    match link {
        Link::None => ("idle", String::new()),
        Link::Connecting => ("idle", "connecting".to_owned()),
        Link::Live => ("succeeded", "live".to_owned()),
        Link::CatchingUp(n) => ("running", format!("catching up, {n} to go")),
        Link::Retrying { at_ms } => {
            let seconds = ((at_ms - now_ms) / 1000.0).ceil().max(0.0) as u64;
            (
                "attention",
                if seconds < 1 {
                    "reconnecting".to_owned()
                } else {
                    format!("reconnecting in {seconds} s")
                },
            )
        }
        Link::Offline { since_ms } => ("failed", format!("offline since {}", clock(since_ms))),
        Link::Asleep => ("idle", "asleep".to_owned()),
        Link::Gone => ("failed", "no longer there".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit_and_leave_half_to_chance() {
        let longest: Vec<u128> = (0..8).map(|n| backoff(n, 0.0).as_millis()).collect();
        assert_eq!(longest, [500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
        assert_eq!(backoff(0, 1.0).as_millis(), 250);
        assert_eq!(backoff(u32::MAX, 7.0).as_millis(), 7500);
    }

    #[test]
    fn repeats_are_ignored_and_gaps_noticed() {
        let mut position = Position::at(3);
        position.hello(6);
        let taken: Vec<_> = [2, 3, 4, 4, 6, 5, 6]
            .into_iter()
            .map(|seq| (seq, position.take(seq)))
            .collect();
        assert_eq!(
            taken,
            [
                (2, Take::Ignore),
                (3, Take::Ignore),
                (4, Take::Apply),
                (4, Take::Ignore),
                (6, Take::Gap),
                (5, Take::Apply),
                (6, Take::Apply)
            ]
        );
        assert_eq!(position.link(), Link::Live);
        position.hello(9);
        assert_eq!(position.link(), Link::CatchingUp(3));
    }

    #[test]
    fn frames_from_before_a_break_do_not_look_live() {
        let mut position = Position::at(3);
        position.hello(5);
        let broken = Link::Retrying { at_ms: 1.0 };
        let offline = Link::Offline { since_ms: 1.0 };
        for said in [Link::None, broken, offline, Link::Asleep, Link::Gone] {
            assert_eq!(position.link_after(said), said);
        }
        for said in [Link::Connecting, Link::Live, Link::CatchingUp(1)] {
            assert_eq!(position.link_after(said), Link::CatchingUp(2));
        }
    }

    #[test]
    fn the_dot_speaks() {
        let say = |link| words(link, 1000.0, |ms| format!("at {ms}")).1;
        assert_eq!(say(Link::Live), "live");
        assert_eq!(say(Link::CatchingUp(7)), "catching up, 7 to go");
        assert_eq!(say(Link::Retrying { at_ms: 3500.0 }), "reconnecting in 3 s");
        assert_eq!(say(Link::Retrying { at_ms: 900.0 }), "reconnecting");
        assert_eq!(say(Link::Offline { since_ms: 5.0 }), "offline since at 5");
    }
}
