//! The pace of the load in a person's hand: a pause stands over a factor, and each says what came of it.

use results::event::{Fault, FaultState};

use super::Refused;
use crate::live::orders::Order;

const PAUSE: &str = "hand_pause_load";
const SCALE: &str = "hand_scale_load";
/// Largest factor; the bench's own limit comes long before.
const MOST: f64 = 1_000.0;

/// What is in force.
#[derive(Debug, Default)]
pub(super) struct Load {
    paused: Option<Standing>,
    scaled: Option<(Standing, f64)>,
}

/// Since when something is in force, and what had been written then.
#[derive(Debug, Clone, Copy)]
struct Standing {
    id: u32,
    from_us: u64,
    written: u64,
    /// Time in it during which the load was paused, microseconds.
    paused_us: u64,
}

impl Load {
    /// How many times the scenario's rate is in force.
    pub(super) fn factor(&self) -> f64 {
        match (&self.paused, &self.scaled) {
            (Some(_), _) => 0.0,
            (None, Some((_, factor))) => *factor,
            (None, None) => 1.0,
        }
    }

    /// Takes an order up; `written` records were written so far, `per_s` is the scenario's rate. What is to be said.
    pub(super) fn take_up(
        &mut self,
        order: Order,
        id: u32,
        now_us: u64,
        written: u64,
        per_s: f64,
    ) -> Result<Vec<Fault>, Refused> {
        let standing = Standing { id, from_us: now_us, written, paused_us: 0 };
        match order {
            Order::PauseLoad if self.paused.is_some() => Err("the load is paused already"),
            Order::PauseLoad => {
                self.paused = Some(standing);
                Ok(vec![applied(PAUSE, id, "no record falls due any more".to_owned())])
            }
            Order::ScaleLoad(factor) if !(factor > 0.0 && factor <= MOST) => {
                Err("the factor must be above 0 and at most 1000")
            }
            Order::ScaleLoad(factor) => {
                let mut said: Vec<Fault> = self.unscale(now_us, written, per_s).into_iter().collect();
                if (factor - 1.0).abs() > f64::EPSILON {
                    self.scaled = Some((standing, factor));
                    said.push(applied(SCALE, id, format!("{factor} times the scenario's rate")));
                } else if said.is_empty() {
                    return Err("the load has the scenario's rate already");
                }
                Ok(said)
            }
            _ => self.unpause(now_us, written, per_s).map(|fault| vec![fault]).ok_or("no hand has paused the load"),
        }
    }

    /// Everything as the scenario has it.
    pub(super) fn end(&mut self, now_us: u64, written: u64, per_s: f64) -> Vec<Fault> {
        let unpaused = self.unpause(now_us, written, per_s);
        unpaused.into_iter().chain(self.unscale(now_us, written, per_s)).collect()
    }

    fn unpause(&mut self, now_us: u64, written: u64, per_s: f64) -> Option<Fault> {
        let pause = self.paused.take()?;
        let passed_us = now_us.saturating_sub(pause.from_us);
        if let Some((scaled, _)) = &mut self.scaled {
            scaled.paused_us += now_us.saturating_sub(pause.from_us.max(scaled.from_us));
        }
        let factor = self.factor();
        let due = per_s * factor * passed_us as f64 / 1e6;
        let still = written.saturating_sub(pause.written);
        let detail = format!(
            "paused for {:.2} s: {still} records were written meanwhile, {due:.0} would have been due",
            passed_us as f64 / 1e6
        );
        Some(over(PAUSE, pause.id, (still as f64) * 2.0 < due, detail))
    }

    fn unscale(&mut self, now_us: u64, written: u64, per_s: f64) -> Option<Fault> {
        let (scaled, factor) = self.scaled.take()?;
        let paused_us = scaled.paused_us + self.paused.map_or(0, |pause| now_us - pause.from_us.max(scaled.from_us));
        let seconds = now_us.saturating_sub(scaled.from_us).saturating_sub(paused_us) as f64 / 1e6;
        let rate = written.saturating_sub(scaled.written) as f64 / seconds.max(1e-6);
        let detail = format!(
            "{factor} times for {seconds:.2} s: {rate:.0} records/s were written, the scenario has {per_s:.0}/s"
        );
        // Nearer to what was ordered than to what was before.
        let took_effect = (rate - per_s * factor).abs() < (rate - per_s).abs();
        Some(over(SCALE, scaled.id, took_effect, detail))
    }
}

fn applied(name: &str, id: u32, detail: String) -> Fault {
    Fault { id, name: name.to_owned(), on: String::new(), state: FaultState::Applied, hits: 0, detail }
}

fn over(name: &str, id: u32, took_effect: bool, detail: String) -> Fault {
    let state = if took_effect { FaultState::Healed } else { FaultState::NoEffect };
    Fault { id, name: name.to_owned(), on: String::new(), state, hits: 0, detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000;

    fn told(faults: &[Fault]) -> Vec<(&str, FaultState)> {
        faults.iter().map(|fault| (fault.name.as_str(), fault.state)).collect()
    }

    #[test]
    fn a_pause_in_which_nothing_was_written_took_effect_and_one_in_which_all_was_did_not() {
        for (written, state) in [(1_010, FaultState::Healed), (3_000, FaultState::NoEffect)] {
            let mut load = Load::default();
            load.take_up(Order::PauseLoad, 7, S, 1_000, 1_000.0).unwrap();
            assert!(load.factor().abs() < 1e-9);
            let said = load.take_up(Order::ResumeLoad, 8, 3 * S, written, 1_000.0).unwrap();
            assert_eq!(told(&said), [(PAUSE, state)]);
            assert_eq!(said[0].id, 7, "a fault is healed under the number it was applied under");
            assert!((load.factor() - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn a_factor_is_measured_without_the_pauses_in_it() {
        let mut load = Load::default();
        load.take_up(Order::ScaleLoad(2.0), 0, 0, 0, 1_000.0).unwrap();
        load.take_up(Order::PauseLoad, 1, S, 2_000, 1_000.0).unwrap();
        load.take_up(Order::ResumeLoad, 2, 9 * S, 2_000, 1_000.0).unwrap();
        assert!((load.factor() - 2.0).abs() < 1e-9, "the factor outlives the pause");
        let said = load.take_up(Order::ScaleLoad(1.0), 3, 10 * S, 4_000, 1_000.0).unwrap();
        assert_eq!(told(&said), [(SCALE, FaultState::Healed)]);
        assert!(said[0].detail.contains("2 times for 2.00 s: 2000 records/s"), "{}", said[0].detail);
    }

    #[test]
    fn the_end_heals_what_stands_the_pause_first() {
        let mut load = Load::default();
        load.take_up(Order::ScaleLoad(0.5), 0, 0, 0, 1_000.0).unwrap();
        load.take_up(Order::PauseLoad, 1, 2 * S, 1_000, 1_000.0).unwrap();
        let said = load.end(4 * S, 1_000, 1_000.0);
        assert_eq!(told(&said), [(PAUSE, FaultState::Healed), (SCALE, FaultState::Healed)]);
        assert_eq!(load.end(5 * S, 1_000, 1_000.0), []);
    }

    #[test]
    fn orders_that_change_nothing_are_refused() {
        let mut load = Load::default();
        for order in [Order::ResumeLoad, Order::ScaleLoad(1.0), Order::ScaleLoad(0.0), Order::ScaleLoad(f64::NAN)] {
            assert!(load.take_up(order, 0, 0, 0, 1.0).is_err(), "{order:?}");
        }
        load.take_up(Order::PauseLoad, 0, 0, 0, 1.0).unwrap();
        assert!(load.take_up(Order::PauseLoad, 0, 0, 0, 1.0).is_err());
    }
}
