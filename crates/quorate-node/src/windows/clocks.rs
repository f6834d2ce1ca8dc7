//! What the machine's clocks say, to tell how long a server was away: wall time, and the time since the boot, which
//! nobody sets. Where there is no `/proc` the second is unknown.

use quorate_core::snapshot::Clocks;

use crate::clock::unix_now;

/// `/proc/uptime` is told in hundredths of a second, rounded down.
const UPTIME_STEP_NS: u64 = 10_000_000;

/// The clocks now.
pub(super) fn read() -> Clocks {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
    let uptime = std::fs::read_to_string("/proc/uptime").ok();
    Clocks {
        wall_ns: unix_now(),
        boot: boot
            .and_then(|id| parse_boot(&id))
            .zip(uptime.and_then(|text| parse_uptime(&text))),
    }
}

/// The clocks, no earlier than now: what counts from here on counts too little rather than too much.
pub(super) fn read_late() -> Clocks {
    let mut clocks = read();
    if let Some((_, since)) = &mut clocks.boot {
        *since += UPTIME_STEP_NS;
    }
    clocks
}

fn parse_boot(text: &str) -> Option<[u8; 16]> {
    let digits: String = text.trim().chars().filter(|letter| *letter != '-').collect();
    (digits.len() == 32)
        .then(|| u128::from_str_radix(&digits, 16).ok().map(u128::to_be_bytes))
        .flatten()
}

/// Nanoseconds of `12345.67 …`.
fn parse_uptime(text: &str) -> Option<u64> {
    let (seconds, hundredths) = text.split_whitespace().next()?.split_once('.')?;
    let hundredths: u64 = (hundredths.len() == 2).then(|| hundredths.parse().ok()).flatten()?;
    let all = seconds.parse::<u64>().ok()?.checked_mul(100)?.checked_add(hundredths)?;
    all.checked_mul(UPTIME_STEP_NS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uptime_and_boot_are_read_as_linux_writes_them() {
        assert_eq!(parse_uptime("4251.07 8001.31\n"), Some(4_251_070_000_000));
        assert_eq!(parse_uptime("0.00 0.00"), Some(0));
        for odd in ["", "12", "1.5 2", "x.00", "18446744073709551615.00"] {
            assert_eq!(parse_uptime(odd), None, "{odd}");
        }
        let id = parse_boot("00000000-0000-0000-0000-0000000000ff\n").expect("an id");
        assert_eq!(id[15], 255);
        for odd in [
            "",
            "00000000-0000-0000-0000-0000000000f",
            "zzzzzzzz-0000-0000-0000-0000000000ff",
        ] {
            assert_eq!(parse_boot(odd), None, "{odd}");
        }
    }
}
