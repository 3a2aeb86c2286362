//! What sets functions off besides HTTP: queues, timers, and a person with the master key.

use crate::app::{App, Binding, Function};
use crate::call::{Call, Invoke};
use crate::clock::Clock;
use crate::encode::{Metadata, Value};
use crate::newtonsoft::Token;
use crate::queue::{self, Listener, Queues};
use crate::timer::{self, Due, Monitor, Schedule, Timer};

/// The triggers that devhost can fire by itself.
#[derive(Debug)]
pub(crate) struct Sources {
    listeners: Vec<Listener>,
    timers: Vec<Timer>,
    monitor: Monitor,
}

impl Sources {
    /// Reads the triggers of an app.
    ///
    /// # Errors
    ///
    /// Every trigger that says too little or nonsense.
    pub(crate) fn read(app: &App) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let mut sources = Self {
            listeners: Vec::new(),
            timers: Vec::new(),
            monitor: Monitor::new(),
        };
        for function in &app.functions {
            let trigger = function.trigger();
            let read = if trigger.is_kind("queueTrigger") {
                listener(app, function, trigger).map(|listener| sources.listeners.push(listener))
            } else if trigger.is_kind("timerTrigger") {
                timer(app, function, trigger).map(|timer| sources.timers.push(timer))
            } else {
                Ok(())
            };
            if let Err(problem) = read {
                problems.push(format!("{}/function.json: {problem}", function.name));
            }
        }
        if problems.is_empty() {
            Ok(sources)
        } else {
            Err(problems)
        }
    }

    /// Begins to fire them; the tasks end with the runtime.
    pub(crate) fn start<I: Invoke>(&self, queues: &Queues, settings: &queue::Settings, invoke: &I) {
        let runner = queue::Runner::new(queues.clone(), settings.clone(), invoke.clone());
        for listener in &self.listeners {
            tokio::spawn(runner.clone().run(listener.clone()));
        }
        let runner = timer::Runner::new(self.monitor.clone(), Clock::system(), invoke.clone());
        for timer in &self.timers {
            tokio::spawn(runner.clone().run(timer.clone()));
        }
    }

    /// The call that a manual run makes (host 4.1037, `FunctionsController.Invoke`): a timer stays
    /// genuine and shows the input in Metadata only; elsewhere the input is the trigger's value.
    /// `None` for HTTP functions, where the host accepts the run and nothing happens.
    pub(crate) fn by_hand(&self, function: &Function, input: Option<String>) -> Option<Call> {
        let trigger = function.trigger();
        if function.http.is_some() {
            return None;
        }
        if let Some(timer) = self
            .timers
            .iter()
            .find(|timer| timer.function == function.name)
        {
            let mut call = timer.call(self.monitor.get(&function.name), Due::Now);
            if let Some(input) = input {
                call.trigger
                    .insert(trigger.name.as_str(), Value::Text(input));
            }
            return Some(call);
        }
        let input = input.unwrap_or_default();
        let data_type = trigger.raw("dataType").unwrap_or_default();
        let value = if data_type.eq_ignore_ascii_case("binary") || trigger.is_kind("blobTrigger") {
            Value::Bytes(input.into_bytes())
        } else {
            Value::Text(input)
        };
        Some(Call {
            function: function.name.clone(),
            binding: trigger.name.clone(),
            value,
            trigger: Metadata::default(),
        })
    }
}

fn listener(app: &App, function: &Function, trigger: &Binding) -> Result<Listener, String> {
    let queue = trigger
        .text("queueName", &app.settings)
        .filter(|name| !name.is_empty())
        .ok_or("the queueTrigger has no queueName")?;
    Ok(Listener {
        function: function.name.clone(),
        binding: trigger.name.clone(),
        queue,
        data_type: trigger.data_type(),
    })
}

fn timer(app: &App, function: &Function, trigger: &Binding) -> Result<Timer, String> {
    let text = trigger
        .text("schedule", &app.settings)
        .ok_or("the timerTrigger has no schedule")?;
    let schedule = Schedule::parse(&text)
        .map_err(|error| format!("the schedule {text:?} cannot be used: {error}"))?;
    let flag = |name: &str| {
        trigger
            .properties
            .property(name)
            .map(|value| value == &Token::Bool(true))
    };
    Ok(Timer {
        function: function.name.clone(),
        binding: trigger.name.clone(),
        schedule,
        run_on_startup: flag("runOnStartup").unwrap_or(false),
        use_monitor: flag("useMonitor").unwrap_or(true),
    })
}
