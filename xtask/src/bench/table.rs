//! The table of the whole-server benchmark: medians, and what was wanted.

/// What one way of asking cost, over all rounds.
pub struct Row {
    /// How it is named.
    pub name: &'static str,
    /// What is wanted of it: hundredths of the rate of the service that does nothing; 0 for nothing.
    pub wanted_hundredths: u64,
    /// CPU time of the server per decision, in nanoseconds, one per round.
    pub cpu_ns: Vec<u64>,
    /// Decisions per second of one load, one per round.
    pub rates: Vec<u64>,
}

/// The middle of some numbers; of an even count the lower middle. 0 of none.
pub fn median(numbers: &[u64]) -> u64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(0)
}

/// The table, in Markdown; the first row is what the others are compared with.
pub fn table(rows: &[Row]) -> String {
    let base = rows.first().map_or(0, |row| median(&row.cpu_ns));
    let mut text = String::from(
        "| | server CPU per decision | least to most | decisions per second | relative to doing nothing, unary | wanted | |\n\
         |---|---:|---:|---:|---:|---:|---|\n",
    );
    for row in rows {
        let cpu = median(&row.cpu_ns);
        let (least, most) = (row.cpu_ns.iter().min(), row.cpu_ns.iter().max());
        let relative = (base * 100).checked_div(cpu).unwrap_or(0);
        let (wanted, met) = match row.wanted_hundredths {
            0 => (String::new(), ""),
            wanted if relative >= wanted => (format!("≥ {}", times(wanted)), "met"),
            wanted => (format!("≥ {}", times(wanted)), "**not met**"),
        };
        text += &format!(
            "| {} | {} | {} to {} | {} | {} | {wanted} | {met} |\n",
            row.name,
            micros(cpu),
            micros(least.copied().unwrap_or(0)),
            micros(most.copied().unwrap_or(0)),
            median(&row.rates),
            times(relative),
        );
    }
    text
}

/// Nanoseconds as microseconds.
pub fn micros(nanos: u64) -> String {
    format!("{}.{:02} µs", nanos / 1_000, nanos % 1_000 / 10)
}

/// Hundredths as a factor.
pub fn times(hundredths: u64) -> String {
    format!("{}.{:02} ×", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::{Row, median, table};

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[5, 1, 9]), 5);
        assert_eq!(median(&[4, 1, 9, 5]), 4);
        assert_eq!(median(&[]), 0);
    }

    #[test]
    fn a_row_says_whether_what_was_wanted_was_met() {
        let row = |name, wanted_hundredths, cpu_ns: &[u64]| Row {
            name,
            wanted_hundredths,
            cpu_ns: cpu_ns.to_vec(),
            rates: vec![1_000],
        };
        let rows = [
            row("nothing", 0, &[10_000, 9_000, 11_000]),
            row("unary", 90, &[11_200]),
            row("stream", 500, &[2_000]),
        ];
        let text = table(&rows);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[2],
            "| nothing | 10.00 µs | 9.00 µs to 11.00 µs | 1000 | 1.00 × |  |  |"
        );
        assert!(lines[3].contains("| 0.89 × | ≥ 0.90 × | **not met** |"), "{text}");
        assert!(lines[4].contains("| 5.00 × | ≥ 5.00 × | met |"), "{text}");
    }
}
