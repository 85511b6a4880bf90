//! Standing orders: flows that start by the clock.

pub mod calendar;
