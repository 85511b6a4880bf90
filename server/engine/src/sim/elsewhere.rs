//! Workers in other processes, as the protocol knows them: they ask for work, keep it by signs of life, report late or twice, speak for
//! each other, hang up, die, and outlive servers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use flow::run::TaskError;
use flow::{AttemptToken, RunId};
use serde_json::json;
use tokio::task::JoinHandle;

use super::lanes::FAR;
use super::life::{LEASE, Life};
use super::workers::Floor;
use super::world::World;
use crate::clock::Clock;
use crate::engine::{AttemptBeat, AttemptReport, Heartbeat, LeaseCall, Leased, OfferedType};
use crate::error::{EngineError, EngineResult};
use crate::task_type::TaskOutcome;

/// An attempt in a worker's hands.
struct Hand {
    token: AttemptToken,
    is_cancelled: bool,
    /// How it ended, if it has: told until somebody hears it.
    outcome: Option<TaskOutcome>,
}

struct Worker {
    name: String,
    /// Which of the worker tokens it shows.
    credential: usize,
    asking: Option<JoinHandle<()>>,
    hands: Vec<Hand>,
}

/// All workers elsewhere. They outlive the server.
pub(super) struct Elsewhere {
    pub(super) secrets: Vec<String>,
    workers: Vec<Worker>,
    /// All that any of them was ever given, with its run and the worker token.
    given: BTreeMap<AttemptToken, (RunId, usize)>,
    /// Attempts whose report was taken.
    taken: BTreeSet<AttemptToken>,
}

/// What a worker was told.
pub(super) enum Told {
    Leased {
        worker: usize,
        /// Whether it may have been given several, one after the other.
        is_many: bool,
        answer: EngineResult<Vec<Leased>>,
    },
    Beat {
        token: AttemptToken,
        /// When it was sent.
        at: Duration,
        answer: EngineResult<AttemptBeat>,
    },
    Reported {
        token: AttemptToken,
        /// Whether the worker said that it stopped, which without a cancel is a loss.
        is_stop: bool,
        answer: EngineResult<()>,
    },
    /// What somebody was told who spoke of what is not his.
    Refused(EngineResult<()>),
}

impl Elsewhere {
    pub(super) fn new() -> Self {
        let worker = |n: usize| Worker {
            name: format!("worker-{n}"),
            credential: n / 2,
            asking: None,
            hands: Vec::new(),
        };
        Self {
            secrets: Vec::new(),
            workers: (0..3).map(worker).collect(),
            given: BTreeMap::new(),
            taken: BTreeSet::new(),
        }
    }

    /// Their calls get no answer any more.
    pub(super) fn server_died(&mut self) {
        self.workers.iter_mut().for_each(|worker| worker.asking = None);
    }

    fn hand(&mut self, token: AttemptToken) -> Option<&mut Hand> {
        let mut hands = self.workers.iter_mut().flat_map(|worker| &mut worker.hands);
        hands.find(|hand| hand.token == token)
    }

    fn let_go(&mut self, token: AttemptToken) {
        for worker in &mut self.workers {
            worker.hands.retain(|hand| hand.token != token);
        }
    }
}

impl World {
    /// A worker elsewhere does something.
    pub(super) fn work_elsewhere(&mut self, life: &Life) {
        let at = self.dice.below(self.elsewhere.workers.len());
        let worker = &self.elsewhere.workers[at];
        let n_hands = worker.hands.len();
        let token = (n_hands > 0).then(|| worker.hands[self.dice.below(n_hands)].token);
        match (self.dice.below(20), token) {
            (0..=4, _) => self.ask_for_work(life, at),
            (5, _) => {
                self.tell(|| format!("worker-{at} hangs up"));
                if let Some(asking) = self.elsewhere.workers[at].asking.take() {
                    asking.abort();
                }
            }
            (6..=9, Some(token)) => self.beat(life, at, token),
            (10..=15, Some(token)) => self.tell_end(life, at, token, false),
            (16, _) => self.repeat(life),
            (17, _) => self.lie(life),
            (18, Some(_)) => {
                self.tell(|| format!("worker-{at} dies"));
                let worker = &mut self.elsewhere.workers[at];
                worker.hands.clear();
                worker.asking = None;
            }
            _ => {}
        }
    }

    /// Workers elsewhere do what they can. False if there was nothing to do.
    pub(super) fn work_well_elsewhere(&mut self, life: &Life) -> bool {
        let mut is_helped = false;
        for at in 0..self.elsewhere.workers.len() {
            self.ask_for_work(life, at);
            let hands = &self.elsewhere.workers[at].hands;
            for token in hands.iter().map(|hand| hand.token).collect::<Vec<_>>() {
                self.tell_end(life, at, token, true);
                is_helped = true;
            }
        }
        is_helped
    }

    fn ask_for_work(&mut self, life: &Life, at: usize) {
        let wait = [Duration::ZERO, Duration::from_secs(60)][self.dice.below(2)];
        let n_max = 1 + self.dice.below(3);
        let worker = &mut self.elsewhere.workers[at];
        if worker.asking.as_ref().is_some_and(|asking| !asking.is_finished()) {
            return;
        }
        let call = LeaseCall {
            worker: worker.name.clone(),
            queues: vec![FAR.to_owned()],
            types: vec![OfferedType {
                key: "work".to_owned(),
                title: None,
                summary: None,
                input_schema: None,
                output_schema: None,
            }],
            n_max,
            wait,
        };
        let secret = self.elsewhere.secrets[worker.credential].clone();
        let (engine, told) = (life.engine.clone(), life.told.clone());
        worker.asking = Some(tokio::spawn(async move {
            let answer = engine.lease(&secret, call).await;
            let is_many = n_max > 1;
            told.lock().push(Told::Leased {
                worker: at,
                is_many,
                answer,
            });
        }));
        self.tell(|| format!("worker-{at} asks for {n_max}, and waits {wait:?}"));
    }

    fn beat(&mut self, life: &Life, at: usize, token: AttemptToken) {
        self.tell(|| format!("worker-{at} is alive and has {token}"));
        let secret = self.elsewhere.secrets[self.elsewhere.workers[at].credential].clone();
        let (engine, told, at) = (life.engine.clone(), life.told.clone(), self.clock.elapsed());
        tokio::spawn(async move {
            let answer = engine.heartbeat(&secret, token, Heartbeat::default()).await;
            told.lock().push(Told::Beat { token, at, answer });
        });
    }

    /// A worker ends its attempt and says so, as often as it takes.
    fn tell_end(&mut self, life: &Life, at: usize, token: AttemptToken, is_kind: bool) {
        let roll = self.dice.below(if is_kind { 6 } else { 12 });
        let credential = self.elsewhere.workers[at].credential;
        let Some(hand) = self.elsewhere.hand(token) else {
            return;
        };
        let is_cancelled = hand.is_cancelled;
        let outcome = hand.outcome.get_or_insert_with(|| match roll {
            _ if is_cancelled && roll.is_multiple_of(2) => TaskOutcome::Cancelled,
            6..=8 => TaskError::new("failed", Floor::mark(token)).into(),
            9 => TaskOutcome::Cancelled,
            10 => TaskOutcome::ok(json!([
                Floor::mark(token),
                "x".repeat(flow::limits::INLINE_BYTES_MAX)
            ])),
            _ => TaskOutcome::ok(Floor::mark(token)),
        });
        let outcome = outcome.clone();
        self.send_end(life, credential, token, outcome);
    }

    fn send_end(&mut self, life: &Life, credential: usize, token: AttemptToken, outcome: TaskOutcome) {
        self.tell(|| format!("elsewhere {token} ended"));
        self.lanes.lock().ends(token);
        let secret = self.elsewhere.secrets[credential].clone();
        let (engine, told) = (life.engine.clone(), life.told.clone());
        let report = AttemptReport {
            outcome,
            logs: Vec::new(),
        };
        let is_stop = matches!(report.outcome, TaskOutcome::Cancelled);
        tokio::spawn(async move {
            let answer = engine.report_attempt(&secret, token, report).await;
            told.lock().push(Told::Reported {
                token,
                is_stop,
                answer,
            });
        });
    }

    /// Somebody says once more how an attempt ended that he once had.
    fn repeat(&mut self, life: &Life) {
        let n_given = self.elsewhere.given.len();
        let at = self.dice.below(n_given);
        let past = self.elsewhere.given.iter().nth(at);
        if let Some((token, (_, credential))) = past.map(|(token, past)| (*token, *past)) {
            self.send_end(life, credential, token, TaskOutcome::ok(Floor::mark(token)));
        }
    }

    /// Somebody speaks of what another has, or of what nobody has.
    fn lie(&mut self, life: &Life) {
        let at = self.dice.below(self.elsewhere.given.len() + 1);
        let given = self.elsewhere.given.iter().nth(at);
        let (token, credential) =
            given.map_or((AttemptToken(7), 0), |(token, (_, owner))| (*token, 1 - owner));
        self.tell(|| format!("somebody lies about {token}"));
        let secret = self.elsewhere.secrets[credential].clone();
        let (engine, told, is_report) = (life.engine.clone(), life.told.clone(), self.dice.one_in(2));
        tokio::spawn(async move {
            let answer = if is_report {
                let report = AttemptReport {
                    outcome: TaskOutcome::ok("a lie"),
                    logs: Vec::new(),
                };
                engine.report_attempt(&secret, token, report).await
            } else {
                let beat = engine.heartbeat(&secret, token, Heartbeat::default());
                beat.await.map(drop)
            };
            told.lock().push(Told::Refused(answer));
        });
    }

    pub(super) fn hear_elsewhere(&mut self, told: Told) {
        match told {
            Told::Leased {
                worker,
                is_many,
                answer,
            } => match answer {
                Ok(leases) => leases
                    .iter()
                    .for_each(|leased| self.leased(worker, is_many, leased)),
                Err(error) => assert!(matches!(error, EngineError::Unavailable(_)), "{error}"),
            },
            Told::Beat { token, at, answer } => match answer {
                Ok(beat) => {
                    self.lanes.lock().renewed(token, at + LEASE);
                    if let Some(hand) = self.elsewhere.hand(token) {
                        hand.is_cancelled |= beat.is_cancelled;
                    }
                }
                Err(error) => {
                    assert!(matches!(error, EngineError::StaleAttempt), "{error}");
                    self.lanes.lock().ends(token);
                    self.elsewhere.let_go(token);
                }
            },
            Told::Reported {
                token,
                is_stop,
                answer,
            } => self.reported(token, is_stop, answer),
            Told::Refused(answer) => {
                let is_refused = matches!(answer, Err(EngineError::StaleAttempt | EngineError::Forbidden(_)));
                assert!(is_refused, "a lie is believed: {answer:?}");
            }
        }
    }

    fn leased(&mut self, worker: usize, is_many: bool, leased: &Leased) {
        let (token, run) = (leased.token, leased.run);
        self.tell(|| format!("worker-{worker} has {token}: {} of {run}", leased.task));
        assert!(
            self.checker.is_begun(token),
            "{token} is given to a worker before its start is committed"
        );
        let worker = &mut self.elsewhere.workers[worker];
        let other = self.elsewhere.given.insert(token, (run, worker.credential));
        assert_eq!(other, None, "{token} is given to two workers");
        worker.hands.push(Hand {
            token,
            is_cancelled: false,
            outcome: None,
        });
        let key = self.checker.queue_key_of(run, &leased.task);
        // The first of several has waited for the others, nobody knows how long: it counts from its first sign of life.
        let until = self.clock.elapsed() + if is_many { Duration::ZERO } else { LEASE };
        if self.checker.is_out(run, token) {
            let mut lanes = self.lanes.lock();
            lanes.begins(token, &leased.queue, key.as_ref(), Some(until));
        }
    }

    fn reported(&mut self, token: AttemptToken, is_stop: bool, answer: EngineResult<()>) {
        let (run, _) = self.elsewhere.given[&token];
        match answer {
            Ok(()) => {
                assert!(
                    self.checker.runs[&run].has_been_told(token, is_stop),
                    "the report about {token} is acknowledged, and nobody knows of it"
                );
                assert!(
                    self.elsewhere.taken.insert(token),
                    "two reports about {token} are taken"
                );
                self.elsewhere.let_go(token);
            }
            Err(EngineError::StaleAttempt) => self.elsewhere.let_go(token),
            Err(EngineError::Unavailable(_)) => {}
            Err(error) => panic!("a report about {token} is answered by {error}"),
        }
    }

    /// Whether a worker elsewhere has something, or may be given something that it does not know of.
    pub(super) fn is_busy_elsewhere(&self, life: &Life) -> bool {
        use crate::dispatch::Dispatch;
        life.engine.parts.remote.load().running > 0
    }
}
