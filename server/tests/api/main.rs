//! Every call of the API against a real server, by a real HTTP client: request text in, answer text out.

mod answers;
mod bad_input;
mod board;
mod capsule;
mod contract;
mod flows;
mod forms;
mod process;
mod run_logs;
mod runs;
mod safety;
mod schedules;
mod secrets;
mod starts;
mod streams;
mod support;
mod webhooks;
mod workers;
