//! What an app tells of itself, as those see it who receive it: the real binaries, with devhost in the
//! place of Application Insights and of a collector that speaks OTLP.

mod faults;
mod leaks;
mod metrics;
mod sampling;
mod trace;
mod world;
