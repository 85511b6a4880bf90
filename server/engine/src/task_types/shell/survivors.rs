//! Finding processes that outlived their attempt, by their environment.

/// Kills every process that was started for this data folder, with its group: what a killed server left behind. To be called
/// when a server starts, before anything is dispatched; answers how many there were. Does nothing where there is no `/proc`.
#[must_use]
pub fn end_survivors(instance: &str) -> usize {
    end(&[format!("POINTWORK_INSTANCE={instance}")])
}

/// Kills what is left of an attempt.
pub(super) fn end_attempt(instance: &str, run: &str, task: &str, attempt: u32) -> usize {
    end(&[
        format!("POINTWORK_INSTANCE={instance}"),
        format!("POINTWORK_RUN={run}"),
        format!("POINTWORK_TASK={task}"),
        format!("POINTWORK_ATTEMPT={attempt}"),
    ])
}

#[cfg(target_os = "linux")]
fn end(variables: &[String]) -> usize {
    use std::collections::BTreeSet;
    use std::time::{Duration, Instant};

    use nix::sys::signal::{Signal, kill, killpg};
    use nix::unistd::{Pid, getpgid, getpgrp};

    // A process may fork while we look, and one that was killed takes a moment to go.
    const PATIENCE: Duration = Duration::from_secs(1);
    let began = Instant::now();
    let mut found = BTreeSet::new();
    loop {
        let processes = find(variables);
        if processes.is_empty() || began.elapsed() > PATIENCE {
            return found.len();
        }
        for process in processes {
            found.insert(process);
            let pid = Pid::from_raw(process);
            if let Ok(group) = getpgid(Some(pid))
                && group != getpgrp()
            {
                let _ = killpg(group, Signal::SIGKILL);
            }
            let _ = kill(pid, Signal::SIGKILL);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The processes, this one left out, that have all of these in their environment. One that has ended has none.
#[cfg(target_os = "linux")]
fn find(variables: &[String]) -> Vec<i32> {
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let own = i32::try_from(std::process::id()).ok();
    processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|process| Some(*process) != own)
        .filter(|process| {
            let environment = std::fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
            let mut has: Vec<bool> = vec![false; variables.len()];
            for entry in environment.split(|byte| *byte == 0) {
                for (at, variable) in variables.iter().enumerate() {
                    has[at] |= entry == variable.as_bytes();
                }
            }
            has.into_iter().all(|has| has)
        })
        .collect()
}

#[cfg(not(target_os = "linux"))]
fn end(_: &[String]) -> usize {
    0
}
