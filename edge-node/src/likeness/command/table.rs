//! A report for people.

use super::judges::Judge;
use super::reliability::{Bin, Reliability};
use super::report::{Report, Run, TimesReport};
use std::fmt;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Run { draft, target, text, conversations, left_out, threads, fitted, present } =
            &self.run;
        writeln!(f, "draft {draft}, target {target}, threads {threads}, kernels {}", self.kernels)?;
        writeln!(
            f,
            "{}: {conversations} conversations, {fitted} requests fitted to, {} held out, \
             {left_out} left out for want of room",
            text.display(),
            self.held
        )?;
        let present = present.as_ref().map(|path| path.display().to_string());
        let present = present.unwrap_or_else(|| "those that come with the program".to_owned());
        writeln!(f, "present weights: {present}")?;
        writeln!(
            f,
            "answers of {:.1} tokens in the mean; as good as the target's: {:.1} %, and by what a \
             hybrid reply shows {:.1} %; both say the same of {:.1} %\n",
            self.tokens,
            100.0 * self.good,
            100.0 * self.good_as_shown,
            100.0 * self.shown_right
        )?;
        write!(f, "{}", self.times)?;
        judged(f, &self.judges)?;
        curves(f, &self.judges)?;
        let reliable = self.judges.iter();
        reliable
            .filter_map(|judge| Some((judge.name, judge.reliability.as_ref()?)))
            .try_for_each(|(name, reliability)| bins(f, name, reliability))
    }
}

impl fmt::Display for TimesReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |time: Option<f64>| time.unwrap_or(f64::NAN);
        writeln!(
            f,
            "features known after {:.1} ms (p50), {:.1} ms (p95); the whole answer takes {:.1} ms \
             (p50) without them, {:.1} ms in the mean, and {:+.1} ms with them",
            ms(self.probe_ms_p50),
            ms(self.probe_ms_p95),
            ms(self.answer_ms_p50),
            self.answer_ms_mean,
            self.features_ms_mean
        )
    }
}

/// One line for each judge.
fn judged(f: &mut fmt::Formatter<'_>, judges: &[Judge]) -> fmt::Result {
    writeln!(
        f,
        "\n{:<9} {:>7} {:>7} {:>7} {:>7} {:>10}",
        "router", "AUROC", "ECE", "Brier", "loss", "CPT(80 %)"
    )?;
    for Judge { name, auroc, reliability, quality } in judges {
        write!(f, "{name:<9} {auroc:>7.3}")?;
        match reliability {
            Some(Reliability { brier, ece, loss, .. }) => {
                write!(f, " {ece:>7.3} {brier:>7.3} {loss:>7.3}")?;
            }
            None => write!(f, " {:>7} {:>7} {:>7}", "-", "-", "-")?,
        }
        writeln!(f, " {:>8.1} %", 100.0 * quality.target_share)?;
    }
    Ok(())
}

/// Tokens that agree, by the share of requests that are answered locally.
fn curves(f: &mut fmt::Formatter<'_>, judges: &[Judge]) -> fmt::Result {
    write!(f, "\n{:<9}", "local %")?;
    judges.iter().try_for_each(|judge| write!(f, " {:>9}", judge.name))?;
    writeln!(f, "   tokens that agree, %")?;
    let steps = judges.first().map_or(0, |judge| judge.quality.agreeing.len());
    for step in 0..steps {
        write!(f, "{:<9}", 100 * step / (steps - 1))?;
        for judge in judges {
            write!(f, " {:>9.2}", 100.0 * judge.quality.agreeing[step])?;
        }
        writeln!(f)?;
    }
    Ok(())
}

/// What came of each tenth of chances.
fn bins(f: &mut fmt::Formatter<'_>, name: &str, reliability: &Reliability) -> fmt::Result {
    writeln!(f, "\n{:<9} {:>9} {:>9} {:>9}", name, "requests", "chance", "good")?;
    for (tenth, Bin { requests, chance, good }) in reliability.bins.iter().enumerate() {
        if *requests > 0 {
            let range = format!("{}-{} %", 10 * tenth, 10 * (tenth + 1));
            writeln!(
                f,
                "{range:<9} {requests:>9} {:>7.1} % {:>7.1} %",
                100.0 * chance,
                100.0 * good
            )?;
        }
    }
    Ok(())
}
