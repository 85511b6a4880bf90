//! The whole engine on a clock moved by hand, with everything going wrong that can: a store that refuses, answers late or does what it
//! says it did not, a full disk, a server that dies at any step, workers that die, come late or report twice, a dispatch that loses and
//! repeats, clocks that jump, people who ask for things at the wrong moment. All of it follows from one number, the seed.
//!
//! After every step the committed logs are held against rows, memory and timers ([`check`]); at the end, when nothing fails any more,
//! every run must finish, and a second, naive reading of the rules must find no fault in its log.
//!
//! `SIM_SEED=7 cargo test -p engine --lib sim::replay -- --nocapture` tells one seed step by step; `SIM_SEEDS` and `SIM_SECONDS` say how
//! many are tried.

mod check;
mod dice;
mod elsewhere;
mod finish;
mod found;
mod lanes;
mod life;
mod people;
mod relations;
mod scene;
mod store;
mod workers;
mod world;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use expect_test::expect;
use parking_lot::Mutex;

use crate::shard::Planted;
use world::{Setup, Tally, World};

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// What a panic said.
fn said(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_default()
}

fn simulate(setup: Setup) -> Result<Tally, String> {
    catch_unwind(AssertUnwindSafe(|| World::new(setup).run())).map_err(|panic| said(&*panic))
}

/// Tries seeds on all processors until there were enough or the time is over; panics at the first that fails, with the line that
/// repeats it.
fn explore(is_on_disk: bool, n_seeds: u64) {
    let first = number("SIM_SEED").unwrap_or(1);
    let n_seeds = number("SIM_SEEDS").unwrap_or(n_seeds);
    let until = number("SIM_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let next = AtomicU64::new(0);
    let failed: Mutex<Option<(u64, String)>> = Mutex::default();
    let n_threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..n_threads {
            scope.spawn(|| {
                while failed.lock().is_none() {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let is_over = until.map_or(n >= n_seeds, |until| Instant::now() >= until);
                    if is_over {
                        return;
                    }
                    let seed = first.wrapping_add(n);
                    let setup = Setup {
                        seed,
                        is_on_disk,
                        ..Setup::default()
                    };
                    if let Err(said) = simulate(setup) {
                        failed.lock().get_or_insert((seed, said));
                    }
                }
            });
        }
    });
    if let Some((seed, said)) = failed.into_inner() {
        let disk = if is_on_disk { "SIM_DISK=1 " } else { "" };
        panic!(
            "{said}\nrepeat it: {disk}SIM_SEED={seed} cargo test -p engine --lib sim::replay -- --nocapture"
        );
    }
    if until.is_some() {
        #[expect(clippy::print_stderr, reason = "who waits for long wants to know for what")]
        {
            eprintln!("about {} seeds from {first} on", next.into_inner());
        }
    }
}

#[test]
fn nothing_is_lost_whatever_fails() {
    explore(false, 200);
}

#[test]
fn nothing_is_lost_on_disk_whatever_fails() {
    explore(true, 10);
}

/// Tells one seed step by step.
#[test]
fn replay() {
    let Some(seed) = number("SIM_SEED") else { return };
    let is_on_disk = number("SIM_DISK").is_some();
    let tally = World::new(Setup {
        seed,
        is_on_disk,
        is_told: true,
        ..Setup::default()
    })
    .run();
    assert!(tally.n_steps > 0, "it did something");
}

/// A simulation that cannot be repeated is of no use, nor is one that never gets anywhere.
#[test]
fn the_same_seed_does_the_same_and_gets_everywhere() {
    let mut seen = BTreeSet::new();
    for seed in 1..=24 {
        let setup = Setup {
            seed,
            ..Setup::default()
        };
        let tally = simulate(setup);
        if seed <= 8 {
            assert_eq!(tally, simulate(setup), "seed {seed}");
        }
        let tally = tally.expect("it is sound");
        seen.extend(tally.outcomes.into_keys());
        seen.extend(tally.fates.into_keys());
        seen.extend(tally.seen.into_keys().map(str::to_owned));
        seen.extend((tally.n_crashes > 0).then(|| "crashed".to_owned()));
    }
    expect![[r#"
        Commit Pass
        Commit PassUnknown
        Commit Refuse
        CommitGate Pass
        CommitGate PassUnknown
        CommitGate Refuse
        DropLeases Pass
        DropLeases Refuse
        Events Pass
        Events Refuse
        Flow Pass
        Flow Refuse
        Gate Pass
        Gate Refuse
        Keep Pass
        Kept Pass
        Key Pass
        Key Refuse
        Messages Pass
        Messages Refuse
        PutLeases Pass
        PutLeases PassUnknown
        Rate Pass
        Rate Refuse
        cached
        cancelled
        child
        child failed
        crashed
        elsewhere
        failed
        left out
        lost
        permit
        succeeded"#]]
    .assert_eq(&seen.into_iter().collect::<Vec<_>>().join("\n"));
}

/// Each planted defect is found within a few hundred seeds.
#[test]
fn planted_defects_are_found() {
    let all = [
        Planted::EarlyAnswers,
        Planted::AnyToken,
        Planted::NoSecondLook,
        Planted::LostReports,
        Planted::NoTimers,
        Planted::KeptPlaces,
        Planted::OpenGates,
        Planted::TwiceStarted,
        Planted::StaleLeases,
        Planted::FreeLeases,
        Planted::AnyResult,
    ];
    let next = AtomicUsize::new(0);
    let find = || {
        while let Some(&planted) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            let found = (1..=300).find(|&seed| {
                let setup = Setup {
                    seed,
                    planted,
                    ..Setup::default()
                };
                simulate(setup).is_err()
            });
            assert!(found.is_some(), "{planted:?} was not found");
        }
    };
    let n_threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..n_threads).for_each(|_| drop(scope.spawn(find))));
}
