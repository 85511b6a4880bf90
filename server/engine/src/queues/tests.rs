//! The book, by scripts: `limit QUEUE JSON` · `ask NAME QUEUE [key=K] [priority=N] [since=SECONDS] [does=TYPE]` · `at SECONDS` ·
//! `go` (all that may begin does; `go full` where nobody is free) · `end NAME` · `restart [QUEUE[/KEY]=UNTIL …]` · `why`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use expect_test::{Expect, expect};
use flow::{AttemptToken, RunId, Timestamp};
use proptest::prelude::*;

use super::QueueLimits;
use super::book::{Book, Mark, Place, Ticket};

#[derive(Default)]
struct Script {
    book: Book,
    now: Duration,
    names: BTreeMap<String, AttemptToken>,
    limits: Vec<(String, QueueLimits)>,
    out: String,
}

fn seconds(text: &str) -> Duration {
    Duration::from_secs_f64(text.parse().expect("seconds"))
}

impl Script {
    fn step(&mut self, step: &str) {
        let (verb, rest) = step.split_once(' ').unwrap_or((step, ""));
        match verb {
            "limit" => {
                let (queue, json) = rest.split_once(' ').expect("a queue and limits");
                let limits: QueueLimits = serde_json::from_str(json).expect("limits");
                self.limits.push((queue.to_owned(), limits.clone()));
                self.book.set_limits(queue, limits, self.now);
            }
            "ask" => self.ask(rest),
            "at" => self.now = seconds(rest),
            "go" => self.go(rest == "full"),
            "end" => assert!(self.book.release(self.names[rest], self.now), "{rest} runs"),
            "restart" => self.restart(rest),
            "why" => self.why(),
            _ => panic!("unknown step {step}"),
        }
    }

    fn ask(&mut self, rest: &str) {
        let mut words = rest.split(' ');
        let (name, queue) = (words.next().expect("a name"), words.next().expect("a queue"));
        let token = AttemptToken(self.names.len() as u128 + 1);
        self.names.insert(name.to_owned(), token);
        let mut ticket = Ticket {
            token,
            run: RunId(1),
            path: name.into(),
            queue: queue.into(),
            key: None,
            place: Place::Here,
            priority: 0,
            asked_at: Timestamp::from_micros(self.now.as_micros() as i64),
        };
        for word in words {
            match word.split_once('=').expect("word=value") {
                ("key", key) => ticket.key = Some(key.into()),
                ("priority", priority) => ticket.priority = priority.parse().expect("a number"),
                ("since", since) => {
                    ticket.asked_at = Timestamp::from_micros(seconds(since).as_micros() as i64);
                }
                ("does", task_type) => ticket.place = Place::Elsewhere(task_type.into()),
                _ => panic!("unknown word {word}"),
            }
        }
        self.book.ask(ticket);
    }

    fn go(&mut self, is_full: bool) {
        let mut pass = self.book.pass();
        let mut begun = Vec::new();
        while let Some(ticket) = self.book.next(&mut pass, self.now) {
            let is_here = ticket.place == Place::Here;
            if is_full && is_here {
                self.book.no_room(&mut pass, &ticket);
                continue;
            }
            let marks = self.book.marks(&ticket, self.now).len();
            self.book.began(&mut pass, ticket.token, self.now);
            begun.push(format!("{}{}", ticket.path, "!".repeat(marks)));
        }
        let next = pass
            .next_due
            .map(|due| format!(", next at {}", due.as_secs_f64()));
        let _ = writeln!(
            self.out,
            "{}: {}{}",
            self.now.as_secs_f64(),
            begun.join(" "),
            next.unwrap_or_default()
        );
    }

    /// Another server knows the limits and the marks, and that is all.
    fn restart(&mut self, marks: &str) {
        self.book = Book::default();
        for (queue, limits) in &self.limits {
            self.book.set_limits(queue, limits.clone(), self.now);
        }
        let marks = marks.split(' ').filter(|mark| !mark.is_empty()).map(|mark| {
            let (place, until) = mark.split_once('=').expect("place=until");
            let (queue, key) = match place.split_once('/') {
                Some((queue, key)) => (queue, Some(Arc::from(key))),
                None => (place, None),
            };
            Mark {
                queue: queue.into(),
                key,
                until: seconds(until),
            }
        });
        let marks: Vec<Mark> = marks.collect();
        self.book.restart(self.now, marks);
    }

    fn why(&mut self) {
        for waiting in self.book.why(RunId(1), self.now) {
            let holders: Vec<&str> = waiting.holders.iter().map(|(_, path)| &**path).collect();
            let _ = writeln!(
                self.out,
                "{}: {:?} held by [{}], {} before it",
                waiting.path,
                waiting.hold,
                holders.join(" "),
                waiting.n_before
            );
        }
    }
}

fn check(script: &str, expected: Expect) {
    let mut told = Script::default();
    script
        .lines()
        .flat_map(|line| line.split(';'))
        .map(str::trim)
        .filter(|step| !step.is_empty())
        .for_each(|step| told.step(step));
    expected.assert_eq(&told.out);
}

#[test]
fn without_limits_all_begin_in_order() {
    check(
        "ask a q; ask b other; ask c q; go; go",
        expect![[r#"
        0: a b c
        0: 
    "#]],
    );
}

#[test]
fn no_more_run_than_may() {
    check(
        r#"limit q {"max_running": 2}
        ask a q; ask b q; ask c q; ask d q; ask e free; go; why; end b; go; go; end a; end c; go"#,
        expect![[r#"
            0: a b e
            c: Some(Queue { max: 2 }) held by [a b], 0 before it
            d: Some(Queue { max: 2 }) held by [a b], 1 before it
            0: c
            0: 
            0: d
        "#]],
    );
    check(
        r#"limit q {"max_running": 0}; ask a q; go; why; limit q {}; go"#,
        expect![[r#"
            0: 
            a: Some(Queue { max: 0 }) held by [], 0 before it
            0: a
        "#]],
    );
}

#[test]
fn a_key_at_its_limit_holds_no_other() {
    check(
        r#"limit q {"max_running": 3, "per_key": {"max_running": 1}}
        ask a1 q key=a; ask a2 q key=a; ask b1 q key=b; ask n1 q; ask n2 q; go; why; end a1; go"#,
        expect![[r#"
            0: a1 b1 n1
            n2: Some(Queue { max: 3 }) held by [a1 b1 n1], 0 before it
            a2: Some(Queue { max: 3 }) held by [a1 b1 n1], 0 before it
            0: a2
        "#]],
    );
}

#[test]
fn priority_goes_first_and_waiting_raises_it() {
    // A point is worth a minute: what has waited for ten overtakes what is nine points more urgent.
    check(
        r#"limit q {"max_running": 1}
        ask low q priority=-5; ask high q priority=5; ask mid q; go; end high; go; end mid; go"#,
        expect![[r#"
            0: high
            0: mid
            0: low
        "#]],
    );
    check(
        r#"limit q {"max_running": 1}
        ask old q; at 599; ask new q priority=10; go; end new; at 601; ask newer q priority=10; go"#,
        expect![[r#"
            599: new
            601: old
        "#]],
    );
    check(
        r#"limit q {"max_running": 1}
        at 1000; ask now q; ask before_the_restart q since=10; go"#,
        expect![[r#"
            1000: before_the_restart
        "#]],
    );
}

#[test]
fn a_place_without_anybody_free_holds_no_other() {
    check(
        "ask here q; ask there q does=encode; ask here2 q; ask there2 q does=encode; go full; why; go",
        expect![[r#"
            0: there there2
            here: None held by [], 0 before it
            here2: None held by [], 1 before it
            0: here here2
        "#]],
    );
}

#[test]
fn rates_space_what_begins() {
    check(
        r#"limit q {"rate": "2/s"}
        ask a q; ask b q; ask c q; go; at 0.4; go; why; at 0.5; go; at 5; go; ask d q; go"#,
        expect![[r#"
            0: a, next at 0.5
            0.4: , next at 0.5
            b: Some(Rate { rate: "2/s", until: 500ms }) held by [], 0 before it
            c: Some(Rate { rate: "2/s", until: 500ms }) held by [], 1 before it
            0.5: b, next at 1
            5: c
            5: , next at 5.5
        "#]],
    );
    check(
        r#"limit q {"rate": "1/s", "burst": 3}
        ask a q; ask b q; ask c q; ask d q; go; at 1; go; at 60; ask e q; ask f q; ask g q; ask h q; go"#,
        expect![[r#"
            0: a! b! c!, next at 1
            1: d!
            60: e! f! g!, next at 61
        "#]],
    );
    check(
        r#"limit q {"per_key": {"rate": "1/m"}}
        ask a1 q key=a; ask a2 q key=a; ask b1 q key=b; ask n1 q; ask n2 q; go; why; at 60; go"#,
        expect![[r#"
            0: a1! b1! n1 n2, next at 60
            a2: Some(KeyRate { key: "a", rate: "1/m", until: 60s }) held by [], 0 before it
            60: a2!
        "#]],
    );
}

#[test]
fn a_restart_gives_nobody_a_rate_twice() {
    // Fast rates are taken for used up; slow ones go on from what was noted.
    check(
        r#"limit q {"rate": "10/s", "burst": 5}
        at 100; restart; ask a q; ask b q; go; at 100.1; go; at 101; ask c q; ask d q; ask e q; ask f q; ask g q; go"#,
        expect![[r#"
            100: , next at 100.1
            100.1: a, next at 100.2
            101: b c d e f, next at 101.1
        "#]],
    );
    check(
        r#"limit q {"rate": "1/h"}; limit k {"per_key": {"rate": "6/m"}}
        at 100; restart q=2000 k/blue=105; ask a q; ask b k key=blue; ask c k key=red; go"#,
        expect![[r#"
            100: c!, next at 105
        "#]],
    );
    // A wall clock that was set back must not hold a queue for longer than its own pace.
    check(
        r#"limit q {"rate": "1/m"}; at 100; restart q=999999; ask a q; go"#,
        expect![[r#"
            100: , next at 160
        "#]],
    );
    check(
        r#"limit q {"per_key": {"rate": "10/s"}}; at 100; restart; ask a q key=x; go; at 100.1; go"#,
        expect![[r#"
            100: , next at 100.1
            100.1: a
        "#]],
    );
}

#[derive(Clone, Debug)]
enum Move {
    Ask {
        queue: u8,
        key: Option<u8>,
        priority: i32,
    },
    Pass(u16),
    End(usize),
    Limit {
        queue: u8,
        max: Option<u32>,
        key_max: Option<u32>,
    },
    Forget(usize),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        4 => (0..2_u8, prop::option::of(0..3_u8), -9..9).prop_map(|(queue, key, priority)| Move::Ask { queue, key, priority }),
        2 => (0..2_000_u16).prop_map(Move::Pass),
        3 => any::<prop::sample::Index>().prop_map(|at| Move::End(at.index(1 << 16))),
        1 => (0..2_u8, prop::option::of(0..4_u32), prop::option::of(0..3_u32)).prop_map(|(queue, max, key_max)| Move::Limit { queue, max, key_max }),
        1 => any::<prop::sample::Index>().prop_map(|at| Move::Forget(at.index(1 << 16))),
    ];
    prop::collection::vec(one, 1..120)
}

/// What the book should do, in the slowest way there is.
#[derive(Default)]
struct Plain {
    /// Of each attempt: queue, key, when it asked, its priority.
    asked: BTreeMap<u128, (u8, Option<u8>, i64, i32)>,
    running: Vec<u128>,
    limits: BTreeMap<u8, QueueLimits>,
    /// When attempts of a queue began.
    began: BTreeMap<u8, Vec<u64>>,
}

impl Plain {
    fn n_running(&self, queue: u8, key: Option<u8>) -> u32 {
        let fits = |token: &&u128| {
            let (of, with, ..) = self.asked[*token];
            of == queue && key.is_none_or(|key| with == Some(key))
        };
        self.running.iter().filter(fits).count() as u32
    }

    fn check(&self, ever_lower: bool) {
        for (queue, limits) in &self.limits {
            let n = self.n_running(*queue, None);
            // Only a limit that was lowered may be exceeded, by what ran before.
            assert!(
                ever_lower || limits.max_running.is_none_or(|max| n <= max),
                "{queue}: {n}"
            );
            let began = self.began.get(queue).cloned().unwrap_or_default();
            for (at, first) in began.iter().enumerate() {
                let within = began[at..]
                    .iter()
                    .filter(|later| *later - first < 1_000_000)
                    .count();
                assert!(within <= 4 + 1, "{within} in a second at {first}");
            }
        }
    }
}

proptest! {
    #[test]
    fn limits_hold_and_the_first_goes_first(moves in moves()) {
        let mut book = Book::default();
        let mut plain = Plain::default();
        let (mut now, mut n, mut ever_lower) = (0_u64, 0_u128, false);
        let start = QueueLimits { max_running: Some(2), rate: "4/s".parse().ok(), burst: Some(2), ..QueueLimits::default() };
        for queue in 0..2_u8 {
            book.set_limits(&queue.to_string(), start.clone(), Duration::ZERO);
            plain.limits.insert(queue, start.clone());
        }
        for one in moves {
            let at = Duration::from_micros(now);
            match one {
                Move::Ask { queue, key, priority } => {
                    n += 1;
                    plain.asked.insert(n, (queue, key, now as i64, priority));
                    book.ask(Ticket {
                        token: AttemptToken(n),
                        run: RunId(1),
                        path: n.to_string().into(),
                        queue: queue.to_string().into(),
                        key: key.map(|key| key.to_string().into()),
                        place: Place::Here,
                        priority,
                        asked_at: Timestamp::from_micros(now as i64),
                    });
                }
                Move::Pass(millis) => now += u64::from(millis) * 1_000,
                Move::End(at_index) if !plain.running.is_empty() => {
                    let token = plain.running.remove(at_index % plain.running.len());
                    prop_assert!(book.release(AttemptToken(token), at));
                    prop_assert!(!book.release(AttemptToken(token), at), "only once");
                    plain.asked.remove(&token);
                }
                Move::Limit { queue, max, key_max } => {
                    let mut limits = start.clone();
                    limits.max_running = max;
                    limits.per_key = key_max.map(|max| super::KeyLimits { max_running: Some(max), ..Default::default() });
                    ever_lower = true;
                    book.set_limits(&queue.to_string(), limits.clone(), at);
                    plain.limits.insert(queue, limits);
                }
                Move::Forget(at_index) => {
                    let waiting: Vec<u128> = plain.asked.keys().filter(|token| !plain.running.contains(token)).copied().collect();
                    if let Some(token) = waiting.get(at_index % waiting.len().max(1)) {
                        prop_assert!(book.take_back(AttemptToken(*token)).is_some());
                        plain.asked.remove(token);
                    }
                }
                Move::End(_) => {}
            }
            let at = Duration::from_micros(now);
            let mut pass = book.pass();
            while let Some(ticket) = book.next(&mut pass, at) {
                let token = ticket.token.0;
                let (queue, key, since, priority) = plain.asked[&token];
                let limits = &plain.limits[&queue];
                prop_assert!(limits.max_running.is_none_or(|max| plain.n_running(queue, None) < max));
                let key_max = limits.per_key.as_ref().and_then(|limits| limits.max_running);
                prop_assert!(key.is_none() || key_max.is_none_or(|max| plain.n_running(queue, key) < max));
                let rank = |since: i64, priority: i32, token: u128| (since - i64::from(priority) * 60_000_000, token);
                for (other, (of, with, other_since, other_priority)) in &plain.asked {
                    let is_like = *of == queue && *with == key && !plain.running.contains(other) && *other != token;
                    prop_assert!(!is_like || rank(since, priority, token) < rank(*other_since, *other_priority, *other), "nobody overtakes");
                }
                book.began(&mut pass, ticket.token, at);
                plain.running.push(token);
                plain.began.entry(queue).or_default().push(now);
            }
            plain.check(ever_lower);
            prop_assert_eq!(book.n_waiting(), plain.asked.len() - plain.running.len());
        }
    }
}

/// What was used up under the old rate is used up for no longer than the new one says.
#[test]
fn a_higher_rate_holds_from_now_on() {
    check(
        r#"limit q {"rate": "1/d"}; ask a q; ask b q; go; at 10; limit q {"rate": "1/s"}; go; at 11; go; ask c q
        limit q {"rate": "1/d"}; go; at 12; go; limit q {}; go; restart q=90000; limit q {"rate": "2/m"}; ask d q; go"#,
        expect![[r#"
            0: a!, next at 86400
            10: , next at 11
            11: b!
            11: , next at 12
            12: c!
            12: 
            12: d!
        "#]],
    );
    check(
        r#"limit q {"per_key": {"rate": "1/h"}}; ask a q key=x; ask b q key=x; go
        limit q {"per_key": {"rate": "1/m"}}; go; at 60; go"#,
        expect![[r#"
            0: a!, next at 3600
            0: , next at 60
            60: b!
        "#]],
    );
}
