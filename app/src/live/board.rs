//! What the pages of a browser follow, as the tab knows it that holds the connection for all of them. Pure; [`super::hub`] carries
//! it out.

use std::collections::BTreeMap;

/// What a page follows: the number of the follower within its tab, the topic, and the position its reader has. No text is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Of all that the tab ever followed, the how-manieth: following the same again is something else.
    pub number: u32,
    /// The topic.
    pub topic: String,
    /// The position in it.
    pub position: String,
}

impl Wish {
    /// As a line between tabs.
    #[must_use]
    pub fn to_line(&self) -> String {
        format!("{} {}@{}", self.number, self.topic, self.position)
    }

    /// None if it is no such line.
    #[must_use]
    pub fn from_line(line: &str) -> Option<Self> {
        let (number, rest) = line.split_once(' ')?;
        let (topic, position) = rest.rsplit_once('@')?;
        Some(Self {
            number: number.parse().ok()?,
            topic: topic.to_owned(),
            position: position.to_owned(),
        })
    }
}

/// Whether the connection has to be opened again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It tells all that is wanted, and no more.
    None,
    /// It tells of something that nobody wants any more: that is no hurry.
    Later,
    /// Somebody waits for something.
    Now,
}

/// How far a topic was told.
#[derive(Debug, Default)]
struct Told {
    /// The last position that was handed on; none before a connection was asked for it.
    position: Option<String>,
    /// From where the next connection has to tell it, because a follower has come that stands there.
    from: Option<String>,
}

/// Somebody who follows a topic: a tab, and the number of the wish there.
pub type FollowerId = (String, u32);

#[derive(Debug)]
struct Follower {
    topic: String,
    /// Whether what is told next is what comes next for it. Until then it must not listen: it would miss what lies between.
    is_joined: bool,
}

/// Who follows what, and how far each topic was told.
#[derive(Debug, Default)]
pub struct Board {
    followers: BTreeMap<FollowerId, Follower>,
    topics: BTreeMap<String, Told>,
    /// Who has joined since it was last asked.
    joined: Vec<FollowerId>,
}

/// Whether what was missed of a topic can be told later. Each connection tells first how the others stand now.
#[must_use]
pub fn has_past(topic: &str) -> bool {
    ["run:", "logs:", "logs~"]
        .iter()
        .any(|start| topic.starts_with(start))
}

/// Whether a position is before another: `7` before `12`, `1:12` before `2:1`, none before all.
#[must_use]
pub fn is_before(one: &str, other: &str) -> bool {
    let numbers = |text: &str| -> Vec<u64> {
        let parts = text.split(':').filter(|part| !part.is_empty());
        parts.map(|part| part.parse().unwrap_or(0)).collect()
    };
    numbers(one) < numbers(other)
}

impl Board {
    /// A tab says all that it follows.
    pub fn wants(&mut self, tab: &str, wishes: Vec<Wish>) -> Change {
        let mut change = Change::None;
        self.followers
            .retain(|(of, number), _| of != tab || wishes.iter().any(|wish| wish.number == *number));
        for wish in wishes {
            let follower = (tab.to_owned(), wish.number);
            // Where it stood when it came counts; from there on it takes part in what is told to all.
            if self.followers.contains_key(&follower) {
                continue;
            }
            let topic = wish.topic.clone();
            let needs = self.join(wish);
            let is_joined = needs == Change::None;
            if is_joined {
                self.joined.push(follower.clone());
            }
            self.followers.insert(follower, Follower { topic, is_joined });
            change = change.max(needs);
        }
        let n_before = self.topics.len();
        let followers = &self.followers;
        self.topics
            .retain(|topic, _| followers.values().any(|follower| follower.topic == *topic));
        change.max(match self.topics.len() < n_before {
            true => Change::Later,
            false => Change::None,
        })
    }

    fn join(&mut self, wish: Wish) -> Change {
        let has_past = has_past(&wish.topic);
        let told = self.topics.entry(wish.topic).or_default();
        if let Some(position) = &told.position
            && has_past
            && !is_before(&wish.position, position)
        {
            return Change::None;
        }
        if told
            .from
            .as_ref()
            .is_none_or(|from| is_before(&wish.position, from))
        {
            told.from = Some(wish.position);
        }
        Change::Now
    }

    /// A frame of a topic was handed on; it stands at this position, if it has one.
    pub fn told(&mut self, topic: &str, position: &str) {
        if let Some(told) = self.topics.get_mut(topic)
            && !position.is_empty()
        {
            told.position = Some(position.to_owned());
        }
    }

    /// Nothing more will come of a topic, unless somebody waits for its past.
    pub fn ended(&mut self, topic: &str) {
        if self.topics.get(topic).is_some_and(|told| told.from.is_none()) {
            self.topics.remove(topic);
            self.followers.retain(|_, follower| follower.topic != topic);
        }
    }

    /// Who may listen from here on, of those that came.
    pub fn joined(&mut self) -> Vec<FollowerId> {
        std::mem::take(&mut self.joined)
    }

    /// Whether a tab beside this one follows something.
    #[must_use]
    pub fn has_others(&self, tab: &str) -> bool {
        self.followers.keys().any(|(of, _)| of != tab)
    }

    /// What to ask for in a new connection: each topic with where it is to begin. All who wait join with it.
    pub fn question(&mut self) -> Vec<(String, String)> {
        for (id, follower) in &mut self.followers {
            if !std::mem::replace(&mut follower.is_joined, true) {
                self.joined.push(id.clone());
            }
        }
        let ask = |(topic, told): (&String, &mut Told)| {
            if let Some(from) = told.from.take() {
                told.position = Some(from);
            }
            (topic.clone(), told.position.clone().unwrap_or_default())
        };
        self.topics.iter_mut().map(ask).collect()
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// Steps, one a line: `TAB: NUMBER TOPIC@POSITION, …` follows, `> TOPIC POSITION` was told, `! TOPIC` has ended, `?` connects.
    fn check(steps: &str, expected: Expect) {
        let mut board = Board::default();
        let mut seen = String::new();
        for step in steps.lines().map(str::trim).filter(|step| !step.is_empty()) {
            let answer = if let Some(told) = step.strip_prefix("> ") {
                let (topic, position) = told.split_once(' ').unwrap_or((told, ""));
                board.told(topic, position);
                String::new()
            } else if let Some(topic) = step.strip_prefix("! ") {
                board.ended(topic);
                String::new()
            } else if step == "?" {
                let question = board.question().into_iter();
                let asked: Vec<String> = question
                    .map(|(topic, position)| format!("{topic}@{position}"))
                    .collect();
                asked.join(" ")
            } else {
                let (tab, wishes) = step.split_once(':').expect("a tab says what it wants");
                let wishes = wishes.split(", ").map(str::trim).filter(|wish| !wish.is_empty());
                let wishes = wishes.map(|wish| Wish::from_line(wish).expect("is a wish"));
                format!("{:?}", board.wants(tab, wishes.collect()))
            };
            let joined = board.joined().into_iter();
            let joined: String = joined.map(|(tab, number)| format!(" +{tab}{number}")).collect();
            seen.push_str(format!("{step} -> {answer}{joined}").trim_end());
            seen.push('\n');
        }
        expected.assert_eq(&seen);
    }

    #[test]
    fn a_connection_tells_what_any_tab_wants() {
        check(
            "
            a: 1 run:1@7, 2 logs~a.2:1/x@
            ?
            > run:1 9
            > logs~a.2:1/x 1:4
            b: 1 run:1@9
            c: 1 run:1@12
            d: 1 run:1@8
            ?
            d:
            a: 1 run:1@7
            ?
            ",
            expect![[r#"
                a: 1 run:1@7, 2 logs~a.2:1/x@ -> Now
                ? -> logs~a.2:1/x@ run:1@7 +a1 +a2
                > run:1 9 ->
                > logs~a.2:1/x 1:4 ->
                b: 1 run:1@9 -> None +b1
                c: 1 run:1@12 -> None +c1
                d: 1 run:1@8 -> Now
                ? -> logs~a.2:1/x@1:4 run:1@8 +d1
                d: -> None
                a: 1 run:1@7 -> Later
                ? -> run:1@8
            "#]],
        );
    }

    #[test]
    fn a_follower_that_is_behind_is_told_everything_although_others_are_told_meanwhile() {
        check(
            "
            a: 1 run:1@50
            ?
            > run:1 60
            b: 1 run:1@55
            > run:1 61
            ! run:1
            ?
            > run:1 61
            ! run:1
            ?
            ",
            expect![[r#"
                a: 1 run:1@50 -> Now
                ? -> run:1@50 +a1
                > run:1 60 ->
                b: 1 run:1@55 -> Now
                > run:1 61 ->
                ! run:1 ->
                ? -> run:1@55 +b1
                > run:1 61 ->
                ! run:1 ->
                ? ->
            "#]],
        );
    }

    #[test]
    fn a_follower_that_has_not_drawn_yet_is_not_behind() {
        check(
            "
            a: 1 run:1@7
            ?
            > run:1 30
            a: 1 run:1@12, 2 runs@
            ?
            ",
            expect![[r#"
                a: 1 run:1@7 -> Now
                ? -> run:1@7 +a1
                > run:1 30 ->
                a: 1 run:1@12, 2 runs@ -> Now
                ? -> run:1@30 runs@ +a2
            "#]],
        );
    }

    #[test]
    fn following_again_begins_where_the_reader_stands_now() {
        check(
            "
            a: 1 run:1@7
            ?
            > run:1 30
            a: 2 run:1@25
            ?
            ",
            expect![[r#"
                a: 1 run:1@7 -> Now
                ? -> run:1@7 +a1
                > run:1 30 ->
                a: 2 run:1@25 -> Now
                ? -> run:1@25 +a2
            "#]],
        );
    }

    #[test]
    fn topics_without_a_past_are_told_anew_to_who_comes() {
        check(
            "
            a: 1 runs@
            ?
            > runs
            b: 1 runs@
            ?
            b: 1 runs@
            ",
            expect![[r#"
                a: 1 runs@ -> Now
                ? -> runs@ +a1
                > runs ->
                b: 1 runs@ -> Now
                ? -> runs@ +b1
                b: 1 runs@ -> None
            "#]],
        );
    }

    #[test]
    fn what_has_ended_is_not_asked_for_again() {
        check(
            "
            a: 1 run:1@7, 2 runs@
            b: 1 run:1@7
            ?
            ! run:1
            a: 2 runs@
            b:
            ?
            ",
            expect![[r#"
                a: 1 run:1@7, 2 runs@ -> Now
                b: 1 run:1@7 -> Now
                ? -> run:1@7 runs@ +a1 +a2 +b1
                ! run:1 ->
                a: 2 runs@ -> None
                b: -> None
                ? -> runs@
            "#]],
        );
    }

    #[test]
    fn a_tab_that_leads_anew_begins_where_the_last_reader_stands() {
        check(
            "
            b: 1 run:1@40
            c: 1 run:1@38
            d: 1 run:1@41
            ?
            ",
            expect![[r#"
                b: 1 run:1@40 -> Now
                c: 1 run:1@38 -> Now
                d: 1 run:1@41 -> Now
                ? -> run:1@38 +b1 +c1 +d1
            "#]],
        );
    }

    #[test]
    fn positions_have_an_order() {
        for (one, other) in [("7", "12"), ("", "1"), ("1:12", "2:1"), ("2:9", "2:10")] {
            assert!(is_before(one, other) && !is_before(other, one), "{one} {other}");
        }
        assert!(!is_before("3", "3"));
    }

    #[test]
    fn wishes_travel_as_lines() {
        let wish = Wish {
            number: 3,
            topic: "logs~a.3:run_1/x[0]@y".to_owned(),
            position: "1:2".to_owned(),
        };
        assert_eq!(Wish::from_line(&wish.to_line()), Some(wish));
        for text in ["", "x run:1@", "1", "1 run:1"] {
            assert_eq!(Wish::from_line(text), None, "{text}");
        }
    }
}
