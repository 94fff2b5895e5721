//! Numbers as Go's `strconv` and `fmt` write them.

use super::flags::Flags;

/// An integer under a verb: sign, prefix, zeros and digits.
pub(super) fn integer(magnitude: u64, is_negative: bool, verb: char, flags: &Flags) -> String {
    let digits = match verb {
        'b' => format!("{magnitude:b}"),
        'o' | 'O' => format!("{magnitude:o}"),
        'x' => format!("{magnitude:x}"),
        'X' => format!("{magnitude:X}"),
        _ => magnitude.to_string(),
    };
    let sign = match (is_negative, flags.plus, flags.space) {
        (true, ..) => "-",
        (_, true, _) => "+",
        (_, _, true) => " ",
        _ => "",
    };
    let least = match (flags.precision, flags.width) {
        (Some(0), _) if magnitude == 0 => return String::new(),
        (Some(precision), _) => precision,
        (None, Some(width)) if flags.zero && !flags.minus => {
            width.saturating_sub(usize::from(!sign.is_empty()))
        }
        _ => 0,
    };
    let zeros = "0".repeat(least.saturating_sub(digits.len()));
    let starts_with_zero = zeros.starts_with('0') || digits.starts_with('0');
    let prefix = match verb {
        'O' if flags.sharp && !starts_with_zero => "0o0",
        'O' => "0o",
        'b' if flags.sharp => "0b",
        'x' if flags.sharp => "0x",
        'X' if flags.sharp => "0X",
        'o' if flags.sharp && !starts_with_zero => "0",
        _ => "",
    };
    format!("{sign}{prefix}{zeros}{digits}")
}

/// A float under a verb, with its sign in front (`+`, `-` or a blank); `None` if the verb does not
/// suit floats.
pub(super) fn float(value: f64, verb: char, flags: &Flags) -> Option<String> {
    let sign = match value.is_sign_negative() && !value.is_nan() {
        true => '-',
        false if flags.space && !flags.plus => ' ',
        false => '+',
    };
    let magnitude = value.abs();
    let precision = flags.precision;
    let text = match verb {
        _ if !"vgGeEfFxXb".contains(verb) => return None,
        _ if value.is_nan() => "NaN".to_string(),
        _ if value.is_infinite() => "Inf".to_string(),
        'v' | 'g' | 'G' => general(magnitude, precision),
        'e' | 'E' => exponent(magnitude, precision.unwrap_or(6)),
        'f' | 'F' => fixed(magnitude, precision.unwrap_or(6)),
        'b' => binary(magnitude),
        _ => hex(magnitude, precision),
    };
    let text = match verb {
        'G' | 'E' | 'X' => text.to_uppercase(),
        _ => text,
    };
    let text = match flags.sharp && value.is_finite() && verb != 'b' {
        true => with_point(&text, verb, precision),
        false => text,
    };
    Some(format!("{sign}{text}"))
}

/// The flag `#`: always a decimal point, and the zeros that `%g` removes.
fn with_point(text: &str, verb: char, precision: Option<usize>) -> String {
    let mut wanted = match verb {
        'v' | 'g' | 'G' | 'x' => precision.unwrap_or(6),
        _ => 0,
    };
    let marks: &[char] = match verb {
        'x' | 'X' => &['p', 'P'],
        _ => &['e', 'E'],
    };
    let (head, tail) = text.split_at(text.find(marks).unwrap_or(text.len()));
    let mut nonzero = false;
    for c in head.chars().filter(|c| *c != '.') {
        nonzero |= c != '0';
        if nonzero {
            wanted = wanted.saturating_sub(1);
        }
    }
    let mut out = head.to_string();
    if !head.contains('.') {
        if head == "0" {
            wanted = wanted.saturating_sub(1);
        }
        out.push('.');
    }
    out.extend(std::iter::repeat_n('0', wanted));
    out + tail
}

/// The shortest digits that identify a float, and the exponent of the first one.
fn digits_of(value: f64) -> (String, i32) {
    split_exponent(&format!("{value:e}"))
}

fn split_exponent(text: &str) -> (String, i32) {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let digits = mantissa.chars().filter(char::is_ascii_digit).collect();
    (digits, exponent.parse().unwrap_or_default())
}

/// `%g` of a value that is not negative.
fn general(value: f64, precision: Option<usize>) -> String {
    let (digits, exponent, limit) = match precision {
        None => {
            let (digits, exponent) = digits_of(value);
            (digits, exponent, 6)
        }
        Some(precision) => {
            let precision = precision.max(1);
            let (digits, exponent) = split_exponent(&format!("{value:.*e}", precision - 1));
            let digits = digits.trim_end_matches('0');
            let digits = if digits.is_empty() { "0" } else { digits };
            let wide = precision > digits.len() && digits.len() as i32 > exponent;
            let limit = if wide { digits.len() } else { precision };
            (digits.to_string(), exponent, limit as i32)
        }
    };
    if exponent < -4 || exponent >= limit {
        scientific(&digits, exponent)
    } else {
        plain(&digits, exponent)
    }
}

/// The shortest digits of a float and its decimal exponent, for formats with rules of their own.
pub(in crate::template) fn shortest_exponent(value: f64) -> (String, i32) {
    digits_of(value.abs())
}

fn scientific(digits: &str, exponent: i32) -> String {
    let (first, rest) = digits.split_at(1.min(digits.len()));
    let point = if rest.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{first}{point}{rest}e{sign}{:02}", exponent.unsigned_abs())
}

fn plain(digits: &str, exponent: i32) -> String {
    if exponent < 0 {
        let zeros = "0".repeat((-exponent - 1) as usize);
        return format!("0.{zeros}{digits}");
    }
    let whole = exponent as usize + 1;
    if digits.len() <= whole {
        return format!("{digits}{}", "0".repeat(whole - digits.len()));
    }
    format!("{}.{}", &digits[..whole], &digits[whole..])
}

fn exponent(value: f64, precision: usize) -> String {
    let (digits, exponent) = split_exponent(&format!("{value:.precision$e}"));
    scientific(&digits, exponent)
}

fn fixed(value: f64, precision: usize) -> String {
    format!("{value:.precision$}")
}

/// `%b`: the mantissa as an integer and a power of two.
fn binary(value: f64) -> String {
    let bits = value.to_bits();
    let (fraction, raw) = (bits & ((1 << 52) - 1), (bits >> 52) & 0x7ff);
    let (mantissa, exponent) = match raw {
        0 => (fraction, 1),
        raw => (fraction | 1 << 52, raw as i64),
    };
    format!("{mantissa}p{:+}", exponent - 1075)
}

/// `%x`: a hexadecimal mantissa and a power of two.
fn hex(value: f64, precision: Option<usize>) -> String {
    if value == 0.0 {
        let zeros = "0".repeat(precision.unwrap_or(0));
        let point = if zeros.is_empty() { "" } else { "." };
        return format!("0x0{point}{zeros}p+00");
    }
    let bits = value.to_bits();
    let (mut mantissa, raw) = (bits & ((1 << 52) - 1), ((bits >> 52) & 0x7ff) as i64);
    let mut exponent = raw - 1023;
    if raw == 0 {
        exponent = -1022;
        while mantissa & (1 << 52) == 0 {
            mantissa <<= 1;
            exponent -= 1;
        }
    }
    mantissa |= 1 << 52;
    let mut digits = match precision {
        Some(kept) if kept < 13 => {
            let drop = (13 - kept) * 4;
            let (half, rest) = (1u64 << (drop - 1), mantissa & ((1 << drop) - 1));
            mantissa >>= drop;
            if rest > half || rest == half && mantissa & 1 == 1 {
                mantissa += 1;
            }
            mantissa <<= drop;
            if mantissa >> 53 != 0 {
                mantissa >>= 1;
                exponent += 1;
            }
            let all = format!("{:013x}", mantissa & ((1 << 52) - 1));
            all[..kept].to_string()
        }
        Some(kept) => format!(
            "{:013x}{}",
            mantissa & ((1 << 52) - 1),
            "0".repeat(kept - 13)
        ),
        None => format!("{:013x}", mantissa & ((1 << 52) - 1)),
    };
    if precision.is_none() {
        digits.truncate(digits.trim_end_matches('0').len());
    }
    let point = if digits.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("0x1{point}{digits}p{sign}{:02}", exponent.unsigned_abs())
}

/// A span of time: `1h2m3.5s`.
pub(in crate::template) fn duration(nanoseconds: i64) -> String {
    let magnitude = nanoseconds.unsigned_abs();
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let decimal = |value: u64, digits: u32| {
        let unit = 10u64.pow(digits);
        let fraction = format!("{:0width$}", value % unit, width = digits as usize);
        match fraction.trim_end_matches('0') {
            "" => (value / unit).to_string(),
            fraction => format!("{}.{fraction}", value / unit),
        }
    };
    match magnitude {
        0 => "0s".to_string(),
        1..=999 => format!("{sign}{magnitude}ns"),
        1_000..=999_999 => format!("{sign}{}µs", decimal(magnitude, 3)),
        1_000_000..=999_999_999 => format!("{sign}{}ms", decimal(magnitude, 6)),
        _ => {
            let minutes = magnitude / 60_000_000_000;
            let seconds = decimal(magnitude % 60_000_000_000, 9);
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{sign}{seconds}s"),
                (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
                (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
            }
        }
    }
}
